# A guest serves datagrams to many peers in dom0, and again after the daemon was killed: the socket fails
# once, is bound to its port again, and goes on.
# images: net-probe
# programs: net-peer
# backend: pvcallsd (Linux's knows version 1 only)
# timeout: 180
guest server net-probe "args=datagram-server $address:5310 4000"
expect_console server "serving at $address:5310"
net-peer udp-clients "$address:5310" 100 10 1000
net-peer udp-clients "$address:5310" 10 10 60000
net-peer udp-through-outage "$address:5310" >outage &
until grep -q "^answered$" outage; do sleep 0.1; done
backend_kill
sleep 3
backend_start pvcallsd
expect_console server "received: ConnectionReset"
for _ in $(seq 100); do
	grep -q "^answered again" outage && break
	sleep 0.2
done
cat outage
grep -q "^answered again" outage || fail "the guest does not serve again"
net-peer udp-clients "$address:5310" 100 100 100 >last &
expect_exit server 0 60
expect_console server "served 4000"
