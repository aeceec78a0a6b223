# A tool that speaks the wire protocol on the raw stream: pieces, mistakes, several openings that do not see each
# other's transactions and watches, waiting and not waiting; and dom0's writes come to each with its own token.
# images: store-probe
# timeout: 120
# backend: any
. "$data/store.sh"
guest one store-probe args=raw
wait_for_node one watching
xenstore-write "$home/data/outside" "from dom0"
expect_exit one 0
expect_console one "the raw stream does as it should"
