# The echo example gets back 100 lines, and the server saw exactly these.
# images: tcp-echo-client
busybox nc -ll -p 7 -e tee "$PWD/seen" &
wait_for_port 7
guest client tcp-echo-client "args=$address:7 100"
expect_exit client 0
expect_console client "connected to $address:7"
expect_console client "100 echoes, "
seq 100 | sed 's/^/line /' >expected
cmp expected seen || fail "the server saw something else"
console client | sed -n 's/^\(.*echoes, .*\)/\1/p'
