"""The wheel: one for all Python versions, small, and valid for the package index."""

import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import eiot
import pytest
from conftest import EID, ROOT

TOOLS = pathlib.Path(sys.executable).parent
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@pytest.fixture
def wheel() -> pathlib.Path:
    """The wheel for this machine: what `make dist` hands out, or what `make wheel` has built."""
    folder = pathlib.Path(os.environ.get("EIOT_TEST_WHEELS", ROOT / "build" / "wheels"))
    wheels = list(folder.glob(f"eiot-{eiot.__version__}-*-*linux_*{platform.machine()}.whl"))
    wheels = [wheel for wheel in wheels if "musllinux" not in wheel.name]
    if not wheels:
        pytest.skip(f"there is no wheel in {folder}; make wheel builds it")
    (wheel,) = wheels
    return wheel


def test_wheel_is_one_for_all_pythons_and_small(wheel: pathlib.Path) -> None:
    assert "-cp310-abi3-" in wheel.name
    assert wheel.stat().st_size <= 3_500_000


@pytest.mark.parametrize(
    "check", [["twine", "check", "--strict"], ["abi3audit", "--strict"]], ids=lambda c: c[0]
)
def test_wheel_passes_the_checkers(check: list[str], wheel: pathlib.Path) -> None:
    tool, *arguments = check
    done = subprocess.run([TOOLS / tool, *arguments, wheel], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_of_the_simulator_is_found_by_eiot_testing(
    wheel: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [sys.executable, "-W", "ignore", "-m", "pip", "--python", str(home / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-index", f"{wheel}[testing]", "--find-links", wheel.parent], check=True)
    code = f"""
import eiot
from eiot.testing import Simulator
with Simulator("--unlimited") as platform:
    print(eiot.Client(**platform.options).refresh_usage({EID!r}).message)
"""
    done = subprocess.run([home / "bin" / "python", "-c", code], env={}, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("success\n", "")


def test_wheel_contains_the_licenses_of_every_crate_in_it(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/LICENSES-THIRD-PARTY")]
        text = archive.read(name).decode()
    command = ["cargo", "tree", "--locked", "-p", "eiot-python", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    if shutil.which("cargo") is None:
        pytest.skip("no Rust toolchain to ask for the crates")
    crates = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    for name, version in {(crate.split()[0], crate.split()[1].lstrip("v")) for crate in crates if "/" not in crate}:
        assert f"\n{name} {version} (" in text, "make licenses writes it"


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no Rust toolchain to read the sdist with")
def test_sdist_builds_offline_from_its_own_lock(tmp_path: pathlib.Path) -> None:
    maturin = [TOOLS / "maturin", "sdist", "-m", ROOT / "bindings/python/Cargo.toml", "-o", tmp_path]
    subprocess.run(maturin, check=True, capture_output=True)
    (sdist,) = tmp_path.glob("eiot-*.tar.gz")
    settings = {"CARGO_NET_OFFLINE": "true", "CARGO_TARGET_DIR": str(ROOT / "build" / "sdist"), "MATURIN_PEP517_ARGS": "--profile=dev"}
    path = {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-W", "ignore", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index"]
    command += ["--no-build-isolation", "--no-deps", "--target", str(tmp_path / "installed"), str(sdist)]
    done = subprocess.run(command, env=os.environ | settings | path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    code = "import eiot; print(eiot.__file__)"
    said = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path / "installed")}, capture_output=True, text=True)
    assert said.stdout.startswith(str(tmp_path)), said.stderr
    # The versions are those that the lock file of the sources has.
    with tarfile.open(sdist) as archive:
        (member,) = [one for one in archive.getmembers() if one.name.endswith("/Cargo.lock")]
        lock = archive.extractfile(member)
        assert lock is not None and lock.read() == (ROOT / "Cargo.lock").read_bytes()


def interpreter(version: str) -> str:
    """A Python of this version, from PATH or from pyenv."""
    versions = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
    question = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    for command in [f"python{version}", *map(str, versions.glob(f"{version}.*/bin/python"))]:
        try:
            done = subprocess.run([command, "-c", question], capture_output=True, text=True)
        except OSError:
            continue
        if done.stdout.strip() == version:
            return command
    pytest.skip(f"there is no Python {version} on this machine")


EVERYTHING = f"""
import asyncio, pickle, sys, eiot
from concurrent.futures import ThreadPoolExecutor
client = eiot.Client(rate_limit=0)
with ThreadPoolExecutor(4) as threads:
    assert {{reply.message for reply in threads.map(client.refresh_usage, [{EID!r}] * 20)}} == {{"success"}}
assert pickle.loads(pickle.dumps(client)).with_options(timeout=9).refresh_usage({EID}).delivered == "yes"
async def main():
    # In development mode, asyncio warns of steps that take longer than 0.1 s, as they do on a busy machine.
    asyncio.get_running_loop().slow_callback_duration = 60
    async with eiot.AsyncClient(rate_limit=0) as client:
        assert [result.ok async for result in client.refresh_many(iter(["1", "2"]))] == [True, True]
        return await asyncio.gather(*(client.refresh_usage({EID!r}) for _ in range(20)))
assert len(asyncio.run(main())) == 20
assert sum(result.ok for result in client.refresh_many([str(number) for number in range(20)])) == 20
try:
    client.refresh_usage("8.9E+31")
except eiot.InvalidEidError as error:
    assert isinstance(pickle.loads(pickle.dumps(error)), ValueError)
print("%d.%d" % sys.version_info[:2], eiot.__version__)
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_wheel_works_on(
    version: str, wheel: pathlib.Path, tmp_path: pathlib.Path, simulator: Callable[..., dict[str, Any]]
) -> None:
    options = simulator("--tls", "--unlimited")
    environment = {f"EIOT_{name.upper()}": str(value) for name, value in options.items()}
    home = tmp_path / "venv"
    subprocess.run([interpreter(version), "-m", "venv", "--without-pip", home], check=True)
    python = home / "bin" / "python"
    pip = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "pip",
        "--python",
        str(python),
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "install", "-q", "--no-index", str(wheel)], check=True)
    done = subprocess.run(
        [python, "-X", "dev", "-W", "error", "-c", EVERYTHING],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == (f"{version} {eiot.__version__}\n", "")


def test_import_takes_at_most_half_as_long_as_that_of_requests() -> None:
    def seconds(module: str) -> float:
        # Processor time, which excludes other programs on the machine; Python's own start is subtracted.
        code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
        command = [sys.executable, "-c", code]
        return float(subprocess.run(command, env={}, check=True, capture_output=True, text=True).stdout)

    turns = [(seconds("eiot"), seconds("requests")) for _ in range(7)]
    ours, theirs = map(statistics.median, zip(*turns, strict=True))
    assert ours <= 0.5 * theirs, f"{ours:.3f} s against {theirs:.3f} s"
