# What a rig case can use. Sourced before the case, with `set -eu`, in a folder of its own.
#
# A case is a POSIX sh script in tests/GROUP/cases. It runs in dom0 as root. It fails when a
# command fails or when it says so; its guests and servers are ended after it. Comments at
# its start say what it needs:
#   # images: hello other        guest packages; each becomes the file /guest/NAME
#   # programs: socat            programs put into dom0 with their libraries: of packages of
#                                this workspace, of this machine, of Debian packages
#   # linux: NAME                Linux guests from tests/GROUP/NAME: /guest/vmlinuz and
#                                /guest/NAME.initramfs
#   # volume: TAG other:64k      fresh folders $volumes/TAG, of 512 MiB or the size given, which
#                                the case's guests may mount
#   # timeout: 30                seconds until it is killed; 60 if not given
#   # host-memory: 6144          MiB the emulated machine must have
#   # backend: pvcallsd (why)    the one backend it runs with; both if not given. `any`: it
#                                is not about the backend, and runs with the first one only
# The folder tests/GROUP/data, if there is one, is at $data.
#
# Besides what follows: `backend` prints the name of the backend that runs, and backend_start,
# backend_stop, backend_kill and backend_log switch between them (backend.sh). After the case,
# the run's own backend is started again.
. /callisto/domain.sh
. /callisto/backend.sh
# Time limits are multiplied by this: `cargo boot test --patience`.
patience=$(cat /callisto/patience)

# The case's volumes, folders named by their tags. A guest that is started gets all of them.
volumes=/volumes

# dom0's address for servers: guests must not depend on the loopback address.
address=192.0.2.1

# The case has failed, because of $*.
fail() {
	echo "$*" >/callisto/reason
	echo "FAILED: $*"
	exit 1
}

# The case cannot be run here, because of $*.
skip() {
	echo "$*" >/callisto/reason
	exit 77
}

# Creates the domain NAME from an image, and returns when it runs.
#   guest NAME IMAGE [args="a 'b c'"] [memory=MIB] [pvcalls=none] [volumes="TAG TAG" or none]
#         [KEY=VALUE as in xl.cfg]...
# Without volumes= it gets all volumes that the case's header names.
guest() {
	guest_name=$1 guest_image=$2
	shift 2
	[ -f "/guest/$guest_image" ] || fail "the image $guest_image is not here: name it in the case's header"
	guest_memory=64 guest_pvcalls='["backend=0"]' guest_args= guest_more=
	guest_volumes=$(ls $volumes 2>/dev/null || true)
	for setting; do
		case $setting in
		args=*) guest_args=$(printf %s "${setting#args=}" | sed 's/[\\"]/\\&/g') ;;
		memory=*) guest_memory=${setting#memory=} ;;
		volumes=none) guest_volumes= ;;
		volumes=*) guest_volumes=${setting#volumes=} ;;
		p9=*) guest_volumes= guest_more="$guest_more$setting
" ;;
		pvcalls=none) guest_pvcalls= ;;
		pvcalls=*) guest_pvcalls=${setting#pvcalls=} ;;
		*) guest_more="$guest_more$setting
" ;;
		esac
	done
	{
		echo "name = \"$guest_name\""
		echo 'type = "pv"'
		echo "kernel = \"/guest/$guest_image\""
		echo "memory = $guest_memory"
		echo "vcpus = 1"
		echo "extra = \"$guest_args\""
		if [ -n "$guest_pvcalls" ]; then echo "pvcalls = $guest_pvcalls"; fi
		if [ -n "$guest_volumes" ]; then echo "p9 = [ $(p9_entries $guest_volumes) ]"; fi
		echo 'on_poweroff = "preserve"'
		echo 'on_reboot = "preserve"'
		echo 'on_crash = "preserve"'
		printf %s "$guest_more"
	} >"$guest_name.cfg"
	rm -f "$(console_log "$guest_name")"
	xl create -q -e "$guest_name.cfg" || fail "xl create $guest_name failed"
	xl domid "$guest_name" >"$guest_name.id"
}

# The entries of a list `p9` in a configuration for the volumes TAG...
p9_entries() {
	for tag; do
		[ -d "$volumes/$tag" ] || fail "there is no volume $tag: name it in the case's header"
		printf '"tag=%s,path=%s,security_model=none", ' "$tag" "$volumes/$tag"
	done
}

