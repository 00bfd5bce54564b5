#!/bin/sh
# Makes the zip archive for Windows of one width: DLLs, import libraries, static library, headers, command, simulator, documentation
# and examples, with a list of checksums in it.
# Takes BUILD, VENV, VERSION, ABI, CARGO, OUT and SOURCE_DATE_EPOCH from its caller; leaves $OUT/eiot-VERSION-NAME and its archive.
# Usage: windows.sh NAME, which is windows-x86_64 or windows-i686
set -eu

cd "$(dirname "$0")/.."
architecture=${1#windows-}
name=eiot-$VERSION-$1
home=${CARGO_HOME:-$HOME/.cargo}
export VERSION ABI CARGO SOURCE_DATE_EPOCH
export CARGO_TARGET_DIR="$BUILD/dist-target"
export DLLTOOL="$VENV/bin/python -m ziglang dlltool"
# No path of this machine goes into the binaries.
export RUSTFLAGS="--remap-path-prefix=$PWD=eiot --remap-path-prefix=$home/registry/src=crates --remap-path-prefix=$CARGO_TARGET_DIR=target"
export CFLAGS="-ffile-prefix-map=$home/registry/src=crates"

mkdir -p "$OUT"
sh packaging/windows-tree.sh "$architecture" release "$OUT/$name"
documents=$OUT/$name/share/doc/eiot
mkdir -p "$documents/examples" "$documents/bindings"
cp README.md CHANGELOG.md "$documents"
cp -R docs "$documents"
cp -R examples/c examples/cpp "$documents/examples"
for binding in csharp pascal vb; do cp -R "bindings/$binding" "$documents/bindings"; done
for part in ffi cli sim; do
    "$VENV/bin/python" packaging/sbom.py "eiot-$part" "$architecture-pc-windows-gnu" "$OUT/$name/share/eiot/eiot-$part.cdx.json"
done
"$VENV/bin/python" packaging/licenses.py eiot-ffi eiot-cli eiot-sim "$documents/LICENSES-THIRD-PARTY"
"$VENV/bin/python" packaging/zip.py "$OUT/$name" "$OUT/$name.zip"
