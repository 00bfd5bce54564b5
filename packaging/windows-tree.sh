#!/bin/sh
# Builds eiot for Windows with mingw, and lays out the tree that a user unpacks. eiot_stdcall.dll is there in both widths, for in VBA
# the same module is for both.
# Needs Rust for ARCHITECTURE-pc-windows-gnu, mingw's gcc and binutils, and DLLTOOL, LLVM's, which writes import
# libraries that Microsoft's linker and mingw's can read.
# Takes VERSION, ABI, DLLTOOL and CARGO from its caller, and CARGO_TARGET_DIR, RUSTFLAGS and CFLAGS as cargo does.
# Usage: windows-tree.sh ARCHITECTURE PROFILE TREE, where ARCHITECTURE is x86_64 or i686
set -eu

cd "$(dirname "$0")/.."
architecture=$1 profile=$2 tree=$3
target=$architecture-pc-windows-gnu
mingw=$architecture-w64-mingw32
made=${CARGO_TARGET_DIR:-$PWD/target}/$target/$profile
work=$made/resources
mkdir -p "$work"

# part PACKAGE FILE DESCRIPTION FLAG…: builds one file, which says what it is in its properties.
part() {
    package=$1 file=$2 description=$3
    shift 3
    case $file in *.dll) type=0x2 ;; *) type=0x1 ;; esac
    sed "s|@FILE@|$file|; s|@DESCRIPTION@|$description|; s|@TYPE@|$type|; s|@VERSION@|$VERSION|
         s|@NUMBERS@|$(echo "$VERSION" | tr . ,),0|" packaging/windows.rc.in >"$work/$file.rc"
    "$mingw-windres" -O coff "$work/$file.rc" "$work/$file.o"
    # Without a time, so that the same sources make the same bytes.
    "$CARGO" rustc --locked --quiet --profile "$profile" --target "$target" -p "$package" "$@" -- \
        -C "link-arg=$work/$file.o" -C link-arg=-Wl,--no-insert-timestamp
    install "$made/$file" "$tree/bin"
    # All of it: what is exported has a table of its own, and names of symbols have the folder of the build, and a random word.
    "$mingw-strip" --strip-all "$tree/bin/$file"
}

rm -rf "$tree"
install -d "$tree/bin" "$tree/lib/pkgconfig" "$tree/lib/cmake/eiot" "$tree/include" "$tree/share/doc/eiot" "$tree/share/eiot"
part eiot-ffi eiot.dll "Refreshes the package usage of EIOTCLUB cloud eSIM cards" --lib
part eiot-stdcall eiot_stdcall.dll "eiot for callers of stdcall functions" --lib
part eiot-cli eiot.exe "Refreshes the package usage of EIOTCLUB cloud eSIM cards" --bin eiot
part eiot-sim eiot-sim.exe "A simulator of the EIOTCLUB platform" --bin eiot-sim

case $architecture in
    x86_64) machine=i386:x86-64 format=pe-x86-64 ;;
    *) machine=i386 format=pe-i386 ;;
esac
{ echo "LIBRARY eiot.dll"; echo "EXPORTS"; sed 's/^/    /' abi/symbols.txt; } >"$tree/lib/eiot.def"
# DLLTOOL can be several words.
$DLLTOOL -m "$machine" -d "$tree/lib/eiot.def" -l "$tree/lib/eiot.lib"
cp "$tree/lib/eiot.lib" "$tree/lib/libeiot.dll.a"
# Unlike on Linux, its objects cannot be made one that hides all other names: ld leaves out what thread-local storage needs.
cp "$made/libeiot.a" "$tree/lib"
# Rust's standard library comes with empty objects, for debug information, on which strip fails. With the format named, binutils do
# not offer each object to the compilers' plugins.
"$mingw-ar" --target="$format" t "$tree/lib/libeiot.a" | grep '\.dwo$' | xargs -r "$mingw-ar" --target="$format" dD "$tree/lib/libeiot.a"
"$mingw-strip" --target="$format" --strip-debug --enable-deterministic-archives "$tree/lib/libeiot.a"
# The import libraries that rustc has made itself have those names too; objects refer to each other by them.
"$mingw-nm" "$tree/lib/libeiot.a" 2>/dev/null | awk '
    $NF ~ /_rustc[A-Za-z0-9]+_[a-z0-9_]+_imports_lib(_iname)?$/ && !seen[$NF]++ {
        parts = split($NF, part, "_rustc")
        word = substr(part[parts], 1, 6)
        if (!number[word]) number[word] = ++words
        print $NF, ($NF ~ /^_head_/ ? "_head_" : "__") "rust" number[word] substr(part[parts], 7)
    }' >"$work/names"
"$mingw-objcopy" --target="$format" --enable-deterministic-archives --redefine-syms="$work/names" "$tree/lib/libeiot.a"

fill() { sed "s|@VERSION@|$VERSION|; s|@ABI@|$ABI|; s|@UP@|..|" "$1"; }
# What the static library needs of the system, as `rustc --print native-static-libs` says.
system="-lbcrypt -lcrypt32 -lsecur32 -lncrypt -ladvapi32 -lws2_32 -luserenv -lntdll -lkernel32"
for name in eiot eiot-static; do
    fill "packaging/$name.pc.in" | sed "s| -lgcc_s .*| $system|" >"$tree/lib/pkgconfig/$name.pc"
done
fill packaging/eiot-config-windows.cmake.in >"$tree/lib/cmake/eiot/eiot-config.cmake"
fill packaging/eiot-config-version.cmake.in >"$tree/lib/cmake/eiot/eiot-config-version.cmake"
install -m 644 include/eiot.h include/eiot.hpp "$tree/include"
install -m 644 LICENSE "$tree/share/doc/eiot/LICENSE.txt"
