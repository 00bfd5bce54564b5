#!/bin/sh
# Makes the libraries that are installed from the static library that the compiler makes, in DIRECTORY/libraries.
#
# libeiot.a is one object that shows only the functions of the header. Two Rust libraries that are linked into one program would
# otherwise clash over the standard library that each of them contains.
#
# libeiot.so is linked from the same object, with symbol versions. Cargo cannot link it: rustc passes an anonymous version script of
# its own, which GNU ld refuses to combine with named versions.
#
# Takes CC, VERSION, SONAME and TOOLS, the prefix of the binary utilities, from its caller.
# Usage: libraries.sh DIRECTORY
set -eu

cd "$(dirname "$0")/.."
input=$1/libeiot.a
output=$1/libraries
TOOLS=${TOOLS:-}
symbols=abi/symbols.txt
mkdir -p "$output"

# Only what the functions of the header need is taken out of the archive, and the functions that a call runs are placed side by
# side. Section groups are dissolved: the linker would take one of ours, whose symbol is no longer visible outside, for the other
# library's of the same name.
object=$output/libeiot.o
"${TOOLS}ld" -r -T packaging/function-order.ld --gc-sections --force-group-allocation $(sed 's/^/-u /' "$symbols") -o "$object" "$input"
"${TOOLS}objcopy" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd --keep-global-symbols="$symbols" "$object"
rm -f "$output/libeiot.a"
"${TOOLS}ar" rcsD "$output/libeiot.a" "$object"

# Thread-local destructors of ours may run after a dlclose; unmapping their code would crash the host, hence nodelete.
versions=$output/versions
sh packaging/symbol-versions.sh "$VERSION" "$symbols" abi/symbols-in-versions >"$versions"
$CC -shared -o "$output/libeiot.so" "$object" -Wl,-soname,"$SONAME" -Wl,--version-script="$versions" \
    -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,-O1 -Wl,--hash-style=gnu -Wl,--gc-sections -Wl,--as-needed \
    -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
rm "$object" "$versions"
