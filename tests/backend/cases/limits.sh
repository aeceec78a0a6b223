# A domain's limits hold: sockets, mapped pages, connects under way, commands per second, order of
# rings. What is refused is an error, and another guest has limits of its own.
# images: back-probe tcp-echo-client
# programs: back-peer
# timeout: 240
# backend: pvcallsd (Linux's has no limits)
. "$data/peer.sh"
peer 7=echo 9=hold
hanging_network
backend_stop
cat >limits.toml <<'END'
[default.limits]
sockets = 20
pending_connects = 3
max_page_order = 4
commands_per_second = 100
END
backend_start pvcallsd "$PWD/limits.toml"
books before
probe too-many "$address:9" 900 >printed
cat printed
grep -q "SOCKET after 20 connections: -24" printed || fail "not 20 sockets"
probe hang-many 198.51.100.10:9 10 >printed
cat printed
grep -q "3 connects wait, 7 are refused" printed || fail "not 3 connects"
witness_start
name=hasty probe too-fast "$address:7" 10 >printed
cat printed
count=$(sed -n 's/.* \([0-9]*\) commands in 10 s/\1/p' printed)
# 100 each second, and what may come at once: two seconds' worth, and the ring.
[ "$count" -lt 1500 ] || fail "$count commands in 10 s at 100 per second"
witness_end
name=rings probe bad-rings "$address:7"
name=orders probe orders "$address:7" >printed
expect_equal "$(grep -c '^ *order' printed)" 4 "orders"
books_balance before

backend_stop
cat >limits.toml <<'END'
[default.limits]
mapped_pages = 61
END
backend_start pvcallsd "$PWD/limits.toml"
# A page for the command ring, and three for each socket.
name=pages probe too-many "$address:9" 900 >printed
cat printed
grep -q "CONNECT after 20 connections: -105" printed || fail "not 20 rings"
