#!/bin/sh
# Measures the files of two guests in turns, each with a QEMU of its own on the same folder of one
# dom0, and reports each figure as a record. Arguments: the guests, rounds, and what file-bench
# takes after the folder.
#
#   bench GUEST NAME VALUE       a figure
#   bench-failed GUEST REASON    a round that gave none

# One guest's figures, in a shell of its own: a case's helpers end it when something fails.
measure='
set -eu
kind=$1
shift
. /callisto/lib.sh
case $kind in
callisto) guest bench file-bench "args=mount=bench:/data /data $*" pvcalls=none ;;
linux-guest)
	guest bench vmlinuz "ramdisk=\"/guest/file-bench.initramfs\"" memory=256 pvcalls=none \
		"args=console=hvc0 quiet arguments=$(echo "$*" | tr " " :)"
	;;
esac
# A stock kernel writes no exit code.
wait_end bench 900
console bench | tr -d "\r" | grep -qx bench-done || fail "the guest $kind has not measured everything"
console bench | tr -d "\r" | sed -n "s/^bench //p" | while read -r name value; do
	/callisto/record "bench $kind $name $value"
done
'

# What the Linux guest boots from: its init, busybox, the program with its libraries, and the
# kernel modules for files from Xen, all of it as dom0 has it.
make_initramfs() {
	rm -rf root && mkdir -p root/bin root/proc root/sys root/dev root/data || return 1
	cp /callisto/bench-linux-init.sh root/init && chmod 755 root/init || return 1
	cp /bin/busybox root/bin/busybox && ln -s busybox root/bin/sh || return 1
	program=/usr/local/bin/file-bench
	for file in $program /lib/modules/netfs.ko /lib/modules/9pnet.ko /lib/modules/9p.ko \
		/lib/modules/9pnet_xen.ko \
		$(/lib64/ld-linux-x86-64.so.2 --list $program | grep -o '/[^ ]*'); do
		mkdir -p "root$(dirname "$file")" && cp -L "$file" "root$file" || return 1
	done
	(cd root && find . | cpio -o -H newc) >/guest/file-bench.initramfs 2>/dev/null || return 1
	rm -r root
}

order=$1 rounds=$2
shift 2
. /callisto/lib.sh
mkdir -p /tmp/bench /volumes/bench && cd /tmp/bench || exit 1
mount -t tmpfs -o size=75% bench /volumes/bench || exit 1
case $order in
*linux-guest*)
	make_initramfs || {
		/callisto/record "bench-failed linux-guest its initramfs cannot be made"
		exit 1
	}
	;;
esac

failed=0
for round in $(seq "$rounds"); do
	for kind in $order; do
		/callisto/record "note round $round of $rounds, files: $kind"
		rm -rf /callisto/reason /volumes/bench/*
		if ! sh -c "$measure" measure "$kind" "$@" >log 2>&1; then
			failed=1
			/callisto/record "bench-failed $kind $(head -n 1 /callisto/reason 2>/dev/null || tail -n 1 log)"
			{ cat log && console bench && tail -n 20 /var/log/xen/qemu-dm-bench.log; } | tail -n 60 |
				while IFS= read -r line; do /callisto/record "note   $line"; done
		fi
		xl destroy bench >/dev/null 2>&1
	done
	# The other way round next time, so that what changes in time hits both.
	order=$(echo "$order" | awk '{ print $2, $1 }')
done
exit $failed
