# Names of hosts: localhost, the list on the command line, the host's own resolver, and DNS over TCP,
# from a server of Debian's in dom0. Servers that refuse, keep silent or talk nonsense are passed over.
# images: net-probe
# programs: dnsmasq@dnsmasq-base
# timeout: 180
serve_echo 7
dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group=root --pid-file= \
	--listen-address="$address" --bind-interfaces --no-resolv --no-hosts --local=/test/ \
	--host-record=www.test,192.0.2.1,2001:db8::7 --host-record=six.test,2001:db8::6 \
	--cname=alias.test,www.test --cname=twice.test,alias.test --txt-record=text.test,hello &
wait_for_port 53
busybox nc -ll -p 55 -e sleep 100 &
printf '\000\020this is not DNS, but long enough' >nonsense
busybox nc -ll -p 56 -e cat "$PWD/nonsense" &
wait_for_port 55
wait_for_port 56

case $(backend) in
linux) www="192.0.2.1" six="NotFound: " backend="" nobody="Unsupported" why="nobody to ask: " ;;
pvcallsd)
	# The host looks names up: what its own list says; IPv6 as well if it has an address of that.
	ip -6 address add 2001:db8::1/128 dev lo
	cp /etc/hosts hosts.before
	trap 'ip -6 address del 2001:db8::1/128 dev lo; cp hosts.before /etc/hosts' EXIT
	printf '127.0.0.1 localhost\n%s host.test\n2001:db8::1 six-host.test\n' "$address" >/etc/hosts
	guest host net-probe "args=hosts=db=$address dns=$address:54 look-up db HOST.test six-host.test www.test localhost"
	expect_exit host 0
	expect_console host "db: $address, "
	expect_console host "HOST.test: $address, "
	expect_console host "six-host.test: 2001:db8::1, "
	expect_console host "localhost: 127.0.0.1 ::1, "
	# The host has no DNS server, so this goes to the guest's, where nobody is.
	expect_console host "www.test: ConnectionRefused: failed to lookup address information: \"www.test\": the backend: "
	expect_console host "; DNS server $address:54: "
	guest connects2 net-probe "args=connect host.test:7"
	expect_exit connects2 0
	expect_console connects2 "host.test:7: connected"

	www="192.0.2.1 2001:db8::7" six="2001:db8::6" nobody="PermissionDenied" why="the backend: "
	backend="the backend: "
	# The host looks up no names for these guests, or they would not ask the server.
	printf '[default]\nresolve = ["deny any"]\n' >config
	backend_stop
	backend_start pvcallsd "$PWD/config"
	;;
esac

# Looked at in the end: one server that keeps silent costs five seconds.
guest silent net-probe "args=dns=$address:54,$address:56,$address:55 look-up www.test"

guest names net-probe "args=hosts=db=$address,web.test=192.0.2.66,db=192.0.2.67 dns=$address look-up localhost db.localhost 192.0.2.9 2001:db8::9 db WEB.test. www.test alias.test TWICE.test text.test six.test gone.test 127.1 a..b"
expect_exit names 0 60
expect_console names "localhost: 127.0.0.1 ::1, "
expect_console names "db.localhost: 127.0.0.1 ::1, "
expect_console names "192.0.2.9: 192.0.2.9, "
expect_console names "2001:db8::9: 2001:db8::9, "
expect_console names "db: $address 192.0.2.67, "
expect_console names "WEB.test.: 192.0.2.66, "
for name in www.test alias.test TWICE.test; do
	expect_console names "$name: $www, "
done
expect_console names "text.test: NotFound: failed to lookup address information: \"text.test\": No address associated with hostname"
expect_console names "six.test: $six"
expect_console names "gone.test: NotFound: failed to lookup address information: \"gone.test\": Name or service not known"
expect_console names "127.1: InvalidInput: "
expect_console names "a..b: InvalidInput: "
console names | grep " ms"

# A connect by name; the first two servers are of no use.
guest connects net-probe "args=dns=$address:54,$address:56,$address connect alias.test:7"
expect_exit connects 0
expect_console connects "alias.test:7: connected"

# Lists that make no sense say so.
guest badhosts net-probe "args=hosts=db look-up db"
expect_console badhosts "db: InvalidInput: hosts= on the command line: \"db\" is not of the form NAME=ADDRESS"
guest baddns net-probe "args=dns=dns.example look-up db"
expect_console baddns "db: InvalidInput: dns= on the command line: \"dns.example\" is not of the form ADDRESS[:PORT]"
guest nobody net-probe "args=look-up db"
expect_console nobody "db: $nobody: failed to lookup address information: \"db\": $why"

# When nobody answers, the error tells of all.
expect_console silent "www.test: TimedOut: failed to lookup address information: \"www.test\": $backend"
expect_console silent "DNS server $address:54: "
expect_console silent "; DNS server $address:56: an answer to what was not asked; DNS server $address:55: "
