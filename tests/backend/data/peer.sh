# The other ends of back-probe's connections, and dom0's books. Sourced by the cases of this group.

# Starts back-peer with these ports (PORT=STEPS); what its connections saw goes to the file `peer`.
peer() {
	back-peer serve "$@" >peer 2>&1 &
	for _ in $(seq 50); do
		grep -q '^ready' peer && return
		sleep 0.1
	done
	fail "back-peer does not serve: $(cat peer)"
}

# Port $1 had exactly $2 connections that ended thus: $3. Some may take a moment to end.
peer_saw() {
	for _ in $(seq $((100 * patience))); do
		peer_count=$(grep "^$1 #" peer | grep -c -F " $3" || true)
		[ "$peer_count" -lt "$2" ] || break
		sleep 0.1
	done
	[ "$peer_count" = "$2" ] || {
		grep "^$1 #" peer | sed 's/#[0-9]*//' | sort | uniq -c
		fail "$peer_count connections to port $1 ended with \"$3\", expected $2"
	}
}

# Runs the probe $1 with the arguments after it to its end, in the guest $name, by default one
# called like the probe; it has $seconds, by default 60.
probe() {
	probe_guest=${name:-$1}
	guest "$probe_guest" back-probe "args=$*" ${settings:+"$settings"}
	expect_exit "$probe_guest" 0 "${seconds:-60}"
	console "$probe_guest" | tr -d '\r' | sed -n '/^main after/d; s/^/  /p'
	xl destroy "$probe_guest"
}

# A network where packets vanish: connects to 198.51.100.x hang.
hanging_network() {
	[ -d /sys/class/net/dummy0 ] || insmod /lib/modules/dummy.ko
	ip link set dummy0 up
	ip address add 198.51.100.1/24 dev dummy0
	trap 'ip link set dummy0 down; ip address flush dev dummy0' EXIT
}

# What pvcallsd has of what must come back: sockets, grants, ports, and keys in xenstore. One
# line each, in the file $1.
books() {
	books_pid=$(backend_pid)
	{
		echo "descriptors $(ls "/proc/$books_pid/fd" | wc -l)"
		echo "sockets $(ls -l "/proc/$books_pid/fd" | grep -c 'socket:' || true)"
		echo "mapped $(grep -c gntdev "/proc/$books_pid/maps" || true)"
		echo "ports $(grep -c pvcallsd /proc/interrupts || true)"
		echo "keys $(xenstore-ls -f /local/domain/0/backend/pvcalls 2>/dev/null | wc -l)"
	} >"$1"
}

# What pvcallsd has now becomes what it had, in the file $1, within some seconds, and no domain
# is left half dead because somebody still maps its pages.
books_balance() {
	for _ in $(seq $((150 * patience))); do
		books now
		cmp -s "$1" now && ! xl list | grep -q "^(null)" && return
		sleep 0.2
	done
	diff "$1" now || true
	xl list
	fail "pvcallsd has not given back everything (before: <, now: >)"
}

# Ticks of processor time, of 1/100 s, that pvcallsd has used.
ticks() { awk '{ print $14 + $15 }' "/proc/$(backend_pid)/stat"; }

# A well-behaved guest that echoes until the file `stop` appears, and a line in `rounds` for
# each time it succeeded. End it by witness_end.
witness_start() {
	rm -f stop rounds
	: >rounds
	(
		round=0
		while [ ! -e stop ]; do
			round=$((round + 1))
			guest "witness$round" tcp-echo-client "args=$address:7 200"
			expect_exit "witness$round" 0 60
			expect_console "witness$round" "200 echoes"
			xl destroy "witness$round"
			echo "$round" >>rounds
		done
	) &
	witness=$!
}

# The witness was served throughout, and once more after now.
witness_end() {
	before=$(wc -l <rounds)
	for _ in $(seq $((600 * patience))); do
		[ "$(wc -l <rounds)" -le $((before + 1)) ] || break
		kill -0 "$witness" 2>/dev/null || break
		sleep 0.1
	done
	: >stop
	wait "$witness" || fail "another guest was not served"
	echo "  another guest succeeded $(wc -l <rounds) times"
	[ "$(wc -l <rounds)" -gt "$before" ] || fail "another guest was not served afterwards"
}
