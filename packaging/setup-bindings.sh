#!/bin/sh
# Installs what the wrappers of the other languages are built and run with, on Debian. Says what could not be installed.
set -u

packages="default-jdk-headless libjna-java mono-mcs mono-runtime libmono-system-core4.0-cil golang-go php-cli \
          libffi-platypus-perl gnucobol fp-compiler"
# A Node.js that is there already has its own npm.
command -v node >/dev/null || packages="$packages nodejs"
command -v npm >/dev/null || packages="$packages npm"

if ! command -v apt-get >/dev/null; then
    echo "setup-bindings: this is no Debian; install by hand what stands for: $packages" >&2
    exit 1
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"

$as_root apt-get -qq update || exit 1
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" && continue
    echo "setup-bindings: installing $package"
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "$package" >/dev/null 2>&1 \
        || echo "setup-bindings: $package could not be installed; its language is not run" >&2
done
