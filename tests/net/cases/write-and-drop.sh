# What was written before a stream is dropped arrives, and so does what was written right
# before `main` returned, or before the domain ended with the stream still open.
# images: net-probe
# timeout: 240
cat >sink <<'END'
cat >"received.$$"
mv "received.$$" "done.$$"
END
busybox nc -ll -p 9 -e sh "$PWD/sink" &
wait_for_port 9
for bytes in 4000 300000; do
	rm -f done.*
	guest "drop$bytes" net-probe "args=write-and-drop $address:9 20 $bytes"
	expect_exit "drop$bytes" 0 60
	# The end of the stream may take a moment longer than the end of the domain.
	for _ in $(seq 40); do
		[ "$(ls | grep -c '^done')" = 20 ] && break
		sleep 0.5
	done
	expect_equal "$(ls | grep -c '^done')" 20 "connections that the server saw to their end"
	for file in done.*; do
		line=$(head -n 1 "$file")
		expect_equal "$(stat -c %s "$file")" "$bytes" "bytes of $line"
		yes "$line" | head -c "$bytes" | cmp - "$file" || fail "$line: the bytes differ"
		echo "$line"
	done | sort -u >seen
	expect_equal "$(grep -c '^connection [0-9]*$' seen)" 20 "different connections"
done

rm -f done.*
guest exit net-probe "args=write-and-exit $address:9 300000"
expect_exit exit 0 60
for _ in $(seq 40); do
	[ "$(ls | grep -c '^done')" = 1 ] && break
	sleep 0.5
done
yes "connection 1" | head -c 300000 | cmp - done.* || fail "bytes of a stream that was open at the end are missing"
