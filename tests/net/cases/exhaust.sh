# A guest opens streams until there is no memory for more: it gets an error, goes on with what it has,
# and has all back in the end.
# images: net-probe
# programs: back-peer
# timeout: 120
# backend: pvcallsd (Linux's takes no end of them, and then dom0 runs short)
serve_echo 7
back-peer serve 9=hold >peer 2>&1 &
wait_for_port 9
guest greedy net-probe "args=exhaust $address:7 $address:9" memory=32
expect_exit greedy 0 100
expect_console greedy "streams, then OutOfMemory: "
expect_console greedy "exhausted, and well"
console greedy | grep "^round"
