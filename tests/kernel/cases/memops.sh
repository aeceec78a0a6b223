# Prints how fast memory is copied and set in a guest (see docs/boot.md); asserts nothing
# about it.
# images: kernel-test
# backend: any
# timeout: 120
guest one kernel-test args=memops
expect_exit one 0 100
console one | tr -d '\r' | grep -v INFO
