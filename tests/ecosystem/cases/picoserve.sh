# picoserve, unchanged, serves curl: pages, several requests on one connection, a body sent back,
# twenty clients at once, and nonsense, after which it goes on.
# images: http-picoserve
# backend: any
# programs: curl
# timeout: 120
guest server http-picoserve args=8080
expect_console server "listening at"
wait_for_port 8080
url=http://$address:8080
[ "$(curl -sSf "$url/hello/Callisto")" = "Hello, Callisto!" ] || fail "no greeting"
curl -sSf "$url/" "$url/" "$url/" >three
expect_equal "$(cat three)" "You are visitor 1.
You are visitor 2.
You are visitor 3." "three requests on one connection"
seq 2000 >sent
curl -sSf --data-binary @sent "$url/echo" >back
cmp sent back || fail "the body came back otherwise"
expect_equal "$(curl -sS -o /dev/null -w '%{http_code}' "$url/missing")" 404 "the status of a page that is not there"
printf 'no request at all\r\n\r\n' | busybox nc -w 3 "$address" 8080 >/dev/null || true
clients=
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	curl -sSf "$url/hello/$number" >"answer$number" &
	clients="$clients $!"
done
for client in $clients; do wait "$client" || fail "a client got no answer"; done
for number in 1 7 20; do expect_equal "$(cat "answer$number")" "Hello, $number!" "answer $number"; done
expect_console server "3 requests answered"
