# A processor exception prints what it is and the registers, and ends the domain as crashed.
# images: faults
guest null faults args=read-null
expect_crash null
expect_console null "fatal exception 14: page fault at 0x0000000000000008 (reading, nothing is mapped there) in thread 'main'"
expect_console null "rip ffffffff80"
expect_console null "callisto_main + 0x"

guest divide faults args=divide
expect_crash divide
expect_console divide "fatal exception 0: divide error"

guest opcode faults args=invalid-opcode
expect_crash opcode
expect_console opcode "fatal exception 6: invalid opcode"
