# pvcallsd in a driver domain, a stock Linux PV guest: it serves guests whose `backend=` names that
# domain, from the addresses of that domain, while dom0's serves others from dom0's. It cleans up
# behind guests that end and that are destroyed under load. A daemon that is killed and one that
# is stopped are followed by another, and guests connect again. Sections for a domain hold when the
# toolstack lets the driver domain read its name.
# images: net-probe
# linux: driver-domain
# backend: pvcallsd (the driver domain runs it: docs/pvcallsd.md, "In a driver domain")
# timeout: 300
far=192.0.2.2 # of the driver domain, on an interface that only it has
serve_echo 7

# What the driver domain needs besides busybox: the daemon, its libraries, the modules.
mkdir root
for file in /usr/local/sbin/pvcallsd /etc/passwd /etc/group \
	/lib/modules/xen-evtchn.ko /lib/modules/xen-gntdev.ko \
	$(/lib64/ld-linux-x86-64.so.2 --list /usr/local/sbin/pvcallsd | grep -o '/[^ ]*'); do
	mkdir -p "root$(dirname "$file")"
	cp -L "$file" "root$file"
done
mkdir -p root/bin
mv root/usr/local/sbin/pvcallsd root/bin/pvcallsd
cat >root/etc/pvcallsd.toml <<'END'
[domain.named]
connect = ["deny any"]
END
(cd root && find . | cpio -o -H newc) >more.cpio
cat /guest/driver-domain.initramfs more.cpio >driver.initramfs
rm -r root more.cpio

guest driver vmlinuz "ramdisk=\"$PWD/driver.initramfs\"" memory=256 pvcalls=none driver_domain=1 \
	"args=console=hvc0 quiet address=$far"
area=/local/domain/$(domid driver)/backend/pvcalls
tty=$(xenstore-read "/local/domain/$(domid driver)/console/tty")

# Tells the driver domain's first process something; not by this shell itself, whose controlling
# terminal that would become.
order() { (echo "$*" >"$tty"); }

# The daemon's books, by the name $1.
books() {
	order books "$1"
	expect_console driver "driver: books $1: "
	console driver | tr -d '\r' | sed -n "s/^driver: books $1: //p"
}

# The daemon has the books $1 again, within some seconds.
books_balance() {
	for _ in $(seq 20); do
		count=$((count + 1))
		now=$(books "$count")
		[ "$now" = "$1" ] && return
		sleep 0.5
	done
	fail "pvcallsd has not given back everything: $now, before: $1"
}
count=0

# Destroys the guest $1 of the driver domain. xl waits there until the directory is removed, and
# complains when nobody does that.
destroy_served() {
	xl destroy "$1" >said 2>&1 || true
	[ ! -s said ] || fail "xl destroy $1: $(cat said)"
	if xenstore-exists "$area/$(domid "$1")"; then
		xenstore-ls -fp "$area"
		fail "something is left of $1"
	fi
}

# A guest of the driver domain.
served() {
	guest "$1" net-probe "$2" 'pvcalls=["backend=driver"]'
}

# Both daemons serve, each from where it is; also a guest that was there before them.
served far "args=echo-parallel $far:7 4 100000"
order start
expect_console driver "driver: daemon 1 is ready" 120
guest near net-probe "args=echo-parallel $address:7 4 100000"
expect_exit far 0 60
expect_exit near 0 60
expect_console far "4 threads, 100000 bytes each"
expect_console near "4 threads, 100000 bytes each"
xenstore-exists "$area/$(domid far)/0/state" || fail "the device was not in the driver domain's area"
if backend_log | grep -F "device=$(domid far)/"; then fail "dom0's daemon took the driver domain's guest"; fi
guest wrong net-probe "args=connect $far:7"
expect_failure wrong
expect_no_console wrong "$far:7: connected"
served wrong-too "args=connect $address:7"
expect_failure wrong-too
expect_no_console wrong-too "$address:7: connected"
for name in near wrong; do xl destroy $name; done
for name in far wrong-too; do destroy_served $name; done
before=$(books idle)
echo "idle: $before"

# Destroyed under load.
served victim "args=reconnect $far:7 1 4"
expect_console victim "round 1: under load" 60
under_load=$(books load)
[ "$under_load" != "$before" ] || fail "under load as idle: $under_load"
echo "under load: $under_load"
destroy_served victim
books_balance "$before"

# Killed and stopped, and another one after it. Meanwhile dom0's goes on.
served busy "args=reconnect $far:7 2 4"
expect_console busy "round 1: under load" 60
order kill
expect_console driver "driver: daemon 1 is gone"
expect_console busy "round 1: lost 4 of 4, ConnectionReset: " 60
guest meanwhile net-probe "args=echo $address:7 100000"
expect_exit meanwhile 0
order start
expect_console driver "driver: daemon 2 is ready"
expect_console busy "round 1: connected again after " 60
expect_console busy "round 2: under load" 60
order stop
expect_console driver "driver: daemon 2 is gone"
expect_console busy "round 2: lost 4 of 4, ConnectionReset: " 60
order start
expect_console driver "driver: daemon 3 is ready"
expect_console busy "round 2: connected again after " 60
expect_exit busy 0 60
expect_console busy "lost and found 2 times"
destroy_served busy
books_balance "$before"

# Without a daemon there is nobody to remove it, and xl does it itself in the end.
served orphan "args=reconnect $far:7 1 4"
expect_console orphan "round 1: under load" 60
order kill
expect_console driver "driver: daemon 3 is gone"
xl destroy orphan >said 2>&1 || true
grep -q "unable to remove device" said || fail "xl misses nobody who removes directories: $(cat said)"
order start
expect_console driver "driver: daemon 4 is ready"

# The section for a domain holds if its name may be read: of one that is not, [default].
served named "args=connect $far:7"
expect_exit named 0
destroy_served named
rm "$(console_log named)"
xl create -q -e -p named.cfg
xl domid named >named.id
xenstore-chmod "/local/domain/$(domid named)/name" n0 "r$(domid named)" "r$(domid driver)"
xl unpause named
expect_failure named
expect_console named "$far:7: PermissionDenied: "
destroy_served named

served last "args=echo $far:7 100000"
expect_exit last 0
destroy_served last
books_balance "$before"
expect_equal "$(xenstore-ls "$area" 2>/dev/null | wc -l)" 0 "keys left in the driver domain's area"

order refused
expect_console driver "driver: refused: 0"
expect_console driver "privileges: user pvcallsd, capabilities none, no-new-privileges on"
console driver | grep -e " WARN " -e " ERROR " -e panicked | grep -v "WARN pvcallsd::audit: " >bad || true
[ ! -s bad ] || fail "in the driver domain's log: $(cat bad)"
