"""What a platform is to the tests: a folder in which a compiler, a runner and an installed tree behave like native ones."""

import os
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "platforms"
# Shared by all platforms, since build scripts and procedural macros are the same for all.
TARGET = BUILD / "target"


@dataclass
class Platform:
    """A kind of machine whose programs can be built and run here."""

    name: str
    """As in `make test-platforms PLATFORMS=…`, for example windows-x86_64."""
    target: str
    """Rust's name for it."""
    tests: list[str]
    """What pytest is told to run: files, or node ids; nothing, if the platform's programs can only be compiled here."""
    needs: dict[str, str] = field(default_factory=dict)
    """What must be installed (a command, or a path), each with its Debian package."""
    not_here: dict[str, str] = field(default_factory=dict)
    """Which of these tests do not apply (a regular expression for the node id), and why."""
    left_out: list[str] = field(default_factory=list)
    """Which variants of these tests are not counted at all: those of languages without a compiler for the platform."""

    @property
    def folder(self) -> pathlib.Path:
        """Where `prepare` leaves an installed tree, `prefix`, a runner, `run`, compilers, `cc` and `c++`, and in `tools`, which is the
        first folder of PATH, those that tests call by name.
        """
        return BUILD / self.name

    @property
    def prefix(self) -> pathlib.Path:
        return self.folder / "prefix"

    def missing(self) -> str | None:
        """Why it cannot be run here."""
        absent = {package for need, package in self.needs.items() if not _is_there(need)}
        if self.target not in installed_targets():
            return f"no Rust for {self.target} (make setup-platforms, or rustup target add {self.target})"
        if absent:
            return f"no {', '.join(sorted(absent))} (make setup-platforms, or apt-get install {' '.join(sorted(absent))})"
        return None

    def prepare(self) -> None:
        """Builds what is tested, and fills the folder."""
        raise NotImplementedError

    def finish(self) -> None:
        """Ends what `prepare` has started."""

    def cargo(self, *packages: str, **environment: str) -> pathlib.Path:
        """Builds packages of the workspace with the quick profile; returns the folder with what was made."""
        command = [os.environ.get("CARGO", "cargo"), "build", "--locked", "--quiet", "--profile", "quick", "--target", self.target]
        for package in packages:
            command += ["-p", package]
        subprocess.run(command, cwd=ROOT, env=os.environ | environment | {"CARGO_TARGET_DIR": str(TARGET)}, check=True)
        return TARGET / self.target / "quick"

    def script(self, path: pathlib.Path, *lines: str) -> None:
        """Writes a shell script."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)

    def runs(self, script: pathlib.Path, program: pathlib.Path) -> None:
        """Makes a script that runs a program of the platform, in whatever environment."""
        self.script(script, f"exec '{self.folder / 'run'}' '{program}' \"$@\"")

    def compiler(self, name: str, *command: str) -> None:
        """Makes `cc` or `c++`: it compiles as `command` does, and what it makes can be run like a native program."""
        words = " ".join(f"'{word}'" for word in command)
        compile_py = pathlib.Path(__file__).with_name("compile.py")
        self.script(self.folder / name, f"exec '{sys.executable}' '{compile_py}' '{self.folder / 'run'}' {words} -- \"$@\"")


def installed_targets() -> list[str]:
    """The targets for which this machine's Rust has a standard library."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    return [path.name for path in pathlib.Path(sysroot, "lib", "rustlib").iterdir() if (path / "lib").is_dir()]


def _is_there(need: str) -> bool:
    return pathlib.Path(need).exists() if need.startswith("/") else shutil.which(need) is not None
