# 127.0.0.1 is the guest's own: a server on dom0's loopback is not reached by accident. With
# `loopback=host` it is, as far as the backend's policy lets the guest.
# images: net-probe
# timeout: 120
cat >server <<'END'
echo somebody >>"$0.seen"
cat
END
busybox nc -ll -p 7 -e sh "$PWD/server" &
wait_for_port 7
guest own net-probe "args=connect 127.0.0.1:7 127.1.2.3:7 0.0.0.0:7 [::1]:7 [::ffff:127.0.0.1]:7"
expect_exit own 1
for to in 127.0.0.1:7 127.1.2.3:7 0.0.0.0:7 "[::1]:7" "[::ffff:127.0.0.1]:7"; do
	expect_console own "$to: ConnectionRefused: "
done
[ ! -e server.seen ] || fail "the guest reached dom0's loopback"

if [ "$(backend)" = pvcallsd ]; then
	guest denied net-probe "args=loopback=host connect 127.0.0.1:7"
	expect_exit denied 1
	expect_console denied "127.0.0.1:7: PermissionDenied: "
	[ ! -e server.seen ] || fail "the guest reached dom0's loopback against the policy"
	cat >config <<-'END'
		[domain.allowed]
		connect = ["allow 127.0.0.1:7", "deny any"]
	END
	backend_stop
	backend_start pvcallsd "$PWD/config"
fi
guest allowed net-probe "args=loopback=host connect 127.0.0.1:7"
expect_exit allowed 0
expect_console allowed "127.0.0.1:7: connected"
[ -e server.seen ] || fail "whom did the guest reach?"
