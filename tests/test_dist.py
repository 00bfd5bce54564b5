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
from test_abi import abi_of_cargo, exported, version_of_cargo
from test_consumers import ALL, BY_NAME, DIST, THIS, refreshes

ROOT = TESTS.parent
OLDEST_GLIBC = (2, 17)
# With 6 KB of names that valgrind's suppressions need.
MAX_BYTES = 3_300_000
# What older compilers make is larger: 3.46 MB with the Rust 1.85 of Debian 13.
MAX_BYTES_OF_OLDER_RUST = 3_500_000
# What a library for glibc or musl may ask the system for: parts of the C library, nothing else.
SYSTEM = re.compile(r"(libc|libm|libdl|librt|libutil|libpthread)\.so(\.\d)?|ld-linux.*\.so\.\d")
MACHINES = {"x86_64": "X86-64", "aarch64": "AArch64", "armv7": "ARM"}
# What musl has since 1.2.2, 1.2.3 and 1.2.5. The tag of the wheels promises every musl 1.2, and the first that Alpine had is 1.2.2.
NEWER_MUSL = {"_Fork", "gettid", "reallocarray", "pthread_getname_np", "qsort_r", "preadv2", "pwritev2", "renameat2", "statx"}


def unpacked(archive, directory):
    with tarfile.open(archive) as opened:
        # Without a filter, Python 3.12 and 3.13 warn; before 3.10.12 and 3.11.4 there is none to name.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        opened.extractall(directory, **trusted)
    return next(directory.iterdir())


def tarball_of(platform):
    return DIST / f"eiot-{version_of_cargo()}-{platform.name}.tar.gz"


@pytest.fixture(scope="module")
def tarball(tmp_path_factory):
    """The tarball of this machine's platform, unpacked."""
    archive = tarball_of(BY_NAME[THIS])
    if not archive.exists():
        pytest.skip("there is no tarball; `make dist` makes it")
    return unpacked(archive, tmp_path_factory.mktemp("tarball"))


# `make dist` makes those that it is asked for.
MADE = [platform for platform in ALL if platform.zig and (tarball_of(platform).exists() or platform.name == THIS)]


@pytest.fixture(scope="module", params=MADE, ids=lambda platform: platform.name)
def made(request, tmp_path_factory):
    """Each platform that there is a tarball of, and the tarball, unpacked."""
    archive = tarball_of(request.param)
    if not archive.exists():
        pytest.skip("there is no tarball; `make dist` makes it")
    return request.param, unpacked(archive, tmp_path_factory.mktemp(request.param.name))


def binaries(tarball):
    return [next(tarball.glob("lib/libeiot.so.*.*.*")), tarball / "bin" / "eiot", tarball / "bin" / "eiot-sim"]


def readelf(flags, file):
    return subprocess.check_output(["readelf", flags, file], text=True)


def newer_than_musl_1_2(file):
    """What a binary for musl needs that not every musl 1.2 has; what it can do without (w) does not count."""
    listed = subprocess.check_output(["nm", "-D", "--undefined-only", "--format=posix", file], text=True)
    needed = {name for name, kind in map(str.split, listed.splitlines()) if kind == "U"}
    # Older loaders pass over relocations in the short form.
    return needed & NEWER_MUSL | set(re.findall(r"\(RELR\)", readelf("-dW", file)))


def crates(package, platform):
    """Name and version of each crate that is compiled into one of ours."""
    command = ["cargo", "tree", "--locked", "-p", package, "--target", platform.target, "-e", "normal,no-proc-macro", "--prefix", "none"]
    output = subprocess.check_output([*command, "--format", "{p}"], text=True, cwd=ROOT)
    return {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(None, output.splitlines()))}


def test_binaries_are_for_their_machine_and_need_the_c_library_only(made):
    platform, tree = made
    for binary in binaries(tree):
        assert re.search(r"Machine: .*\b" + MACHINES[platform.machine] + r"\b", readelf("-hW", binary)), binary
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-dW", binary))
        assert all(SYSTEM.fullmatch(name) for name in needed), (binary, needed)


def test_glibc_2_17_is_sufficient(made):
    platform, tree = made
    for binary in binaries(tree):
        versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", readelf("-VW", binary))}
        assert bool(versions) == (not platform.is_musl), (binary, versions)
        assert max(versions, default=OLDEST_GLIBC) <= OLDEST_GLIBC, binary


def test_commands_for_musl_are_static_and_the_library_is_not(made):
    platform, tree = made
    if not platform.is_musl:
        return
    library, *commands = binaries(tree)
    assert re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-dW", library)) == ["libc.so"]
    assert not newer_than_musl_1_2(library)
    for command in commands:
        assert "INTERP" not in readelf("-lW", command) and "NEEDED" not in readelf("-dW", command), command


