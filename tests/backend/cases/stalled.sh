# A peer that never reads: when the buffers are full dom0 is idle, and RELEASE is answered.
# images: back-probe
# programs: back-peer
# timeout: 240
# backend: pvcallsd (docs/protocol.md, "Send buffer full")
. "$data/peer.sh"
peer 9=hold
guest stalled back-probe "args=stalled $address:9 10"
expect_console stalled "stalled after" 60
sleep 1
before=$(ticks)
sleep 6
used=$(($(ticks) - before))
echo "  $used ticks in 6 s"
[ "$used" -lt 30 ] || fail "pvcallsd used $used ticks of 10 ms in 6 s while nothing could be sent"
expect_exit stalled 0 120
console stalled | tr -d '\r' | grep -e stalled -e events -e released
# The peer still has not closed: dom0 waits for it in silence.
before=$(ticks)
sleep 4
used=$(($(ticks) - before))
[ "$used" -lt 20 ] || fail "pvcallsd used $used ticks of 10 ms in 4 s for a socket that was released"
