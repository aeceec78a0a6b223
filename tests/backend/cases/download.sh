# 400000 bytes come through arrays of 8 KiB, with an event after a full array only, and always.
# images: back-probe
# programs: back-peer
# timeout: 120
# backend: pvcallsd (docs/protocol.md, "End lost with data")
. "$data/peer.sh"
peer 19=send:400000
name=full probe download "$address:19" 400000 when-full
name=always probe download "$address:19" 400000 always
