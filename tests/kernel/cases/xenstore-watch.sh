# Watches tell of what dom0 writes.
# images: kernel-test
guest one kernel-test args=watch
home=/local/domain/$(domid one)
until xenstore-exists "$home/data/ready"; do sleep 0.1; done
for value in first second third; do
	xenstore-write "$home/data/watched" "$value"
	expect_console one "seen: $value"
done
xenstore-write "$home/data/watched" end
expect_exit one 0
