#!/bin/sh
# Prints the linker's version script: which symbol has which version. Before 1.0, each minor version has a SONAME of its own, and
# all symbols have its version, such as EIOT_0.1. From 1.0 on, a symbol keeps the version of the release that added it, such as
# EIOT_1.2, so that a program which needs it does not start with an older library.
# Usage: symbol-versions.sh VERSION SYMBOLS SYMBOLS-IN-VERSIONS
set -eu

awk -v library="$1" '
    BEGIN { split(library, own, ".") }
    FNR == NR { exported[$1] = 1; next }
    !($1 in exported) { next }
    {
        split($2, added, ".")
        # What is older than the SONAME belongs to the first release that has it.
        minor = own[1] == 0 ? own[2] : added[1] < own[1] ? 0 : added[2]
        symbols[minor] = symbols[minor] "        " $1 ";\n"
        delete exported[$1]
    }
    END {
        for (name in exported) { print "no version for " name > "/dev/stderr"; exit 1 }
        for (minor = 0; minor <= own[2]; minor++) {
            if (!(minor in symbols)) continue
            node = "EIOT_" own[1] "." minor
            printf "%s {\n    global:\n%s%s}%s;\n", node, symbols[minor], before ? "" : "    local: *;\n", before
            before = " " node
        }
    }' "$2" "$3"
