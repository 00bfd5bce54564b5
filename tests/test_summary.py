"""What a run leaves behind: summary and metrics agree with the simulator's counters, also if the run fails."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import CLEAN, PREFIX, run
from prometheus_client.parser import text_string_to_metric_families
from test_batch_command import begin, cards_file, eid, refresh

EIOT = PREFIX / "bin" / "eiot"
# Every eighth call each of three faults.
FAULTS = [f"--fault={fault}" for fault in "status=500 none none html none none none refuse=41001".split()] + ["--fault-repeat"]


class Files:
    """The files of a run."""

    def __init__(self, directory):
        self.summary_file, self.metrics_file = directory / "run.json", directory / "nightly.prom"
        self.report_file = directory / "run.html"
        self.arguments = [
            f"--summary={self.summary_file}", f"--metrics={self.metrics_file}", f"--report={self.report_file}",
        ]  # fmt: skip

    @property
    def summary(self):
        return json.loads(self.summary_file.read_text())

    @property
    def metrics(self):
        """The samples by name and labels."""
        families = list(text_string_to_metric_families(self.metrics_file.read_text()))
        assert all(family.documentation and family.type == "gauge" for family in families)
        samples = [sample for family in families for sample in family.samples]
        assert all(sample.labels.pop("run") == "nightly" for sample in samples)
        found = {(sample.name, *sample.labels.values()): sample.value for sample in samples}
        assert len(found) == len(samples)
        return found

    def assert_agree(self):
        """Summary, metrics and report have the same figures, and they add up."""
        summary, metrics = self.summary, self.metrics
        cards = summary["cards"]
        by_result = {name[1]: value for name, value in metrics.items() if name[0] == "eiot_run_cards"}
        assert by_result.pop("duplicate") == cards["duplicates"]
        assert by_result == {result: cards[result] for result in by_result}
        assert sum(by_result.values()) - by_result["not_reached"] + cards["duplicates"] == cards["read"]
        assert sum(failure["count"] for failure in summary["failures"]) == cards["failed"]
        assert sum(failure["count"] for failure in summary["failures_before"]) == cards["failed_before"]
        for failure in summary["failures"]:
            assert metrics["eiot_run_failures", failure["kind"], failure["code"] or ""] == failure["count"]
        assert (metrics["eiot_run_requests",], metrics["eiot_run_read_cards",]) == (summary["requests"], cards["read"])
        assert metrics["eiot_run_state", summary["state"]] == 1
        assert sum(value for name, value in metrics.items() if name[0] == "eiot_run_state") == 1
        assert metrics.get(("eiot_run_exit_code",)) == summary["exit_code"]
        throughput = summary["throughput"]
        assert (sum(throughput["refreshed"]), sum(throughput["failed"])) == (cards["refreshed"], cards["failed"])
        page = self.report_file.read_text().replace("\u202f", "")
        tiles = dict((name, value) for value, name in re.findall(r'<b class="\w*">([^<]*)</b><span>([^<]*)</span>', page))
        assert (tiles["refreshed"], tiles["failed"]) == (str(cards["refreshed"]), str(cards["failed"]))
        for failure in summary["failures"]:
            row = f'>{failure["kind"]}</td><td data-name="Code">{failure["code"] or "–"}</td>'
            assert re.search(f'{row}<td class="number" data-name="Count">{failure["count"]}\\s*</td>', page)


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def test_summary_metrics_and_report_of_a_run_with_faults_agree_with_the_simulator(simulator, tmp_path, files):
    running = simulator("--unlimited", *FAULTS)
    cards = cards_file(tmp_path, 200)
    cards.write_text(f"{cards.read_text()}8.9E+31\n{eid(199)}\n")
    # One at a time: the card that occurs twice is always refused for good.
    arguments = ["--from", cards, "--concurrency", 1, "--journal", tmp_path / "j", "--out", tmp_path / "out", *files.arguments]
    done = refresh(running, *arguments)
    summary, counters = files.summary, running.counters()
    files.assert_agree()
    assert (done.returncode, summary["exit_code"], summary["state"], summary["error"]) == (2, 2, "complete", None)
    wanted = {"total": 202, "read": 202, "refreshed": counters["accepted"], "duplicates": 1, "not_sent": 0}
    assert {name: summary["cards"][name] for name in wanted} == wanted
    faults = counters["faults"]
    assert {(failure["kind"], failure["code"]): failure["count"] for failure in summary["failures"]} == {
        ("http", None): faults["status"], ("protocol", None): faults["html"],
        ("platform", "41001"): counters["refused"]["41001"], ("invalid_eid", None): 1,
    }  # fmt: skip
    final = {failure["kind"]: failure["final"] for failure in summary["failures"]}
    assert final == {"http": 0, "protocol": 0, "platform": faults["refuse"], "invalid_eid": 1}
    assert summary["requests"] == counters["calls"]
    assert (summary["input"], summary["journal"]) == (str(cards), str(tmp_path / "j"))
    # The next run with the journal tries the open ones again, and counts the others as done before.
    refresh(running, *arguments)
    files.assert_agree()
    before, cards_now = counters, files.summary["cards"]
    counters = running.counters()
    assert cards_now["refreshed"] == counters["accepted"] - before["accepted"]
    assert cards_now["failed_before"] == faults["refuse"] + 2
    assert files.summary["requests"] == counters["calls"] - before["calls"]


def test_requests_include_retries(simulator, tmp_path, files):
    running = simulator("--unlimited", "--fault=status=503", *["--fault=none"] * 4, "--fault-repeat")
    done = refresh(running, "--from", cards_file(tmp_path, 20), *files.arguments, max_attempts="4")
    assert done.returncode == 0 and files.summary["cards"]["refreshed"] == 20
    assert files.summary["requests"] == running.counters()["calls"] > 20
    assert files.metrics["eiot_run_last_success_timestamp_seconds",] == pytest.approx(time.time(), abs=60)


def failed_runs():
    """How a run ends: arguments of the simulator, of the command, its options, and what the summary says."""
    return {
        "configuration": ([], [], {"connect_timeout": "soon"}, "failed", "EIOT_CONNECT_TIMEOUT"),
        "input": ([], ["--from", "absent.csv"], {}, "failed", "absent.csv"),
        "journal": ([], ["--journal", "/dev/null"], {}, "failed", "journal"),
        "account": (["--refuse", "502"], [], {}, "stopped", "20 calls in a row were refused"),
    }


@pytest.mark.parametrize("case", failed_runs())
def test_run_that_fails_leaves_its_files_too(simulator, tmp_path, files, case):
    arguments, flags, options, state, why = failed_runs()[case]
    running = simulator("--unlimited", *arguments)
    cards = [] if "--from" in flags else ["--from", cards_file(tmp_path, 100)]
    done = refresh(running, *cards, *flags, *files.arguments, **options)
    summary = files.summary
    files.assert_agree()
    assert (summary["state"], summary["exit_code"]) == (state, done.returncode) and done.returncode != 0
    assert why in summary["error"] and why in files.report_file.read_text()
    assert summary["cards"]["refreshed"] == running.counters()["accepted"] == 0
    if case == "account":
        assert summary["cards"]["not_sent"] + summary["cards"]["failed"] == summary["cards"]["read"]


def test_last_success_survives_a_run_that_fails(simulator, tmp_path, files):
    running, cards = simulator("--unlimited"), cards_file(tmp_path, 5)
    refresh(running, "--from", cards, *files.arguments, check=True)
    success = files.metrics["eiot_run_last_success_timestamp_seconds",]
    refresh(running, "--from", tmp_path / "absent", *files.arguments)
    assert files.metrics["eiot_run_exit_code",] == 2
    assert files.metrics["eiot_run_last_success_timestamp_seconds",] == success


def test_files_are_refreshed_during_the_run_and_never_half_written_and_a_signal_ends_them(simulator, tmp_path, files):
    """Real time: the files are refreshed every five seconds."""
    running = simulator("--unlimited")
    process = begin(running, "--from", cards_file(tmp_path, 10_000), *files.arguments, rate_limit="20")
    seen = set()
    deadline = time.monotonic() + 60
    while len(seen) < 3:
        assert time.monotonic() < deadline
        if files.summary_file.exists():
            # A file that is replaced is whole at any moment.
            summary = files.summary
            assert summary["state"] == "running" and summary["exit_code"] is None
            seen.add(summary["cards"]["refreshed"])
        time.sleep(0.01)
    assert "http-equiv=\"refresh\"" in files.report_file.read_text() and ("eiot_run_exit_code",) not in files.metrics
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    files.assert_agree()
    assert (files.summary["state"], files.summary["exit_code"], process.returncode) == ("interrupted", 130, 130)
    assert "http-equiv=\"refresh\"" not in files.report_file.read_text()
    assert files.summary["cards"]["refreshed"] == running.counters()["accepted"] >= max(seen)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_files_of_a_run_that_was_killed_say_that_it_runs_and_when_they_were_written(simulator, tmp_path, files):
    running = simulator("--unlimited", "--latency-ms", "300")
    process = begin(running, "--from", cards_file(tmp_path, 1000), *files.arguments)
    while not files.report_file.exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    files.assert_agree()
    assert files.summary["state"] == "running" and files.summary["exit_code"] is None
    assert files.metrics["eiot_run_update_timestamp_seconds",] == pytest.approx(time.time(), abs=60)


def test_files_that_would_replace_another_file_of_the_run_are_refused_and_nothing_is_sent(simulator, tmp_path, files):
    running, cards = simulator("--unlimited"), cards_file(tmp_path, 3)
    (tmp_path / "link").symlink_to(cards)
    before = cards.read_bytes()
    for arguments, why in [
        ([f"--summary={cards}"], "--from and --summary are the same file"),
        ([f"--report={tmp_path}/link"], "--from and --report are the same file"),
        (["--journal", tmp_path / "j", f"--metrics={tmp_path}/./j"], "--metrics are the same file"),
        (["--out", tmp_path / "o", f"--summary={tmp_path}/o"], "--out and --summary are the same file"),
        ([f"--summary={tmp_path}/s", f"--report={tmp_path}/s"], "--summary and --report are the same file"),
        ([f"--metrics={tmp_path}/absent/m"], "directory does not exist"),
        (["--metrics=/dev/null"], "is not a regular file"),
    ]:
        done = refresh(running, "--from", cards, *arguments)
        assert done.returncode == 2 and why in done.stderr, done.stderr
    assert cards.read_bytes() == before and running.counters()["calls"] == 0


def test_dry_run_writes_no_files(simulator, tmp_path, files):
    running = simulator("--unlimited")
    refresh(running, "--from", cards_file(tmp_path, 3), "--dry-run", *files.arguments, check=True)
    assert not (files.summary_file.exists() or files.metrics_file.exists() or files.report_file.exists())


def test_file_that_cannot_be_written_at_the_end_is_a_failure_of_a_run_that_succeeded(simulator, tmp_path, files):
    running = simulator("--unlimited", "--latency-ms", "300")
    directory = tmp_path / "reports"
    directory.mkdir()
    process = begin(running, "--from", cards_file(tmp_path, 3), "--summary", directory / "s.json")
    while not (directory / "s.json").exists():
        time.sleep(0.01)
    (directory / "s.json").unlink()
    directory.rmdir()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "s.json cannot be written" in errors, errors
    assert running.counters()["accepted"] == 3


def test_secret_and_signature_are_in_no_file_of_a_run(simulator, tmp_path, files):
    running = simulator("--unlimited", *FAULTS)
    refresh(running, "--from", cards_file(tmp_path, 30), *files.arguments)
    for file in (files.summary_file, files.metrics_file, files.report_file):
        text = file.read_text()
        assert running.secret not in text and not re.search(r"\b[0-9A-F]{40}\b", text), file


def test_status_line_is_printed_on_sigusr1(simulator, tmp_path):
    running = simulator("--unlimited")
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [EIOT, "refresh", "--from", cards_file(tmp_path, 400), "--quiet"],
            env=CLEAN | running.environment | {"EIOT_RATE_LIMIT": "20"}, stdin=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while running.counters()["accepted"] < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGUSR1)
        while not (printed := (tmp_path / "errors").read_text()):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.terminate()
        process.wait(timeout=60)
    assert re.fullmatch(r"eiot:.* %  \d+/400  \d+\.\d/s  .* left\n", printed), printed


@pytest.mark.parametrize("wait", ["input", "outage"])
def test_status_line_is_printed_in_every_wait(simulator, tmp_path, wait):
    """Real time: the status is printed within a second, although nothing happens."""
    running = simulator("--unlimited", *(["--refuse", "500"] if wait == "outage" else []))
    source, write_end = os.pipe()
    os.write(write_end, "".join(f"{eid(number)}\n" for number in range(20)).encode())
    process = subprocess.Popen(
        [EIOT, "refresh", "--from", "-", "--out", tmp_path / "out"], env=CLEAN | running.environment | {"EIOT_OUTAGE_TIMEOUT": "60"},
        stdin=source, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(source)
    try:
        deadline = time.monotonic() + 60
        while running.counters()["calls"] < (5 if wait == "outage" else 20):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        asked = time.monotonic()
        process.send_signal(signal.SIGUSR1)
        while " cards  " not in process.stderr.readline():
            assert process.poll() is None
        assert time.monotonic() - asked < 5
    finally:
        os.close(write_end)
        process.terminate()
        process.communicate(timeout=60)


def test_files_of_a_run_may_be_rotated_while_it_goes_on(simulator, tmp_path):
    """By a copy that is truncated, and by another name."""
    running = simulator("--unlimited", "--latency-ms", "5")
    out, journal = tmp_path / "out", tmp_path / "journal"
    process = begin(running, "--from", cards_file(tmp_path, 600), "--journal", journal, "--out", out, rate_limit="300")
    kept = ""

    def wait_for_lines():
        deadline = time.monotonic() + 60
        while not out.exists() or out.read_text().count("\n") < 100:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)

    wait_for_lines()
    process.send_signal(signal.SIGSTOP)
    kept += out.read_text()
    os.truncate(out, 0)
    process.send_signal(signal.SIGCONT)
    wait_for_lines()
    out.rename(tmp_path / "out.1")
    process.communicate(timeout=60)
    assert process.returncode == 0 and not out.exists()
    rest = (tmp_path / "out.1").read_bytes()
    assert b"\0" not in rest
    lines = (kept + rest.decode()).splitlines()
    assert sorted(line.split("\t")[0] for line in lines) == [eid(number) for number in range(600)]


def test_metrics_of_several_runs_differ_by_a_label(simulator, tmp_path):
    running, cards = simulator("--unlimited"), cards_file(tmp_path, 2)
    for name in ("a", "b"):
        run([EIOT, "refresh", "--from", cards, "--metrics", tmp_path / f"{name}.prom"], environment=running.environment)
    text = (tmp_path / "a.prom").read_text() + (tmp_path / "b.prom").read_text()
    samples = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples)) and (tmp_path / "a.prom").stat().st_mode & 0o777 == 0o644
