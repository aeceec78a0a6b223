#!/bin/sh
# Measures one backend, or two in turns, in one dom0, and reports each figure as a record.
# Arguments: the backends, the servers' first port, rounds, and what the guest takes.
#
#   bench BACKEND NAME VALUE       a figure of the guest
#   bench-failed BACKEND REASON    a round that gave none

# One guest's figures with the backend $1, in a shell of its own: a case's helpers end it when
# something fails.
measure='
set -eu
backend=$1 port=$2
shift 2
. /callisto/lib.sh
if [ "$(backend)" != "$backend" ]; then
	backend_stop
	backend_start "$backend" || fail "the backend $backend does not start"
fi
guest bench net-bench "args=$address $port $*"
expect_exit bench 0 300
console bench | tr -d "\r" | sed -n "s/^bench //p" | while read -r name value; do
	/callisto/record "bench $backend $name $value"
done
'

order=$1 port=$2 rounds=$3
shift 3
. /callisto/lib.sh
mkdir -p /tmp/bench && cd /tmp/bench || exit 1
ip address add "$address/32" dev lo
bench-peer "$address" "$port" &
(wait_for_port $((port + 3))) || exit 1

failed=0
for round in $(seq "$rounds"); do
	for backend in $order; do
		/callisto/record "note round $round of $rounds: $backend"
		rm -f /callisto/reason
		if ! sh -c "$measure" measure "$backend" "$port" "$@" >log 2>&1; then
			failed=1
			/callisto/record "bench-failed $backend $(head -n 1 /callisto/reason 2>/dev/null || tail -n 1 log)"
			{ cat log && console bench && backend_log; } | tail -n 60 |
				while IFS= read -r line; do /callisto/record "note   $line"; done
		fi
		xl destroy bench >/dev/null 2>&1
	done
	# The other way round next time, so that what changes in time hits both.
	order=$(echo "$order" | awk '{ print $2, $1 }')
done
exit $failed
