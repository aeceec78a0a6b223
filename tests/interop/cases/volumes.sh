# What a case's volumes are: fresh folders of a limited size, which several guests may have, and
# for each a device whose backend offers version 1 of the transport before the guest asks.
# images: hello
# volume: data small:64k
# backend: any
for tag in data small; do
	expect_equal "$(ls "$volumes/$tag" | wc -l)" 0 "files in a fresh volume"
done
if dd if=/dev/zero of="$volumes/small/big" bs=1k count=65 2>/dev/null; then
	fail "65 KiB fit into a volume of 64 KiB"
fi

# The device $2 of the guest $1 has the tag $3, and its backend waits for the guest.
expect_offer() {
	front=/local/domain/$(domid "$1")/device/9pfs/$2
	expect_equal "$(xenstore-read "$front/tag")" "$3" "tag of device $2"
	back=$(xenstore-read "$front/backend")
	for _ in $(seq 50); do
		[ "$(xenstore-read "$back/state")" = 1 ] || break
		sleep 0.1
	done
	for offered in state=2 versions=1 max-rings=8 max-ring-page-order=9 path="$volumes/$3"; do
		expect_equal "$(xenstore-read "$back/${offered%%=*}")" "${offered#*=}" "the backend's ${offered%%=*}"
	done
}
guest one hello
guest other hello volumes=small
guest none hello volumes=none
expect_offer one 0 data
expect_offer one 1 small
expect_offer other 0 small
if xenstore-exists "/local/domain/$(domid other)/device/9pfs/1" ||
	xenstore-exists "/local/domain/$(domid none)/device/9pfs"; then
	fail "a guest has a volume that it was not given"
fi
for name in one other none; do expect_exit $name 0; done
