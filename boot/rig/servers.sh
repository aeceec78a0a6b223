# Servers for the examples, on an address that is dom0's and nobody else's. POSIX sh; sourced.

server_address=192.0.2.1 # set aside for documentation, so it collides with nothing
servers_started=

busybox_or_die() {
	command -v busybox >/dev/null && return
	echo "boot: the demonstration's web server needs busybox: apt-get install busybox" >&2
	exit 1
}

# Serves the folder $1 by HTTP on port 80; in the rig, where nobody else can reach it, also
# echoes what comes to port 7.
start_servers() {
	busybox_or_die
	ip address add $server_address/32 dev lo 2>/dev/null && servers_started=address
	busybox httpd -f -p $server_address:80 -h "$1" &
	servers_started="$servers_started $!"
	[ -d /callisto ] || return 0
	busybox nc -ll -p 7 -e cat &
	servers_started="$servers_started $!"
}

stop_servers() {
	for started in $servers_started; do
		case $started in
		address) ip address del $server_address/32 dev lo ;;
		*) kill "$started" 2>/dev/null ;;
		esac
	done
	servers_started=
}
