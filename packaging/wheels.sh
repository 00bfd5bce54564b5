#!/bin/sh
# Makes the wheels of one platform, of the Python package and of the simulator, or with "source" the source distributions.
# Called by dist.sh, which sets PLATFORM, RUST_TARGET, WHEEL_TAGS, OUT, SOURCE_DATE_EPOCH, and how to compile.
# Usage: wheels.sh [source]
set -eu

export CARGO_TARGET_DIR="$BUILD/dist-target/wheels"
if [ "${1:-}" = source ]; then
    maturin sdist -q -m bindings/python/Cargo.toml -o "$OUT"
    (cd bindings/python/simulator && maturin sdist -q -o "$OUT")
    exit
fi

set -- build --locked --release --target "$RUST_TARGET" -o "$OUT"
case $PLATFORM in
    linux-*)
        # maturin checks that the tags are true.
        set -- "$@" --zig
        for tag in $(echo "$WHEEL_TAGS" | tr , ' '); do set -- "$@" --compatibility "$tag"; done ;;
esac
maturin "$@" -m bindings/python/Cargo.toml
cd bindings/python/simulator
maturin "$@"
