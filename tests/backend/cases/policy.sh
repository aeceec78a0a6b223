# What the configuration says of a domain holds for it, by its name: closed addresses, opened ones,
# maps of ports and destinations. Every decision is in the log.
# images: net-probe back-probe
# programs: back-peer
# timeout: 180
# backend: pvcallsd (Linux's lets everything pass)
. "$data/peer.sh"
cat >config <<END
[domain."opened-*"]
connect = ["allow 127.0.0.1:7", "deny any"]
[domain.sealed]
connect = ["deny any"]
listen = ["deny any"]
[[domain.mapped.connect_map]]
guest = "10.9.9.9:99"
host = "127.0.0.1:7"
[[domain.mapped.port_map]]
transport = "tcp"
guest = 5005
host = "$address:8085"
END
backend_stop
backend_start pvcallsd "$PWD/config"
trap 'backend_stop; backend_start pvcallsd' EXIT
peer 7=echo

# The guest $1 connects to each of the addresses after $2, all with the outcome $2.
connects() {
	connects_guest=$1 connects_outcome=$2
	shift 2
	guest "$connects_guest" net-probe "args=loopback=host connect $*"
	case $connects_outcome in
	connected) expect_exit "$connects_guest" 0 ;;
	*) expect_exit "$connects_guest" 1 ;;
	esac
	for to; do
		expect_console "$connects_guest" "$to: $connects_outcome"
	done
	xl destroy "$connects_guest"
}

# The log has a line of the audit with all of these.
audited() {
	backend_log | sed 's/\x1b\[[0-9;]*m//g' | grep -F pvcallsd::audit >audit
	for word; do
		grep -F -e "$word" audit >fitting || fail "no line of the audit with $*"
		mv fitting audit
	done
}

connects plain connected "$address:7"
connects closed PermissionDenied 127.0.0.1:7 127.1.2.3:7 169.254.0.1:7
connects opened-1 connected 127.0.0.1:7
connects opened-2 PermissionDenied "$address:7" 127.0.0.2:7
connects sealed PermissionDenied "$address:7"
audited 'domain="plain"' connect "address=$address:7" allow
audited 'domain="closed"' connect address=127.1.2.3:7 deny "no loopback"
audited 'domain="closed"' address=169.254.0.1:7 deny "no link-local"
audited 'domain="opened-2"' "address=$address:7" deny 'rule="deny any"'

connects mapped connected 10.9.9.9:99
audited 'domain="mapped"' address=10.9.9.9:99 mapped_to=127.0.0.1:7
connects mapped PermissionDenied 127.0.0.1:7

guest mapped back-probe "args=accept-data $address:5005 3"
expect_console mapped listening
back-peer dial "$address:8085" 3 send:30000,shutdown,drain >dialled
expect_exit mapped 0
audited 'domain="mapped"' bind "address=$address:5005" "mapped_to=$address:8085"
xl destroy mapped
guest sealed back-probe "args=accept-data $address:5006 1"
expect_failure sealed
audited 'domain="sealed"' bind "address=$address:5006" deny
