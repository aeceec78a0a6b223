# RELEASE right after a write loses nothing, at a peer that reads at once and at a slow one.
# images: back-probe
# programs: back-peer
# timeout: 120
# backend: pvcallsd (docs/protocol.md, "RELEASE discards")
. "$data/peer.sh"
peer 9=drain 10=wait:500,drain
probe write-release "$address:9" 4000 20
peer_saw 9 20 "received 4000 bytes of the pattern, end"
name=slow probe write-release "$address:10" 4000 10
peer_saw 10 10 "received 4000 bytes of the pattern, end"
