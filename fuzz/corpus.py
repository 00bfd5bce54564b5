r"""The inputs that are checked in: `corpus.py unpack FUZZER DIRECTORY` writes a file of each, as fuzzers want them, and
`corpus.py pack FUZZER DIRECTORY` checks in those of a directory.

A line of `corpus/FUZZER.txt` is one input: printable ASCII as it is, and \x and two hex digits for every other byte and for
the backslash.
"""

import hashlib
import pathlib
import re
import sys

MAX_INPUTS = 20


def escaped(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in data)


def main() -> None:
    how, fuzzer, directory = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    packed = pathlib.Path(__file__).parent / "corpus" / f"{fuzzer}.txt"
    if how == "unpack":
        directory.mkdir(parents=True, exist_ok=True)
        for line in packed.read_text(encoding="ascii").splitlines():
            data = re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), line.encode())
            (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)
    elif how == "pack":
        inputs = sorted({file.read_bytes() for file in directory.iterdir()})
        if len(inputs) > MAX_INPUTS:
            sys.exit(f"{len(inputs)} inputs; at most {MAX_INPUTS} are checked in, those that together cover most")
        packed.write_text("".join(f"{escaped(data)}\n" for data in inputs), encoding="ascii")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
