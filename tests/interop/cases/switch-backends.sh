# A host changes its backend between guests, in both directions, and each serves the next
# guest. A daemon that cannot start says why; two backends at once are refused.
# images: net-probe
# backend: pvcallsd (the dom0 of the other runs has no daemon: docs/testing.md, "Two backends")
# timeout: 90
serve_echo 7

# A guest of the backend $1 gets its bytes back.
works_with() {
	expect_equal "$(backend)" "$1" "the backend"
	guest "of-$1" net-probe "args=echo $address:7 100000"
	expect_exit "of-$1" 0
	expect_console "of-$1" "100000 bytes to and fro"
	xl destroy "of-$1"
}

works_with pvcallsd
daemon=$(backend_pid)
if backend_start linux >said; then fail "a second backend was started"; fi
grep -q "the backend pvcallsd already runs" said || fail "$(cat said)"
backend_stop
expect_equal "$(backend)" none "the backend after its end"
[ ! -e "/proc/$daemon" ] || fail "the daemon's process is still there"
backend_log | grep -q ready || fail "the daemon's log is lost"

backend_start linux
works_with linux
backend_stop

echo "nonsense = [" >wrong.toml
if backend_start pvcallsd "$PWD/wrong.toml" >said; then fail "it starts with any configuration"; fi
grep -q "wrong.toml" said || fail "it does not name the file: $(cat said)"
expect_equal "$(backend)" none "the backend that could not start"

backend_start pvcallsd
backend_kill
expect_equal "$(backend)" none "the backend that was killed"
backend_start pvcallsd
rm -f "$(console_log of-pvcallsd)"
works_with pvcallsd
