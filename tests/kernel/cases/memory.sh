# All memory of a domain can be used, from 8 MiB to a gigabyte.
# images: kernel-test
# backend: any
# timeout: 120
for mib in 8 16 64 1024; do
	guest "m$mib" kernel-test memory=$mib args=memory
	expect_exit "m$mib" 0 60
	console "m$mib" | grep "pages written and read"
	free=$(console "m$mib" | sed -n 's/^\([0-9]*\) of [0-9]* pages.*/\1/p')
	# What the kernel itself and the toolstack's pages take: at most 2 MiB and 1 %.
	pages=$((mib * 256))
	[ "$free" -ge $((pages - pages / 100 - 512)) ] || fail "only $free of $pages pages can be used"
	xl destroy "m$mib"
done
