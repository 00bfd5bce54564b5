"""Free Pascal's compiler for Windows, whose programs can be run like native ones: it leaves a script where the program was asked for.

Usage: fpc.py RUNNER COMPILER… -- ARGUMENTS…, where the arguments are those of fpc: -oNAME and -FEFOLDER.
"""

import pathlib
import subprocess
import sys

runner, *words = sys.argv[1:]
split = words.index("--")
arguments = words[split + 1 :]
done = subprocess.run([*words[:split], *arguments])
if done.returncode == 0:
    (name,) = [word[2:] for word in arguments if word.startswith("-o")]
    folder = next((word[3:] for word in arguments if word.startswith("-FE")), ".")
    script = pathlib.Path(folder, name).resolve()
    # fpc takes the name as it is, without an ending.
    program = script.rename(script.with_name(f"{name}.exe"))
    script.write_text(f"#!/bin/sh\nexec '{runner}' '{program}' \"$@\"\n")
    script.chmod(0o755)
sys.exit(done.returncode)
