#!/bin/sh
# Runs rig cases one after the other, each in a session of its own, and reports to
# `cargo boot test`. /callisto/list has a line per case: its name and its seconds.

# The case in a shell of its own: what `sh` gets as arguments below.
run_case='
set -eu
. /callisto/lib.sh
data=/callisto/data/${1%/*}
. "/callisto/cases/$1.sh"
'

. /callisto/backend.sh
own_backend=$(cat /callisto/backend)

# Sees to it that the run's own backend runs, with its usual configuration, whatever a case left.
restore_backend() {
	[ "$(backend)" = "$own_backend" ] && backend_as_usual && return
	backend_stop || backend_kill
	backend_start "$own_backend"
}

# Makes the volumes of the case $1.
make_volumes() {
	while read -r tag size; do
		mkdir -p "/volumes/$tag" && mount -t tmpfs -o "size=$size" "$tag" "/volumes/$tag" || return 1
	done <"/callisto/cases/$1.volumes"
}

# Removes all volumes, and what a case mounted in them.
remove_volumes() {
	# What was mounted last comes first.
	for folder in $(awk '$2 ~ "^/volumes/" { print $2 }' /proc/mounts | sort -r); do
		umount "$folder" || umount -l "$folder"
	done
	rm -rf /volumes
}

# The case $1 in the folder it is in; not without the backend, which fails every case anyway.
run_or_fail() {
	if ! make_volumes "$1"; then
		echo "the case's volumes cannot be made" >/callisto/reason
		exit 1
	fi
	if restore_backend; then
		exec setsid sh -c "$run_case" case "$1"
	fi
	echo "the backend $own_backend does not run" >/callisto/reason
	exit 1
}

# The system calls that were refused to our daemon: its sandbox allows what it needs and no more,
# and the kernel's log is the only place where a mistake in that shows.
refused_calls() { dmesg | grep 'type=1326.*pvcallsd'; }

# What is left of the domains and backends a case used.
clean_up() {
	for id in $(xenstore-list /local/domain 2>/dev/null); do
		[ "$id" = 0 ] || xl destroy "$id"
	done
	remove_volumes
	restore_backend
	cd / && rm -rf /tmp/case
}

# What helps to understand a failure.
show_failure() {
	for log in $(find /var/log/xen/console -newer /tmp/case/started -name 'guest-*.log'); do
		echo "---- $(basename "$log" .log) printed (at most 50 lines):"
		tail -n 50 "$log"
		echo
	done
	for log in $(find /var/log/xen -newer /tmp/case/started -name 'qemu-dm-*.log' -size +0); do
		echo "---- $(basename "$log" .log), the files' backend, printed (at most 20 lines):"
		tail -n 20 "$log"
	done
	if [ "$(backend)" != linux ] && [ -s "$backend_log_file" ]; then
		echo "---- pvcallsd, which $(kill -0 "$(backend_pid)" 2>/dev/null && echo runs || echo "does not run"), printed (at most 50 lines):"
		backend_log | tail -n 50
	fi
	echo "---- xl list:"
	xl list
	echo "---- Xen's messages during the case:"
	xl dmesg | tail -n 40
}

ip address add 192.0.2.1/32 dev lo
while read -r name seconds; do
	mkdir -p /tmp/case && cd /tmp/case || exit 1
	touch started
	refused_before=$(refused_calls | wc -l)
	xl dmesg -c >/dev/null # so that a failure shows this case's messages only
	rm -f /callisto/reason /callisto/late
	/callisto/record "case $name"
	run_or_fail "$name" </dev/null 2>&1 &
	case=$!
	setsid sh -c "sleep $seconds; : >/callisto/late; kill -KILL -$case" &
	killer=$!
	wait $case
	status=$?
	kill -KILL -$killer 2>/dev/null
	kill -KILL -$case 2>/dev/null # servers it left running
	reason=$(head -n 1 /callisto/reason 2>/dev/null)
	if [ -e /callisto/late ]; then
		status=1 reason="not done after $seconds s"
	fi
	if [ "$status" = 0 ] && [ "$(refused_calls | wc -l)" -gt "$refused_before" ]; then
		refused_calls
		status=1 reason="pvcallsd was refused a system call: $(refused_calls | tail -n 1)"
	fi
	case $status in
	0) result=pass ;;
	77) result="skip $reason" ;;
	*) result="fail ${reason:-a command failed with status $status}" && show_failure ;;
	esac
	clean_up >/dev/console 2>&1
	/callisto/record "result $result"
done </callisto/list
