# A listener on all addresses takes connections from the host and from its own guest, and shares its
# port with listeners on the guest's loopback addresses.
# images: net-probe
# programs: net-peer
# timeout: 120
# A listener on all addresses: $1, its name $2; dom0 connects to $3.
check() {
	guest "$1" net-probe "args=everywhere $2 10"
	expect_console "$1" "listening at $2"
	net-peer one-by-one "$3" 10 1000
	expect_exit "$1" 0 60
	expect_console "$1" "10 connections from each side"
	expect_console "$1" "all after one: AddrInUse: "
	expect_console "$1" "one after all: AddrInUse: "
}
check four 0.0.0.0:8080 "$address:8080"
if [ "$(backend)" = pvcallsd ]; then
	check six '[::]:8081' "$address:8081"
else
	guest six net-probe 'args=everywhere [::]:8081 10'
	expect_exit six 1
	expect_console six "Unsupported"
fi
