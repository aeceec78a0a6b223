# A domain whose sockets live in a network namespace of its own reaches what is in it and nothing
# else; another domain, served by the same daemon, does not reach it.
# images: net-probe
# timeout: 180
# backend: pvcallsd (it is in its configuration)
inside=192.0.2.201
mkdir -p /run/netns
: >/run/netns/blue
unshare -n sh -c 'ip link set lo up; ip address add '$inside'/32 dev lo
	mount --bind /proc/self/ns/net /run/netns/blue'
trap 'backend_stop; backend_start pvcallsd; umount /run/netns/blue; rm /run/netns/blue' EXIT
nsenter --net=/run/netns/blue busybox nc -ll -p 7 -e cat &
for _ in $(seq 50); do
	nsenter --net=/run/netns/blue netstat -ltn | grep -q ':7 ' && break
	sleep 0.1
done
serve_echo 7
cat >config <<END
[domain.blue]
namespace = "blue"
END
backend_stop
backend_start pvcallsd "$PWD/config"
guest blue net-probe "args=echo $inside:7 65536"
expect_exit blue 0 60
expect_console blue "65536 bytes to and fro"
guest plain net-probe "args=echo $address:7 65536"
expect_exit plain 0 60
xl destroy blue
guest blue net-probe "args=connect $address:7"
expect_exit blue 1
expect_console blue NetworkUnreachable
guest other net-probe "args=connect $inside:7"
expect_exit other 1
