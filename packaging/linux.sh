#!/bin/sh
# Makes the tarball and the packages of one Linux platform. Called by dist.sh, which sets PLATFORM, RUST_TARGET, ZIG_TARGET,
# PROCESSOR, OUT, SOURCE_DATE_EPOCH, and how to compile.
set -eu

machine=${RUST_TARGET%%-*}
name=eiot-$VERSION-$PLATFORM
this=$(uname -m)
tree=$OUT/$name

# The binary utilities of that machine, as Debian names them.
case $machine:$this in
    armv7:armv7*) TOOLS= triplet=arm-linux-gnueabihf ;;
    armv7:*) TOOLS=arm-linux-gnueabihf- triplet=arm-linux-gnueabihf ;;
    "$this:$this") TOOLS= triplet=$machine-linux-gnu ;;
    *) TOOLS=$machine-linux-gnu- triplet=$machine-linux-gnu ;;
esac
if ! command -v "${TOOLS}objcopy" >/dev/null; then
    echo "dist: no ${TOOLS}objcopy (apt-get install binutils-${TOOLS%-})" >&2
    exit 1
fi

# zig links against any glibc, and against musl. It would take all symbols away with the debugging information; valgrind wants
# them in `make test`, and what is handed out is stripped below.
suffix=
case $ZIG_TARGET in *gnu*.*) suffix=.${ZIG_TARGET#*.} ;; esac
CARGO_PROFILE_RELEASE_STRIP=none CARGO_TARGET_DIR=$BUILD/dist-target \
    cargo-zigbuild zigbuild --locked --release --target "$RUST_TARGET$suffix" -p eiot-ffi -p eiot-cli -p eiot-sim
release=$BUILD/dist-target/$RUST_TARGET/release
CC="cargo-zigbuild zig cc -- -target $ZIG_TARGET" SONAME=libeiot.so.$ABI TOOLS=$TOOLS sh packaging/libraries.sh "$release"

# The manual pages and completions are printed by the command, which must run here.
if [ "$machine" = "$this" ]; then
    pages=$release
    # Where `make test` finds it, whatever the machine is called.
    [ "$PLATFORM" != "linux-$this" ] || ln -sfn "$RUST_TARGET/release" "$BUILD/dist-target/made"
else
    # Nothing of it is handed out: it is built as every day.
    pages=${CARGO_TARGET_DIR:-$PWD/target}/debug
    env -u RUSTFLAGS -u CFLAGS "$CARGO" build --locked -p eiot-cli -p eiot-sim
fi

rm -rf "$tree" "$tree.tar.gz"
install() { "$MAKE" --no-print-directory place MADE="$release" PAGES="$pages" DESTDIR= "$@"; }
install PREFIX="$tree" LIBDIR=lib
# By the symbols that valgrind's suppressions name, it knows what to suppress.
sed -n 's/^ *fun:\(\*.*\)/--keep-symbol=\1/p' packaging/valgrind.supp |
    xargs -d '\n' "${TOOLS}strip" --strip-unneeded --wildcard "$tree/lib/libeiot.so.$VERSION"
"${TOOLS}strip" --strip-unneeded "$tree"/bin/*
for part in ffi cli sim; do
    python packaging/sbom.py "eiot-$part" "$RUST_TARGET" "$tree/share/eiot/eiot-$part.cdx.json"
done
python packaging/licenses.py eiot-ffi eiot-cli eiot-sim "$tree/share/doc/eiot/LICENSES-THIRD-PARTY"

tar -C "$OUT" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -n9 >"$tree.tar.gz"

# The same tree as packages of Debian and of Red Hat, or of Alpine; each has its own library directory.
case $RUST_TARGET in
    *musl*) packagers=apk ;;
    *) packagers="deb rpm" ;;
esac
for packager in $packagers; do
    case $packager in
        deb) libdir=lib/$triplet ;;
        rpm) case $machine in armv7) libdir=lib ;; *) libdir=lib64 ;; esac ;;
        apk) libdir=lib ;;
    esac
    stage=$BUILD/packages/$PLATFORM-$packager
    rm -rf "$stage"
    install PREFIX="$stage/usr" LIBDIR="$libdir"
    # What was stripped.
    cp "$tree/lib/libeiot.so.$VERSION" "$stage/usr/$libdir"
    cp "$tree"/bin/* "$stage/usr/bin"
    cp "$tree/share/doc/eiot/LICENSES-THIRD-PARTY" "$stage/usr/share/doc/eiot"
    gzip -n9 "$stage"/usr/share/man/man1/*.1 "$stage"/usr/share/man/zh_CN/man1/*.1
    find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    # How an rpm package names a library: with what its processor has, if that is 64 bits.
    [ "$libdir" = lib ] && bits= || bits="()(64bit)"
    for package in library development tools; do
        STAGE=$stage LIBDIR=$libdir BITS=$bits nfpm package --config "packaging/packages/$package.yaml" --packager "$packager" --target "$OUT" >/dev/null
    done
done
