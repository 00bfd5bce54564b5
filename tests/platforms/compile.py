"""A compiler for another platform whose programs can be run like native ones: it leaves a script where the program was asked for.

Usage: compile.py RUNNER COMPILER… -- ARGUMENTS…, where the arguments are those of cc.
"""

import pathlib
import subprocess
import sys


def main() -> int:
    runner, *words = sys.argv[1:]
    split = words.index("--")
    compiler, arguments = words[:split], words[split + 1 :]
    if "-o" not in arguments or {"-c", "-E", "-S"} & set(arguments):
        return subprocess.run([*compiler, *arguments]).returncode
    place = arguments.index("-o") + 1
    script = pathlib.Path(arguments[place]).resolve()
    # Windows wants this ending; elsewhere it is a name like others.
    program = script.with_name(f"{script.name}.exe")
    arguments[place] = str(program)
    status = subprocess.run([*compiler, *arguments]).returncode
    if status == 0:
        script.write_text(f"#!/bin/sh\nexec '{runner}' '{program}' \"$@\"\n")
        script.chmod(0o755)
    return status


if __name__ == "__main__":
    sys.exit(main())
