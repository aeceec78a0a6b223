# xenstore from the guest, and what dom0 sees of it.
# images: kernel-test
guest one kernel-test args=xenstore
expect_exit one 0
expect_console one "xenstore write /local/domain/0/name: EACCES"
expect_console one "xenstore read data//test:"
expect_console one "limit is 4096"
home=/local/domain/$(domid one)
# The toolstack lets a guest write the nodes that it made; it makes none for halt.
for feature in poweroff reboot; do
	expect_equal "$(xenstore-read "$home/control/feature-$feature")" 1 "control/feature-$feature"
done
