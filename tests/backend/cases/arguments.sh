# Arguments that cannot be, commands in the wrong place, and numbers of sockets: each gets its
# error.
# images: back-probe
# programs: back-peer
# timeout: 120
# backend: pvcallsd (docs/protocol.md, "Ids unknown to SOCKET", "Bad ring kills dom0")
. "$data/peer.sh"
peer 7=echo
probe arguments "$address:7" "$address:1"
probe ids "$address:7"
