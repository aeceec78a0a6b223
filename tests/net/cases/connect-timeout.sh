# A connect that nobody answers is given up at its deadline, while another stream works on.
#
# Our daemon cancels it: the guest gets back what it took at once, nothing is connected later, and
# a guest that ends ("leaves") need not wait. Linux's backend cannot. There the host's own attempt
# succeeds later (guest "late"), or fails ("gone"): either way the guest gets back what it took, and
# the other end sees the connection closed. A guest that ends meanwhile waits for the attempt to
# end, but not for ever: while it connects, a Linux backend does nothing else for that guest, and
# destroying the guest then stops the devices of all domains.
# images: net-probe
# timeout: 120

# Makes TCP give up after 1 + 2 + 4 + … s: one more than $1 of these.
connects_last() { echo "$1" >/proc/sys/net/ipv4/tcp_syn_retries; }

usual_tries=$(cat /proc/sys/net/ipv4/tcp_syn_retries)
connects_last 3
[ -d /sys/class/net/dummy0 ] || insmod /lib/modules/dummy.ko
trap 'ip link set dummy0 down; ip address flush dev dummy0' EXIT
ip link set dummy0 up
ip address add 198.51.100.1/24 dev dummy0 # what is sent there vanishes

serve_echo 7
cat >sink <<'END'
cat >received
echo closed >closed
END
busybox nc -ll -p 9 -e sh "$PWD/sink" &
wait_for_port 9

guest gone net-probe "args=connect-timeout $address:7 198.51.100.10:9"
guest leaves net-probe "args=connect-timeout-and-leave $address:7 198.51.100.11:9"
guest late net-probe "args=connect-timeout $address:7 198.51.100.9:9"
expect_console late "given up"
[ ! -e received ] || fail "the connect came through at once"
[ "$(backend)" != linux ] || expect_no_console late "all given back"
if [ "$(backend)" = pvcallsd ]; then
	expect_console late "all given back" 5
	expect_exit leaves 0 5
fi
ip address add 198.51.100.9/32 dev lo # the host's next try is answered
expect_exit late 0
if [ "$(backend)" = pvcallsd ]; then
	sleep 8 # longer than until another try would be made
	[ ! -e received ] || fail "a connect that was cancelled came through"
fi
ip address del 198.51.100.9/32 dev lo
expect_console late "timed out: "
expect_console late "all given back"
if [ "$(backend)" = linux ]; then
	[ -e closed ] || fail "the connection that came too late is still open"
	[ ! -s received ] || fail "the connection that came too late carried data"
fi
console late | grep -e meanwhile -e "^after"

# Nobody ever answers these.
connects_last 2
expect_exit leaves 0
expect_console leaves "given up"
expect_exit gone 0
expect_console gone "all given back"
start=$(date +%s)
xl destroy leaves
xl destroy gone
took=$(($(date +%s) - start))
[ "$took" -lt 20 ] || fail "xl destroy took $took s"
connects_last "$usual_tries"
