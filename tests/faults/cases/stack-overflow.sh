# Running over the guard page ends the domain as crashed, and the host learns where. The guest
# itself cannot say: Xen pushes the frame of an exception on the stack that is used up, and
# ends the domain when it cannot (docs/debugging.md).
# images: faults
guest main faults args=stack-overflow
expect_crash main
expect_no_console main "still alive"
xl dmesg | tail -n 60 >log
grep -q "Domain $(domid main) (vcpu#0) crashed" log || fail "Xen does not tell of the crash"
grep -q "RIP: *e033:\[<ffffffff80" log || fail "Xen does not tell where"

guest thread faults args=stack-overflow-in-thread
expect_crash thread
expect_no_console thread "still alive"
xl dmesg | tail -n 60 | grep -q "Domain $(domid thread) (vcpu#0) crashed" || fail "Xen does not tell of the crash"
