"""The promises of docs/abi.md: the declarations of the header, the exports of the library, and compatible changes of both."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import PREFIX, TESTS, WARNINGS

ROOT = TESTS.parent
HEADER = PREFIX / "include" / "eiot.h"
BASELINE = ROOT / "abi" / "libeiot.abi"

FUNCTION = re.compile(r"^[a-z][\w *]*?\b(eiot_\w+)\([^;]*?\);", re.M | re.S)
TYPE = re.compile(r"^typedef [^;]*?\b(eiot_\w+)(?:\)\([^;]*)?;", re.M)
MACRO = re.compile(r"^#define (EIOT_\w+) .+$", re.M)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def names(pattern, text=None):
    return set(pattern.findall(without_comments(text or HEADER.read_text())))


def test_shared_library_exports_the_checked_in_symbols_and_nothing_else():
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", PREFIX / "lib" / "libeiot.so"], check=True, capture_output=True, text=True
    )
    exported = sorted(line.split()[-1] for line in listed.stdout.splitlines())
    assert exported == (ROOT / "abi" / "symbols.txt").read_text().split()


def test_static_library_exports_the_same_symbols_and_nothing_else():
    listed = subprocess.run(
        ["nm", "-g", "--defined-only", PREFIX / "lib" / "libeiot.a"], check=True, capture_output=True, text=True
    )
    shown = sorted(line.split()[-1] for line in listed.stdout.splitlines() if len(line.split()) == 3)
    assert shown == (ROOT / "abi" / "symbols.txt").read_text().split()


def test_header_declares_the_checked_in_symbols():
    assert sorted(names(FUNCTION)) == (ROOT / "abi" / "symbols.txt").read_text().split()


def test_header_names_have_the_version_that_introduced_them():
    lines = (ROOT / "abi" / "symbols-in-versions").read_text().splitlines()
    listed = dict(line.split() for line in lines if line and not line.startswith("#"))
    in_header = names(FUNCTION) | names(TYPE) | names(MACRO)
    assert len(in_header) > 90
    assert set(listed) == in_header
    assert all(numbers(version) <= numbers(version_of_cargo()) for version in listed.values())


def test_header_documents_every_item():
    text = HEADER.read_text()
    undocumented = []
    for pattern in (FUNCTION, TYPE, MACRO):
        for found in pattern.finditer(text):
            if not text[: found.start()].rstrip().endswith("*/"):
                undocumented.append(found.group(1))
    assert len(FUNCTION.findall(text)) == len(names(FUNCTION))
    assert undocumented == []


def test_version_macros_are_those_of_cargo_toml():
    version = version_of_cargo()
    major, minor, patch = numbers(version)
    defined = dict(re.findall(r"^#define (EIOT_VERSION\w*) (.+)$", HEADER.read_text(), re.M))
    assert defined["EIOT_VERSION"] == f'"{version}"'
    assert [defined[f"EIOT_VERSION_{part}"] for part in ("MAJOR", "MINOR", "PATCH")] == [str(major), str(minor), str(patch)]
    assert int(defined["EIOT_VERSION_NUM"], 16) == major << 16 | minor << 8 | patch


def test_abi_is_compatible_with_the_baseline(tmp_path):
    library = as_library(HEADER.read_text(), tmp_path)
    if os.environ.get("EIOT_WRITE_ABI"):
        flags = ["--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--out-file", BASELINE]
        subprocess.run(["abidw", *flags, library], check=True)
    compared = against_baseline(library)
    assert compared.returncode == 0, compared.stdout


@pytest.mark.parametrize(
    "before, after",
    [
        ("size_t eid_len", "uint32_t eid_len"),
        ("int64_t eiot_error_retry_after_ms(", "int32_t eiot_error_retry_after_ms("),
        ("void (*eiot_log_fn)(const char *line, void *user_data)", "void (*eiot_log_fn)(void *user_data, const char *line)"),
        ("uint32_t eiot_version_number(void);", ""),
        ("#define EIOT_ERR_TIMEOUT 22", "#define EIOT_ERR_TIMEOUT 23"),
    ],
    ids=["parameter", "result", "callback", "removed", "constant"],
)
def test_abi_gate_detects_a_seeded_break(tmp_path, before, after):
    header = HEADER.read_text()
    assert before in header
    assert against_baseline(as_library(header.replace(before, after), tmp_path)).returncode != 0


def test_abi_gate_accepts_an_addition(tmp_path):
    header = HEADER.read_text()
    addition = "void eiot_reply_free(eiot_reply *reply);"
    added = header.replace(addition, f"{addition}\nint32_t eiot_reply_new_thing(const eiot_reply *reply);")
    assert added != header
    compared = against_baseline(as_library(added, tmp_path))
    assert compared.returncode == 0, compared.stdout


def as_library(header, directory):
    """The ABI that a header declares, as a C library with debugging information.

    The real library will not do: its debugging information describes Rust's inner types too, which may change freely.
    """
    if shutil.which("abidw") is None:
        pytest.skip("abidiff is not installed (on Debian: apt-get install abigail-tools)")
    (directory / "eiot.h").write_text(header)
    plain = without_comments(header)
    bodies = [found.group(0).removesuffix(";") + " { abort(); }" for found in FUNCTION.finditer(plain)]
    # Constants leave no trace in a library; as the members of an enumeration they do.
    constants = [name for name in MACRO.findall(plain) if not name.startswith(("EIOT_VERSION", "EIOT_NTS"))]
    members = ", ".join(f"the_{name} = {name}" for name in constants)
    source = directory / "declared.c"
    source.write_text(
        "#include <stdlib.h>\n#include <eiot.h>\n" + "\n".join(bodies)
        + f"\nenum constants {{ {members} }};\nenum constants eiot_constants(void) {{ abort(); }}\n"
    )
    library = directory / "libeiot.so"
    command = [
        *os.environ["EIOT_TEST_CC"].split(), "-g", "-shared", "-fPIC", *WARNINGS, "-Wno-unused-parameter",
        f"-I{directory}", "-Wl,-soname,libeiot.so", "-o", library, source,
    ]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)
    return library


def against_baseline(library):
    command = ["abidiff", "--no-added-syms", BASELINE, library]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def numbers(version):
    return tuple(int(number) for number in version.split("."))


def version_of_cargo():
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
