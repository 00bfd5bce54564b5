"""`make function-order`: writes packaging/function-order.ld, which places the functions of a call side by side.

Callgrind counts what runs in each of a number of sequential calls. Names are kept without their hashes, so
that the order survives a change of the compiler; a function that is not found is simply not moved.
"""

import pathlib
import re
import subprocess
import tempfile
from collections import Counter

from contenders import programs
from measure import Server

OUTPUT = pathlib.Path(__file__).parents[2] / "packaging" / "function-order.ld"
CALLS = (200, 700)
HEAD = """\
/* Written by `make function-order`. The functions that a call runs lie side by side: spread over the library they take
 * more of the caches for code, and a call 4 % more time (docs/benchmarks.md). */
SECTIONS
{
  .text.hot :
  {
"""
TAIL = """\
  }
}
INSERT BEFORE .text;
"""


def instructions(command: list[str], calls: int, server: Server, work: pathlib.Path) -> Counter[str]:
    """The instructions of each function of the library, by its mangled name, in a run of that many calls."""
    profile = work / "profile"
    callgrind = ["valgrind", "--tool=callgrind", "--demangle=no", "--compress-strings=no", "-q"]
    subprocess.run(
        [*callgrind, f"--callgrind-out-file={profile}", *command],
        input=f"{calls}\n",
        text=True,
        env=server.environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    found: Counter[str] = Counter()
    library, function, is_callee = "", "", False
    for line in profile.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "ob":
            library = value
        elif key == "fn":
            function = value.partition("'")[0]
        elif key == "calls":
            is_callee = True
        elif line[:1] in set("0123456789+-*"):
            # The line after a call has the costs of the callee.
            if not is_callee and "/libeiot.so" in library:
                found[function] += int((line.split() + ["0"])[1])
            is_callee = False
    return found


def pattern(function: str) -> str:
    """The function's section, whatever the hashes in its name."""
    name = re.sub(r"17h[0-9a-f]{16}E$", "17h*", function)
    return f".text.{re.sub(r'Cs[0-9A-Za-z]+_', 'Cs*_', name)}"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="eiot-order-") as folder:
        work = pathlib.Path(folder)
        command = [programs(work)["eiot"], "single"]
        with Server.fast(work, None) as server:
            few, many = (instructions(command, calls, server, work) for calls in CALLS)
    # What runs in each call, and not just in the first or when memory is short.
    each = [name for name, count in many.most_common() if count - few[name] >= CALLS[1] - CALLS[0]]
    patterns = dict.fromkeys(pattern(name) for name in each if name.startswith("_"))
    OUTPUT.write_text(HEAD + "".join(f"    *({name})\n" for name in patterns) + TAIL)
    print(f"{len(patterns)} functions: {OUTPUT}")


if __name__ == "__main__":
    main()
