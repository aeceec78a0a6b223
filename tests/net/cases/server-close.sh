# 100 KB and a close right behind them arrive whole, forty times.
# images: net-probe
# programs: net-peer
# timeout: 120
guest server net-probe "args=send-server $address:7004 40 100000"
net-peer receive "$address:7004" 40 100000
expect_exit server 0
expect_console server "sent 40 times 100000 bytes"
