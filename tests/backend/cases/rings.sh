# Rings of every order that is offered, and rings that are used again.
# images: back-probe
# programs: back-peer
# timeout: 150
# backend: pvcallsd (docs/protocol.md, "Bad ring kills dom0")
. "$data/peer.sh"
peer 7=echo
probe orders "$address:7"
probe reuse "$address:7"
