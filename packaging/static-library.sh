#!/bin/sh
# Makes the static library that is installed out of the one that the compiler makes: one object, in which nothing but the
# functions of the header can be seen from outside. Two Rust libraries that are linked into one program would otherwise
# clash over the standard library that each of them contains.
# Usage: static-library.sh IN.a SYMBOLS.txt OUT.a
set -eu

input=$1 symbols=$2 output=$3
object=$output.o

# Only what the functions of the header need is taken out of the archive. Section groups are dissolved: the linker would
# take one of ours, whose symbol nobody else can see any more, for the other library's of the same name.
ld -r --gc-sections --force-group-allocation $(sed 's/^/-u /' "$symbols") -o "$object" "$input"
objcopy --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd --keep-global-symbols="$symbols" "$object"
rm -f "$output"
ar rcsD "$output" "$object"
rm "$object"
