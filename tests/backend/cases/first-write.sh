# The first bytes after CONNECT reach an echo server; events that bring no bytes harm nothing.
# images: back-probe
# programs: back-peer
# timeout: 150
. "$data/peer.sh"
peer 7=echo
probe first-write "$address:7" 60 1
name=larger probe first-write "$address:7" 20 4
probe consumer-notify "$address:7" 5
