"""Runs all test suites, even if some fail, and prints a summary. Called by `make test`.

The output of each suite is passed through. Most of the time of the last ones is waiting, so they run two at a time. If few tests
of pytest's have failed, they are run again with the machine to themselves: those that pass now are listed as unsteady. At the end
come these and the failed tests by name, the skipped tests grouped by reason, a line of the form "N passed, N failed, N skipped", and
one sentence. The exit status is 0 if nothing failed.

EIOT_TEST_REQUIRE=tools makes a failure of every test that is skipped because of something that could be installed or built.
"""

import collections
import concurrent.futures
import contextlib
import io
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

ROOT = pathlib.Path(__file__).resolve().parents[1]
# How long a suite may take to stop, in seconds.
GRACE = 30
# How many tests may have failed if they are to be run again.
FEW = 3
# Skip reasons that mean a missing tool, as opposed to something that cannot be tested at all.
NEEDS_A_TOOL = re.compile(r"apt-get|is not installed|`?make [a-z-]+`?|\bno [\w-]+ in this |toolchain")


@dataclass
class Result:
    """What a suite reports: how many tests passed, the names of those that failed, a reason for each that was skipped."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    # Those that passed only when they were run again.
    unsteady: list[str] = field(default_factory=list)
    # Why the suite did not run to its end.
    unfinished: str = ""


@dataclass
class Suite:
    """A command, and the function that reads its result from the exit status and the output."""

    name: str
    command: Sequence[str]
    read: Callable[[int, str], Result]
    environment: dict[str, str] = field(default_factory=dict)
    # pytest writes its report when it gets SIGINT.
    stop_signal: signal.Signals = signal.SIGTERM
    # Makes the suite of these tests only, if tests can be run by themselves.
    only: Callable[[Sequence[str]], "Suite"] | None = None


def make_target(status: int, output: str) -> Result:
    """A make target without tests of its own; `make lint` says "lint: no TOOL in this toolchain, …" for what it leaves out."""
    result = Result(skipped=re.findall(r"^lint: (no .*)$", output, re.MULTILINE))
    if status:
        result.failed.append(f"exit status {status}")
    return result


def cargo_test(status: int, output: str) -> Result:
    """libtest's output: one "test result:" line per program."""
    result = Result()
    program, failed_programs = "", 0
    names: list[str] = []
    for line in output.splitlines():
        if running := re.match(r"\s+(?:Running (?:unittests )?|Doc-tests )(\S+)(?: \(\S*?([^/\s]+)-[0-9a-f]+\))?", line):
            program = running[2] or running[1]
        elif line == "failures:":
            # Twice: with the output of each, then the names only.
            names = []
        elif listed := re.fullmatch(r"    (\S+( - .*)?)", line):
            names.append(listed[1])
        elif ignored := re.fullmatch(r"test .* \.\.\. ignored(?:, (.*))?", line):
            result.skipped.append(ignored[1] or "marked as ignored in the Rust tests")
        elif counted := re.match(r"test result: (\w+)\. (\d+) passed; (\d+) failed;", line):
            result.passed += int(counted[2])
            if int(counted[3]):
                failed_programs += 1
                result.failed += [f"{program} {name}" for name in names]
            names = []
    # A program that crashed has no result line.
    broken = re.search(r"^error: (\d+) targets? failed:$", output, re.MULTILINE)
    if status and (not failed_programs or (broken and int(broken[1]) > failed_programs)):
        result.failed.append(f"a program that was not built or not finished (exit status {status})")
    return result


def pytest_report(report: pathlib.Path, directory: str = "") -> Callable[[int, str], Result]:
    """The JUnit report of a pytest run whose root is `directory`."""

    def read(status: int, _: str) -> Result:
        result = Result()
        # One test may be there twice: failed, and with an error when it was cleaned up.
        outcomes: dict[str, str] = {}
        try:
            cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
        except (OSError, xml.etree.ElementTree.ParseError):
            return Result(failed=[f"no report (exit status {status})"])
        for case in cases:
            where = case.get("file") or case.get("classname", "").replace(".", "/") + ".py"
            name = f"{directory}{where}::{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                outcomes[name] = "failed"
            elif (skipped := case.find("skipped")) is not None:
                reason = skipped.get("message", "")
                if inner := re.search(r"Skipped: (.*)['\"]\)", skipped.text or "", re.DOTALL):
                    reason = inner[1]
                if outcomes.setdefault(name, "skipped") == "skipped":
                    result.skipped.append(reason.splitlines()[0] if reason else "no reason given")
            else:
                outcomes.setdefault(name, "passed")
        result.failed = [name for name, outcome in outcomes.items() if outcome == "failed"]
        result.passed = list(outcomes.values()).count("passed")
        if status not in (0, 1) or (status and not result.failed):
            result.failed.append(f"pytest itself (exit status {status})")
        return result

    return read


