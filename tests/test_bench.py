"""The benchmark's short form: every client does real work, and the report says what was measured. How fast it is, only
`make bench-check` judges: a noisy machine is no reason for `make test` to fail."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from conftest import TESTS

sys.path.insert(0, str(TESTS / "bench"))

import contenders  # noqa: E402
import goals  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402

pytestmark = pytest.mark.skipif(
    not contenders.BENCH.exists(),
    reason="there is no eiot-bench; `make bench-tools` makes it",
)


@pytest.fixture(scope="module")
def short_form(tmp_path_factory):
    """The path of the report of a short run, and its figures."""
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


def test_bench_clients_make_calls_that_the_simulator_accepts(short_form):
    _, results = short_form
    for name, work in results["works"].items():
        for placement, clients in work["placements"].items():
            assert set(clients) == set(work["clients"]), (name, placement)
            assert all(seconds > 0 for client in clients.values() for seconds in client["seconds"])
        assert {"c"} <= set(work["clients"])
    assert {"c", "rust", "python", "reqwest", "requests", "httpx", "socket"} <= set(
        results["works"]["single"]["clients"]
    )
    assert {"c", "rust", "python", "command", "socket"} <= set(results["works"]["batch"]["clients"])


def test_bench_names_missing_clients_with_the_reason(short_form):
    written, results = short_form
    missing = [one for work in results["works"].values() for one in work["missing"].values()]
    for one in missing:
        assert f"Not run: {one['label']} ({one['why']})" in written.read_text()


def test_bench_report_has_every_goal_and_picture(short_form):
    written, results = short_form
    text = written.read_text()
    for goal in goals.goals(results):
        assert f"| {goal.work} | {goal.goal} | {goal.measured} |" in text
    assert "| reading a success |" in text and "| reserving a permit |" in text
    for name in ("single", "batch", "growth"):
        assert f"(benchmarks-{name}.svg)" in text
        assert written.with_name(f"benchmarks-{name}.svg").read_text().startswith("<svg")


def test_bench_report_preserves_handwritten_text(short_form, tmp_path):
    _, results = short_form
    path = tmp_path / "benchmarks.md"
    path.write_text(f"before\n{report.BEGIN}\nold figures\n{report.END}\nafter\n")
    report.write(results, path)
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old figures" not in text


def test_bench_check_fails_for_a_missed_goal_and_not_for_an_unmeasured_one(short_form, capsys):
    _, results = short_form
    slow = json.loads(json.dumps(results))
    slow["signing"]["ratio"] = 100.0
    assert run.check(slow) == 1
    assert "MISSED        signing" in capsys.readouterr().out
    good = json.loads(json.dumps(results)) | {"works": {}, "cold": {}, "library_bytes": None}
    good["works"] = {name: {"placements": {}} for name in results["works"]}
    good["signing"]["ratio"] = 1.0
    for one in good["growth"].values():
        one.update(ratio=1.0, threads=1)
    assert run.check(good) == 0
    assert "not measured  sequential call from C" in capsys.readouterr().out
