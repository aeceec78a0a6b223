# Two guests on one port: the second gets AddrInUse, and goes on serving at another. A server that
# ends is followed by another on the same port at once, although it closed its connections first.
# images: net-probe
# programs: net-peer
# timeout: 120
guest first net-probe "args=echo-server $address:7005 1 2 100"
expect_console first "listening at"
guest second net-probe "args=try-to-listen $address:7005"
expect_exit second 0
expect_console second "cannot listen: AddrInUse: "
expect_console second "then: Ok(())"
net-peer clients "$address:7005" 2 1 100
expect_exit first 0
[ "$(backend)" = linux ] && exit # it does not bind a port that was in use a minute ago
netstat -tan | grep -q ":7005 .*TIME_WAIT" || fail "nothing is left of the first one's connections"
guest third net-probe "args=echo-server $address:7005 1 2 100"
net-peer clients "$address:7005" 2 1 100
expect_exit third 0
