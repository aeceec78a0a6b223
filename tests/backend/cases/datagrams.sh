# The extensions for datagrams, IPv6, and names of hosts.
# images: back-probe
# timeout: 180
# backend: pvcallsd (docs/extensions.md)
. "$data/peer.sh"
probe udp "$address:5401"
echo "$address server.example" >>/etc/hosts
probe resolve server.example "$address:0"
ip -6 address add 2001:db8::1/128 dev lo
trap 'ip -6 address del 2001:db8::1/128 dev lo' EXIT
probe ipv6 "[2001:db8::1]:5402"
