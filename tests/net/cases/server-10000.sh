# 10 000 connections to a guest, one after the other: afterwards it has as many grants, ports and
# pages, heap included, as before.
# images: net-probe
# programs: net-peer
# timeout: 600
# backend: pvcallsd (docs/protocol.md, "End lost with data": the server waits for each end)
guest server net-probe "args=echo-one-by-one $address:7003 10000"
# The first ones make heap and pools grow. Then nobody may be at the door while the guest counts.
net-peer one-by-one "$address:7003" 100 100
expect_console server "before:"
net-peer one-by-one "$address:7003" 10000 100
expect_exit server 0 60
console server | grep -e "^before" -e "^after" -e "us each" -e "^heap"
before=$(console server | tr -d '\r' | sed -n 's/^before: //p')
after=$(console server | tr -d '\r' | sed -n 's/^after: //p')
[ -n "$before" ] || fail "nothing was measured"
expect_equal "$after" "$before" "grants, ports and pages afterwards"
