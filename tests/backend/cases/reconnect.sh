# Closing and connecting again, in order and by the short cut, with a socket open.
# images: back-probe
# programs: back-peer
# timeout: 120
. "$data/peer.sh"
peer 7=echo
probe reconnect "$address:7"
probe short-cut "$address:7"
