# `xl shutdown` and `xl reboot` are obeyed while the guest waits for data and while it sleeps:
# the request is acknowledged, and the domain ends with the code 0 and the right reason.
# images: net-probe
# timeout: 150
busybox nc -ll -p 9 -e sleep 1000 &
wait_for_port 9

# Ends the guest $1 by the command $2; Xen then knows the reason number $3.
end_by() {
	id=$(domid "$1")
	for kind in poweroff reboot; do
		expect_equal "$(xenstore-read "/local/domain/$id/control/feature-$kind")" 1 "feature-$kind"
	done
	xl "$2" "$1"
	expect_exit "$1" 0 20
	expect_equal "$(xenstore-read "/local/domain/$id/control/shutdown")" "" "control/shutdown"
	xl list -v | awk -v id="$id" '$2 == id' >line
	expect_equal "$(awk '{ print $8 }' line)" "$3" "the reason of the end of $1"
}

guest reader net-probe "args=read $address:9"
guest sleeper net-probe args=sleep
guest rebooter net-probe "args=read $address:9"
expect_console reader reading
expect_console sleeper sleeping
expect_console rebooter reading
end_by reader shutdown 0
end_by sleeper shutdown 0
end_by rebooter reboot 1
expect_no_console reader "the read ended"
