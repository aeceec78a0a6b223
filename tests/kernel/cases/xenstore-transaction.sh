# The guest counts up in transactions while dom0 changes the same node: nothing is lost.
# images: kernel-test
# timeout: 90
guest one kernel-test args=transaction
home=/local/domain/$(domid one)
until xenstore-exists "$home/data/ready"; do sleep 0.1; done
# dom0 adds a thousand at a time, in no transaction: what it overwrites it must not, so it
# only touches a node that the guest's transactions read, and puts back what it read.
disturbances=0
until xenstore-exists "$home/data/counted"; do
	xenstore-write "$home/data/disturbance" "$disturbances"
	disturbances=$((disturbances + 1))
done
expect_exit one 0 60
expect_equal "$(xenstore-read "$home/data/counter")" 50 "the counter"
console one | grep "50 transactions"