def test_shared_library_is_small_and_stripped(made):
    platform, tree = made
    library = binaries(tree)[0]
    minor = int(subprocess.check_output(["rustc", "--version"], text=True).split(".")[1])
    assert library.stat().st_size <= (MAX_BYTES if minor >= 95 else MAX_BYTES_OF_OLDER_RUST)
    # Only what the suppressions of valgrind name is left.
    patterns = re.findall(r"^ *fun:(\*.*)", (tree / "share" / "eiot" / "valgrind.supp").read_text(), re.M)
    symbols = subprocess.check_output(["nm", "--format=just-symbols", library], text=True).split()
    # "$a", "$d" and "$t" mark code and data for ARM's tools.
    symbols = [name for name in symbols if not name.startswith("$")]
    assert symbols and all(any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for name in symbols)


def test_shared_library_exports_the_checked_in_symbols_with_their_version(made):
    _, tree = made
    found = exported(binaries(tree)[0])
    assert sorted(name for name, _ in found) == (ROOT / "abi" / "symbols.txt").read_text().split()
    assert {version for _, version in found} == {f"EIOT_{abi_of_cargo()}"}
    assert f"Library soname: [libeiot.so.{abi_of_cargo()}]" in readelf("-dW", binaries(tree)[0])


def test_static_library_shows_only_the_functions_of_the_header(made):
    _, tree = made
    listed = subprocess.check_output(["nm", "-g", "--defined-only", tree / "lib" / "libeiot.a"], text=True)
    names = sorted(line.split()[2] for line in listed.splitlines() if len(line.split()) == 3)
    assert names == (ROOT / "abi" / "symbols.txt").read_text().split()


def test_stripped_library_is_clean_under_valgrind_with_the_suppressions(tarball, build, simulator, valgrind):
    command = [f"--suppressions={tarball}/share/eiot/valgrind.supp" if "--suppressions" in word else word for word in valgrind]
    environment = simulator("--tls", "--unlimited").environment | {"LD_LIBRARY_PATH": str(tarball / "lib")}
    run([*command, build("c/threads.c", "-lpthread"), "20"], environment=environment)


