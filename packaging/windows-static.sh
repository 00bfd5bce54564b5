#!/bin/sh
# Makes the static library for mingw from the one that the compiler makes: one object that shows only the functions of the header.
# Two Rust libraries that are linked into one program would otherwise clash over the standard library that each of them contains.
# Usage: windows-static.sh MINGW INPUT OUTPUT
set -eu

mingw=$1 input=$2 output=$3
# 32-bit C names begin with an underscore.
case $mingw in i686-*) prefix=_ ;; *) prefix= ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s/^/$prefix/" abi/symbols.txt >"$work/symbols"
"$mingw-ld" -r $(sed 's/^/-u /' "$work/symbols") -o "$work/libeiot.o" "$input"
"$mingw-objcopy" --strip-debug --keep-global-symbols="$work/symbols" "$work/libeiot.o"
rm -f "$output"
"$mingw-ar" rcsD "$output" "$work/libeiot.o"
