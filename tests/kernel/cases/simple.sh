# What a guest can check by itself: heap, threads, clocks, grants, entropy.
# images: kernel-test
# timeout: 120
for test in heap threads time grants entropy; do
	guest "$test" kernel-test args=$test
done
for test in heap threads time grants entropy; do
	expect_exit "$test" 0 60
	expect_console "$test" "$test: passed"
done
expect_console grants "grants are in use"
expect_console entropy "entropy available: true"
now=$(date +%s)
then=$(console time | sed -n 's/^epoch \([0-9]*\).*/\1/p')
[ "$then" -le "$now" ] && [ "$then" -ge $((now - 90)) ] || fail "the guest's wall clock says $then, the host's $now"
