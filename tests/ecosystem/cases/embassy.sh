# embassy-executor and embassy-time, unchanged, serve more clients than there are tasks; one that
# says nothing is closed.
# images: embassy-echo
# backend: any
# timeout: 120
guest server embassy-echo args=7777
expect_console server "listening at"
wait_for_port 7777
sleep 60 | busybox nc "$address" 7777 >silent &
clients=
for number in 1 2 3 4 5 6 7 8; do
	{ seq "$number"; sleep 1; } | busybox nc -w 10 "$address" 7777 >"back$number" &
	clients="$clients $!"
done
for client in $clients; do wait "$client" || fail "a client failed"; done
for number in 1 2 3 4 5 6 7 8; do
	expect_equal "$(cat "back$number")" "$(seq "$number")" "the echo of client $number"
done
expect_console server "16 bytes echoed"
expect_console server "a connection ended: timed out"
