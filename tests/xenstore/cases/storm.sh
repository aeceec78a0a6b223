# dom0 writes a watched node thousands of times, and makes hundreds of nodes below another one: everybody who
# watches sees the last value, who did not look has a bounded number of events, and the guest goes on meanwhile.
# images: store-probe
# programs: store-peer
# timeout: 240
# backend: any
. "$data/store.sh"
guest one store-probe args=storm
wait_for_node one ready
store-peer children "$home/data/many" 600 &
children=$!
# The end comes after the pings, so that these are answered in the storm.
store-peer storm "$home/data/storm" 3000 &
storm=$!
pings=0
while kill -0 "$storm" 2>/dev/null; do
	pings=$((pings + 1))
	xenstore-write "$home/data/ping" "$pings"
	tries=0
	until [ "$(xenstore-read "$home/data/pong" 2>/dev/null)" = "$pings" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || fail "ping $pings was not answered"
		sleep 0.1
	done
done
wait "$storm"
wait "$children"
xenstore-write "$home/data/ping" end
expect_exit one 0 120
console one | grep -e "answers" -e "sleeper"
[ "$pings" -ge 2 ] || fail "only $pings pings in the storm"
