"""Linux elsewhere: on ARM, by qemu's user mode, and with musl in place of glibc.

Programs are compiled by zig, as those that `make dist` hands out.
"""

import os
import pathlib
import platform
import subprocess
import sys
from dataclasses import dataclass

from . import pythons, zig
from .platform import ROOT, TARGET, Platform

# The same promises as on this machine: each way to fail, misuse of the C library, batches, the rate that processes share, the
# journal, the limits of threads and signals.
TESTS = [
    "tests/test_faults.py",
    "tests/test_refresh.py",
    "tests/test_signed_call.py",
    "tests/test_c.py",
    "tests/test_cpp.py",
    "tests/test_batch.py",
    "tests/test_batch_command.py",
    "tests/test_account_rate.py",
    "tests/test_journal.py",
]
# This machine's Python package is not of the platform, whose own is tested by wheel_checks.py. How much stack is enough is a matter
# of full optimization, and what takes minutes or tests files of the source is left to `make test`.
LEFT_OUT = [
    r"test_(?!bindings).*\bpython\b|from_python",
    r"stack_that_the_header_asks_for",
    r"memory_does_not_grow|nonces_do_not_repeat|20_times|20_interruptions|test_nonces_of_eight|test_rate_shares",
    r"_of_the_header$|test_cpp.py::.*clean_where_it_is_used|the_matrix_has",
]
NOT_HERE = {
    r"valgrind": "valgrind knows this machine's processor and C library only",
    r"clock_of_a_host|redis": "the clock is shifted by a library for this machine's programs",
}
EMULATED = {
    r"idle_connections": "qemu's programs take longer to send a request than the 20 ms after which that server closes a connection",
    r"test_c.py::test_call_can_be_cancelled_by": "the call begins after the 200 ms of its alarm",
    r"library_starts_none": "qemu has threads of its own",
    r"panic_in_the_shipped_library|process_without_memory": "qemu does not pass on limits of memory",
    r"counters_add_up_when_calls_are_retried": "the memory and the descriptors that it counts are qemu's",
}


@dataclass
class Linux(Platform):
    """Linux on a processor, with a C library."""

    zig_target: str = ""
    """zig's name for it."""
    tools: str = ""
    """The prefix of its binary utilities."""

    @property
    def machine(self) -> str:
        return self.name.split("-")[1]

    @property
    def is_musl(self) -> bool:
        return self.name.endswith("-musl")

    @property
    def emulator(self) -> str:
        """The words before a program that needs no library of the system."""
        if self.machine == platform.machine():
            return "exec"
        return f"exec qemu-{self.machine.replace('armv7', 'arm')}-static"

    def zigbuild(self, *packages: str, **environment: str) -> pathlib.Path:
        """As `cargo`, by zig."""
        # cargo-zigbuild appends the oldest glibc to the Rust target.
        zig.cargo("zigbuild", self.target + ("" if self.is_musl else ".2.17"), *packages, **environment)
        return TARGET / self.target / "quick"

    def prepare(self) -> None:
        runner = pythons.musl_runner(self.machine) if self.is_musl else f"{self.emulator} -L /usr/{self.tools.rstrip('-')}"
        self.script(self.folder / "run", f'{runner} "$@"')
        for name in ("cc", "c++"):
            # Flags of gcc's that it has no use for are no errors. What reports undefined behaviour needs a newer musl than libeiot. It
            # links statically against musl unless it is told not to.
            flags = ["-Qunused-arguments", "-fno-sanitize=all", *(["-dynamic"] if self.is_musl else [])]
            self.compiler(name, "env", *zig.CACHES, sys.executable, "-m", "ziglang", name, "-target", self.zig_target, *flags)
        self.tree()
        if pythons.CHECKS in self.tests:
            self.python()

    def tree(self) -> None:
        """The tree that is handed out, built quickly."""
        made = self.zigbuild("eiot-ffi", "eiot-cli", "eiot-sim")
        make = os.environ.get("MAKE", "make")
        version, abi = subprocess.run([make, "-s", "print-version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        settings = {"CC": f"{zig.TOOLS}/cargo-zigbuild zig cc -- -target {self.zig_target}", "VERSION": version, "SONAME": f"libeiot.so.{abi}"}
        settings |= {"TOOLS": self.tools, "PATH": f"{zig.TOOLS}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(["sh", "packaging/libraries.sh", made], cwd=ROOT, env=os.environ | settings, check=True)
        # The manual pages are printed by this machine's command.
        pages = pathlib.Path(os.environ["EIOT_SIM"]).parent
        words = [f"MADE={made}", f"PAGES={pages}", f"PREFIX={self.prefix}", "DESTDIR=", "LIBDIR=lib"]
        subprocess.run([make, "--no-print-directory", "-s", "place", *words], cwd=ROOT, check=True)
        for name in ("eiot", "eiot-sim"):
            program = self.prefix / "bin" / name
            program = program.rename(program.with_name(f"{name}.bin"))
            # With musl, the programs are static.
            if self.is_musl:
                self.script(self.prefix / "bin" / name, f"{self.emulator} '{program}' \"$@\"")
            else:
                self.runs(self.prefix / "bin" / name, program)

    def python(self) -> None:
        """Makes the script `python` and the folder `site` with the package: the wheel of `make dist`, or a quick build."""
        pythons.python_for(self.name)(self.folder)
        site = self.folder / "site"
        if not pythons.install(self.name, site):
            # Rust links statically against musl, and then makes no shared libraries, unless it is told not to.
            shared = {"RUSTFLAGS": "-C target-feature=-crt-static"} if self.is_musl else {}
            made = self.zigbuild("eiot-python", PYO3_BUILD_EXTENSION_MODULE="1", **shared)
            pythons.lay_out(made / "lib_native.so", site)


def _linux(name: str, target: str, zig_target: str, needs: dict[str, str], tests: list[str]) -> Linux:
    this = target.split("-")[0] == platform.machine()
    tools = {"linux-armv7": "arm-linux-gnueabihf-"}.get(name, "" if this else f"{target.split('-')[0]}-linux-gnu-")
    if not this:
        needs = needs | {"qemu-arm-static": "qemu-user-static", f"{tools}ld": f"binutils-{tools.rstrip('-').replace('_', '-')}"}
    return Linux(name, target, tests, needs, NOT_HERE | ({} if this else EMULATED), LEFT_OUT, zig_target, tools)


GLIBC = {"libc.so.6": "libc6", "libgcc_s.so.1": "libgcc-s1"}
APT = {"apt-get": "apt", "dpkg-deb": "dpkg"}
# glibc loads libgcc when a thread is cancelled.
_ARM64 = {f"/usr/aarch64-linux-gnu/lib/{file}": f"{package}-arm64-cross" for file, package in GLIBC.items()}
_ARMHF = {f"/usr/arm-linux-gnueabihf/lib/{file}": f"{package}-armhf-cross" for file, package in GLIBC.items()}
PLATFORMS: list[Platform] = [
    _linux("linux-aarch64", "aarch64-unknown-linux-gnu", "aarch64-linux-gnu.2.17", APT | _ARM64, [*TESTS, pythons.CHECKS]),
    _linux("linux-armv7", "armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf.2.17", _ARMHF, TESTS),
    _linux("linux-x86_64-musl", "x86_64-unknown-linux-musl", "x86_64-linux-musl", APT, [*TESTS, pythons.CHECKS]),
    _linux("linux-aarch64-musl", "aarch64-unknown-linux-musl", "aarch64-linux-musl", APT, [pythons.CHECKS, "tests/test_batch.py"]),
]
