# dom0 and sixteen threads of the guest count the same node up, in transactions that conflict: nothing is lost.
# images: store-probe
# programs: store-peer
# timeout: 180
# backend: any
. "$data/store.sh"
guest one store-probe args=counter
wait_for_node one ready
xenstore-write "$home/data/go" 1
store-peer count "$home/data/counter" 300
expect_exit one 0 120
console one | grep "160 transactions in"
expect_equal "$(xenstore-read "$home/data/counter")" 460 "the counter"
