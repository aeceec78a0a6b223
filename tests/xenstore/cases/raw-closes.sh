# Raw streams that are closed in the middle of transactions and watches leave nothing at the server: after 40 rounds
# all of a domain's 10 transactions and its watches can be had, and dom0 counts what it counted before.
# images: store-probe
# timeout: 240
# backend: any
. "$data/store.sh"
guest one store-probe args=raw-closes
wait_for_node one ready
xenstore-control quota "$(domid one)" || xenstore-control help || true
xenstore-write "$home/data/go" 1
wait_for_node one closed 120
xenstore-control quota "$(domid one)" || true
xenstore-write "$home/data/counted" 1
expect_exit one 0 180
