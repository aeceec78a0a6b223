# smoltcp's own examples on the host's sockets: the server greets, reverses, swallows and pours; the
# client reverses what the server sends and ends with the connection.
# images: smoltcp-sockets
# backend: pvcallsd (docs/protocol.md, "End lost with data": the server closes when it sees the end)
# timeout: 120
guest server smoltcp-sockets
wait_for_port 6969
wait_for_port 6972
talk() { busybox timeout 15 busybox nc "$address" "$1"; }
# Again and again: each socket listens anew after its connection.
for round in 1 2; do
	expect_equal "$(talk 6969 </dev/null)" hello "the greeting, round $round"
	echo "greeted $round"
	expect_equal "$({ echo "round $round"; sleep 1; } | talk 6970)" "$round dnuor" "the line reversed"
	echo "reversed $round"
done
dd if=/dev/zero bs=64k count=16 2>/dev/null | talk 6971 || fail "it does not swallow"
echo "swallowed"
# It pours out 0, 1, … 255 from each contiguous piece of its buffer of 65535 bytes.
talk 6972 </dev/null 2>/dev/null | head -c 60000 >poured || true
expect_equal "$(wc -c <poured)" 60000 "bytes poured"
head -c 512 poured | od -An -v -tu1 | tr -s ' \n' '\n' | sed '/^$/d' >numbers
{ seq 0 255; seq 0 255; } >expected
cmp expected numbers || fail "it pours something else"
echo "poured"
expect_equal "$(talk 6969 </dev/null)" hello "the greeting after all that"

mkfifo say
busybox timeout 60 cat say | busybox timeout 60 busybox nc -l -p 7 >heard &
exec 3>say
wait_for_port 7
guest client smoltcp-sockets "args=$address 7"
echo "stressed" >&3
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -s heard ] && break
	sleep 0.5
done
exec 3>&-
expect_equal "$(cat heard)" desserts "what the client sends back"
expect_exit client 0
