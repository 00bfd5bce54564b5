#!/bin/sh
# Makes libeiot0.1 and libeiot-dev of an installed tree. The shared library's package has the SONAME's version in its name.
# Takes VERSION and ABI, what the SONAME ends in, from its caller.
# Usage: deb.sh TREE OUTPUT-DIRECTORY
set -eu

tree=$1 out=$2
architecture=$(dpkg --print-architecture)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# package NAME DEPENDS DESCRIPTION, of what lies in $work/NAME
package() {
    root=$work/$1
    install -d "$root/DEBIAN" "$root/usr/share/doc/$1"
    install -m 644 LICENSE "$root/usr/share/doc/$1/copyright"
    cat >"$root/DEBIAN/control" <<CONTROL
Package: $1
Source: eiot
Version: $VERSION
Architecture: $architecture
Multi-Arch: same
Section: $4
Priority: optional
Maintainer: The eiot authors <eiot@localhost>
Depends: $2
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: $3
 libeiot asks the EIOTCLUB platform to refresh the package usage of a cloud
 eSIM card: it signs the request, keeps the account's rate, retries what may
 pass, and tells in its errors whether the platform may have acted.
CONTROL
    (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    [ "$4" != libs ] || echo "activate-noawait ldconfig" >"$root/DEBIAN/triggers"
    dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
}

lib=usr/lib/$triplet
install -d "$work/libeiot$ABI/$lib" "$work/libeiot-dev/$lib"
cp -P "$tree/lib/libeiot.so.$VERSION" "$tree/lib/libeiot.so.$ABI" "$work/libeiot$ABI/$lib"
cp -P "$tree/lib/libeiot.so" "$tree/lib/libeiot.a" "$work/libeiot-dev/$lib"
# Debian's library directory is one level deeper than the tree's.
"$MAKE" --no-print-directory describe PREFIX="$work/libeiot-dev/usr" DESTDIR= LIBDIR="lib/$triplet"

package "libeiot$ABI" "libc6 (>= 2.17)" "refresh cloud eSIM cards: shared library" libs
package libeiot-dev "libeiot$ABI (= $VERSION)" "refresh cloud eSIM cards: headers and static library" libdevel
