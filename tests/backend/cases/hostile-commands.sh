# A command ring that overflows costs its own device only; 20000 slots of nonsense, and commands
# as fast as they are answered, stop nobody. Another guest is served throughout, and nothing is
# left behind.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 400
# backend: pvcallsd (a hostile frontend takes dom0 down with Linux's)
. "$data/peer.sh"
peer 7=echo
books before
witness_start
for kind in by-one far back; do
	name="overflow-$kind" probe overflow "$address:7" "$kind"
done
seconds=180 probe garbage "$address:7" 20000
probe too-fast "$address:7" 5
witness_end
books_balance before
