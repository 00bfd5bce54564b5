"""The promises of docs/abi.md: the declarations of the header, the exports of the library, and compatible changes of both."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from conftest import PREFIX, TESTS, WARNINGS

ROOT = TESTS.parent
HEADER = PREFIX / "include" / "eiot.h"
LISTS = ("symbols.txt", "symbols-in-versions")
BASELINE = ROOT / "abi" / "libeiot.abi"

FUNCTION = re.compile(r"^[a-z][\w *]*?\b(eiot_\w+)\([^;]*?\);", re.M | re.S)
TYPE = re.compile(r"^typedef [^;]*?\b(eiot_\w+)(?:\)\([^;]*)?;", re.M)
MACRO = re.compile(r"^#define (EIOT_\w+) .+$", re.M)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def names(pattern, text=None):
    return set(pattern.findall(without_comments(text or HEADER.read_text())))


def exported(library):
    """Each exported symbol with its version; the versions themselves, which are symbols too, are left out."""
    listed = subprocess.check_output(["nm", "-D", "--defined-only", library], text=True)
    return [line.split()[2].split("@@") for line in listed.splitlines() if line.split()[1] != "A"]


def test_shared_library_exports_the_checked_in_symbols_and_nothing_else():
    symbols = sorted(name for name, _ in exported(PREFIX / "lib" / "libeiot.so"))
    assert symbols == (ROOT / "abi" / "symbols.txt").read_text().split()


def test_shared_library_has_the_soname_of_its_version():
    dynamic = subprocess.check_output(["readelf", "-dW", PREFIX / "lib" / "libeiot.so"], text=True)
    assert f"Library soname: [libeiot.so.{abi_of_cargo()}]" in dynamic
    assert (PREFIX / "lib" / f"libeiot.so.{abi_of_cargo()}").resolve() == (PREFIX / "lib" / "libeiot.so").resolve()
    assert "NODELETE" in dynamic and "NOW" in dynamic


def test_symbols_have_the_version_that_their_soname_or_their_release_gives_them(tmp_path):
    script = version_script(version_of_cargo(), *((ROOT / "abi" / name).read_text() for name in LISTS), tmp_path)
    given = dict(exported(PREFIX / "lib" / "libeiot.so"))
    assert {node: sorted(names) for node, names in nodes(script).items()} == {
        node: sorted(name for name in given if given[name] == node) for node in set(given.values())
    }
    symbols = "a\nb\nc\n"
    versions = "# a comment\na 0.3.0\nb 1.0.0\nc 1.2.0\nNOT_A_SYMBOL 1.1.0\n"
    assert nodes(version_script("0.3.9", "a\n", versions, tmp_path)) == {"EIOT_0.3": {"a"}}
    assert nodes(version_script("1.2.3", symbols, versions, tmp_path)) == {"EIOT_1.0": {"a", "b"}, "EIOT_1.2": {"c"}}
    assert nodes(version_script("2.1.0", symbols, versions, tmp_path)) == {"EIOT_2.0": {"a", "b", "c"}}


def test_program_linked_with_a_newer_library_does_not_start_with_an_older_one(tmp_path):
    versions = "old 1.0.0\nnew 1.1.0\n"
    (tmp_path / "program.c").write_text("int old(void); int new(void); int main(int c, char **v) { return c > 9 ? new() : old(); }")
    (tmp_path / "old.c").write_text("int main(void); int old(void); int main(void) { return old(); }")
    (tmp_path / "library.c").write_text("int old(void); int new(void); int old(void) { return 0; } int new(void) { return 0; }")

    def compiled(*words):
        subprocess.run([*os.environ["EIOT_TEST_CC"].split(), *map(str, words)], check=True, cwd=tmp_path)

    for version, symbols in (("1.0.4", "old\n"), ("1.1.0", "old\nnew\n")):
        (tmp_path / version).mkdir()
        (tmp_path / "script").write_text(version_script(version, symbols, versions, tmp_path))
        library = tmp_path / version / "libeiot.so.1"
        compiled("-shared", "-fPIC", "-o", library, "library.c", "-Wl,-soname,libeiot.so.1", "-Wl,--version-script=script")
    compiled("-o", "newer", "program.c", tmp_path / "1.1.0" / "libeiot.so.1")
    compiled("-o", "older", "old.c", tmp_path / "1.0.4" / "libeiot.so.1")

    def started(program, version):
        environment = {"LD_LIBRARY_PATH": str(tmp_path / version)}
        return subprocess.run([tmp_path / program], env=environment, capture_output=True, text=True)

    assert [started(*pair).returncode for pair in (("newer", "1.1.0"), ("older", "1.0.4"), ("older", "1.1.0"))] == [0, 0, 0]
    refused = started("newer", "1.0.4")
    assert refused.returncode != 0 and "version `EIOT_1.1' not found" in refused.stderr, refused


def test_patch_versions_add_no_names():
    lines = (ROOT / "abi" / "symbols-in-versions").read_text().splitlines()
    assert {numbers(line.split()[1])[2] for line in lines if line and not line.startswith("#")} == {0}


@pytest.mark.parametrize(
    "wanted, found, accepted",
    [
        ("0.1", "0.1.0", True),
        ("0.1", "0.1.7", True),
        ("0.1.2", "0.1.1", False),
        ("0.1", "0.2.0", False),
        ("0.2", "0.1.0", False),
        ("1.1", "1.4.0", True),
        ("1.1", "1.0.9", False),
        ("1.1", "2.0.0", False),
    ],
)
def test_cmake_accepts_the_versions_that_the_soname_allows(tmp_path, wanted, found, accepted):
    template = (ROOT / "packaging" / "eiot-config-version.cmake.in").read_text()
    (tmp_path / "version.cmake").write_text(template.replace("@VERSION@", found))
    parts = wanted.split(".")
    asked = {"": wanted, "_MAJOR": parts[0], "_MINOR": parts[1], "_COUNT": len(parts)}
    script = "".join(f"set(PACKAGE_FIND_VERSION{name} {value})\n" for name, value in asked.items())
    script += f"include({tmp_path}/version.cmake)\nmessage(STATUS accepted:${{PACKAGE_VERSION_COMPATIBLE}})\n"
    (tmp_path / "ask.cmake").write_text(script)
    cmake = pathlib.Path(sys.executable).with_name("cmake")
    said = subprocess.check_output([cmake, "-P", tmp_path / "ask.cmake"], text=True)
    assert f"accepted:{str(accepted).upper()}" in said, said


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


def version_script(version, symbols, versions, directory):
    """What packaging/symbol-versions.sh makes of these two lists."""
    for name, text in zip(LISTS, (symbols, versions)):
        (directory / name).write_text(text)
    command = ["sh", ROOT / "packaging" / "symbol-versions.sh", version, *(directory / name for name in LISTS)]
    return subprocess.check_output(command, text=True)


def nodes(script):
    """The symbols of each version in a linker's version script."""
    found = re.findall(r"^(\S+) \{\n    global:\n(.*?)^(?:    local: \*;\n)?\}", script, re.M | re.S)
    assert script.count("local: *;") == 1
    return {node: set(re.findall(r"\w+", names)) for node, names in found}


def abi_of(version):
    """What the SONAME ends in."""
    major, minor, _ = version.split(".")
    return f"0.{minor}" if major == "0" else major


def abi_of_cargo():
    return abi_of(version_of_cargo())


def numbers(version):
    return tuple(int(number) for number in version.split("."))


def version_of_cargo():
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
