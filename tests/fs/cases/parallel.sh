# Eight threads of one guest write, read, rename and remove files and read one that all read, at the
# same time: everything is as if each had been alone.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 180
. "$data/common.sh"
mkdir "$volumes/data/guest" "$volumes/data/host"
guest one fs-test "args=mount=data:/data parallel /data/guest 8 20"
fs-test parallel "$volumes/data/host" 8 20
expect_exit one 0 150
expect_console one "| 8 threads wrote 20 files each"
expect_equal "$(find "$volumes/data/guest" -type f | wc -l)" 81 "files"
diff -r "$volumes/data/host" "$volumes/data/guest" || fail "not the same files"
