"""The artifacts of `make dist`."""

import fnmatch
import json
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest
from conftest import TESTS, run
from test_abi import abi_of_cargo, exported
from test_consumers import DIST, refreshes

ROOT = TESTS.parent
OLDEST_GLIBC = (2, 17)
MAX_BYTES = 3_300_000
# What older compilers make is larger: 3.46 MB with the Rust 1.85 of Debian 13.
MAX_BYTES_OF_OLDER_RUST = 3_500_000


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    archive = next(DIST.glob("eiot-*.tar.gz"), None)
    if archive is None:
        pytest.skip("there is no tarball; `make dist` makes it")
    directory = tmp_path_factory.mktemp("tarball")
    with tarfile.open(archive) as opened:
        # Without a filter, Python 3.12 and 3.13 warn; before 3.10.12 and 3.11.4 there is none to name.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        opened.extractall(directory, **trusted)
    return next(directory.iterdir())


def binaries(tarball):
    return [next(tarball.glob("lib/libeiot.so.*.*")), tarball / "bin" / "eiot", tarball / "bin" / "eiot-sim"]


def test_glibc_2_17_is_sufficient(tarball):
    for binary in binaries(tarball):
        needs = subprocess.check_output(["readelf", "-VW", binary], text=True)
        versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", needs)}
        assert versions and max(versions) <= OLDEST_GLIBC, binary


def test_shared_library_is_small_and_stripped(tarball):
    library = binaries(tarball)[0]
    minor = int(subprocess.check_output(["rustc", "--version"], text=True).split(".")[1])
    assert library.stat().st_size <= (MAX_BYTES if minor >= 95 else MAX_BYTES_OF_OLDER_RUST)
    # Only what the suppressions of valgrind name is left.
    patterns = re.findall(r"^ *fun:(\*.*)", (tarball / "share" / "eiot" / "valgrind.supp").read_text(), re.M)
    symbols = subprocess.check_output(["nm", "--format=just-symbols", library], text=True).split()
    assert symbols and all(any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for name in symbols)


def test_shared_library_has_symbol_versions(tarball):
    assert {version for _, version in exported(binaries(tarball)[0])} == {f"EIOT_{abi_of_cargo()}"}


def test_stripped_library_is_clean_under_valgrind_with_the_suppressions(tarball, build, simulator, valgrind):
    command = [f"--suppressions={tarball}/share/eiot/valgrind.supp" if "--suppressions" in word else word for word in valgrind]
    environment = simulator("--tls", "--unlimited").environment | {"LD_LIBRARY_PATH": str(tarball / "lib")}
    run([*command, build("c/threads.c", "-lpthread"), "20"], environment=environment)


def test_binaries_do_not_name_the_build_machine(tarball):
    for file in [*binaries(tarball), tarball / "lib" / "libeiot.a"]:
        content = file.read_bytes()
        for place in (str(ROOT), str(pathlib.Path.home() / ".cargo"), str(pathlib.Path.home() / ".rustup")):
            assert place.encode() not in content, (file, place)


def test_command_and_simulator_run(tarball):
    for binary in binaries(tarball)[1:]:
        assert re.fullmatch(r"eiot(-sim)? \d+\.\d+\.\d+\n", run([binary, "--version"]).stdout)


def test_manual_pages_that_a_page_refers_to_are_included(tarball):
    pages = {page.stem: page.read_text().replace("\\", "") for page in (tarball / "share" / "man" / "man1").glob("*.1")}
    assert {"eiot", "eiot-refresh", "eiot-webhook-verify", "eiot-sim"} <= pages.keys()
    assert pages.keys() == {page.stem for page in (tarball / "share" / "man" / "zh_CN" / "man1").glob("*.1")}
    for name, text in pages.items():
        assert f".TH {name} 1" in text
        assert set(re.findall(r"([a-z-]+)\(1\)", text)) <= pages.keys(), name


def test_completions_are_included(tarball):
    completions = tarball / "share" / "bash-completion" / "completions" / "eiot"
    subprocess.run(["bash", "-n", completions], check=True)
    for name in ("zsh/site-functions/_eiot", "fish/vendor_completions.d/eiot.fish"):
        assert "journal" in (tarball / "share" / name).read_text()


def test_checksums_are_right():
    if not (DIST / "SHA256SUMS").exists():
        pytest.skip("there is nothing to check; `make dist` makes it")
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=DIST, check=True, capture_output=True)


@pytest.mark.parametrize("part", ["ffi", "cli", "sim"])
def test_bill_of_materials_lists_every_crate(tarball, part):
    bill = json.loads((tarball / "share" / "eiot" / f"eiot-{part}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(component["name"], component["version"]) for component in bill["components"]}
    command = ["cargo", "tree", "--locked", "-p", f"eiot-{part}", "-e", "normal,no-proc-macro", "--prefix", "none"]
    output = subprocess.check_output([*command, "--format", "{p}"], text=True, cwd=ROOT)
    inside = {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(None, output.splitlines()))}
    assert inside - {(f"eiot-{part}", bill["metadata"]["component"]["version"])} == listed
    assert all(component["licenses"] for component in bill["components"])
    assert all(component["hashes"] for component in bill["components"] if component["name"] != "eiot")
    assert {one["ref"] for one in bill["dependencies"]} == {component["purl"] for component in bill["components"]} | {
        bill["metadata"]["component"]["purl"]
    }
    text = json.dumps(bill)
    assert str(ROOT) not in text


@pytest.fixture
def root(tmp_path):
    """A directory in which dpkg has installed both packages, as it does below /."""
    packages = sorted(DIST.glob("*.deb"))
    if shutil.which("dpkg") is None or not packages:
        pytest.skip("there are no Debian packages here; `make dist` makes them on Debian")
    for directory in ("info", "updates", "triggers"):
        (tmp_path / "var" / "lib" / "dpkg" / directory).mkdir(parents=True)
    for file in ("status", "available"):
        (tmp_path / "var" / "lib" / "dpkg" / file).touch()
    # Only glibc is missing below that root; everything else is checked.
    command = ["dpkg", f"--root={tmp_path}", "--force-not-root", "--ignore-depends=libc6", "--log=/dev/null", "-i"]
    subprocess.run([*command, *packages], check=True, capture_output=True)
    return tmp_path


def test_debian_packages_install_and_a_program_links(root, simulator, tmp_path):
    library = next(root.glob("usr/lib/*-linux-gnu"))
    status = (root / "var" / "lib" / "dpkg" / "status").read_text()
    assert status.count("Status: install ok installed") == 2
    source = TESTS / "consumer" / "refresh.c"
    program = tmp_path / "refresh"
    subprocess.run(["cc", f"-I{root}/usr/include", f"-L{library}", "-o", program, source, "-leiot"], check=True)
    assert refreshes(program, simulator, library_path=library)
    shipped = {str(file.relative_to(root)) for file in root.glob("usr/**/*") if file.is_file()}
    wanted = ["eiot.pc", "eiot-static.pc", "eiot-config.cmake", "libeiot.a", "eiot.hpp", "copyright", "valgrind.supp", "tsan.supp"]
    for name in wanted:
        assert any(file.endswith(name) for file in shipped), name
    assert f"Package: libeiot{abi_of_cargo()}\n" in status
