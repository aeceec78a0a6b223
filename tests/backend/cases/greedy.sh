# Sockets that a guest has released and that dom0 is still sending from count among the guest's: it
# cannot fill dom0's memory with bytes for peers that do not read.
# images: back-probe
# programs: back-peer
# timeout: 120
# backend: pvcallsd (Linux's has no limits)
. "$data/peer.sh"
peer 9=hold
backend_stop
cat >limits.toml <<'END'
[default.limits]
sockets = 20
END
backend_start pvcallsd "$PWD/limits.toml"
probe greedy "$address:9" 60
grep ^TCP: /proc/net/sockstat
orphans=$(sed -n 's/^TCP:.* orphan \([0-9]*\) .*/\1/p' /proc/net/sockstat)
[ "$orphans" -le 20 ] || fail "dom0 has $orphans sockets of a guest that may have 20"
