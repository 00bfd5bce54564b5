"""Windows, as wine runs it: mingw's compilers, and both widths."""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys

import dotnet

from . import pythons
from .platform import BUILD, ROOT, TARGET, Platform

# Unpacked by packaging/setup-platforms.sh; wine's 32-bit half cannot be installed beside the other without a foreign architecture.
WINE32 = BUILD / "wine32"
HERE = pathlib.Path(__file__).parent
# Wine's services have the descriptors of what started them, and stay: a pipe would not come to its end.
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
FPC = pathlib.Path("/usr/lib/x86_64-linux-gnu/fpc/3.2.2/ppcx64")
FPC32 = WINE32 / "usr/lib/i386-linux-gnu/fpc/3.2.2/ppc386"
FPC_SOURCES = pathlib.Path("/usr/share/fpcsrc/3.2.2/rtl")

# What a driver does, by the three of them that are programs.
_DRIVERS = [
    "tests/test_faults.py::test_fault_has_its_kind_of_error_in_time",
    "tests/test_faults.py::test_retries_make_every_call_succeed",
    "tests/test_refresh.py",
    "tests/test_refusals.py",
]
_C = [
    f"tests/test_c.py::{name}"
    for name in (
        "test_signing_agrees_with_every_vector",
        "test_idle_connections_that_the_server_closes_fail_no_call",
        "test_results_events_options_and_counters_belong_to_their_cards_and_calls",
        "test_call_can_be_cancelled_by_a_signal_handler",
        "test_misuse_has_defined_results",
    )
]
_BATCH = [
    f"tests/test_batch.py::{name}"
    for name in (
        "test_batch_refreshes_every_card_once",
        "test_refresh_many_calls_back_for_each_card",
        "test_batch_that_is_stopped_finishes_calls_in_flight",
        "test_batch_can_be_cancelled_by_a_signal_handler",
        "test_batch_stops_after_repeated_authentication_failures_and_each_card_reports_it",
    )
]
_RATE = [
    f"tests/test_account_rate.py::{name}"
    for name in ("test_rate_of_eight_clients_in_one_process_is_one", "test_rate_of_eight_processes_is_one")
]
_COMMAND = [
    f"tests/test_batch_command.py::{name}"
    for name in (
        "test_refresh_of_a_spreadsheet_reads_text_and_names_the_lines_with_lost_digits",
        "test_refresh_reads_standard_input_and_json_has_one_object_per_card",
        "test_run_that_is_resumed_skips_done_cards_and_retries_the_others",
        "test_run_that_is_killed_repeatedly_loses_nothing",
        "test_journal_of_another_job_or_in_use_is_rejected",
        "test_journal_prevents_a_second_call_after_the_outcome_was_recorded",
        "test_run_summary_adds_up_when_a_tenth_of_the_cards_fails",
    )
] + [
    f"tests/test_journal.py::{name}"
    for name in (
        "test_output_that_is_the_input_or_the_journal_is_refused_and_nothing_is_touched",
        "test_output_that_lost_lines_is_completed_from_the_journal",
        "test_journal_that_is_another_file_is_refused_and_left_alone",
        "test_journal_with_damaged_lines_is_repaired_and_says_so",
        "test_duplicates_that_are_far_apart_are_found_if_there_is_a_journal",
    )
]


# Each runs for every language; those that have no compiler for Windows here are left out below.
_BINDINGS = [
    f"tests/test_bindings.py::{name}"
    for name in (
        "test_signing_agrees_with_the_golden_sample_and_every_vector",
        "test_refresh_accepts_and_rejects_the_eids_of_the_table",
        "test_environment_is_sufficient_and_missing_variables_are_named",
        "test_rejection_is_reported_verbatim",
        "test_fault_of_each_kind_is_reported_in_time",
        "test_statuses_are_complete",
        "test_derived_client_has_its_own_options",
        "test_statistics_add_up",
        "test_events_report_each_attempt_and_each_local_refusal",
        "test_other_calls_and_webhooks",
        "test_batches",
        "test_cancellation_ends_waiting_calls",
        "test_client_is_shared_by_many_threads",
        "test_example_refreshes_and_reports_errors",
    )
]


