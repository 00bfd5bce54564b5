"""eiot.h and eiot.hpp on their own, included twice, in every standard, with GCC and Clang, with every warning an error."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import PREFIX, WARNINGS

STANDARDS = {
    "c": ["c89", "c99", "c11", "c17", "gnu2x"],
    "cpp": ["c++98", "c++11", "c++17", "c++20"],
}


def compiler(name, language):
    """The command of a compiler. Without clang, zig's is used, which is available as a Python package."""
    if name == "clang":
        found = shutil.which("clang++" if language == "cpp" else "clang")
        return [found] if found else [sys.executable, "-m", "ziglang", "c++" if language == "cpp" else "cc"]
    return os.environ["EIOT_TEST_CXX" if language == "cpp" else "EIOT_TEST_CC"].split()


@pytest.mark.parametrize("name", ["gcc", "clang"])
@pytest.mark.parametrize(
    "language, standard", [(language, standard) for language, all_ in STANDARDS.items() for standard in all_]
)
def test_headers_are_clean(name, language, standard, tmp_path):
    headers = ["eiot.h"] if language == "c" or standard == "c++98" else ["eiot.h", "eiot.hpp"]
    source = tmp_path / f"twice.{language}"
    source.write_text("".join(f"#include <{header}>\n" for header in headers * 2) + "int nothing;\n")
    strict = [*WARNINGS, "-Wconversion", "-Wundef", *(["-Wstrict-prototypes"] if language == "c" else [])]
    # Compiled for real: zig does not know -fsyntax-only.
    command = [
        *compiler(name, language), f"-std={standard}", *strict, f"-I{PREFIX / 'include'}",
        "-c", "-o", tmp_path / "twice.o", source,
    ]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)


@pytest.mark.parametrize("name, macro", [("gcc", "__GNUC__"), ("clang", "__clang__")])
def test_compilers_are_what_their_names_say(name, macro, tmp_path):
    source = tmp_path / "which.c"
    source.write_text(f"#ifndef {macro}\n#error not {name}\n#endif\nint nothing;\n")
    subprocess.run([*compiler(name, "c"), "-c", "-o", str(tmp_path / "which.o"), str(source)], check=True)
