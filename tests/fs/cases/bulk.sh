# 64 MiB written by the guest are there in dom0, and 64 MiB of dom0 are there in the guest.
# images: fs-test
# programs: fs-test
# volume: data
# backend: any
# timeout: 180
. "$data/common.sh"
fs-test write "$volumes/data/host" 64
sum=$(sha256sum <"$volumes/data/host")
guest writer fs-test "args=mount=data:/data write /data/guest 64"
expect_exit writer 0 120
expect_console writer "| wrote 64 MiB"
expect_equal "$(sha256sum <"$volumes/data/guest")" "$sum" "what the guest wrote"
rm "$volumes/data/guest"
guest reader fs-test "args=mount=data:/data read /data/host 64"
expect_exit reader 0 120
expect_console reader "| read 64 MiB"
