# Indexes that jump and pages shared twice harm the sockets they belong to; another guest is
# served throughout, and nothing is left behind.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 240
# backend: pvcallsd (docs/protocol.md, "Own indexes read back")
. "$data/peer.sh"
peer 7=echo
books before
witness_start
probe bad-indexes "$address:7"
probe shared-twice "$address:7"
witness_end
books_balance before
