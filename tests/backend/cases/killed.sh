# kill -9 of the daemon under load, and a new one: guests notice, find their pages given back,
# connect again and go on; what a guest left that is gone meanwhile is cleared away.
# images: back-probe
# programs: back-peer
# timeout: 240
# backend: pvcallsd (there is no killing Linux's)
. "$data/peer.sh"
peer 7=echo 19=send:100000000
hanging_network
keys() { xenstore-ls -f /local/domain/0/backend/pvcalls 2>/dev/null | wc -l; }
expect_equal "$(keys)" 0 "keys of devices before"
guest outlives back-probe "args=outlive $address:7 $address:5201"
guest goes back-probe "args=be-busy $address:7 198.51.100.10:9 $address:19 $address:5202"
guest stays back-probe "args=be-busy $address:7 198.51.100.10:9 $address:19 $address:5203"
expect_console outlives "waiting for its death"
expect_console goes busy
expect_console stays busy
backend_kill
expect_console outlives "dead, and nothing is mapped" 20
xl destroy goes
sleep 1
backend_start pvcallsd || fail "the daemon does not start again"
expect_exit outlives 0 120
expect_console outlives outlived
console outlives | tr -d '\r' | sed -n '/^main after/d; s/^/  /p'
# The new daemon serves new guests, and has nothing of those that are gone.
name=fresh probe reconnect "$address:7"
xl destroy stays
xl destroy outlives
for _ in $(seq 100); do
	[ "$(keys)" -gt 0 ] || break
	sleep 0.2
done
expect_equal "$(keys)" 0 "keys of devices that are gone"
[ "$(grep -c gntdev "/proc/$(backend_pid)/maps" || true)" = 0 ] || fail "pvcallsd still maps pages of guests"
if xl list | grep "^(null)"; then fail "a domain that was destroyed is still there"; fi
