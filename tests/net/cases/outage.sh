# The daemon is killed, and is away for a while. An idle stream is lost as soon as any, connects wait
# as long as they said and then tell why, and find the daemon when it is back. A guest that fails,
# and one that is told to end, while there is no backend do so at once.
# images: net-probe
# backend: pvcallsd (Linux's module cannot go away while a device is in use)
# timeout: 120
serve_echo 7
busybox nc -ll -p 9 -e sleep 1000 &
wait_for_port 9
guest patient net-probe "args=connect-during-outage $address:7"
guest reader net-probe "args=read $address:9"
guest waiter net-probe "args=connect-during-outage $address:7"
expect_console patient connected
expect_console reader reading
expect_console waiter connected
backend_kill
expect_console patient "lost: "
expect_console waiter "lost: "
xl shutdown waiter # in a connect that waits
expect_exit waiter 0 10
expect_exit reader 1 10
expect_console reader "the read ended: Err("
expect_console patient "TimedOut: "
expect_console patient "NetworkDown: the PV Calls backend is away"
expect_console patient returns
backend_start pvcallsd
expect_exit patient 0
expect_console patient found
console patient | grep -e "^patience" -e "^lost"