def test_binaries_do_not_name_the_build_machine(made):
    _, tree = made
    for file in [*binaries(tree), tree / "lib" / "libeiot.a"]:
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
def test_bill_of_materials_lists_every_crate(made, part):
    platform, tree = made
    bill = json.loads((tree / "share" / "eiot" / f"eiot-{part}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(component["name"], component["version"]) for component in bill["components"]}
    assert crates(f"eiot-{part}", platform) - {(f"eiot-{part}", bill["metadata"]["component"]["version"])} == listed
    assert all(component["licenses"] for component in bill["components"])
    assert all(component["hashes"] for component in bill["components"] if component["name"] != "eiot")
    assert {one["ref"] for one in bill["dependencies"]} == {component["purl"] for component in bill["components"]} | {
        bill["metadata"]["component"]["purl"]
    }
    assert str(ROOT) not in json.dumps(bill)


def test_licenses_of_every_crate_are_included(made):
    platform, tree = made
    text = (tree / "share" / "doc" / "eiot" / "LICENSES-THIRD-PARTY").read_text()
    for name, version in set.union(*(crates(f"eiot-{part}", platform) for part in ("ffi", "cli", "sim"))):
        assert name.startswith("eiot") or f"\n{name} {version} (" in text, name


def packages_of(platform, kind):
    """The three packages of a platform: library, development, tools."""
    names = {"deb": {"amd64": "amd64", "arm64": "arm64", "arm7": "armhf"}, "rpm": {"amd64": "x86_64", "arm64": "aarch64", "arm7": "armv7hl"}}
    names["apk"] = {"amd64": "x86_64", "arm64": "aarch64"}
    found = sorted(DIST.glob(f"*{names[kind][platform.processor]}.{kind}"))
    assert len(found) == 3, (platform.name, kind, found)
    return found


@pytest.fixture
def root(tmp_path):
    """A directory in which dpkg has installed this machine's packages, as it does below /."""
    if shutil.which("dpkg") is None or not tarball_of(BY_NAME[THIS]).exists():
        pytest.skip("there is no dpkg, or there are no Debian packages here; `make dist` makes them")
    for directory in ("info", "updates", "triggers"):
        (tmp_path / "var" / "lib" / "dpkg" / directory).mkdir(parents=True)
    for file in ("status", "available"):
        (tmp_path / "var" / "lib" / "dpkg" / file).touch()
    # Only glibc is missing below that root; everything else is checked.
    command = ["dpkg", f"--root={tmp_path}", "--force-not-root", "--ignore-depends=libc6", "--log=/dev/null", "-i"]
    subprocess.run([*command, *packages_of(BY_NAME[THIS], "deb")], check=True, capture_output=True)
    return tmp_path


WANTED = [
    "eiot.pc", "eiot-static.pc", "eiot-config.cmake", "libeiot.a", "eiot.hpp", "copyright", "LICENSES-THIRD-PARTY", "valgrind.supp",
    "tsan.supp", "bin/eiot", "bin/eiot-sim", "eiot-refresh.1.gz", "eiot.fish",
]  # fmt: skip


def test_debian_packages_install_and_a_program_links(root, simulator, tmp_path):
    library = next(root.glob("usr/lib/*-linux-gnu*"))
    status = (root / "var" / "lib" / "dpkg" / "status").read_text()
    assert status.count("Status: install ok installed") == 3
    source = TESTS / "consumer" / "refresh.c"
    program = tmp_path / "refresh"
    subprocess.run(["cc", f"-I{root}/usr/include", f"-L{library}", "-o", program, source, "-leiot"], check=True)
    assert refreshes(program, simulator, library_path=library)
    shipped = {str(file.relative_to(root)) for file in root.glob("usr/**/*") if file.is_file()}
    for name in WANTED:
        assert any(file.endswith(name) for file in shipped), name
    assert f"Package: libeiot{abi_of_cargo()}\n" in status
    assert run([root / "usr" / "bin" / "eiot", "--version"]).stdout == f"eiot {version_of_cargo()}\n"


def test_debian_packages_of_other_machines_have_its_directories(made):
    platform, tree = made
    if platform.is_musl:
        return
    listed = "".join(subprocess.check_output(["dpkg-deb", "--contents", file], text=True) for file in packages_of(platform, "deb"))
    triplet = "arm-linux-gnueabihf" if platform.machine == "armv7" else f"{platform.machine}-linux-gnu"
    assert f"./usr/lib/{triplet}/libeiot.so.{version_of_cargo()}\n" in listed
    assert f"./usr/lib/{triplet}/libeiot.so.{abi_of_cargo()} -> libeiot.so.{version_of_cargo()}\n" in listed
    assert all(name in listed for name in WANTED)


def test_rpm_packages_install(made, tmp_path):
    platform, tree = made
    if platform.is_musl:
        return
    if shutil.which("rpm") is None:
        pytest.skip("rpm is not installed (on Debian: apt-get install rpm)")
    packages = packages_of(platform, "rpm")
    rpm = ["rpm", f"--root={tmp_path}", "--dbpath=/var/lib/rpm"]
    # Scripts need a shell below that root. `--nodeps` for glibc; what the packages need of each other is checked below.
    command = [*rpm, "-i", "--nodeps", "--noscripts", "--ignorearch", "--nosignature"]
    done = subprocess.run([*command, *packages], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lib = tmp_path / "usr" / ("lib" if platform.machine == "armv7" else "lib64")
    installed = lib / f"libeiot.so.{abi_of_cargo()}"
    assert installed.read_bytes() == binaries(tree)[0].read_bytes()
    shipped = {str(file.relative_to(tmp_path)) for file in tmp_path.glob("usr/**/*") if file.is_file()}
    assert all(any(file.endswith(name) for file in shipped) for name in WANTED)
    needs, provides = (
        {line.strip() for line in subprocess.check_output(["rpm", "-qp", "--nosignature", flag, *packages], text=True).splitlines()}
        for flag in ("--requires", "--provides")
    )
    ours = {need for need in needs if "eiot" in need}
    assert ours == {f"libeiot{abi_of_cargo()} = {version_of_cargo()}"} and "glibc >= 2.17" in needs
    assert f"libeiot{abi_of_cargo()} = {version_of_cargo()}-1" in provides
    assert f"libeiot.so.{abi_of_cargo()}" + ("" if platform.machine == "armv7" else "()(64bit)") in provides


def test_alpine_packages_have_the_tree(made, tmp_path):
    """There is no apk here that could install them: they are unpacked as the archives that they are."""
    platform, tree = made
    if not platform.is_musl:
        return
    for package in packages_of(platform, "apk"):
        subprocess.run(["tar", "--warning=no-unknown-keyword", "-C", tmp_path, "-xzf", package], check=True)
        described = (tmp_path / ".PKGINFO").read_text()
        assert f"pkgver = {version_of_cargo()}" in described and f"arch = {platform.machine}" in described
        if "libeiot-dev" in package.name:
            assert f"depend = libeiot{abi_of_cargo()}={version_of_cargo()}" in described
    shipped = {str(file.relative_to(tmp_path)) for file in tmp_path.glob("usr/**/*") if file.is_file()}
    assert all(any(file.endswith(name) for file in shipped) for name in WANTED)
    assert (tmp_path / "usr" / "lib" / f"libeiot.so.{abi_of_cargo()}").read_bytes() == binaries(tree)[0].read_bytes()


def test_provenance_names_commit_and_tools():
    if not (DIST / "PROVENANCE").exists():
        pytest.skip("there is nothing to check; `make dist` makes it")
    text = (DIST / "PROVENANCE").read_text()
    for wanted in (r"commit: [0-9a-f]{40}", r"Cargo.lock: sha256 [0-9a-f]{64}", r"compiler: rustc \d", r"linker: zig \d", r"nfpm \d"):
        assert re.search(wanted, text), wanted
    assert str(ROOT) not in text
