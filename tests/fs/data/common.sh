# What the cases about files share.

# As a guest makes files.
umask 022

# What fs-test printed in the guest NAME, without what others print there.
said() { console "$1" | tr -d '\r' | sed -n 's/^| /| /p'; }

# Two files of lines are the same; what they are about is $3. A failure shows where they differ.
expect_same() {
	if ! cmp -s "$1" "$2"; then
		echo "---- $3: the lines of $1 (-) and $2 (+):"
		diff -U 0 "$1" "$2" | grep '^[-+]' | head -n 100 || true
		fail "$3: $(diff -U 0 "$1" "$2" | grep -c '^+') lines are not what they should be"
	fi
}
