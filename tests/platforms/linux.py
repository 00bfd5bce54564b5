"""Linux elsewhere: on ARM, by qemu's user mode, and with musl in place of glibc.

Programs are compiled by zig, as those that `make dist` hands out.
"""

import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

from . import pythons
from .platform import ROOT, TARGET, Platform

TOOLS = pathlib.Path(sys.executable).parent
ZIG = [f"ZIG_GLOBAL_CACHE_DIR={ROOT / 'build' / 'zig'}", f"ZIG_LOCAL_CACHE_DIR={ROOT / 'build' / 'zig'}"]

# The same promises as on this machine: each way to fail, misuse of the C library, batches, the rate that processes share, the
# journal, the limits of threads and signals.
TESTS = [
    "tests/test_faults.py",
    "tests/test_signed_call.py",
    "tests/test_vectors.py",
    "tests/test_c.py",
    "tests/test_cpp.py",
    "tests/test_batch.py",
    "tests/test_batch_command.py",
    "tests/test_account_rate.py",
    "tests/test_journal.py",
    "tests/platforms/wheel_checks.py",
]
NATIVE = {
    r"\[python\b|\bpython\]|-python": "it would test this machine's Python package; wheel_checks.py tests the platform's",
    r"valgrind|memory_does_not_grow": "valgrind and memory figures are of this machine's processor",
}


@dataclass
class Linux(Platform):
    """Linux on a processor, with a C library."""

    zig: str = ""
    """zig's name for it."""
    tools: str = ""
    """The prefix of its binary utilities."""
    runner: str = "exec"
    """What runs a program."""
    glibc: str = ".2.17"
    """What cargo-zigbuild appends to the Rust target."""

    def zigbuild(self, *packages: str, **environment: str) -> pathlib.Path:
        """As `cargo`, by zig."""
        command = [TOOLS / "cargo-zigbuild", "zigbuild", "--locked", "--quiet", "--profile", "quick", "--target", self.target + self.glibc]
        for package in packages:
            command += ["-p", package]
        path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
        settings = os.environ | {"PATH": path, "CARGO_TARGET_DIR": str(TARGET)} | environment
        subprocess.run(command, cwd=ROOT, env=settings, check=True)
        return TARGET / self.target / "quick"

    def prepare(self) -> None:
        made = self.zigbuild("eiot-ffi", "eiot-cli", "eiot-sim")
        version, abi = (make_variable(name) for name in ("VERSION", "ABI"))
        settings = {"CC": f"{TOOLS}/cargo-zigbuild zig cc -- -target {self.zig}", "VERSION": version, "SONAME": f"libeiot.so.{abi}"}
        settings |= {"TOOLS": self.tools, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(["sh", "packaging/libraries.sh", made], cwd=ROOT, env=os.environ | settings, check=True)

        self.script(self.folder / "run", f'{self.runner} "$@"')
        static = ["-dynamic"] if "musl" in self.zig else []
        for name, language in (("cc", "cc"), ("c++", "c++")):
            self.compiler(name, "env", *ZIG, sys.executable, "-m", "ziglang", language, "-target", self.zig, *static)
        # The manual pages are printed by this machine's command.
        pages = pathlib.Path(os.environ["EIOT_SIM"]).parent
        words = [f"MADE={made}", f"PAGES={pages}", f"PREFIX={self.prefix}", "DESTDIR=", "LIBDIR=lib"]
        subprocess.run([os.environ.get("MAKE", "make"), "--no-print-directory", "place", *words], cwd=ROOT, check=True)
        for name in ("eiot", "eiot-sim"):
            program = self.prefix / "bin" / name
            self.runs(program, program.rename(program.with_name(f"{name}.bin")))
        self.prepare_python()

    def prepare_python(self) -> None:
        """Makes the script `python` and the folder `site` with the package."""
        python = pythons.python_for(self.name)
        if python is None:
            return
        python(self.folder)
        pythons.install(self.name, self.folder / "site") or pythons.lay_out(
            self.zigbuild("eiot-python", PYO3_BUILD_EXTENSION_MODULE="1") / "lib_native.so", self.folder / "site"
        )


def make_variable(name: str) -> str:
    """A variable of the Makefile."""
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", "-s", f"--eval=print: ; @echo $({name})", "print"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


QEMU = {"qemu-aarch64-static": "qemu-user-static"}
PLATFORMS: list[Platform] = [
    Linux(
        name="linux-aarch64",
        target="aarch64-unknown-linux-gnu",
        zig="aarch64-linux-gnu.2.17",
        tools="aarch64-linux-gnu-",
        runner="exec qemu-aarch64-static -L /usr/aarch64-linux-gnu",
        tests=TESTS,
        not_here=NATIVE,
        needs=QEMU | {"/usr/aarch64-linux-gnu/lib/libc.so.6": "libc6-arm64-cross", "aarch64-linux-gnu-ld": "binutils-aarch64-linux-gnu"},
    ),
    Linux(
        name="linux-armv7",
        target="armv7-unknown-linux-gnueabihf",
        zig="arm-linux-gnueabihf.2.17",
        tools="arm-linux-gnueabihf-",
        runner="exec qemu-arm-static -L /usr/arm-linux-gnueabihf",
        tests=[test for test in TESTS if "wheel" not in test],
        not_here=NATIVE,
        needs=QEMU | {"/usr/arm-linux-gnueabihf/lib/libc.so.6": "libc6-armhf-cross", "arm-linux-gnueabihf-ld": "binutils-arm-linux-gnueabihf"},
    ),
    Linux(
        name="linux-x86_64-musl",
        target="x86_64-unknown-linux-musl",
        zig="x86_64-linux-musl",
        glibc="",
        tests=TESTS,
        not_here=NATIVE,
        needs={"/lib/ld-musl-x86_64.so.1": "musl"},
    ),
]
