# The server of a volume is killed: an error for what is open and for what is asked by its name, and the guest
# goes on.
# images: fs-test
# volume: data
# backend: any
# timeout: 120
. "$data/common.sh"
echo -n content >"$volumes/data/file"
guest one fs-test "args=mount=data:/data outlive /data/file"
expect_console one '| open: "content", by name: "content"'
server=$(ps -o pid,args | awk '/xen-qemu-system-i386/ && !/awk/ { print $1 }')
echo "the server: $server"
kill -KILL $server
expect_exit one 0 90
said one
said one | grep -q 'open: StaleNetworkFileHandle: .*, by name: StaleNetworkFileHandle: .*"data" is gone' ||
	fail "the errors do not say that the server is gone"
expect_console one "| still here"
