# A guest that opens connections without end gets an error at its limit and keeps what it has;
# another guest is served throughout, and nothing is left behind.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 300
# backend: pvcallsd (Linux's has no limits)
. "$data/peer.sh"
peer 7=echo 9=hold
books before
witness_start
seconds=200 probe too-many "$address:9" 900
witness_end
books_balance before
