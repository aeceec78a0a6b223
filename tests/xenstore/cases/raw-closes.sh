# Raw streams that are closed in the middle of transactions and watches leave nothing at the server: after 15 rounds
# all of a domain's transactions and its watches can be had, and xenstored counts for it what it counted before.
# images: store-probe
# programs: store-peer
# timeout: 240
# backend: any
. "$data/store.sh"
# What xenstored keeps for the guest but for its nodes.
books() { store-peer books "$(domid one)" | grep -e watches -e transactions -e outstanding; }
guest one store-probe args=raw-closes
wait_for_node one ready
before=$(books)
xenstore-write "$home/data/go" closing
wait_for_node one closed 120
expect_equal "$(books)" "$before" "watches, transactions and requests of the guest"
xenstore-write "$home/data/go" counted
expect_exit one 0 180
