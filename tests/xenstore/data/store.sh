# For the cases of tests/xenstore.

# Waits until the guest NAME has made the node data/WHAT; sets $home.
#   wait_for_node NAME WHAT [SECONDS]
wait_for_node() {
	home=/local/domain/$(domid "$1")
	node_tries=0
	until xenstore-exists "$home/data/$2"; do
		node_tries=$((node_tries + 1))
		[ "$node_tries" -le $((${3:-30} * 10 * patience)) ] || fail "$1 has not made data/$2 in ${3:-30} s"
		if [ $((node_tries % 10)) -eq 0 ] && domain_ended "$(domid "$1")"; then
			fail "$1 ended without having made data/$2"
		fi
		sleep 0.1
	done
}
