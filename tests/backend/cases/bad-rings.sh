# Orders, grants and ports that cannot be are answered with errors, and so is ACCEPT before LISTEN;
# service goes on.
# images: back-probe
# programs: back-peer
# timeout: 120
# backend: pvcallsd (docs/protocol.md, "Bad ring kills dom0")
. "$data/peer.sh"
peer 7=echo
books before # with no guest
probe bad-rings "$address:7"
probe accept-early "$address:7"
books_balance before
