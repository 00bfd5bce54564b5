#!/bin/sh
# Writes PROVENANCE, what the artifacts in DIRECTORY were made from and with, and SHA256SUMS. Called by dist.sh.
# Usage: checksums.sh DIRECTORY
set -eu

{
    echo "eiot $VERSION"
    commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    [ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || commit="$commit, and uncommitted changes"
    echo "commit: $commit"
    echo "dated: $(git log -1 --format=%cI 2>/dev/null || echo unknown)"
    echo "Cargo.lock: sha256 $(sha256sum Cargo.lock | cut -d ' ' -f 1)"
    echo "compiler: $(rustc --version)"
    echo "linker: zig $(python -m ziglang version), $(cargo-zigbuild --version)"
    echo "packages: nfpm $(nfpm --version | sed -n 's/^GitVersion: *//p'), $(maturin --version)"
    echo "command: make dist PLATFORMS=\"…\" in a clone of that commit; the same tools make the same bytes"
} >"$1/PROVENANCE"

cd "$1"
rm -f SHA256SUMS
find . -maxdepth 1 -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum -- >../SHA256SUMS
mv ../SHA256SUMS .
cat SHA256SUMS