class Windows(Platform):
    """Windows of one width."""

    @property
    def architecture(self) -> str:
        return self.target.partition("-")[0]

    def wine(self) -> tuple[str, list[str]]:
        """Wine's program, and the lines of a script that prepare its environment."""
        if self.architecture == "x86_64":
            return "/usr/lib/wine/wine64", ["export WINEARCH=win64 WINESERVER=/usr/lib/wine/wineserver64"]
        libraries = WINE32 / "usr" / "lib"
        return str(libraries / "wine" / "wine"), [
            f"export WINEARCH=win32 WINESERVER='{libraries}/wine/wineserver32'",
            f"export WINEDLLPATH='{libraries}/i386-linux-gnu/wine'",
            f"export LD_LIBRARY_PATH='{libraries}/i386-linux-gnu:{WINE32}/lib/i386-linux-gnu'",
        ]

    def prepare(self) -> None:
        mingw = f"{self.architecture}-w64-mingw32"
        self.tree()
        self.runner(mingw)
        self.python()
        # As programs that are run by name; the tests look for them without an ending.
        for program in ("eiot", "eiot-sim"):
            self.runs(self.prefix / "bin" / program, self.prefix / "bin" / f"{program}.exe")
        # What POSIX has and Windows has not: sys/wait.h, timers, arguments in UTF-8.
        shims = ["-I", str(HERE / "windows"), "-include", str(HERE / "windows" / "posix.h")]
        self.compiler("cc", f"{mingw}-gcc", *shims)
        self.compiler("c++", f"{mingw}-g++", *shims)
        self.pascal()
        self.csharp()

    def tree(self) -> None:
        """The tree that is handed out, built quickly."""
        version = subprocess.run(["make", "-s", "print-version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        environment = os.environ | {
            "CARGO": os.environ.get("CARGO", "cargo"), "CARGO_TARGET_DIR": str(TARGET), "VERSION": version[0], "ABI": version[1],
            "DLLTOOL": f"{sys.executable} -m ziglang dlltool",
        }  # fmt: skip
        command = ["sh", "packaging/windows-tree.sh", self.architecture, "quick", str(self.prefix)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)

    def python(self) -> None:
        """Builds the Python package. If there is a Python that runs it: the script `python` and the folder `site` with the package."""
        made = self.cargo("eiot-python", PYO3_NO_PYTHON="1", PYO3_BUILD_EXTENSION_MODULE="1")
        python = pythons.python_for(self.name)
        if python is None:
            return
        python(self.folder)
        site = self.folder / "site"
        if not pythons.install(self.name, site):
            pythons.lay_out(made / "_native.dll", site)

    def pascal(self) -> None:
        """Free Pascal's compiler for this system, and its run-time library, which Debian has as sources."""
        units, os_name = self.folder / "pascal", "win64" if self.architecture == "x86_64" else "win32"
        cpu, compiler = ("x86_64", FPC) if self.architecture == "x86_64" else ("i386", FPC32)
        command = [str(compiler), f"-T{os_name}", "-n", "-v0"]
        if not (units / "buildrtl.ppu").exists():
            units.mkdir(exist_ok=True)
            folders = [f"{FPC_SOURCES}/{name}" for name in ("win", "win/wininc", "inc", cpu, "objpas", "objpas/sysutils", "objpas/classes")]
            paths = [f"-FU{units}", f"-Fu{units}", *(f"-F{kind}{folder}" for folder in folders for kind in "iu"), f"-Fi{FPC_SOURCES}/{os_name}"]
            for unit in ("-Us -Sg system.pp", "../objpas/objpas.pp", "buildrtl.pp"):
                *flags, source = unit.split()
                words = [*command, *paths, *flags, source]
                done = subprocess.run(words, cwd=f"{FPC_SOURCES}/{os_name}", capture_output=True, text=True)
                # Otherwise it has only warnings, about its own sources.
                if done.returncode:
                    raise OSError(done.stdout + done.stderr)
        script = HERE / "windows" / "fpc.py"
        words = " ".join([*command, f"-Fu{units}"])
        self.script(self.folder / "tools" / "fpc", f"exec '{sys.executable}' '{script}' '{self.folder / 'run'}' {words} -- \"$@\"")

    def csharp(self) -> None:
        """.NET for this system, of the version that is installed for this machine, and a compiler for it."""
        folder, tools = self.folder / "dotnet", self.folder / "tools"
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            tag = "win_amd64" if self.architecture == "x86_64" else "win32"
            package = f"dotnetcore2=={importlib.metadata.version('dotnetcore2')}"
            words = ["--no-deps", "--only-binary", ":all:", "--platform", tag, "--target", str(partial), "--upgrade", package]
            subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", *words], check=True)
            partial.rename(folder)
        package = folder / "dotnetcore2"
        self.script(tools / "mcs", f"exec {' '.join(dotnet.compiler(package, '/usr/bin/mcs'))} \"$@\"")
        self.script(tools / "mono", f"exec '{self.folder / 'run'}' {' '.join(dotnet.runtime(package))} \"$@\"")

    def runner(self, mingw: str) -> None:
        """Wine with a system drive of its own."""
        program, environment = self.wine()
        compilers = [f"/usr/{mingw}/lib", *map(str, pathlib.Path(f"/usr/lib/gcc/{mingw}").glob("*-posix"))]
        found = [str(self.prefix / "bin"), *compilers]
        self.script(
            self.folder / "run",
            f"export WINEPREFIX='{self.folder / 'wine'}' WINEDEBUG=-all LANG=C.UTF-8 HOME='{self.folder}'",
            # No browser, no .NET, no menus.
            "export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=d'",
            f"export WINEPATH='{';'.join(found)}'",
            *environment,
            f"exec '{program}' \"$@\"",
        )
        # Started for each program again, it would take longer than they do.
        (self.folder / "wine").mkdir(exist_ok=True)
        self.server("-p")
        # Once, so that programs that are started together find a drive.
        subprocess.run([self.folder / "run", "wineboot", "--init"], check=True, timeout=300, **QUIET)
        # Not every program looks for libraries in PATH.
        system = self.folder / "wine" / "drive_c" / "windows" / "system32"
        self.random_numbers(mingw, system)
        if self.architecture == "i686":
            # Wine's user32.dll needs it, and is installed with it.
            shutil.copy(WINE32 / "usr" / mingw / "lib" / "zlib1.dll", system)

    def server(self, flag: str) -> None:
        """Starts wine's server (-p), or stops it (-k)."""
        lines = ["export WINEPREFIX=$1", *self.wine()[1], f'"$WINESERVER" {flag}']
        subprocess.run(["sh", "-c", "\n".join(lines), "sh", self.folder / "wine"], **QUIET)

    def finish(self) -> None:
        self.server("-k")

    def random_numbers(self, mingw: str, system: pathlib.Path) -> None:
        """A bcryptprimitives.dll for a wine that has none: Rust's standard library gets its random numbers there."""
        output = system / "bcryptprimitives.dll"
        source = HERE / "windows" / "bcryptprimitives.c"
        subprocess.run([f"{mingw}-gcc", "-shared", "-Wl,--kill-at", "-o", output, source, "-ladvapi32"], check=True)


def _windows(architecture: str, needs: dict[str, str]) -> Windows:
    compiler = architecture.replace("_", "-")
    python = [pythons.CHECKS] if pythons.python_for(f"windows-{architecture}") else []
    return Windows(
        name=f"windows-{architecture}",
        target=f"{architecture}-pc-windows-gnu",
        # What is particular to Windows first, the many faults last: who has little time stops here.
        tests=["tests/test_windows.py", *python, *_C, *_BATCH, *_BINDINGS, "tests/test_cpp.py", *_COMMAND, *_RATE, *_DRIVERS],
        needs={
            f"{architecture}-w64-mingw32-gcc": f"gcc-mingw-w64-{compiler}-posix",
            f"{architecture}-w64-mingw32-g++": f"g++-mingw-w64-{compiler}-posix",
            str(FPC_SOURCES): "fpc-source",
            "/usr/bin/mcs": "mono-mcs",
            **needs,
        },
        not_here={
            "valgrind": "valgrind does not know Windows",
            "test_idle_connections": "wine reports one closed connection in thirty late, and a call is made over it",
        },
        left_out=[r"test_(faults|refresh|refusals)\.py.*\bpython\b", r"test_bindings\.py.*\[(?!.*(pascal|csharp))"],
    )


PLATFORMS = [
    _windows("x86_64", {"/usr/lib/wine/wine64": "wine64", str(FPC): "fp-compiler-3.2.2"}),
    # These were unpacked, not installed.
    _windows("i686", {str(WINE32): "wine32", "/lib/ld-linux.so.2": "libc6-i386"}),
]
