#!/bin/sh
# Makes the wheels of one platform, of the Python package and of the simulator, or with "source" the source distributions.
# Called by dist.sh, which sets PLATFORM, RUST_TARGET, WHEEL_TAGS, OUT, SOURCE_DATE_EPOCH, and how to compile.
# Usage: wheels.sh [source]
set -eu

# As in linux.sh, so that crates are compiled once for both.
export CARGO_TARGET_DIR="$BUILD/dist-target" CARGO_PROFILE_RELEASE_STRIP=none
if [ "${1:-}" = source ]; then
    maturin sdist -m bindings/python/Cargo.toml -o "$OUT"
    (cd bindings/python/simulator && maturin sdist -o "$OUT")
    exit
fi

set -- build --locked --release --strip --target "$RUST_TARGET" -o "$OUT"
first=${WHEEL_TAGS%%,*}
case $PLATFORM in
    # maturin checks that the tag is true.
    linux-*) set -- "$@" --zig --compatibility "$first" ;;
esac
maturin "$@" -m bindings/python/Cargo.toml
(cd bindings/python/simulator && maturin "$@")

# It gives one tag. Others are further names of the same wheel.
case $WHEEL_TAGS in *,*)
    machine=${RUST_TARGET%%-*}
    for tag in $(echo "${WHEEL_TAGS#*,}" | tr , ' '); do
        rm -f "$OUT"/*"${tag}_$machine"*.whl
        for wheel in "$OUT"/*"${first}_$machine"*.whl; do
            python -m wheel tags --remove --platform-tag "+${tag}_$machine" "$wheel" >/dev/null
        done
    done
esac
