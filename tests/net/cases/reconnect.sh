# The backend goes away under load and comes back, three times, and a fourth time without load. Each
# time every stream of a guest is lost by a reset, the guest connects again by itself, and in the
# end it holds as many grants, ports and pages as before. A guest that ends, and one that is
# ended, while there is no backend do so at once.
# images: net-probe
# timeout: 240
serve_echo 7

# Takes the backend away from the guests: our daemon is killed, Linux's module is unloaded.
take_away() {
	which=$(backend)
	case $which in
	pvcallsd) backend_kill ;;
	linux) backend_stop ;;
	*) fail "no backend runs" ;;
	esac
}

# Brings it back to the guests named. Linux's only takes devices that nobody has used before.
bring_back() {
	if [ "$which" = linux ]; then
		for name; do
			xenstore-write "/local/domain/0/backend/pvcalls/$(domid "$name")/0/state" 1
		done
	fi
	backend_start "$which"
}

guest busy net-probe "args=reconnect $address:7 3 8"
for round in 1 2 3; do
	expect_console busy "round $round: under load"
	take_away
	expect_console busy "round $round: lost 8 of 8, ConnectionReset: "
	[ "$round" = 3 ] || sleep 2
	bring_back busy
	expect_console busy "round $round: connected again after "
done
expect_exit busy 0
expect_console busy "lost and found 3 times"
console busy | grep -e "^round" -e "^before" -e "^after"
before=$(console busy | tr -d '\r' | sed -n 's/^before: //p')
after=$(console busy | tr -d '\r' | sed -n 's/^after: //p')
[ -n "$before" ] || fail "nothing was measured"
expect_equal "$after" "$before" "grants, ports and pages afterwards"

# Without load: an idle stream is lost as soon as any. Connects say how long they waited.
busybox nc -ll -p 9 -e sleep 1000 &
wait_for_port 9
guest patient net-probe "args=connect-during-outage $address:7"
guest reader net-probe "args=read $address:9"
expect_console patient connected
expect_console reader reading
take_away
expect_console patient "lost: "
expect_exit reader 1 10
expect_console reader "the read ended: "
expect_console patient "TimedOut: "
guest sleeper net-probe "args=read $address:9" # finds nobody
xl shutdown sleeper
expect_exit sleeper 0 20
expect_console patient "NetworkDown: the PV Calls backend is away"
expect_console patient returns
bring_back patient
expect_exit patient 0
expect_console patient found
console patient | grep -e "^patience" -e "^lost"
