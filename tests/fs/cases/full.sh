# A full disk: an error that says so, what was acknowledged is there, and when there is space again it goes on.
# images: fs-test
# programs: fs-test
# volume: data:1m
# backend: any
# timeout: 90
. "$data/common.sh"
dd if=/dev/zero of="$volumes/data/ballast" bs=1k count=512 2>/dev/null
guest one fs-test "args=mount=data:/data fill /data"
expect_console one "| waiting for space" 60
acknowledged=$(console one | tr -d '\r' | sed -n 's/^acknowledged \([0-9]*\) bytes/\1/p')
fs-test write pattern 1
cmp -n "$acknowledged" pattern "$volumes/data/full" || fail "what was acknowledged is not there"
[ "$acknowledged" -gt 450000 ] || fail "full after $acknowledged bytes"
rm "$volumes/data/ballast" "$volumes/data/another"
expect_exit one 0
cmp -n "$((acknowledged + 10007))" pattern "$volumes/data/full" || fail "what went on is not there"
said one >guest
cat >wanted <<EOT
| full: StorageFull
| again: StorageFull
| another: StorageFull
| what is there is what was written: true
| waiting for space
| goes on: true
EOT
expect_same wanted guest "what the guest said"
