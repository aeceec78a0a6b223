# A guest serves 64 clients at once: four threads accept on clones of one listener, every byte comes
# back to whom it is from.
# images: net-probe
# programs: net-peer
# timeout: 120
guest server net-probe "args=echo-server $address:7001 4 64 10000"
net-peer clients "$address:7001" 64 5 2000
expect_exit server 0
expect_console server "accepted 64, by each thread: "
console server | grep -e "listening at" -e "by each thread"
