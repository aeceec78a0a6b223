# A connect that nobody answers is given up at its deadline, while another stream works on.
# Later the host's own attempt succeeds (guest "late"), or fails ("gone"): either way the guest
# gets back what it took, and the other end sees the connection closed. A guest that ends
# meanwhile ("leaves") ends as fast as any other.
#
# A Linux backend does nothing else for a guest while it connects, and destroying the guest
# then stops xenstore's watches in all of dom0 until the connect ends: so TCP is told to give
# up early, after 1 + 2 + 4 + 8 s.
# images: net-probe
# timeout: 120
tries=$(cat /proc/sys/net/ipv4/tcp_syn_retries)
[ -d /sys/class/net/dummy0 ] || insmod /lib/modules/dummy.ko
clean_up_network() {
	ip address del 198.51.100.9/32 dev lo 2>/dev/null
	ip link set dummy0 down
	ip address flush dev dummy0
	echo "$tries" >/proc/sys/net/ipv4/tcp_syn_retries
}
trap clean_up_network EXIT
echo 3 >/proc/sys/net/ipv4/tcp_syn_retries
ip link set dummy0 up
ip address add 198.51.100.1/24 dev dummy0 # what is sent there vanishes

serve_echo 7
cat >sink <<'END'
cat >received
echo closed >closed
END
busybox nc -ll -p 9 -e sh "$PWD/sink" &
wait_for_port 9

guest late net-probe "args=connect-timeout $address:7 198.51.100.9:9"
guest gone net-probe "args=connect-timeout $address:7 198.51.100.10:9"
expect_console late "given up" 40
expect_console gone "given up" 40
[ ! -e received ] || fail "the connect came through at once"
expect_no_console late "all given back"
ip address add 198.51.100.9/32 dev lo # the next try is answered
expect_exit late 0 40
expect_console late "timed out: "
expect_console late "all given back"
[ -e closed ] || fail "the connection that came too late is still open"
[ ! -s received ] || fail "the connection that came too late carried data"
console late | grep -e meanwhile -e "^after"

# Nobody ever answers these: the backend says so when TCP gives up.
guest leaves net-probe "args=connect-timeout-and-leave $address:7 198.51.100.11:9"
expect_console leaves "given up" 20
expect_exit leaves 0 5
expect_exit gone 0 60
expect_console gone "all given back"
start=$(date +%s)
xl destroy leaves
took=$(($(date +%s) - start))
echo "xl destroy took $took s"
[ "$took" -lt 30 ] || fail "xl destroy took $took s"
