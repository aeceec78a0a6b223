# The backend goes away under load and comes back, three times; our daemon is killed, stopped in
# good order, and killed again. Each time every stream of a guest is lost by a reset, the guest
# connects again by itself, and in the end it holds as many grants, ports and pages as before.
# images: net-probe
# timeout: 180
serve_echo 7
guest busy net-probe "args=reconnect $address:7 3 8"
for round in 1 2 3; do
	expect_console busy "round $round: under load"
	if [ "$(backend)" = pvcallsd ]; then
		if [ "$round" = 2 ]; then backend_stop; else backend_kill; fi
		expect_console busy "round $round: lost 8 of 8, ConnectionReset: "
		[ "$round" = 3 ] || sleep 2
		backend_start pvcallsd
	else
		# Linux's module cannot be unloaded while a device is in use; this closes the device,
		# and the module opens it again as soon as the guest does.
		xenstore-write "/local/domain/0/backend/pvcalls/$(domid busy)/0/state" 5
	fi
	expect_console busy "round $round: connected again after "
done
expect_exit busy 0
expect_console busy "lost and found 3 times"
console busy | grep -e "^round" -e "^before" -e "^after"
before=$(console busy | tr -d '\r' | sed -n 's/^before: //p')
after=$(console busy | tr -d '\r' | sed -n 's/^after: //p')
[ -n "$before" ] || fail "nothing was measured"
expect_equal "$after" "$before" "grants, ports and pages afterwards"
