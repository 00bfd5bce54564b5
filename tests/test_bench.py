"""The benchmark's short form: every client does real work, the report says what was measured, and nothing has become
many times slower."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from conftest import TESTS

sys.path.insert(0, str(TESTS / "bench"))

import goals  # noqa: E402
import report  # noqa: E402
from turns import times_as_fast  # noqa: E402

pytestmark = pytest.mark.skipif(
    not (pathlib.Path(os.environ["EIOT_TEST_BIN"]) / "eiot-bench").exists(),
    reason="there is no eiot-bench; `make bench-tools` makes it",
)


@pytest.fixture(scope="module")
def short_form(tmp_path_factory):
    """Where the report of a short run is, and its figures."""
    written = tmp_path_factory.mktemp("bench") / "benchmarks.md"
    flags = ["--short", "--report", written, "--results", written.with_name("results.json")]
    # Without the developer's mode, which other libraries feel more than we do.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, TESTS / "bench" / "run.py", *flags],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return written, json.loads(written.with_name("results.json").read_text())


def test_every_client_that_is_there_makes_calls_that_the_simulator_accepts(short_form):
    _, results = short_form
    for name, work in results["works"].items():
        for placement, clients in work["placements"].items():
            assert set(clients) == set(work["clients"]), (name, placement)
            assert all(seconds > 0 for client in clients.values() for seconds in client["seconds"])
        assert {"c"} <= set(work["clients"])
    assert {"c", "rust", "python", "requests", "httpx", "socket"} <= set(
        results["works"]["single"]["clients"]
    )
    assert {"c", "rust", "python", "command", "socket"} <= set(results["works"]["batch"]["clients"])


def test_who_is_left_out_is_named_with_the_reason(short_form):
    written, results = short_form
    missing = [one for work in results["works"].values() for one in work["missing"].values()]
    for one in missing:
        assert f"Not run: {one['label']} ({one['why']})" in written.read_text()


def test_the_report_tells_every_goal_and_its_pictures_are_there(short_form):
    written, results = short_form
    text = written.read_text()
    for goal in goals.goals(results):
        assert f"| {goal.work} | {goal.goal} | {goal.measured} |" in text
    for name in ("single", "batch", "growth"):
        assert f"(benchmarks-{name}.svg)" in text
        assert written.with_name(f"benchmarks-{name}.svg").read_text().startswith("<svg")


def test_what_was_written_by_hand_stays(short_form, tmp_path):
    _, results = short_form
    path = tmp_path / "benchmarks.md"
    path.write_text(f"before\n{report.BEGIN}\nold figures\n{report.END}\nafter\n")
    report.write(results, path)
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old figures" not in text


def test_python_is_four_times_as_fast_as_requests_and_three_times_as_httpx(short_form):
    # Where client and server share a core the scheduler decides least, and other work on the machine too.
    _, results = short_form
    turns = goals.turns_of(results, "single", "one core for both")
    assert times_as_fast(turns["python"], turns["requests"]) >= 4
    assert times_as_fast(turns["python"], turns["httpx"]) >= 3


def test_nothing_has_become_many_times_slower(short_form):
    # A noisy machine is no reason to fail; a timer that rounds up to a millisecond in each call made it 0.03.
    _, results = short_form
    for work in results["works"]:
        turns = goals.turns_of(results, work, "one core for both")
        if "libcurl" in turns:
            assert times_as_fast(turns["c"], turns["libcurl"]) > 0.5, work
    assert results["signing"]["ratio"] < 5
    assert all(one["ratio"] < 1.5 for one in results["growth"].values())
