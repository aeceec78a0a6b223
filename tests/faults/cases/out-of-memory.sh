# A domain that runs out of memory says so and crashes; it does not hang.
# images: faults
guest one faults args=out-of-memory memory=16
expect_crash one
expect_console one "memory allocation of 1048576 bytes failed"
