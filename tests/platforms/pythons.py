"""Pythons of other platforms, and the package in them."""

import pathlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable

from .platform import BUILD, ROOT

# What Debian's Python for ARM consists of.
DEBIAN_PYTHON = [
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1", "zlib1g", "libexpat1", "libffi8", "libssl3",
    "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1",
]  # fmt: skip

# A statically linked Python 3.11 for musl, of cx_Freeze, which starts its programs with it.
MUSL_PYTHON = "freeze-core==0.8.1"

MUSL_STARTUP = '''\
"""Runs `python -c CODE` or `python FILE`, which is all that this Python is asked for."""
import os, runpy, sys
def run(_):
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    _, first, *rest = sys.argv
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
'''


def python_for(platform: str) -> Callable[[pathlib.Path], None] | None:
    """What makes a Python of a platform in a folder: the script `python`."""
    return {"linux-aarch64": _debian, "linux-x86_64-musl": _musl}.get(platform)


def install(platform: str, site: pathlib.Path) -> bool:
    """Lets pip install the wheel that `make dist` has made for the platform, if it has."""
    tag = {"linux-aarch64": "manylinux2014_aarch64", "linux-x86_64-musl": "musllinux_1_2_x86_64"}[platform]
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
    shutil.copy(module, site / "eiot" / "_native.abi3.so")


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


def _musl(folder: pathlib.Path) -> None:
    # The musl of Debian 12 lacks two functions that this Python needs.
    loader = unpack(BUILD / "debian-musl", "trixie", "amd64", ["musl"]) / "usr" / "lib" / "x86_64-linux-musl" / "libc.so"
    home = BUILD / "musl-python"
    bases = home / "freeze_core" / "bases"
    if not (bases / "python").exists():
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--platform", "musllinux_1_2_x86_64", "--python-version", "3.11", "-d", home, MUSL_PYTHON], check=True)
        (wheel,) = home.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(home)
        # The modules in Python are those of this machine's Python, the compiled ones are in the wheel.
        library = bases / "lib"
        ignored = shutil.ignore_patterns("lib-dynload", "site-packages", "dist-packages", "__pycache__", "config-*", "test", "idlelib")
        shutil.copytree(_standard_library(), library, ignore=ignored)
        for module in (home / "freeze_core" / "lib").glob("*.so"):
            shutil.copy(module, library)
        (library / "__init__python.py").write_text(MUSL_STARTUP)
        shutil.copy(bases / "console-cpython-311-x86_64-linux-musl", bases / "python")
        (bases / "python").chmod(0o755)
    _script(folder / "python", f"exec '{loader}' '{bases}/python'")


def _standard_library() -> str:
    """The modules of a Python 3.11: this machine's, or the one that Debian's packages for ARM have."""
    if sys.version_info[:2] == (3, 11):
        return sysconfig.get_path("stdlib")
    return str(unpack(BUILD / "debian-arm64", "bookworm", "arm64", DEBIAN_PYTHON) / "usr" / "lib" / "python3.11")
