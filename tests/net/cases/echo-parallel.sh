# 20 threads with a connection each, all open at once, get back what they sent, each its own.
# images: net-probe
# timeout: 120
serve_echo 7
guest threads net-probe "args=echo-parallel $address:7 20 100000"
expect_exit threads 0 90
expect_console threads "20 connections"
expect_console threads "20 threads, 100000 bytes each"
