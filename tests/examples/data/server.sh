# A guest that serves dom0. Sourced.

# The guest NAME says that it listens, and does so on PORT: with our daemon on all of dom0's
# addresses.
#   serves NAME PORT
serves() {
	expect_console "$1" "listening on" 60
	wait_for_port "$2"
}

# The guest NAME still runs, has not crashed, and serves: $* is a command that shows it.
still_serves() {
	serving=$1
	shift
	if domain_ended "$(domid "$serving")"; then fail "$serving has ended"; fi
	"$@" >still.log 2>&1 || fail "$serving does not serve any more: $(cat still.log)"
}

# Sends what comes from standard input to PORT, and shows what comes back within SECONDS.
#   talk PORT [SECONDS]
talk() { timeout "${2:-10}" socat -t 5 - "TCP:$address:$1" || true; }
