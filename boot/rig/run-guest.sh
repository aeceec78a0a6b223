#!/bin/sh
# Runs one guest to its end, in the rig's dom0 and in any other: creates it, shows its
# console while it runs, and exits with its exit code.
#
#   run-guest.sh NAME CONFIG [CLIENT]
#
# CLIENT is a script that is run as soon as the guest prints "listening on". When it ends, the
# guest is destroyed, and its exit status is the result.
#
# A guest writes its exit code to data/exit-code in xenstore before it powers off. A guest
# that crashes gives 101, or the code it had written if that is not 0. 125 means that the
# domain could not be created. The configuration must preserve ended domains.
. "$(dirname "$0")/domain.sh"
name=$1 config=$2 client=${3:-}
log=/var/log/xen/console/guest-$name.log
events=${TMPDIR:-/tmp}/callisto-events.$$
id= watcher= console= client_id= shown=0

# A line for the user that is not the guest's.
note() {
	if [ -x /callisto/record ]; then /callisto/record "note $*"; else echo "boot: $*" >&2; fi
}

clean_up() {
	[ -n "$watcher" ] && kill "$watcher" 2>/dev/null
	[ -n "$console" ] && kill "$console" 2>/dev/null
	[ -n "$client_id" ] && kill "$client_id" 2>/dev/null
	[ -n "$id" ] && xl destroy "$id" 2>/dev/null
	rm -f "$events" "$events.client"
}
trap 'clean_up; exit 130' INT TERM HUP

# Prints by how much the console's log has grown.
show_more() {
	[ -n "$console" ] && return
	size=$(stat -c %s "$log" 2>/dev/null || echo 0)
	if [ "$size" -gt "$shown" ]; then
		tail -c +$((shown + 1)) "$log" | head -c $((size - shown))
		shown=$size
	fi
}

# Starts the client when the guest listens; ends all when the client has ended.
tend_client() {
	if [ -z "$client_id" ]; then
		tail -c +$((before_it + 1)) "$log" 2>/dev/null | grep -q "listening on" || return 0
		(
			sh "$client" </dev/null
			echo $? >"$events.client"
		) &
		client_id=$!
	elif [ -s "$events.client" ]; then
		show_more
		status=$(cat "$events.client")
		client_id=
		clean_up
		exit "$status"
	fi
}

# A log of the same name may be left from an earlier guest.
[ -e "$log" ] && shown=$(stat -c %s "$log")
before_it=$shown
watch_for_an_end "$events"
if ! problem=$(xl create -q -e "$config" 2>&1); then
	note "xl create failed:"
	echo "$problem" | while IFS= read -r line; do note "  $line"; done
	clean_up
	exit 125
fi
if ! id=$(xl domid "$name"); then
	note "the domain $name was created, and xl cannot find it"
	xl destroy "$name" 2>/dev/null
	clean_up
	exit 125
fi
# If xenconsoled keeps no log, attach to the console instead.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -e "$log" ] && break
	sleep 0.1
done
if [ ! -e "$log" ]; then
	for bin in /usr/lib/xen-*/bin /usr/libexec/xen/bin /usr/lib/xen/bin; do
		[ -x "$bin/xenconsole" ] && break
	done
	"$bin/xenconsole" --type pv "$id" </dev/null &
	console=$!
fi

while :; do
	while kill -0 "$watcher" 2>/dev/null; do
		show_more
		if [ -n "$client" ]; then tend_client; fi
		sleep 0.1
	done
	domain_ended "$id" && break
	# It was some other domain. Look once more after the next watch is in place.
	watch_for_an_end "$events"
	domain_ended "$id" && break
done
final=$(domain_state "$id")

# xenconsoled may still hold the last bytes.
before=-1
while [ "$before" != "$shown" ]; do
	before=$shown
	sleep 0.1
	show_more
done
[ -n "$console" ] && sleep 0.3

code=$(xenstore-read "/local/domain/$id/data/exit-code" 2>/dev/null)
case $final in
*c*)
	note "the guest crashed"
	# What Xen itself has to say about it; nothing if the guest ended itself.
	xl dmesg | awk -v id="$id" '
		$0 ~ "d" id "v[0-9]" || $0 ~ "Domain " id " \\(vcpu" { left = 24 }
		$0 ~ "d[0-9]+v[0-9]" && $0 !~ "d" id "v[0-9]" { left = 0 }
		left-- > 0' | tail -n 60 | while IFS= read -r line; do note "$line"; done
	[ "${code:-0}" -eq 0 ] 2>/dev/null && code=101
	;;
"") note "the domain was destroyed by someone else" && code=${code:-101} ;;
esac
case ${code:=0} in
*[!0-9]*)
	note "the guest wrote something other than a number to data/exit-code: $code"
	code=101
	;;
esac
# An exit status has eight bits; no failure may become a success.
[ "$code" -gt 255 ] && code=255
clean_up
exit "$code"
