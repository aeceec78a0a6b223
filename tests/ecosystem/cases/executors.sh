# embassy-time's clock and alarms, embassy-executor on a thread, edge-executor in a task, critical
# sections.
# images: async-test
# backend: any
guest executors async-test args=executors pvcalls=none
expect_exit executors 0
for part in embassy-time embassy-executor edge-executor "critical sections"; do
	expect_console executors "executors: $part"
done
expect_console executors "executors: passed"
