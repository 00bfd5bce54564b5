"""The wheels of `make dist`: each platform finds its own, and what is inside is for that platform and no other machine.

Installed and run on this machine they are tested with the Python package, and on other platforms by `make test-platforms`.
"""

import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
from test_abi import version_of_cargo
from test_consumers import BY_NAME, DIST
from test_dist import MACHINES, OLDEST_GLIBC, ROOT, SYSTEM, crates, newer_than_musl_1_2, readelf
from test_windows import OF_WINDOWS
from test_windows_archives import needed_by

# What pip calls each platform, as a user of it would.
PIP = {
    "linux-x86_64": ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"],
    "linux-aarch64": ["manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"],
    "linux-x86_64-musl": ["musllinux_1_2_x86_64"],
    "linux-aarch64-musl": ["musllinux_1_2_aarch64"],
    "windows-x86_64": ["win_amd64"],
    "windows-i686": ["win32"],
}
MAX_BYTES = 3_500_000


def wheels_of(platform, package="eiot"):
    tag = PIP[platform.name][0]
    return sorted(DIST.glob(f"{package}-{version_of_cargo()}-*{tag}*.whl"))


# Those that were asked for. `make test` makes none of them: it tests a wheel for this machine, with the Python package.
MADE = [BY_NAME[name] for name in PIP if wheels_of(BY_NAME[name])]
NONE = pytest.param(None, marks=pytest.mark.skip(reason="no wheels were asked for"), id="none")


@pytest.fixture(params=MADE or [NONE], ids=lambda platform: platform.name)
def platform(request):
    return request.param


def contents(wheel, directory):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)
    return directory


def native(folder):
    """The compiled files of an unpacked wheel."""
    found = [file for file in folder.rglob("*") if file.is_file() and (file.suffix in (".so", ".pyd") or file.parent.name == "scripts")]
    assert found
    return found


@pytest.mark.parametrize("package", ["eiot", "eiot-sim"])
def test_pip_finds_the_wheel_by_each_name_of_the_platform(platform, package, tmp_path):
    for tag in PIP[platform.name]:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-index", "--find-links", DIST]
        command += ["--only-binary", ":all:", "--no-deps", "--platform", tag, "--python-version", "3.10", "-d", tmp_path / tag]
        done = subprocess.run([*command, f"{package}=={version_of_cargo()}"], capture_output=True, text=True)
        assert done.returncode == 0, (tag, done.stderr)
        (found,) = (tmp_path / tag).iterdir()
        assert found.name in {wheel.name for wheel in wheels_of(platform, package.replace("-", "_"))}


def test_wheel_is_one_for_all_pythons_and_small(platform):
    (wheel,), (simulator,) = wheels_of(platform), wheels_of(platform, "eiot_sim")
    assert "-cp310-abi3-" in wheel.name and "-py3-none-" in simulator.name
    assert max(wheel.stat().st_size, simulator.stat().st_size) <= MAX_BYTES


@pytest.mark.parametrize("check", [["twine", "check", "--strict"], ["abi3audit", "--strict"]], ids=lambda words: words[0])
def test_wheel_passes_the_checkers(platform, check):
    tool, *arguments = check
    command = [pathlib.Path(sys.executable).with_name(tool), *arguments, *wheels_of(platform)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_is_for_the_machine_and_the_c_library_that_its_tag_names(platform, tmp_path):
    for wheel in wheels_of(platform) + wheels_of(platform, "eiot_sim"):
        for file in native(contents(wheel, tmp_path / wheel.name)):
            if platform.is_windows:
                assert needed_by(platform, file) <= OF_WINDOWS | {"python3"}, file
                continue
            assert MACHINES[platform.machine] in readelf("-hW", file), file
            needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-dW", file))
            assert all(SYSTEM.fullmatch(name) for name in needed), (file, needed)
            versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", readelf("-VW", file))}
            assert bool(versions) == (not platform.is_musl) and max(versions, default=OLDEST_GLIBC) <= OLDEST_GLIBC, file
            assert not platform.is_musl or "NEEDED" not in readelf("-dW", file) or not newer_than_musl_1_2(file), file


def test_wheel_contains_licenses_and_no_paths_of_the_build_machine(platform, tmp_path):
    for wheel, package in [(*wheels_of(platform), "eiot-python"), (*wheels_of(platform, "eiot_sim"), "eiot-sim")]:
        folder = contents(wheel, tmp_path / wheel.name)
        (licenses,) = folder.rglob("LICENSES-THIRD-PARTY")
        text = licenses.read_text(encoding="utf-8")
        for name, version in crates(package, platform):
            assert name.startswith("eiot") or f"\n{name} {version} (" in text, f"{name}: make licenses writes it"
        for file in folder.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            for place in (str(ROOT), str(pathlib.Path.home() / ".cargo"), str(pathlib.Path.home() / ".rustup")):
                assert place.encode() not in content, (file, place)


def test_source_distributions_are_valid():
    found = [DIST / f"{name}-{version_of_cargo()}.tar.gz" for name in ("eiot", "eiot_sim")]
    if not any(file.exists() for file in found):
        pytest.skip("no source distributions were asked for")
    command = [pathlib.Path(sys.executable).with_name("twine"), "check", "--strict", *found]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
