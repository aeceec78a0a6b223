# A domain's limits at the server: errors of the kind, from threads that write more than the server takes in a
# second; what is given back can be had again, and another guest notices nothing.
# images: store-probe hello
# timeout: 240
# backend: any
guest one store-probe args=quota
guest two hello
expect_exit two 0
expect_exit one 0 180
expect_console one "transactions"
expect_console one "nodes"
