# A guest is destroyed while it writes: dom0 is well, the server is gone with it, and the next guest is served.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 120
. "$data/common.sh"
for round in 1 2 3; do
	guest "one$round" fs-test "args=mount=data:/data write-for-ever /data/file"
	expect_console "one$round" "| wrote 3 MB"
	xl destroy "one$round"
done
[ "$(stat -c %s "$volumes/data/file")" -le 3000000 ] || fail "more than was written"
tr -d x <"$volumes/data/file" | cmp - /dev/null || fail "what was not written"
expect_no_servers() {
	for _ in $(seq 50); do
		left=$(ps -o args | grep -c '[x]en-qemu-system-i386' || true)
		[ "$left" = 0 ] && return
		sleep 0.1
	done
	fail "$left servers are left"
}
expect_no_servers
mkdir "$volumes/data/guest"
guest two fs-test "args=mount=data:/data plant /data/guest"
expect_exit two 0 60
[ "$(find "$volumes/data/guest" | wc -l)" -gt 70 ] || fail "the next guest made too little"
xl destroy two
expect_no_servers
umount "$volumes/data" # nobody has anything open in there
