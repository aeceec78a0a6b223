#!/bin/sh
# The first process of the Linux guest that `cargo boot bench` compares with: mounts the volume as
# Linux's manual says and measures it. What it is to do comes from the kernel's command line.
/bin/busybox --install -s /bin
export PATH=/sbin:/bin:/usr/local/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in netfs 9pnet 9p 9pnet_xen; do
	insmod "/lib/modules/$module.ko" || echo "cannot load the module $module"
done
mount -t 9p -o trans=xen,version=9p2000.L bench /data && echo "mounted: $(grep /data /proc/mounts)" &&
	file-bench /data $(echo "$arguments" | tr : " ")
sync
poweroff -f
