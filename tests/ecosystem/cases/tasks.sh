# Tasks: results, order, aborting, timers, wakers from other threads, who drops what; a guest that
# waits takes no processor time.
# images: async-test
# backend: any
guest tasks async-test args="tasks" pvcalls=none
expect_exit tasks 0
expect_console tasks "tasks: passed"
