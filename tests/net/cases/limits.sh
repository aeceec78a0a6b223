# What version 1 of the protocol cannot do says so; time-outs take about the time they should.
# images: net-probe
serve_echo 7
if [ "$(backend)" = pvcallsd ]; then
	backend_stop
	printf '[default]\nfeatures = []\n' >version-1.toml
	backend_start pvcallsd "$PWD/version-1.toml"
fi
guest limits net-probe "args=limits $address:7"
expect_exit limits 0
expect_console limits "limits are as documented"
expect_console limits "local_addr: Unsupported: "
expect_console limits "shutdown: Unsupported: "
expect_console limits "nodelay: Unsupported: "
expect_console limits "a read of nothing: WouldBlock: "
console limits | grep "^time-out"
