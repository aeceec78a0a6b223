# Connects that cannot work say why, at once, and make the exit code that of a failure.
# images: net-probe
ip route add unreachable 203.0.113.0/25
ip route add prohibit 203.0.113.128/25
trap 'ip route del unreachable 203.0.113.0/25; ip route del prohibit 203.0.113.128/25' EXIT

# Prints how many ms the connect to $1 took; it fails with the kind $2 and a text with $3.
error_of() {
	console wrong | tr -d '\r' | grep -F "$1: $2: " | grep -F "$3" >line ||
		fail "no error of the kind $2 for $1"
	cat line
	ms=$(sed 's/.*, \([0-9]*\) ms$/\1/' line)
	[ "$ms" -lt 3000 ] || fail "the error of $1 took $ms ms"
}

guest wrong net-probe "args=connect $address:1 198.18.0.1:80 203.0.113.1:80 203.0.113.200:80 [2001:db8::1]:80 example.org:80 nonsense 192.0.2.1:99999"
expect_exit wrong 1
error_of "$address:1" ConnectionRefused "connection refused (ECONNREFUSED"
error_of 198.18.0.1:80 NetworkUnreachable "ENETUNREACH"
error_of 203.0.113.1:80 HostUnreachable "EHOSTUNREACH"
error_of 203.0.113.200:80 PermissionDenied "EACCES"
case $(backend) in
linux)
	error_of "[2001:db8::1]:80" Unsupported "feature-ipv6"
	error_of example.org:80 Unsupported '"example.org": nobody to ask'
	;;
pvcallsd)
	# There is no route to it, and dom0 has no DNS server.
	error_of "[2001:db8::1]:80" NetworkUnreachable "ENETUNREACH"
	error_of example.org:80 Other '"example.org": the backend: the name cannot be resolved now'
	;;
esac
error_of nonsense InvalidInput '"nonsense"'
error_of 192.0.2.1:99999 InvalidInput '"192.0.2.1:99999"'
expect_console wrong "8 connects failed"

