# curl and wrk get what they ask for: pages, errors, a large body, connections kept, some hundred
# at once without one error; and clients that are slow, greedy or talk nonsense are let go.
# images: http-server
# programs: curl wrk socat
# timeout: 240
# backend: any
. "$data/server.sh"
guest web http-server "args=--patience 4 --clients 320" memory=128
serves web 8080
url=http://$address:8080
# The status with which $* is answered.
status() { curl -s -o body -w '%{http_code}' -m 20 "$@" || true; }

expect_equal "$(curl -s $url/hello)" "Hello from a Xen guest!"
curl -s -i $url/ >page || fail "curl failed"
grep -q "<h1>Hello" page || fail "no page"
grep -q "^Date: $(date -u +'%a, %d %b %Y')" page || fail "the date is wrong: $(grep Date page)"
curl -s -I $url/bytes/12345 | grep -q "^Content-Length: 12345" || fail "no head"
expect_equal "$(status $url/none)" 404
expect_equal "$(status -d data $url/)" 405
expect_equal "$(status -X BREW $url/)" 501
head -c 100000 /dev/zero >large
expect_equal "$(status -H Expect: --data-binary @large $url/)" 413
expect_equal "$(status -H "X: $(head -c 9000 /dev/zero | tr '\0' a)" $url/)" 431
expect_equal "$(status $url/"$(head -c 9000 /dev/zero | tr '\0' a)")" 414
expect_equal "$(printf 'GET /\r\n\r\n' | talk 8080 | head -n 1 | tr -d '\r')" "HTTP/1.1 400 Bad Request"
head -c 100000 /dev/urandom | talk 8080 >/dev/null

# 20 MB, checked.
yes 'Callisto serves as many of these lines as were asked for....:-)' | head -c 20000001 | sha256sum >expected
curl -s $url/bytes/20000001 | sha256sum >got
expect_equal "$(cat got)" "$(cat expected)" "checksum"
# 50 requests by one curl are one connection.
before=$(curl -s $url/state | sed -n 's/^connections //p')
curl -s -o /dev/null "$url/bytes/[1-50]"
after=$(curl -s $url/state | sed -n 's/^connections //p')
expect_equal $((after - before)) 2 "connections for 50 requests and one"
# Several curls at once, several transfers each.
for number in 1 2 3 4 5 6; do
	curl -s --parallel --parallel-max 5 -o "part.$number.#1" "$url/bytes/10000[0-9]" &
	curls="${curls:-} $!"
done
for curl in $curls; do wait "$curl" || fail "a curl failed"; done
for number in 1 2 3 4 5 6; do
	for digit in 0 1 2 3 4 5 6 7 8 9; do
		expect_equal "$(wc -c <"part.$number.$digit")" "10000$digit"
	done
done

# wrk: any error is a line of its own.
for connections in 10 300; do
	wrk -t 1 -c $connections -d 4 --timeout 30 --latency $url/hello >wrk.log 2>&1 || fail "wrk failed: $(cat wrk.log)"
	cat wrk.log
	if grep -e "Socket errors" -e "Non-2xx" wrk.log; then fail "wrk saw errors with $connections connections"; fi
	requests=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' wrk.log)
	[ "${requests:-0}" -gt 100 ] || fail "$requests requests in 4 s"
done
expect_no_console web "http-server: accept"

# A request that never ends, one a byte at a time, and an answer that nobody takes: all are gone
# after their time, while others are served.
(printf 'GET / HTT'; sleep 60) | socat - "TCP:$address:8080" >/dev/null 2>&1 &
(while printf a; do sleep 1; done) | socat - "TCP:$address:8080" >/dev/null 2>&1 &
(printf 'GET /bytes/1000000000 HTTP/1.0\r\n\r\n'; sleep 60) | socat - "TCP:$address:8080,rcvbuf=4096" | (sleep 60) &
for _ in $(seq 20); do sleep 60 | socat - "TCP:$address:8080" >/dev/null 2>&1 & done
still_serves web curl -s -f -m 10 $url/hello
tries=0
until [ "$(curl -s -m 10 $url/state | sed -n 's/^open //p')" = 1 ]; do
	tries=$((tries + 1))
	[ $tries -lt 60 ] || fail "slow clients are kept: $(curl -s $url/state)"
	sleep 1
done
kill $(jobs -p) 2>/dev/null || true
still_serves web curl -s -f -m 10 $url/
