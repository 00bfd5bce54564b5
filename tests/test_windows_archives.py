"""The zip archives for Windows that `make dist` makes. What is in them is run by `make test-platforms`, built with fewer optimizations."""

import hashlib
import json
import pathlib
import re
import subprocess
import zipfile

import pytest
from test_abi import version_of_cargo
from test_consumers import ALL, DIST
from test_dist import ROOT, crates
from test_windows import OF_WINDOWS

MAX_BYTES = {"x86_64": 3_400_000, "i686": 3_100_000}
FORMATS = {"x86_64": "pei-x86-64", "i686": "pei-i386"}
SYMBOLS = (ROOT / "abi" / "symbols.txt").read_text().split()
BINARIES = ["eiot.dll", "eiot_stdcall.dll", "eiot.exe", "eiot-sim.exe"]


def archive_of(platform):
    return DIST / f"eiot-{version_of_cargo()}-{platform.name}.zip"


MADE = [platform for platform in ALL if platform.is_windows and archive_of(platform).exists()]
NONE = pytest.param(None, marks=pytest.mark.skip(reason="no archives for Windows were asked for"), id="none")


@pytest.fixture(scope="module", params=MADE or [NONE], ids=lambda platform: platform.name)
def made(request, tmp_path_factory):
    """Each platform that there is an archive of, and the archive, unpacked."""
    directory = tmp_path_factory.mktemp(request.param.name)
    with zipfile.ZipFile(archive_of(request.param)) as archive:
        archive.extractall(directory)
    (tree,) = directory.iterdir()
    return request.param, tree


def tables(platform, file):
    """What binutils print about imports and exports."""
    command = ["objdump", "-p", f"--target={FORMATS[platform.machine]}", file]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed_by(platform, file):
    """The DLLs that a binary needs, without those of the system's interfaces; an error if it is for another machine."""
    needed = {one.lower().removesuffix(".dll") for one in re.findall(r"DLL Name: (\S+)", tables(platform, file))}
    return {one for one in needed if not one.startswith("api-ms-win-")}


def test_archive_lists_the_checksum_of_every_other_file(made):
    _, tree = made
    listed = dict(reversed(line.split("  ")) for line in (tree / "SHA256SUMS").read_text().splitlines())
    files = {path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in tree.rglob("*") if path.is_file()}
    del files["SHA256SUMS"]
    assert listed == files
    wanted = [f"bin/{name}" for name in BINARIES]
    wanted += ["include/eiot.h", "include/eiot.hpp", "lib/eiot.lib", "lib/libeiot.dll.a", "lib/libeiot.a", "lib/eiot.def"]
    wanted += ["lib/pkgconfig/eiot.pc", "lib/cmake/eiot/eiot-config.cmake", "share/doc/eiot/LICENSE.txt", "share/doc/eiot/README.md"]
    wanted += [f"share/doc/eiot/bindings/{name}" for name in ("csharp/Eiot.cs", "pascal/Eiot.pas", "vb/Eiot.bas")]
    assert set(wanted) <= files.keys()


def test_libraries_are_small_and_export_the_checked_in_symbols(made):
    platform, tree = made
    for name in ("eiot.dll", "eiot_stdcall.dll"):
        library = tree / "bin" / name
        assert library.stat().st_size <= MAX_BYTES[platform.machine], name
        exported = re.findall(r"^\s+\[ *\d+\] (?:\+base\[ *\d+\]\s+\w+ )?(\w+)$", tables(platform, library), re.M)
        assert sorted(exported) == SYMBOLS, name


@pytest.mark.parametrize("name", BINARIES)
def test_binary_needs_nothing_but_windows(made, name):
    platform, tree = made
    assert needed_by(platform, tree / "bin" / name) <= OF_WINDOWS


def test_files_do_not_name_the_build_machine(made):
    _, tree = made
    places = [str(place) for place in (ROOT, pathlib.Path.home() / ".cargo", pathlib.Path.home() / ".rustup")]
    # As a part of a symbol's name, too.
    places += [re.sub(r"\W", "_", place) for place in places]
    for file in [*(tree / "bin").iterdir(), *(tree / "lib").glob("*.*")]:
        content = file.read_bytes()
        assert not [place for place in places if place.encode() in content], file


def test_import_libraries_name_every_function_and_the_library(made):
    platform, tree = made
    prefix = "_" if platform.machine == "i686" else ""
    for name in ("eiot.lib", "libeiot.dll.a"):
        content = (tree / "lib" / name).read_bytes()
        assert b"eiot.dll\0" in content
        assert all(f"\0{prefix}{symbol}\0".encode() in content for symbol in SYMBOLS), name


@pytest.mark.parametrize("part", ["ffi", "cli", "sim"])
def test_bill_of_materials_and_licenses_have_every_crate(made, part):
    platform, tree = made
    bill = json.loads((tree / "share" / "eiot" / f"eiot-{part}.cdx.json").read_text())
    inside = crates(f"eiot-{part}", platform) - {(f"eiot-{part}", bill["metadata"]["component"]["version"])}
    assert {(component["name"], component["version"]) for component in bill["components"]} == inside
    text = (tree / "share" / "doc" / "eiot" / "LICENSES-THIRD-PARTY").read_text(encoding="utf-8")
    assert all(name.startswith("eiot") or f"\n{name} {version} (" in text for name, version in inside)
