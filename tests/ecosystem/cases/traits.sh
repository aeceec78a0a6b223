# The ecosystem's traits as generic code uses them, between sockets of one guest: embedded-nal,
# embedded-nal-async, edge-nal, rand_core; async listeners.
# images: async-test
guest traits async-test args=traits
expect_exit traits 0
for part in listeners edge-nal embedded-nal-async datagrams embedded-nal rand_core; do
	expect_console traits "traits: $part"
done
expect_console traits "traits: passed"
