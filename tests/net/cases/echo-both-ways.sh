# 4 MiB go to an echo server and come back, written and read at the same time on one stream.
# images: net-probe
# timeout: 120
busybox nc -ll -p 7 -e tee "$PWD/seen" &
wait_for_port 7
guest echo net-probe "args=echo $address:7 4194304"
expect_exit echo 0 90
expect_console echo "4194304 bytes to and fro"
yes "connection 0" | head -c 4194304 | cmp - seen || fail "the server saw something else"
console echo | grep "to and fro"
