"""The daemons of examples/c: under faults, and when they are told to end, each record has exactly one outcome."""

import collections
import os
import signal
import subprocess
import time

import pytest
from conftest import CLEAN
from test_examples import STRICT

RECORDS = 10_000
# Every tenth card is a repetition of an earlier one, and every hundredth is malformed.
CARDS = [f"8904{number - number % 10:012d}" if number % 10 == 1 else f"8904{number:012d}" for number in range(RECORDS)]
CARDS = ["8.9E+31" if number % 100 == 50 else eid for number, eid in enumerate(CARDS)]
DAEMONS = pytest.mark.parametrize("name", ["daemon", "epoll"])


@pytest.fixture
def started(build, tmp_path):
    """Starts a daemon with its options in a file."""
    processes = []

    def start(name, running, **options):
        options = running.options | {"rate_scope": "process", "timeout": "0.5", "max_attempts": "2"} | options
        file = tmp_path / "options"
        file.write_text("# comment\n\n" + "".join(f"{name} = {value}\n" for name, value in options.items()))
        program = build(f"../examples/c/{name}.c", *STRICT, "-lpthread")
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen([program, file], env=CLEAN, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def outcomes(output):
    """The fields of each record's line, by its ID; each ID occurs once."""
    lines = [line.split() for line in output.splitlines()]
    assert len({identifier for identifier, *_ in lines}) == len(lines)
    return {identifier: fields for identifier, *fields in lines}


@DAEMONS
def test_daemon_accounts_for_every_record_once_under_faults(started, simulator, name):
    # Real time: some faults end with the timeout of half a second.
    running = simulator("--unlimited", "--fault-chance", "0.02", "--fault-seed", "5")
    process = started(name, running)
    records = "".join(f"r{number} {eid}\n" for number, eid in enumerate(CARDS))
    output, log = process.communicate(records, timeout=300)
    assert process.returncode == 0, log[-2000:]
    told = outcomes(output)
    assert sorted(told) == sorted(f"r{number}" for number in range(RECORDS))
    kinds = collections.Counter(fields[0] for fields in told.values())
    assert kinds["ok"] > 0.95 * RECORDS and kinds["invalid_eid"] == 100, kinds
    called = running.counters()["per_eid"]
    for number, eid in enumerate(CARDS):
        kind, delivered = told[f"r{number}"][:2]
        # What is said to be refreshed has reached the platform.
        assert kind != "ok" or (delivered == "yes" and called[eid] >= 1), (eid, kind, delivered)
        assert kind != "invalid_eid" or (delivered == "no" and eid not in called), (eid, kind, delivered)
    assert "attempt=2" in log


@DAEMONS
def test_daemon_that_gets_sigterm_finishes_what_it_has_read_and_ends(started, simulator, name):
    # Real time: each answer takes 20 ms, and SIGTERM comes after 40 outcomes.
    running = simulator("--unlimited", "--latency-ms", "20")
    process = started(name, running)
    descriptor = process.stdin.fileno()
    os.set_blocking(descriptor, False)
    written = 0

    def feed():
        nonlocal written
        try:
            written += os.write(descriptor, f"r{written} 8904{written:012d}\n".encode()) and 1
        except BlockingIOError:
            time.sleep(0.01)

    while running.counters()["calls"] < 40:
        feed()
    process.send_signal(signal.SIGTERM)
    # The input stays open: a daemon that waited for more of it would not end.
    assert process.wait(timeout=30) == 0, process.stderr.read()[-2000:]
    told = outcomes(process.stdout.read())
    # Those that it has read are the first ones, and each of them is refreshed.
    assert 40 <= len(told) and set(told) == {f"r{number}" for number in range(len(told))}
    assert {fields[0] for fields in told.values()} == {"ok"}
    assert running.counters()["accepted"] >= len(told)


@DAEMONS
def test_daemon_names_the_line_of_a_wrong_option(started, simulator, name):
    process = started(name, simulator("--unlimited"), timeout="soon")
    _, log = process.communicate("", timeout=30)
    assert process.returncode == 2 and "options:" in log and "timeout: must be a number of seconds" in log, log