# The number of the domain NAME.
domid() { cat "$1.id"; }

# The file with what the guest NAME printed.
console_log() { echo "/var/log/xen/console/guest-$1.log"; }

# What the guest NAME printed so far.
console() { cat "$(console_log "$1")" 2>/dev/null || true; }

# Waits until the guest NAME has ended, for at most SECONDS, by default 30.
wait_end() {
	wait_until=$(($(date +%s) + ${2:-30} * patience))
	while :; do
		wait_left=$((wait_until - $(date +%s)))
		[ "$wait_left" -gt 0 ] || fail "$1 has not ended in ${2:-30} s"
		watch_for_an_end "$1.events" "$wait_left"
		if domain_ended "$(domid "$1")"; then
			kill "$watcher" 2>/dev/null || true
			sleep 0.1 # xenconsoled may still hold the last bytes
			return 0
		fi
		wait "$watcher" || true
	done
}

# The guest NAME ends by itself, in SECONDS, with the exit code CODE.
#   expect_exit NAME CODE [SECONDS]
expect_exit() {
	wait_end "$1" "${3:-30}"
	case $(domain_state "$(domid "$1")") in
	*c*) fail "$1 crashed; expected the exit code $2" ;;
	esac
	exit_code=$(xenstore-read "/local/domain/$(domid "$1")/data/exit-code" 2>/dev/null || echo none)
	[ "$exit_code" = "$2" ] || fail "$1 ended with the exit code $exit_code; expected $2"
}

# The guest NAME ends in SECONDS with any exit code but 0, and without a crash.
expect_failure() {
	wait_end "$1" "${2:-30}"
	case $(domain_state "$(domid "$1")") in
	*c*) fail "$1 crashed; expected an exit code other than 0" ;;
	esac
	exit_code=$(xenstore-read "/local/domain/$(domid "$1")/data/exit-code" 2>/dev/null || echo none)
	case $exit_code in
	0 | none) fail "$1 ended with the exit code $exit_code; expected a failure" ;;
	esac
}

# The guest NAME crashes within SECONDS, and Xen knows it for crashed.
expect_crash() {
	wait_end "$1" "${2:-30}"
	case $(domain_state "$(domid "$1")") in
	*c*) ;;
	*) fail "$1 ended without a crash; expected one" ;;
	esac
}

# The guest NAME prints TEXT, part of a line, within SECONDS.
#   expect_console NAME TEXT [SECONDS]
expect_console() {
	expect_log=$(console_log "$1")
	expect_tries=0
	until grep -qF -e "$2" "$expect_log" 2>/dev/null; do
		expect_tries=$((expect_tries + 1))
		[ "$expect_tries" -le $((${3:-30} * 10 * patience)) ] || fail "$1 has not printed \"$2\" in ${3:-30} s"
		# `xl` is slow in an emulator: do not keep the guest from running by asking for it.
		if [ $((expect_tries % 10)) -eq 0 ] && domain_ended "$(domid "$1")"; then
			sleep 0.2 # xenconsoled may still hold the last bytes
			grep -qF -e "$2" "$expect_log" || fail "$1 ended without having printed \"$2\""
		fi
		sleep 0.1
	done
}

# The guest NAME has not printed TEXT so far.
expect_no_console() {
	if console "$1" | grep -qF -e "$2"; then fail "$1 printed \"$2\""; fi
}

# $1 and $2 are the same; $3 says what they are.
expect_equal() {
	[ "$1" = "$2" ] || fail "${3:-value}: \"$1\", expected \"$2\""
}

# Serves the folder $1 by HTTP at $address, on port $2 or 80.
serve_http() {
	busybox httpd -f -p "$address:${2:-80}" -h "$1" &
	wait_for_port "${2:-80}"
}

# Echoes what comes to port $1.
serve_echo() {
	busybox nc -ll -p "$1" -e cat &
	wait_for_port "$1"
}

# Waits until something listens on the TCP port $1.
wait_for_port() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		netstat -ltn | grep -q ":$1 " && return
		sleep 0.1
	done
	fail "no server came up on port $1"
}
