# What an administrator sees of pvcallsd: threads without privileges, metrics that count what
# happened, a reload that keeps the good configuration, an end that leaves nothing.
# images: net-probe back-probe
# programs: back-peer
# timeout: 240
# backend: pvcallsd (it is about the daemon)
. "$data/peer.sh"
dmesg >dmesg.before
printf '[daemon]\nmetrics = "127.0.0.1:9477"\n[domain.sealed]\nconnect = ["deny any"]\n' >config
backend_stop
[ ! -e /run/pvcallsd/metrics.sock ] || fail "the metrics socket stays after the end"
backend_start pvcallsd "$PWD/config"
trap 'backend_stop; backend_start pvcallsd' EXIT
peer 7=echo 9=hold

# The metric $1 of the device of the domain $2; "none" if there is none.
metric() {
	busybox wget -q -O - http://127.0.0.1:9477/metrics >scrape || fail "no metrics"
	sed -n "s/^$1{domain=\"$(domid "$2")\",device=\"0\"} //p" scrape | grep . || echo none
}

# A thread that kept a privilege would be one too many.
threads=0
for thread in "/proc/$(backend_pid)/task"/*; do
	threads=$((threads + 1))
	tr '\t' ' ' <"$thread/status" >status
	for line in 'Uid: 998 998 998 998' 'Gid: 998 998 998 998' 'Groups: *' 'CapPrm: 0*' \
		'CapEff: 0*' 'CapBnd: 0*' 'NoNewPrivs: 1' 'Seccomp: 2'; do
		grep -q "^$line\$" status ||
			fail "$(cat "$thread/comm"): $(grep "^${line%%:*}:" status), expected $line"
	done
done
[ "$threads" -ge 4 ] || fail "only $threads threads"
backend_log | grep -q 'privileges: user pvcallsd, .* landlock v.* seccomp on' ||
	fail "no line about privileges"
pvcallsd top --once --metrics 127.0.0.1:9477 >top
expect_equal "$(grep -c . top)" 3 "lines of top without guests"

guest sender net-probe "args=echo $address:7 1048576"
expect_exit sender 0 90
expect_equal "$(metric pvcalls_connected_total sender)" 1 "connections"
expect_equal "$(metric pvcalls_sent_bytes_total sender)" 1048576 "bytes sent"
expect_equal "$(metric pvcalls_received_bytes_total sender)" 1048576 "bytes received"
expect_equal "$(metric pvcalls_denied_total sender)" 0 "denials"
guest sealed net-probe "args=connect $address:7"
expect_exit sealed 1
expect_equal "$(metric pvcalls_denied_total sealed)" 1 "denials"
guest holder back-probe "args=stalled $address:9 30"
expect_console holder "stalled after" 60
expect_equal "$(metric pvcalls_sockets holder)" 1 "sockets"
holder=$(domid holder)
grep "^pvcalls_socket_sent_bytes_total{domain=\"$holder\",device=\"0\",socket=\"[0-9]*\",address=\"$address:9\"} [1-9]" \
	scrape || fail "no series for the socket: $(grep ^pvcalls_socket scrape)"
[ "$(metric pvcalls_mapped_pages holder)" -gt 1 ] || fail "no pages are mapped"
pvcallsd top --once --metrics 127.0.0.1:9477 >top
cat top
grep -q "^ *$holder .* 1 .*  holder\$" top || fail "the guest is not in the table of top"

# A configuration with a mistake changes nothing; the guests that are here are served all the time.
echo 'mistake = 1' >>config
kill -HUP "$(backend_pid)"
for _ in $(seq 50); do
	! backend_log | grep -q 'stays as it was' || break
	sleep 0.1
done
backend_log | grep -q 'stays as it was' || fail "the mistake is not in the log"
printf '[daemon]\nmetrics = "127.0.0.1:9477"\n[domain.later]\nconnect = ["deny any"]\n' >config
kill -HUP "$(backend_pid)"
for _ in $(seq 50); do
	! backend_log | grep -q 'read again' || break
	sleep 0.1
done
guest later net-probe "args=connect $address:7"
expect_exit later 1
expect_console later PermissionDenied
xl destroy holder
for name in sender sealed later; do xl destroy "$name"; done
for _ in $(seq 50); do
	[ "$(metric pvcalls_sockets holder)" != none ] || break
	sleep 0.1
done
expect_equal "$(metric pvcalls_sockets holder)" none "series of a domain that is gone"

# The kernel logs every system call that a thread was refused.
dmesg | comm -13 dmesg.before - 2>/dev/null >news || dmesg >news
if grep -E 'type=1326|SECCOMP' news; then fail "a thread was refused a system call"; fi
