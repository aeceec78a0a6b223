# The typed interface against the real xenstored: values, kinds of errors, permissions both ways, and a
# directory of more names than one message holds.
# images: store-probe
# programs: store-peer
# timeout: 120
# backend: any
. "$data/store.sh"
guest one store-probe args=values
wait_for_node one ready
expect_equal "$(xenstore-read "$home/data/one")" after "what a transaction wrote"
store-peer children "$home/data/long" 500
# The first entry is the owner's, and says what the rest may do.
xenstore-chmod -r "$home/data/long" n0 "r$(domid one)"
xenstore-write "$home/data/secret" 1 "$home/data/read-only" "from dom0"
xenstore-chmod "$home/data/secret" n0
xenstore-chmod "$home/data/read-only" n0 "r$(domid one)"
xenstore-write "$home/data/prepared" 1
expect_exit one 0
expect_console one "501 names"
expect_equal "$(xenstore-ls -p "$home/data" | sed -n 's/^shared = .*(\(.*\))$/\1/p')" \
	"n$(domid one),b0" "permissions of data/shared"
