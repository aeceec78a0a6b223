# edge-http, unchanged, serves curl: pages, several requests on one connection, a body sent back, more
# clients than it has handlers.
# images: http-edge
# backend: any
# programs: curl
# timeout: 120
guest server http-edge args=8080
expect_console server "listening at"
wait_for_port 8080
url=http://$address:8080
curl -sSf "$url/" "$url/" >two
expect_equal "$(cat two)" "Hello from a guest!
Hello from a guest!" "two requests on one connection"
seq 1000 >sent
curl -sSf -H Expect: --data-binary @sent "$url/echo" >back
cmp sent back || fail "the body came back otherwise"
expect_equal "$(curl -sS -o /dev/null -w '%{http_code}' "$url/missing")" 404 "the status of a page that is not there"
clients=
for number in 1 2 3 4 5 6 7 8; do
	curl -sSf -H 'Connection: close' "$url/" >"answer$number" &
	clients="$clients $!"
done
for client in $clients; do wait "$client" || fail "a client got no answer"; done
expect_equal "$(cat answer8)" "Hello from a guest!" "the last client's answer"
