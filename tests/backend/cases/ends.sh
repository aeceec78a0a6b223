# A server that speaks first and closes: its bytes and its end arrive, whenever they come. A
# server that closes its side only still gets what we send.
# images: back-probe
# programs: back-peer
# timeout: 240
# backend: pvcallsd (docs/protocol.md, "End lost with data", "Banner lost")
. "$data/peer.sh"
peer 19=send:100 20=wait:300,send:100 21=send:100,wait:300 22=send:64 23=send:5,shutdown,drain
name=at-once probe end "$address:19" 100 12
name=late probe end "$address:20" 100 12
name=later probe end "$address:21" 100 12
name=banner probe end "$address:22" 64 40
probe half-closed "$address:23"
peer_saw 23 1 "received 20000 bytes of the pattern, end"
