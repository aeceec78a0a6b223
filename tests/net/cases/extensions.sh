# Half-close in both directions, names of both ends, options; a close without linger time is a reset.
# images: net-probe
# programs: back-peer
# backend: pvcallsd (Linux's knows version 1 only)
back-peer serve 7=echo "9=drain,send:50000" 19=drain >peer 2>&1 &
wait_for_port 19
guest extended net-probe "args=extensions $address:7 $address:9 $address:19"
expect_exit extended 0 60
expect_console extended "extensions are used"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	grep -q "^19 #2" peer && break
	sleep 0.2
done
cat peer
grep -q "^9 #1: received 100000 bytes of the pattern, end" peer || fail "the half that was closed"
grep -q "^19 #1: received 3 bytes of the pattern, reset" peer || fail "no reset"
grep -q "^19 #2: received 4 bytes of the pattern, end" peer || fail "no end"
