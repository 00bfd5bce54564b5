#!/bin/sh
# Makes the universal library, the commands and the tarball of macOS, on macOS with Xcode's command line tools. The workflow
# .github/workflows/platforms.yml runs it; it does not run where the other artifacts are made, without Apple's SDK.
# Takes VERSION, ABI, OUT, MAKE and CARGO from its caller: make dist-macos.
set -eu

cd "$(dirname "$0")/.."
targets="aarch64-apple-darwin x86_64-apple-darwin"
name=eiot-$VERSION-macos-universal
tree=$OUT/$name
# macOS 11 is the first that runs on both processors.
export MACOSX_DEPLOYMENT_TARGET=11.0
for target in $targets; do
    rustup target add "$target"
    "$CARGO" build --locked --release --target "$target" -p eiot-ffi -p eiot-cli -p eiot-sim
done

# One file of two: each has its own signature, which `lipo` keeps.
joined() {
    # shellcheck disable=SC2046
    lipo -create -output "$2" $(for target in $targets; do echo "target/$target/release/$1"; done)
}
rm -rf "$tree"
"$MAKE" --no-print-directory describe PREFIX="$tree" DESTDIR= LIBDIR=lib
mkdir -p "$tree/bin"
joined libeiot.dylib "$tree/lib/libeiot.$ABI.dylib"
ln -sf "libeiot.$ABI.dylib" "$tree/lib/libeiot.dylib"
joined libeiot.a "$tree/lib/libeiot.a"
joined eiot "$tree/bin/eiot"
joined eiot-sim "$tree/bin/eiot-sim"
# Nothing but the functions of the header, as on Linux.
nm -gUj "$tree/lib/libeiot.dylib" | sed -n 's/^_//p' | sort -u | diff abi/symbols.txt -
otool -D "$tree/lib/libeiot.dylib" | grep -q "@rpath/libeiot.$ABI.dylib"
tar -C "$OUT" -czf "$tree.tar.gz" "$name"
