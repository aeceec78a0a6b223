# A reset is seen by the reader after the bytes before it, and by the writer, without a storm of
# events.
# images: back-probe
# programs: back-peer
# backend: pvcallsd (docs/protocol.md, "Reset not reported", "Send error storms")
. "$data/peer.sh"
peer 19=send:10,wait:300,reset
probe reset "$address:19"
