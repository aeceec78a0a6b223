#!/bin/sh
# Builds a Debian package of pvcallsd, with cargo, dpkg-deb and the binutils that cargo needs:
#
#     pvcalls-back/packaging/debian.sh [FOLDER]
#
# The package is written into FOLDER, by default target/debian; the last line printed is its
# path. The package fits the Debian or Ubuntu release it is built on, and newer ones.
set -eu

crate=$(cd "$(dirname "$0")/.." && pwd)
root=$(cd "$crate/.." && pwd)
folder=${1:-$root/target/debian}
mkdir -p "$folder"

cd "$root"
cargo build --release --package pvcalls-back --bin pvcallsd
target=$(cargo metadata --format-version 1 --no-deps |
	sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
program=$target/release/pvcallsd
version=$("$program" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"

# put MODE FILE DESTINATION
put() {
	install -D -m "$1" "$2" "$tree/$3"
}

put 755 "$program" usr/bin/pvcallsd
strip --strip-unneeded "$tree/usr/bin/pvcallsd"
put 644 "$crate/pvcallsd.toml" etc/pvcallsd.toml
put 644 "$crate/packaging/pvcallsd.modprobe" etc/modprobe.d/pvcallsd.conf
put 644 "$crate/packaging/pvcallsd.service" lib/systemd/system/pvcallsd.service
put 644 "$crate/packaging/pvcallsd.sysusers" usr/lib/sysusers.d/pvcallsd.conf
for document in pvcallsd policy extensions; do
	put 644 "$root/docs/$document.md" "usr/share/doc/pvcallsd/$document.md"
done
{
	echo "pvcallsd is part of Callisto. It may be used under either of these licences."
	for licence in MIT APACHE; do
		printf '\n----\n\n'
		cat "$root/LICENSE-$licence"
	done
} >"$tree/usr/share/doc/pvcallsd/copyright"
chmod 644 "$tree/usr/share/doc/pvcallsd/copyright"

# The libc the program was linked against: its newest symbol version is what it needs.
libc=$(objdump -T "$tree/usr/bin/pvcallsd" |
	sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -n 1)

mkdir "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<-CONTROL
	Package: pvcallsd
	Version: $version
	Architecture: $architecture
	Maintainer: The Callisto developers <callisto@localhost>
	Installed-Size: $(du -sk --exclude DEBIAN "$tree" | cut -f1)
	Depends: libc6 (>= $libc), libgcc-s1
	Recommends: xen-utils-common
	Section: admin
	Priority: optional
	Description: sockets for Xen guests (PV Calls backend in user space)
	 Guests with a pvcalls device make their socket calls through shared memory, and
	 this daemon owns the real sockets, in dom0 or in a driver domain. It needs no
	 kernel module but those for event channels and grants.
CONTROL
printf '/etc/pvcallsd.toml\n/etc/modprobe.d/pvcallsd.conf\n' >"$tree/DEBIAN/conffiles"
for script in postinst prerm postrm; do
	put 755 "$crate/packaging/debian.$script" "DEBIAN/$script"
done
(cd "$tree" && find etc lib usr -type f -exec md5sum {} + >DEBIAN/md5sums)

package=$folder/pvcallsd_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$tree" "$package" >&2
echo "$package"
