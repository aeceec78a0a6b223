# Nothing that was written before RELEASE is lost, whatever the peer has sent and however late it
# reads; nothing after it is sent; what is not whole ends with a reset.
# images: back-probe
# programs: back-peer
# timeout: 300
# backend: pvcallsd (docs/protocol.md, "RELEASE discards", "Close becomes reset")
. "$data/peer.sh"
peer 11=send:20000,drain 12=send:20000,wait:500,drain 13=wait:40000,drain 14=wait:6000,reset 15=drain 16=wait:8000,drain
probe unread "$address:11" 10
peer_saw 11 10 "received 4000 bytes of the pattern, end"
name=unread-late probe unread "$address:12" 10
peer_saw 12 10 "received 4000 bytes of the pattern, end"

# More than the daemon keeps for a domain, so that some stay in the guest's rings.
settings=memory=128 seconds=150 probe write-on "$address:13" 10 >printed
cat printed
sed -n 's/.*wrote \([0-9]*\)$/\1/p' printed | sort >wrote
peer_saw 13 10 "of the pattern, end"
sed -n 's/^13 #.* received \([0-9]*\) bytes of the pattern, end$/\1/p' peer | sort >arrived
cmp wrote arrived || {
	diff wrote arrived || true
	fail "what arrived is not what was written before RELEASE"
}

probe reset-stalled "$address:14"
probe bad-index "$address:15"
peer_saw 15 1 "received 100 bytes of the pattern, reset"
probe shut-and-write "$address:16" >printed
cat printed
peer_saw 16 1 "received $(sed -n 's/.*wrote \([0-9]*\)$/\1/p' printed) bytes of the pattern, end"
