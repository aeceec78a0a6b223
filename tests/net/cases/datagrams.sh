# UDP between a guest and a peer in dom0: all lengths, time-outs, a port where nobody is, clones, names and
# options; a question to a DNS server. With version 1 of the protocol there is none, and that is said.
# images: net-probe
# programs: net-peer dnsmasq@dnsmasq-base
# timeout: 180
guest within net-probe "args=datagrams-inside"
expect_exit within 0
expect_console within "datagrams inside the guest"

if [ "$(backend)" = linux ]; then
	guest without net-probe "args=no-datagrams $address:5300"
	expect_exit without 0
	expect_console without "a bind: Unsupported: the PV Calls backend does not offer feature-udp; pvcallsd does"
	exit 0
fi

net-peer udp-echo "$address:7007" >ready &
until [ -s ready ]; do sleep 0.1; done
guest peer net-probe "args=datagrams $address:7007 $address:7008"
expect_exit peer 0 60
expect_console peer "datagrams come and go"
console peer | grep -e "up to" -e "came back" -e "^before" -e "^after" -e "to IPv6"

dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --group=root --pid-file= \
	--listen-address="$address" --bind-interfaces --no-resolv --no-hosts --local=/test/ \
	--host-record=www.test,192.0.2.1 &
wait_for_port 53
guest asks net-probe "args=datagram-query $address:53 www.test"
expect_exit asks 0
expect_console asks "www.test is 192.0.2.1"
