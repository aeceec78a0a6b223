# While connects hang all else is answered; RELEASE of a socket that connects ends the connect.
# images: back-probe
# programs: back-peer
# backend: pvcallsd (docs/protocol.md, "CONNECT blocks")
. "$data/peer.sh"
peer 7=echo
hanging_network
probe slow-connect 198.51.100.10:9 "$address:7"
