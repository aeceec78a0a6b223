# The smallest example runs in domains of 8 MiB to 1 GiB, and says how much memory it has. The
# time from the first instruction to `main` is printed, not judged: it is the emulator's.
# images: hello
# backend: any
# timeout: 120
for memory in 8 16 64 1024; do
	guest "m$memory" hello "memory=$memory"
	expect_exit "m$memory" 0
	expect_console "m$memory" "Hello from a Xen guest!"
	expect_console "m$memory" " $memory MiB of memory, "
	pages=$(console "m$memory" | sed -n 's/.*MiB of memory, \([0-9]*\) pages free.*/\1/p')
	# No more than an eighth is in use, besides 2 MiB for the image and its stacks.
	[ "$pages" -gt $((memory * 256 - memory * 32 - 512)) ] || fail "$pages of $((memory * 256)) pages are free"
	[ "$pages" -lt $((memory * 256)) ] || fail "$pages of $((memory * 256)) pages are free"
	expect_console "m$memory" "main after "
	echo "$memory MiB: $(console "m$memory" | sed -n 's/.*\(main after .*ms\).*/\1/p'), $pages pages free"
	xl destroy "m$memory"
done
