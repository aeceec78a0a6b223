# What the scripts around guests share: waiting for a domain's end. POSIX sh; sourced.

# The letters of `xl list` for domain $1 (running, blocked, paused, shut down, crashed,
# dying), or nothing if there is no such domain.
domain_state() { xl list "$1" 2>/dev/null | awk 'NR == 2 { print $5 }'; }

# Whether domain $1 has ended.
domain_ended() {
	case $(domain_state "$1") in
	*[scd]* | "") ;;
	*) return 1 ;;
	esac
}

# Starts a process, $watcher, that ends when any domain has ended, or after $2 seconds. Its
# first event goes to the file $1 and says that the watch is in place.
watch_for_an_end() {
	: >"$1"
	timeout "${2:-31536000}" xenstore-watch -n 2 @releaseDomain >"$1" 2>/dev/null &
	watcher=$!
	while [ ! -s "$1" ] && kill -0 "$watcher" 2>/dev/null; do sleep 0.05; done
}
