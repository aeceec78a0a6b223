# The console carries everything out, in order, and lines in.
# images: kernel-test
# timeout: 90
guest out kernel-test args=console-write
guest in kernel-test args=console-read
tty=$(xenstore-read "/local/domain/$(domid in)/console/tty")
expect_console in "listening"
echo "good morning" >"$tty"
expect_console in "heard: good morning"
echo "end" >"$tty"
expect_exit in 0
expect_exit out 0 60
expect_console out "dropped 0"
console out | tr -d '\r' | sed -n 's/^line \([0-9]*\) -*$/\1/p' >numbers
seq -w 0 4999 >wanted
cmp numbers wanted || fail "lines are missing or out of order"
