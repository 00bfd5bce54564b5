#!/bin/sh
# Makes a part of what is handed out, for each platform in PLATFORMS: names of packaging/platforms.txt, or "all". The third part, the
# packages of other languages that carry the libraries, is made of what is there.
# Called by `make dist`, which sets BUILD, VENV, VERSION, ABI, CARGO and MAKE. The results are in $BUILD/dist.
# Usage: dist.sh libraries|wheels|bundles
set -eu

cd "$(dirname "$0")/.."
part=$1
[ "$PLATFORMS" != all ] || PLATFORMS=$(sed '/^#/d; /^macos-/d; s/ .*//' packaging/platforms.txt)

# The time of the last commit dates everything, so that the same sources make the same archives.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
OUT=$BUILD/dist
export SOURCE_DATE_EPOCH OUT
# Old packages must not get into the checksums of new ones.
mkdir -p "$OUT"
find "$OUT" -maxdepth 1 -name '*[0-9].[0-9]*' ! -name "*$VERSION*" -exec rm -rf {} +

# No path of this machine goes into the binaries. CFLAGS is for the C code in crates.
home=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="--remap-path-prefix=$PWD=eiot --remap-path-prefix=$home/registry/src=crates"
CFLAGS="-ffile-prefix-map=$home/registry/src=crates"
PATH=$VENV/bin:$PATH
export RUSTFLAGS CFLAGS PATH

if [ "$part" = bundles ]; then
    python packaging/bundles.py "$VERSION" "$ABI" "$OUT"
    sh packaging/checksums.sh "$OUT"
    exit
fi

# Every platform is looked for before the first build, which takes minutes.
for platform in $PLATFORMS; do
    line=$(grep "^$platform " packaging/platforms.txt) || { echo "dist: packaging/platforms.txt has no $platform" >&2; exit 1; }
    # shellcheck disable=SC2086
    set -- $line
    if [ -d "$(rustc --print sysroot)/lib/rustlib" ] && [ ! -d "$(rustc --print sysroot)/lib/rustlib/$2" ]; then
        echo "dist: this Rust toolchain has no $2 (rustup target add $2)" >&2
        exit 1
    fi
done

for platform in $PLATFORMS; do
    echo "dist: $part of $platform…"
    # shellcheck disable=SC2046
    set -- $(grep "^$platform " packaging/platforms.txt)
    export PLATFORM="$1" RUST_TARGET="$2" ZIG_TARGET="$3" WHEEL_TAGS="$4" PROCESSOR="$5"
    case $part:$platform in
        libraries:linux-*) sh packaging/linux.sh ;;
        libraries:windows-*) sh packaging/windows.sh "$platform" ;;
        *:macos-*) echo "dist: $platform is made on macOS; RELEASING.md says how" >&2; exit 1 ;;
        wheels:*) [ "$WHEEL_TAGS" = - ] || sh packaging/wheels.sh ;;
    esac
done
[ "$part" != wheels ] || sh packaging/wheels.sh source
