# A domain without a pvcalls device, and one whose device has no backend: a clear error within
# the time of the handshake, a non-zero exit code, no hang.
# images: net-probe
# backend: any
# timeout: 120
backend_stop
guest absent net-probe "args=connect $address:7"
# A driver domain that has no driver.
guest driver net-probe args=sleep
guest other net-probe "args=connect $address:7" 'pvcalls=["backend=driver"]'
guest nodevice net-probe "args=connect $address:7" pvcalls=none
expect_exit nodevice 1 15
expect_console nodevice "$address:7: NotFound: PV Calls: no pvcalls device in the domain's configuration (pvcalls=[...])"
for name in absent other; do
	expect_exit $name 1 30
	expect_console $name "$address:7: TimedOut: PV Calls: the pvcalls backend did not come up: state 1 (Initialising) after 10 s, waiting for 2 (InitWait)"
done
