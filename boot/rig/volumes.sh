# Folders of the machine that emulates this one, at /volumes/TAG. POSIX sh; sourced.

# Mounts them: /callisto/shares has a line for each, the emulated device and the tag. Returns 1,
# having said why, if one cannot be mounted.
mount_shares() {
	for module in netfs 9pnet 9p 9pnet_virtio; do
		insmod "/lib/modules/$module.ko" || return 1
	done
	while read -r device tag; do
		mkdir -p "/volumes/$tag"
		mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000" "$device" "/volumes/$tag" || {
			echo "the folder of the volume $tag cannot be mounted"
			return 1
		}
	done </callisto/shares
}
