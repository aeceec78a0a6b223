# Threads as std has them: turns, scopes, values of their own, locks, channels, and how many fit.
# images: kernel-test
# backend: any
# timeout: 120
guest thousand kernel-test memory=64 args=thousand
for test in fairness scopes sync std; do
	guest "$test" kernel-test args=$test
done
for test in thousand fairness scopes sync std; do
	expect_exit "$test" 0 100
	expect_console "$test" "$test: passed"
done
expect_console thousand "pages are free again"
for line in "buffered 2" "in pieces" "to standard error" "1 + 1 = 2"; do
	expect_console std "$line"
done
