#!/bin/sh
# Installs what `make test-platforms` compiles and runs programs of other platforms with, on Debian. Says what could not be installed.
# Takes BUILD, the build directory, from its caller.
set -u

if ! command -v apt-get >/dev/null; then
    echo "setup-platforms: this is no Debian; packaging/setup-platforms.sh lists what is needed" >&2
    exit 1
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"

wanted=""
want() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || wanted="$wanted $package"
    done
}

# Windows.
want gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix gcc-mingw-w64-i686-posix g++-mingw-w64-i686-posix wine64 libc6-i386 fp-compiler \
    fpc-source mono-mcs
targets="x86_64-pc-windows-gnu i686-pc-windows-gnu"

# Linux on ARM, and packages of Linux: what runs programs, what strips them, what tests the packages, what builds images.
want qemu-user-static libc6-arm64-cross libc6-armhf-cross libgcc-s1-arm64-cross libgcc-s1-armhf-cross rpm buildah
machine=$(uname -m)
# Whole nights are compiled by gcc: `make night-arm`.
[ "$machine" = aarch64 ] || want gcc-aarch64-linux-gnu libc6-dev-arm64-cross
[ "$machine" = x86_64 ] || want binutils-x86-64-linux-gnu
want binutils-arm-linux-gnueabihf
targets="$targets aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf x86_64-unknown-linux-musl aarch64-unknown-linux-musl"

# macOS, which is only compiled.
targets="$targets aarch64-apple-darwin x86_64-apple-darwin"

if [ -n "$wanted" ]; then
    $as_root apt-get -qq update || exit 1
    for package in $wanted; do
        echo "setup-platforms: installing $package"
        $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "$package" >/dev/null 2>&1 ||
            echo "setup-platforms: $package could not be installed; what needs it is not run" >&2
    done
fi
for target in $targets; do
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || rustup target add "$target" >/dev/null 2>&1 ||
        echo "setup-platforms: Rust for $target could not be installed" >&2
done

# Wine's 32-bit half, and Free Pascal's compiler for 32-bit Windows. They are packages of another architecture, which Debian
# installs beside this one's only if both have the same versions in all of their archives; unpacked in a folder they need nothing
# but libc6-i386.
unpack_i386() {
    folder=$1
    shift
    apt=$folder.apt
    rm -rf "$folder" "$apt"
    mkdir -p "$folder.new" "$apt/lists/partial" "$apt/archives/partial"
    . /etc/os-release
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $VERSION_CODENAME main" >"$apt/sources.list"
    : >"$apt/status"
    options="-o APT::Architecture=i386 -o APT::Architectures=i386 -o Dir::Etc::SourceList=$apt/sources.list -o Dir::Etc::SourceParts=-
             -o Dir::State=$apt -o Dir::State::Status=$apt/status -o Dir::Cache=$apt -o APT::Sandbox::User=root -qq"
    # The options are several words.
    apt-get $options update && (cd "$apt" && apt-get $options download "$@") || return 1
    for package in "$apt"/*.deb; do dpkg -x "$package" "$folder.new" || return 1; done
    mv "$folder.new" "$folder"
    rm -rf "$apt"
}
if [ ! -d "$BUILD/platforms/wine32" ]; then
    echo "setup-platforms: unpacking wine32 into build/platforms/wine32"
    # With freetype but without fontconfig, wine calls through a null pointer, and its programs have no desktop and no messages.
    unpack_i386 "$BUILD/platforms/wine32" wine32 libwine libunwind8 liblzma5 libgcc-s1 libfreetype6 libpng16-16 zlib1g libbrotli1 \
        libfontconfig1 libexpat1 libuuid1 libz-mingw-w64 fp-compiler-3.2.2 >/dev/null 2>&1 ||
        echo "setup-platforms: wine32 could not be unpacked; 32-bit Windows is not run" >&2
fi
