# Streams over IPv6: data both ways, a port where nobody listens, an IPv4 address in the form of an
# IPv6 one. A backend that knows no IPv6 is not even asked.
# images: net-probe
serve_echo 7
ip -6 address add 2001:db8::1/128 dev lo
trap 'ip -6 address del 2001:db8::1/128 dev lo' EXIT
case $(backend) in
linux)
	guest v6 net-probe "args=connect [2001:db8::1]:7"
	expect_exit v6 1
	expect_console v6 "[2001:db8::1]:7: "
	expect_console v6 "the PV Calls backend does not offer feature-ipv6"
	;;
pvcallsd)
	guest v6 net-probe "args=echo [2001:db8::1]:7 300000"
	expect_exit v6 0
	guest mapped net-probe "args=connect [::ffff:$address]:7"
	expect_exit mapped 0
	expect_console mapped "[::ffff:$address]:7: connected"
	guest nobody net-probe "args=connect [2001:db8::1]:8"
	expect_exit nobody 1
	expect_console nobody "[2001:db8::1]:8: ConnectionRefused: "
	;;
esac
