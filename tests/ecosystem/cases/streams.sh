# Async streams: bulk both ways at once, halves, waiting, many in one thread, errors.
# images: async-test
# timeout: 120
busybox nc -ll -p 7 -e cat &
wait_for_port 7
guest streams async-test "args=streams $address:7"
expect_exit streams 0 90
for part in "both ways" "owned halves" waiting many errors conversions; do
	expect_console streams "streams: $part"
done
expect_console streams "streams: passed"
