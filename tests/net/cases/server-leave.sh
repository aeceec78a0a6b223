# Accepts that may not wait do not; and a guest ends while its threads wait for connections.
# images: net-probe
guest leaves net-probe "args=listen-and-leave $address:7006 3"
expect_exit leaves 0
expect_console leaves "accept of nothing: WouldBlock: "
expect_console leaves "leaves"
expect_no_console leaves "an accept ended"
