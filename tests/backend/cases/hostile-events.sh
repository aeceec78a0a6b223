# Events in a tight loop: their sender's own traffic goes on, and so does another guest's; dom0
# is idle afterwards.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 180
# backend: pvcallsd (docs/protocol.md, "Needless data events are throttled")
. "$data/peer.sh"
peer 7=echo
books before
witness_start
probe storm "$address:7" 5
witness_end
books_balance before
before=$(ticks)
sleep 3
used=$(($(ticks) - before))
[ "$used" -lt 15 ] || fail "pvcallsd used $used ticks of 10 ms in 3 s with nothing to do"
