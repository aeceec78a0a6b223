# A panic prints where and why, with names, and ends the domain as crashed.
# images: faults
guest one faults args=panic
expect_crash one
expect_console one "thread 'main' panicked at tests/faults/src/main.rs:"
expect_console one "as asked"
expect_console one "callisto_main + 0x"
expect_console one "kernel::boot::start_of_day + 0x"

guest two faults args=panic-in-thread
expect_crash two
expect_console two "thread 'worker' panicked at"
