# Streams are as in std: clones, calls that may not wait, several buffers, shutdown of both
# directions, bad arguments; and rings have the size that the command line, a program or a connection
# asks for.
# images: net-probe
serve_echo 7
busybox nc -ll -p 9 -e sleep 1000 &
wait_for_port 9
guest streams net-probe "args=ring_order=2 streams $address:7 $address:9 $address:1"
expect_exit streams 0 60
expect_console streams "streams are as in std"
console streams | grep "would block after"
