# Every operation on files, a thousand steps: what comes of each is what std says of it in dom0, on
# the same kind of file system, down to the kinds of errors; and what the guest leaves is what
# std leaves.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 240
. "$data/common.sh"
mkdir "$volumes/data/guest" "$volumes/data/host"
guest one fs-test "args=mount=data:/data transcript /data/guest"
fs-test transcript "$volumes/data/host" >host
expect_same "$data/transcript" host "std in dom0"
expect_exit one 0 200
said one >guest
expect_same host guest "the guest's transcript"
# What is left, but for where it is and when it was made. The names of the folders differ in length, and
# so do links to them.
left() {
	fs-test manifest "$1" | sed "s|$1|DIR|; s|/data/guest|DIR|; s|inode=[0-9]* ||; s|modified=[0-9.]* ||; s|size=[0-9]* \(.* link to DIR\)|\1|"
}
left "$volumes/data/host" >host.left
left "$volumes/data/guest" >guest.left
expect_same host.left guest.left "what dom0 sees of it"
[ "$(wc -l <guest.left)" -gt 100 ] || fail "only $(wc -l <guest.left) things are left"
