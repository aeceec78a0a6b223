#!/bin/sh
# The first process of dom0 in the rig: brings up what `xl` needs, then runs /callisto/main.
#
# The second serial port carries what that script prints, and records for `cargo boot`
# (boot/src/rig/wire.rs). Everything else goes to the Xen console, which is a log file.
for folder in /usr/lib/xen-*/bin; do xen_bin=$folder; done
export PATH="/usr/local/sbin:/usr/local/bin:$xen_bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root TERM=vt100

mkdir -p /proc /sys /dev /tmp /run /root /var/lib/xen /var/lib/xenstored /var/log/xen/console /mnt
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts # xenconsoled gives every guest console a terminal
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ln -s /run /var/run
mkdir -p /run/lock /run/xen /run/xenstored
ln -s /run/lock /var/lock
ln -s /proc/self/mounts /etc/mtab
ln -s /proc/self/fd /dev/fd

wire=/dev/ttyS1
exec 3<>$wire # while nobody has the line open, what arrives is lost
stty -F $wire raw -echo 115200
printf '\036%s %s\n' "$(cat /callisto/nonce)" "kernel up $(cut -d' ' -f1 /proc/uptime)" >$wire
# A record for `cargo boot`: one line of text.
cat >/callisto/record <<EOF
#!/bin/sh
printf '\\036%s %s\\n' "$(cat /callisto/nonce)" "\$*" >$wire
EOF
chmod 755 /callisto/record

for module in xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs; do
	insmod /lib/modules/$module.ko || /callisto/record "cannot load the module $module"
done
mount -t xenfs xenfs /proc/xen

hostname dom0
ifconfig lo 127.0.0.1 up

xenstored --pid-file /run/xenstored/pid >/dev/console 2>&1 || /callisto/record "xenstored failed"
xen-init-dom0 >/dev/console 2>&1 || /callisto/record "xen-init-dom0 failed"
xenconsoled --pid-file /run/xen/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console \
	>/dev/console 2>&1 || /callisto/record "xenconsoled failed"

. /callisto/backend.sh
backend_start "$(cat /callisto/backend)" >/tmp/backend 2>&1 || {
	/callisto/record "note the backend $(cat /callisto/backend) did not start:"
	while IFS= read -r line; do /callisto/record "note   $line"; done </tmp/backend
}

if [ -e /callisto/shares ]; then
	. /callisto/volumes.sh
	mount_shares >/tmp/shares 2>&1 || {
		while IFS= read -r line; do /callisto/record "note $line"; done </tmp/shares
		/callisto/record ready
		/callisto/record "exit 125"
		poweroff -f
	}
fi

/callisto/record ready
cd /guest
setsid /callisto/main </dev/null >$wire 2>&1
status=$?
/callisto/record "exit $status"
sync
poweroff -f
