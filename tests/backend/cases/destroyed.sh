# Domains are destroyed in the middle of transfers, connects and accepts; another guest is served
# throughout, and nothing is left behind, not even keys.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 300
# backend: pvcallsd (docs/protocol.md, "Guest gone during a CONNECT")
. "$data/peer.sh"
peer 7=echo 19=send:100000000
hanging_network
books before
witness_start
for round in 1 2 3 4; do
	guest "busy$round" back-probe "args=be-busy $address:7 198.51.100.10:9 $address:19 $address:510$round"
	expect_console "busy$round" "busy" 60
	sleep "0.$((round * 2))"
	xl destroy "busy$round"
done
witness_end
books_balance before
