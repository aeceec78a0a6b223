# A stream that is dropped by a waker, while the driver wakes or drops that, is closed, and nothing
# stands still.
# images: net-probe
serve_echo 7
guest wakers net-probe "args=wakers $address:7"
expect_exit wakers 0
expect_console wakers "wakers may hold sockets"
