# Listeners are closed with an ACCEPT waiting, again and again. Linux's backend answers none of those;
# the guest counts the slots that are lost and connects the device anew, and goes on listening.
# images: net-probe
# timeout: 120
guest server net-probe "args=listeners-come-and-go $address:5400 30"
expect_console server "a port was chosen" 60
port=$(console server | sed -n 's/^a port was chosen: .*:\([0-9]*\).*$/\1/p')
expect_console server "a port in use: AddrInUse: "
busybox nc "$address" "$port" </dev/null | grep welcome
expect_exit server 0
expect_console server "30 listeners came and went"
console server | grep "^round 29"
