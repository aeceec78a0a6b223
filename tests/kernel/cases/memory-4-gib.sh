# All memory of a domain of 4 GiB can be used.
# images: kernel-test
# backend: any
# timeout: 180
# host-memory: 6656
guest big kernel-test memory=4096 args=memory
expect_exit big 0 150
console big | grep "pages written and read"
free=$(console big | sed -n 's/^\([0-9]*\) of [0-9]* pages.*/\1/p')
[ "$free" -ge 1030000 ] || fail "only $free of 1048576 pages can be used"
