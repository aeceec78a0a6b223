# Each extension as specified, with nothing else negotiated; and none where none is asked for.
# images: back-probe
# programs: back-peer
# timeout: 300
# backend: pvcallsd (docs/extensions.md)
. "$data/peer.sh"
peer 7=echo 9=drain 10=drain,send:50 19=wait:200,send:10
probe extensions-none "$address:7"
probe names "$address:5301"
probe shutdown "$address:10" "$address:7"
peer_saw 10 2 "received 3000 bytes of the pattern, end"
probe options "$address:9"
peer_saw 9 1 "received 0 bytes of the pattern, reset"
probe event-idx "$address:7" "$address:19"
