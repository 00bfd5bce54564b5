#!/bin/sh
# Makes what is handed out: a tarball of the installed tree for any Linux with glibc 2.17 or newer, two Debian packages,
# checksums, and a bill of materials. Called by `make dist`.
# Takes BUILD, VENV, VERSION, ABI, CARGO and MAKE from there; the results are in $BUILD/dist.
set -eu

cd "$(dirname "$0")/.."
machine=$(uname -m)
target=$machine-unknown-linux-gnu
name=eiot-$VERSION-$machine-linux
out=$BUILD/dist
home=${CARGO_HOME:-$HOME/.cargo}

# The time of the last commit dates everything, so that the same sources make the same archive.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# zig links against any glibc; no path of this machine goes into the binaries. It would take all symbols away with the debugging
# information; valgrind wants them in `make test`, and what is handed out is stripped below.
CARGO_PROFILE_RELEASE_STRIP=none PATH=$VENV/bin:$PATH CARGO_TARGET_DIR=$BUILD/dist-target \
    RUSTFLAGS="--remap-path-prefix=$PWD=eiot --remap-path-prefix=$home/registry/src=crates" \
    CFLAGS="-ffile-prefix-map=$home/registry/src=crates" \
    "$VENV/bin/cargo-zigbuild" zigbuild --locked --release --target "$target.2.17" -p eiot-ffi -p eiot-cli -p eiot-sim
release=$BUILD/dist-target/$target/release
PATH=$VENV/bin:$PATH CC="cargo-zigbuild zig cc -- -target $machine-linux-gnu.2.17" SONAME=libeiot.so.$ABI sh packaging/libraries.sh "$release"
# Where `make test` finds it, whatever the machine is called.
ln -sfn "$target/release" "$BUILD/dist-target/made"

rm -rf "$out"
mkdir -p "$out"
"$MAKE" --no-print-directory place MADE="$release" PREFIX="$out/$name" DESTDIR= LIBDIR=lib
# By the symbols that valgrind's suppressions name, it knows what to suppress.
sed -n 's/^ *fun:\(\*.*\)/--keep-symbol=\1/p' packaging/valgrind.supp |
    xargs -d '\n' strip --strip-unneeded --wildcard "$out/$name/lib/libeiot.so.$VERSION"
strip --strip-unneeded "$out/$name"/bin/*

for part in ffi cli sim; do
    CARGO=$CARGO "$VENV/bin/python" packaging/sbom.py "eiot-$part" "$target" "$out/$name/share/eiot/eiot-$part.cdx.json"
done

tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -n9 >"$out/$name.tar.gz"

if command -v dpkg-deb >/dev/null; then
    sh packaging/deb.sh "$out/$name" "$out"
else
    echo "dist: there is no dpkg-deb here, so no Debian packages are made"
fi

(cd "$out" && sha256sum -- *.tar.gz *.deb 2>/dev/null >SHA256SUMS)
ls -l "$out"
