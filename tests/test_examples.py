"""The examples compile without warnings and work."""

import os
import subprocess
import sys

import pytest
from conftest import CLEAN, PKG_CONFIG, PREFIX, TESTS, run
from test_refusals import EID

EXAMPLES = TESTS.parent / "examples"
STRICT = ["-Wconversion", "-Wshadow"]


@pytest.fixture
def example(build):
    return lambda name: build(f"../examples/{name}", *STRICT, "-lpthread")


@pytest.mark.parametrize("name", ["c/refresh.c", "c/threads.c", "cpp/refresh.cpp"])
def test_example_refreshes_cards(example, simulator, name):
    running = simulator("--tls", "--unlimited")
    done = run([example(name), EID, "11111111111111111111111111"], environment=running.environment)
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == [
        "11111111111111111111111111 refreshed", f"{EID} refreshed",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["c/refresh.c", "c/threads.c", "cpp/refresh.cpp"])
def test_example_reports_a_rejection_and_exits_with_an_error(example, simulator, name):
    running = simulator("--refuse", "45109")
    done = run([example(name), EID], environment=running.environment, check=False)
    assert done.returncode == 1 and "45109" in done.stderr


def test_example_reads_many_cards_from_standard_input(example, simulator):
    running = simulator("--tls", "--unlimited")
    lines = f"{EID}\r\n8.9E+31\n89044011112233441122334411223321\n{EID}\n"
    command = [str(example("c/batch.c"))]
    done = subprocess.run(command, input=lines, env=CLEAN | running.environment, capture_output=True, text=True)
    assert done.returncode == 1 and "spreadsheet" in done.stderr
    assert sorted(done.stdout.splitlines()[:-1]) == [
        f"line 1: {EID} refreshed", "line 2: 8.9E+31 invalid_eid",
        "line 3: 89044011112233441122334411223321 refreshed", f"line 4: {EID} refreshed, came before",
    ]  # fmt: skip
    assert done.stdout.splitlines()[-1] == "2 refreshed, 1 failed, 1 came twice"


def test_example_shows_every_part_of_an_error(example, simulator):
    running = simulator("--refuse", "45109")
    command = [example("c/errors.c"), running.url, running.appkey, running.secret]
    done = run([*command, EID], check=False)
    assert done.returncode == 1
    for said in ("EIOT_ERR_PLATFORM", "code         45109", "delivered    yes", "try again    unknown"):
        assert said in done.stderr
    for code, again in (("41007", "no"), ("502", "once that is fixed"), ("500", "later"), ("501", "later")):
        running = simulator("--refuse", code)
        done = run([command[0], running.url, *command[2:], EID], check=False)
        assert f"try again    {again}\n" in done.stderr, done
    # A page in the platform's place: the same call fails again until the address is corrected.
    running = simulator("--fault", "status=404")
    done = run([command[0], running.url, *command[2:], EID], check=False)
    assert "EIOT_ERR_HTTP" in done.stderr and "try again    once that is fixed\n" in done.stderr, done
    done = run([*command, "8.9E+31"], check=False)
    assert "try again    no\n" in done.stderr, done
    assert run(command, check=False).returncode == 2


@pytest.mark.parametrize("last_call, passes", [("none", True), ("status=403", False)])
def test_demo_fails_if_the_last_rejection_is_not_the_cooldown(tmp_path, last_call, passes):
    faults = " ".join(["--fault none"] * 9 + [f"--fault {last_call}"])
    python, simulator = tmp_path / "bin" / "python", tmp_path / "simulator"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    simulator.write_text(f'#!/bin/sh\nexec {os.environ["EIOT_SIM"]} "$@" {faults}\n')
    for program in (python, simulator):
        program.chmod(0o755)
    environment = {name: os.environ[name] for name in ("EIOT_TEST_CC", "EIOT_TEST_CXX")}
    environment |= {"EIOT_SIM": str(simulator), "EIOT_TEST_PREFIX": str(PREFIX)}
    environment |= {"BUILD": str(tmp_path), "PKG_CONFIG": str(PKG_CONFIG)}
    done = run(["sh", EXAMPLES / "demo.sh"], environment=environment, check=False)
    assert (done.returncode == 0) == ("Done: nine cards" in done.stdout) == passes, (done.stdout, done.stderr)
    assert ("for another reason" in done.stdout) != passes


def test_examples_are_all_tested():
    sources = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("c*/*")}
    assert sources == {"c/refresh.c", "c/threads.c", "c/errors.c", "c/batch.c", "c/metrics.c", "c/daemon.c", "c/epoll.c", "cpp/refresh.cpp"}
