# The backends that can give guests their sockets, and switching between them. POSIX sh; sourced.

backend_config=/etc/pvcallsd.toml
backend_pid_file=/run/pvcallsd.pid
backend_log_file=/var/log/pvcallsd.log
# The configuration that the daemon runs with.
backend_config_file=/run/pvcallsd.config

# The name of the backend that runs: linux (the kernel's module), pvcallsd, or none.
backend() {
	if [ -d /sys/module/pvcalls_back ]; then
		echo linux
	elif kill -0 "$(backend_pid)" 2>/dev/null; then
		echo pvcallsd
	else
		echo none
	fi
}

# Whether the daemon, if it is that which runs, has its usual configuration.
backend_as_usual() {
	[ "$(backend)" != pvcallsd ] || [ "$(cat "$backend_config_file")" = "$backend_config" ]
}

# The process id of the daemon that runs or ran last.
backend_pid() { cat "$backend_pid_file" 2>/dev/null || echo none; }

# What the daemon printed since it was started.
backend_log() { cat "$backend_log_file" 2>/dev/null || true; }

# Starts the backend NAME and returns when it serves; the daemon with its usual or with another
# configuration. Returns 1, having said why, if it does not start.
#   backend_start NAME [CONFIG]
backend_start() {
	backend_running=$(backend)
	if [ "$backend_running" != none ]; then
		echo "the backend $backend_running already runs"
		return 1
	fi
	case $1 in
	linux) insmod /lib/modules/pvcalls-back.ko ;;
	pvcallsd) daemon_start "${2:-$backend_config}" ;;
	*) echo "there is no backend $1" && return 1 ;;
	esac
}

# Ends the backend that runs, as its administrator would, and returns when it is gone.
backend_stop() {
	case $(backend) in
	linux) rmmod pvcalls-back ;;
	pvcallsd)
		kill "$(backend_pid)"
		daemon_gone || {
			echo "pvcallsd has not ended in 20 s"
			return 1
		}
		;;
	esac
}

# Kills the daemon: it has no chance to clean up.
backend_kill() {
	kill -KILL "$(backend_pid)"
	daemon_gone
}

# Waits until the daemon's process is gone, for at most 20 s.
daemon_gone() {
	for _ in $(seq 200); do
		kill -0 "$(backend_pid)" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

# Starts the daemon with the configuration $1, in a session of its own, so that it outlives the
# case that starts it.
daemon_start() {
	if ! command -v pvcallsd >/dev/null; then
		echo "pvcallsd is not in this dom0, which was booted for another backend"
		return 1
	fi
	setsid pvcallsd --config "$1" </dev/null >"$backend_log_file" 2>&1 3>&- &
	echo $! >"$backend_pid_file"
	echo "$1" >"$backend_config_file"
	for _ in $(seq 100); do
		grep -qw ready "$backend_log_file" && return 0
		kill -0 "$(backend_pid)" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "$(backend_pid)" 2>/dev/null; then
		echo "pvcallsd did not say that it is ready in 10 s; it printed:"
		backend_kill
	else
		echo "pvcallsd ended at once; it printed:"
	fi
	tail -n 20 "$backend_log_file"
	return 1
}
