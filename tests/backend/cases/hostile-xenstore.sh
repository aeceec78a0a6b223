# Garbage in the keys a frontend writes, and states in any order; another guest is served
# throughout, and nothing is left behind.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 300
# backend: pvcallsd (protocol: "Silent in InitWait")
. "$data/peer.sh"
peer 7=echo
books before
witness_start
seconds=120 probe garbage-keys "$address:7"
seconds=120 probe flip-states "$address:7" 300
witness_end
books_balance before
