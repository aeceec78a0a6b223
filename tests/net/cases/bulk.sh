# 1 GiB up while 1 GiB comes down on one connection: both ends agree on the sums.
# images: net-probe
# programs: net-peer
# timeout: 600
# backend: any
net-peer bulk "$address:9" >peer &
wait_for_port 9
guest bulk net-probe "args=bulk $address:9 1073741824 1073741824" memory=64
expect_exit bulk 0 570
expect_console bulk "1073741824 bytes up and 1073741824 bytes down in "
console bulk | grep "bytes up"
grep "a transfer is through" peer
