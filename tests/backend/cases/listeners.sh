# Several accepts and polls per listener, answered when connections come and when the listener
# is released; an address can be bound again at once; the ring may be full of waiting requests.
# images: back-probe
# programs: back-peer
# timeout: 240
# backend: pvcallsd (protocol version 1 lets one ACCEPT or POLL wait in Linux's)
. "$data/peer.sh"
peer 7=echo
probe listen "$address:5001" "$address:5002"
probe parked "$address:5003"
probe poll "$address:5004"

guest accept back-probe "args=accept-data $address:5005 10"
expect_console accept listening
back-peer dial "$address:5005" 10 send:30000,shutdown,drain >peer
expect_exit accept 0
peer_saw "$address:5005" 10 "received 30000 bytes of the pattern, end"

guest full back-probe "args=full-ring $address:5006 $address:7"
expect_console full "full" 60
# The guest lets go of the listener, and of this, at once.
back-peer dial "$address:5006" 1 wait:100 || true
expect_exit full 0
