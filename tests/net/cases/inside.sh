# A guest talks to itself: many streams over IPv4 and IPv6, ports in use, ends and resets, datagrams. It
# has no pvcalls device, and no backend runs in the host.
# images: net-probe
# backend: any
# timeout: 120
backend_stop
guest inside net-probe "args=inside 20 100000" pvcalls=none
expect_exit inside 0 90
expect_console inside "nothing is left, and no device was touched"
expect_console inside "a port in use: AddrInUse: "
expect_console inside "nobody listens: ConnectionRefused: "
expect_console inside "unread bytes: ConnectionReset: "
expect_console inside "a full backlog: TimedOut: "
expect_console inside "nobody receives: ConnectionRefused: "
console inside | grep "streams, "
