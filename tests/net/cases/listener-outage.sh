# The daemon is killed under a server and comes back: the listener is bound again by itself, who accepts
# goes on waiting, and only the connection that was open is lost.
# images: net-probe
# programs: net-peer
# backend: pvcallsd (Linux's module cannot go away while a device is in use)
# timeout: 120
guest server net-probe "args=listen-through-outage $address:5500 3"
expect_console server "listening at"
net-peer one-by-one "$address:5500" 1 5000
sleep 1000 | busybox nc "$address" 5500 >lost &
expect_console server "connection 1 of 3"
backend_kill
expect_console server "connection 1 ended: ConnectionReset"
backend_start pvcallsd
net-peer one-by-one "$address:5500" 1 5000
expect_exit server 0 60
expect_console server "served, 1 reconnects"
