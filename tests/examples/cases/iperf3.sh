# A stock iperf3 measures with the guest: both directions, several streams, by time and by amount,
# one test after the other; a second client is told to wait; what is not supported is told.
# images: iperf3
# programs: iperf3@iperf3 socat
# timeout: 180
# backend: any
. "$data/server.sh"
guest perf iperf3 memory=96
serves perf 5201
# Runs a client with $*, which must succeed; its report is in the file out.
measure() {
	iperf3 -c "$address" -f k --connect-timeout 10000 "$@" >out 2>&1 ||
		fail "iperf3 $*: $(cat out)"
	grep -q "iperf Done" out || fail "iperf3 $* has no end: $(cat out)"
	grep -e sender -e receiver out
}
# The bytes in the summary of a JSON report: sum_sent or sum_received.
bytes_of() { tr -d ' \n\t' <report | sed -n "s/.*\"$1\":{[^}]*\"bytes\":\([0-9]*\).*/\1/p"; }
# Runs a client with a JSON report in the file report.
report() {
	iperf3 -c "$address" -J --connect-timeout 10000 "$@" >report 2>&1 || fail "iperf3 $*: $(cat report)"
	if grep -q '"error"' report; then fail "iperf3 $*: $(cat report)"; fi
}

measure -t 1
measure -t 1 -R
measure -t 2 -P 4
grep -q SUM out || fail "no sum of four streams: $(cat out)"
measure -t 2 -P 4 -R
# What was sent by amount arrives, all of it, and the guest counts it right.
report -n 20M -P 4
sent=$(bytes_of sum_sent)
[ "$sent" -ge 20971520 ] || fail "$sent bytes sent"
expect_equal "$(bytes_of sum_received)" "$sent" "bytes that the guest received"
report -n 5M -R
received=$(bytes_of sum_received)
[ "$received" -ge 5242880 ] || fail "$received bytes received"
[ "$(bytes_of sum_sent)" -ge "$received" ] || fail "the guest says that it sent less than arrived"
# At a speed: 4 Mbit/s for 4 s are 2 MB.
report -t 4 -R -b 4M
received=$(bytes_of sum_received)
[ "$received" -gt 1000000 ] && [ "$received" -lt 3500000 ] || fail "$received bytes in 4 s at 4 Mbit/s"
measure -t 1 -O 1 -N

# While one is measured, another is told to wait.
iperf3 -c "$address" -t 5 >first 2>&1 &
first=$!
sleep 2
if iperf3 -c "$address" -t 1 >second 2>&1; then fail "two at once: $(cat second)"; fi
grep -qi "busy" second || fail "a second client is told: $(cat second)"
wait $first || fail "a second client spoils the first one's test: $(cat first)"
# What is not supported, and what breaks off.
if iperf3 -c "$address" -u -t 1 >udp 2>&1; then fail "UDP"; fi
grep -qi "not implemented" udp || fail "UDP is answered so: $(cat udp)"
if iperf3 -c "$address" --bidir -t 1 >bidir 2>&1; then fail "both directions"; fi
iperf3 -c "$address" -t 20 >broken 2>&1 &
broken=$!
sleep 2
kill -9 $broken
wait $broken 2>/dev/null || true
head -c 1000 /dev/urandom | talk 5201 >/dev/null
tries=0
until iperf3 -c "$address" -t 1 >again 2>&1; do
	tries=$((tries + 1))
	[ $tries -lt 30 ] || fail "after a client that broke off: $(cat again)"
	sleep 1
done
expect_console perf "Mbit/s"
