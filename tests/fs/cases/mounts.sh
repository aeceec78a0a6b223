# Several volumes in one guest, links from one to the other, and paths that would lead out: nothing but what
# was mounted is ever seen. A tag that does not exist, no mount and no device at all are errors that say so.
# images: fs-test
# volume: data other
# backend: any
# timeout: 120
. "$data/common.sh"
home=$volumes/data
echo -n "in data" >"$home/file"
echo -n "in other" >"$volumes/other/file"
mkdir "$home/folder"
ln -s ../other/file "$home/across"
ln -s /other/file "$home/absolute"
ln -s ../../../../../../etc/passwd "$home/climbs"
ln -s /etc/passwd "$home/passwd"
ln -s .. "$home/up"
ln -s "$volumes/other/file" "$home/of dom0"
ln -s / "$home/root"
paths="/data/file /other/file /data/across /data/absolute /data/folder/../../other/file"
paths="$paths /data/climbs /data/passwd /data/up/data/file /data/up/etc/passwd /data/../../etc/passwd"
paths="$paths /data/../../../data/file '/data/of dom0' /data/root /data/root/other/file / /missing /etc /../.."
guest one fs-test "args=mount=data:/data,other:/other look $paths relative data/file"
expect_exit one 0 60
expect_console one '| /data/file: "in data"'
expect_console one '| /other/file: "in other"'
expect_console one '| /data/across: "in other"'
expect_console one '| /data/absolute: "in other"'
expect_console one '| /data/folder/../../other/file: "in other"'
expect_console one '| /data/up/data/file: "in data"'
expect_console one '| /data/../../../data/file: "in data"'
expect_console one '| /data/root/other/file: "in other"'
for path in /data/climbs /data/passwd /data/up/etc/passwd /data/../../etc/passwd "/data/of dom0" /missing /etc relative; do
	expect_console one "| $path: NotFound: "
done
expect_console one '| /: ["data", "other"]'
expect_console one '| /data/root: ["data", "other"]'
expect_console one '| /../..: ["data", "other"]'
expect_console one '| data/file: "in data"'
expect_no_console one "root:x:"

guest two fs-test "args=mount=wrong:/wrong,data:/data look /wrong/file /data/file"
guest three fs-test volumes=none "args=mount=data:/data look /data/file"
guest four fs-test "args=look /data/file /"
for name in two three four; do expect_exit $name 0 60; done
said two
said three
said four
expect_console two '| /wrong/file: NotFound: '
expect_console two 'wrong'
expect_console two '| /data/file: "in data"'
expect_console three '| /data/file: NotFound: '
expect_console four '| /data/file: NotFound: '
expect_console four '| /: []'
