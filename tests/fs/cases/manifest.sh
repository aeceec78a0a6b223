# A folder with a bit of everything: names of any bytes, sizes, holes, links, modes, times. What the guest
# makes is what dom0 sees, and what dom0 makes is what the guest sees.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 120
. "$data/common.sh"
mkdir "$volumes/data/guest" "$volumes/data/host"
fs-test plant "$volumes/data/host"
mkfifo "$volumes/data/host/a pipe"
mknod "$volumes/data/host/a device" c 1 3
touch -d '2001-02-03 04:05:06' "$volumes/data/host/sizes/4096"
chown 12:34 "$volumes/data/host/sizes/4097"
ln "$volumes/data/host/sizes/0" "$volumes/data/host/another name"
guest reader fs-test "args=mount=data:/data manifest /data/host"
guest writer fs-test "args=mount=data:/data plant /data/guest"
fs-test manifest "$volumes/data/host" >host
expect_exit reader 0 60
said reader >read
expect_same host read "dom0's folder, as the guest sees it"
[ "$(wc -l <read)" -gt 70 ] || fail "only $(wc -l <read) things"

# The guest's folder, by dom0's own tools.
expect_exit writer 0 60
cd "$volumes/data/guest"
expect_equal "$(stat -c '%a %s %h' sizes/1048577)" "644 1048577 1" "a file"
expect_equal "$(stat -c '%a %s %h %Y' modes/4711)" "4711 0 1 1000000004" "a file with times"
expect_equal "$(stat -c %a modes/sticky)" 1777 "a folder"
expect_equal "$(readlink links/relative)" ../sizes/4096 "a link"
expect_equal "$(readlink links/absolute)" "/nowhere/at all" "a link"
[ "$(stat -c %i links/twin)" = "$(stat -c %i sizes/1)" ] || fail "twins are not one file"
[ "$(stat -c %b sizes/hole)" = 0 ] || fail "the hole takes blocks"
for name in sizes/*; do
	other=$volumes/data/host/$name
	expect_equal "$(sha256sum <"$name")" "$(sha256sum <"$other")" "$name"
	cmp "$name" "$other"
done
expect_equal "$(ls -A "odd names" | wc -l)" "$(ls -A "$volumes/data/host/odd names" | wc -l)" "odd names"
cd - >/dev/null
mkdir "$volumes/data/std"
fs-test plant "$volumes/data/std"
plain() { fs-test manifest "$1" | sed 's|inode=[0-9]* ||; /modified=1[0-9]\{9\}\.123456789/!s|modified=[0-9.]* ||'; }
plain "$volumes/data/std" >std
plain "$volumes/data/guest" >made
expect_same std made "the guest's folder, as dom0 sees it"
