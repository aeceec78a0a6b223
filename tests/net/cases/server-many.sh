# A guest of 128 MiB serves a thousand clients at once, each with a thread and a stream; every byte
# comes back to whom it is from, and the guest is well afterwards.
# images: net-probe
# programs: net-peer
# timeout: 400
# backend: pvcallsd (docs/protocol.md, "End lost with data"; and Linux's takes minutes)
guest server net-probe "args=echo-server $address:7002 1 1000 1200" memory=128
net-peer clients "$address:7002" 1000 3 400
expect_exit server 0 60
expect_console server "accepted 1000, by each thread: [1000]"