class Stop:
    """Whether SIGINT or SIGTERM has come; both stop the suite that runs and keep the others from beginning."""

    def __init__(self) -> None:
        self.came = threading.Event()

    @contextlib.contextmanager
    def heeded(self) -> Iterator[None]:
        """A signal that this process was told to ignore stays ignored."""
        before = {
            number: signal.signal(number, lambda *_: self.came.set())
            for number in (signal.SIGINT, signal.SIGTERM)
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def watch(self, process: subprocess.Popen[bytes], how: signal.Signals) -> None:
        """Ends the suite once a signal has come: kindly, and after a while with all that it has started."""
        while process.poll() is None:
            if self.came.wait(0.2):
                process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return


def run(suite: Suite, stop: Stop, out: BinaryIO) -> Result:
    """Runs one suite and passes its output through."""
    if stop.came.is_set():
        return Result(unfinished="not begun")
    out.write(f"\n== {suite.name}\n".encode())
    out.flush()
    try:
        # In a group of its own, so that Ctrl-C does not reach it twice.
        process = subprocess.Popen(
            suite.command,
            cwd=ROOT,
            env=os.environ | suite.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as why:
        return Result(failed=[f"could not be started: {why}"])
    watcher = threading.Thread(target=stop.watch, args=(process, suite.stop_signal))
    watcher.start()
    output = []
    with process:
        assert process.stdout
        while part := os.read(process.stdout.fileno(), 65536):
            out.write(part)
            out.flush()
            output.append(part)
    watcher.join()
    if process.returncode and stop.came.is_set():
        # Earlier failures count; the exit status of a stopped suite is meaningless.
        result = suite.read(1, b"".join(output).decode(errors="replace"))
        result.failed = [name for name in result.failed if "exit status" not in name]
        result.unfinished = "stopped before its end"
        return result
    return suite.read(process.returncode, b"".join(output).decode(errors="replace"))


def run_again(suites: Sequence[Suite], results: dict[str, Result], stop: Stop, out: BinaryIO) -> None:
    """Runs the failed tests again, if they are few."""
    failed = [(suite, results[suite.name]) for suite in suites if suite.only and results[suite.name].failed]
    names = [name for _, result in failed for name in result.failed]
    if len(names) > FEW or not all("::" in name for name in names):
        return
    for suite, result in failed:
        assert suite.only
        second = run(suite.only(result.failed), stop, out)
        if second.passed + len(second.failed) == len(result.failed):
            result.unsteady = [name for name in result.failed if name not in second.failed]
            result.failed = second.failed
            result.passed += second.passed


def joined(words: Sequence[str]) -> str:
    """Words as in a sentence: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def summary(results: dict[str, Result], seconds: float) -> list[str]:
    """The lines that are printed at the end."""
    lines = []
    unsteady = [f"{name}: {test}" for name, result in results.items() for test in result.unsteady]
    if unsteady:
        lines += ["unsteady, they failed at first and passed when they were run again:", *(f"  {line}" for line in unsteady)]
    failed = [f"{name}: {test}" for name, result in results.items() for test in result.failed]
    if failed:
        lines += ["failed:", *(f"  {line}" for line in failed)]
    reasons = collections.Counter(reason for result in results.values() for reason in result.skipped)
    if reasons:
        lines += ["skipped:", *(f"  {number:4} {reason}" for reason, number in reasons.most_common())]
    passed = sum(result.passed for result in results.values())
    lines.append(f"{passed} passed, {len(failed)} failed, {reasons.total()} skipped")

    parts = []
    good = {name: result for name, result in results.items() if not result.failed and not result.unfinished}
    if good:
        parts.append(f"passed: {joined(list(good))} ({count(sum(result.passed for result in good.values()), 'test')})")
    bad = [
        f"{name} ({len(result.failed)} of {len(result.failed) + result.passed})"
        for name, result in results.items()
        if result.failed
    ]
    parts.append(f"failed: {joined(bad) or 'nothing'}")
    if unsteady:
        parts.append(f"unsteady: {count(len(unsteady), 'test')} (see above)")
    unfinished = [f"{name} ({result.unfinished})" for name, result in results.items() if result.unfinished]
    if reasons:
        unfinished.append(f"{count(reasons.total(), 'test')} for {count(len(reasons), 'reason')} (see above)")
    parts.append(f"not run: {joined(unfinished) or 'nothing'}")
    lines.append(f"make test, {seconds / 60:.0f} min: {'; '.join(parts)}.")
    return lines


def require_tools(result: Result) -> None:
    """Converts tests that were skipped because of a missing tool into failures."""
    result.failed += [f"skipped: {reason}" for reason in result.skipped if NEEDS_A_TOOL.search(reason)]
    result.skipped = [reason for reason in result.skipped if not NEEDS_A_TOOL.search(reason)]


def run_all(suites: Sequence[Suite], beside: Sequence[Suite] = ()) -> int:
    """Runs the suites, prints the summary, and returns the exit status.

    `beside` run while the last of `suites` does, and what they print comes after it.
    """
    required = os.environ.get("EIOT_TEST_REQUIRE", "")
    if required not in ("", "tools"):
        print(f"EIOT_TEST_REQUIRE is {required!r}; it can be `tools`")
        return 2
    stop, began = Stop(), time.monotonic()
    out, held = sys.stdout.buffer, io.BytesIO()
    sys.stdout.flush()
    with stop.heeded(), concurrent.futures.ThreadPoolExecutor(1) as second:
        results = {suite.name: run(suite, stop, out) for suite in suites[:-1]}
        others = [(suite.name, second.submit(run, suite, stop, held)) for suite in beside]
        results |= {suite.name: run(suite, stop, out) for suite in suites[-1:]}
        results |= {name: done.result() for name, done in others}
        out.write(held.getvalue())
        run_again([*suites, *beside], results, stop, out)
    if required:
        for result in results.values():
            require_tools(result)
    print("\n== summary", *summary(results, time.monotonic() - began), sep="\n", flush=True)
    if any(result.failed for result in results.values()):
        return 1
    return 130 if stop.came.is_set() else 0


def pytest_suite(
    name: str, *arguments: str, root: str = "", environment: dict[str, str] | None = None, python: Sequence[str] = ()
) -> Suite:
    report = ROOT / "build" / "reports" / (re.sub(r"\W+", "-", name) + ".xml")
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    # The files of tests that passed would fill a small disk.
    command = [sys.executable, *python, "-m", "pytest", "-q", "-o", "tmp_path_retention_policy=failed"]
    command += ["-o", "junit_family=xunit1", f"--junitxml={report}", *arguments]

    def only(names: Sequence[str]) -> Suite:
        return pytest_suite(f"{name}, again", *names, root=root, environment=environment, python=python)

    return Suite(name, command, pytest_report(report, root), environment or {}, signal.SIGINT, only)


def main() -> int:
    cargo, make = os.environ.get("CARGO", "cargo"), os.environ.get("MAKE", "make")
    workspace = ["--locked", "--workspace", "--exclude", "eiot-python", "--exclude", "eiot-night"]
    # What measures a rate has the machine to itself; what takes long and does not runs beside the rest.
    rates = ["tests/test_account_rate.py", "tests/test_workers.py"]
    languages = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("tests/test_bindings*.py"))]
    apart = [*languages, "tests/test_site.py"]
    return run_all(
        [
            # Tests of what could not be built are skipped.
            Suite("build", [make, "--no-print-directory", "-k", "sanitized", "workers", "recipes"], make_target),
            Suite("lint", [make, "--no-print-directory", "lint"], make_target),
            Suite("cargo test", [cargo, "test", *workspace, "--no-fail-fast"], cargo_test),
            # By itself: core is compiled with other features.
            Suite("simulated nights", [cargo, "test", "--locked", "-p", "eiot-night"], cargo_test),
            pytest_suite("tests of rates", *rates),
            pytest_suite("tests", "tests", *(f"--ignore={path}" for path in [*rates, *apart])),
        ],
        beside=[
            pytest_suite("tests of languages and site", *apart),
            pytest_suite(
                "bindings/python/tests",
                "bindings/python/tests",
                root="bindings/python/",
                environment={"PYTHONDEVMODE": "1"},
                python=["-W", "error"],
            ),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
