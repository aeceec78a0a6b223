# Listeners are closed with an ACCEPT waiting, again and again. Linux's backend answers none of those;
# the guest counts the slots that are lost and connects the device anew, and another listener goes on.
# images: net-probe
# timeout: 90
guest server net-probe "args=listeners-come-and-go $address:5400 13"
expect_console server "a port was chosen" 30
port=$(console server | sed -n 's/^a port was chosen: .*:\([0-9]*\).*$/\1/p')
expect_console server "a port in use: AddrInUse: "
expect_console server "13 listeners came and went: " 30
tries=0
until busybox nc "$address" "$port" </dev/null | grep welcome; do
	tries=$((tries + 1))
	[ $tries -lt 30 ] || fail "nobody listens at $port any more"
	sleep 0.5
done
expect_exit server 0
case $(backend) in
linux) expect_console server "came and went: 0 slots lost, 1 reconnects" ;;
*) expect_console server "came and went: 0 slots lost, 0 reconnects" ;;
esac
