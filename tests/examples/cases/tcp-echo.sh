# Sixty clients of dom0 at once get back what they sent, each its own; some slow, some large, some
# that break off.
# images: tcp-echo
# programs: socat
# timeout: 180
# backend: pvcallsd (docs/protocol.md, "End lost with data": clients end by half-close)
. "$data/server.sh"
guest echo tcp-echo args=7007
serves echo 7007

# The client $1 sends $2 bytes of its own and compares.
client() {
	head -c "$2" /dev/urandom >"sent.$1"
	socat -t 60 - "TCP:$address:7007" <"sent.$1" >"got.$1" 2>"errors.$1" || true
}
for number in $(seq 40); do
	client "$number" $((number * number * 50)) &
	clients="${clients:-} $!"
done
for number in $(seq 41 58); do # of which the last part comes after the others are done
	head -c 1000 /dev/urandom >"sent.$number"
	(
		head -c 500 "sent.$number"
		sleep 5
		tail -c 500 "sent.$number"
	) | socat -t 60 - "TCP:$address:7007" >"got.$number" 2>"errors.$number" &
	clients="$clients $!"
done
client 59 3000000 &
clients="$clients $!"
# Breaks off in the middle, with a reset.
head -c 1000000 /dev/zero | timeout 1 socat -u - "TCP:$address:7007,linger=0" 2>/dev/null || true
wait $clients
for number in $(seq 59); do
	cmp "sent.$number" "got.$number" || fail "client $number: $(cat "errors.$number")"
done
still_serves echo client last 100
cmp sent.last got.last || fail "after all that, no echo"
expect_console echo ": 3000000 bytes"
