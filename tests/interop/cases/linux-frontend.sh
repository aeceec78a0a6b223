# Linux's own frontend, in a Linux guest, works with this backend: connects, data both ways,
# several connections at once, the end of a stream, refused connects; listen, poll and accept.
# tests/interop/linux has the guest's part.
# linux: linux
# timeout: 180
pattern="callisto and linux"
bulk=1048576
serve_echo 7
yes "$pattern" | head -c $bulk >expected
cat >download <<'END'
head -c 1 >/dev/null
cat expected
sleep 0.5 # Linux's backend loses an end that comes with data
END
cat >upload <<'END'
head -c 1048576 >received
printf k
sleep 5
END
busybox nc -ll -p 9001 -e sh "$PWD/download" &
busybox nc -ll -p 9002 -e sh "$PWD/upload" &
wait_for_port 9001
wait_for_port 9002

guest linux vmlinuz "ramdisk=\"/guest/linux.initramfs\"" memory=256 \
	"args=console=hvc0 quiet address=$address"

# Sends $1 bytes to the guest's listener, and checks what comes back.
ask() {
	yes "$pattern" | head -c "$1" >sent
	(
		cat sent
		sleep 1 # the end comes alone
	) | busybox nc "$address" 5000 >back
	cmp sent back || fail "of $1 bytes something else came back"
}
expect_console linux "interop: listening" 120
ask 10
ask 100000
ask 300000
expect_console linux "interop: done" 60
expect_exit linux 0
cmp expected received || fail "the upload arrived otherwise"
expect_no_console linux FAILED
for test in refused echo download upload many parallel taken listen "echo again"; do
	expect_console linux "interop: $test: ok"
done
expect_console linux "interop: done, 0 failures"
