"""The whole story of a night, as an operator sees it: the figures agree with the simulator's counters at every step."""

import json
import signal
import subprocess
import time

from conftest import CLEAN, PREFIX, run
from test_batch_command import cards_file, journal_of
from test_summary import Files

EIOT = PREFIX / "bin" / "eiot"
CARDS = 300
FAULTS = [f"--fault={fault}" for fault in "none none none html none none none refuse=41001".split()] + ["--fault-repeat"]


def test_night_with_faults_an_outage_and_a_signal_ends_with_figures_that_agree(simulator, tmp_path):
    """Real time: two seconds of outage."""
    running = simulator("--unlimited", *FAULTS)
    port = running.url.rsplit(":", 1)[1]
    config = tmp_path / "home" / ".config" / "eiot"
    config.mkdir(parents=True)
    (config / "secret").write_text(running.secret)
    (config / "secret").chmod(0o600)
    (config / "config.toml").write_text(
        f'[profile.billing]\nappkey = "{running.appkey}"\nsecret_file = "secret"\nbase_url = "{running.url}"\n'
        "rate_limit = 100\nrate_scope = 'process'\nmax_attempts = 1\noutage_timeout = 60\n"
    )
    environment = CLEAN | {"HOME": str(tmp_path / "home"), "EIOT_PROFILE": "billing"}
    files, journal = Files(tmp_path), tmp_path / "journal"
    command = [
        EIOT, "refresh", "--from", cards_file(tmp_path, CARDS), "--journal", journal, "--out", tmp_path / "out", "--json",
        *files.arguments,
    ]  # fmt: skip
    command = [str(word) for word in command]

    def start():
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def wait_for_results(count):
        deadline = time.monotonic() + 60
        while not journal.exists() or journal.read_text().count('"eid"') < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    # The evening: the account is checked, without a card.
    doctor = run([EIOT, "doctor", "--json"], environment=environment).stdout.splitlines()
    assert all(json.loads(line)["status"] in ("ok", "skipped") for line in doctor), doctor
    assert running.counters()["per_eid"] == {}

    # The run begins; the platform is gone for two seconds, and comes back.
    process = start()
    wait_for_results(60)
    first = running.counters()
    running.process.kill()
    running.process.wait()
    time.sleep(2)
    back = simulator("--unlimited", *FAULTS, "--port", port)
    wait_for_results(150)

    # The machine is restarted: SIGTERM ends the run, and its files say so.
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "cannot be reached, holding back all cards" in errors, errors
    assert files.summary["state"] == "interrupted" and files.summary["cards"]["not_sent"] >= 0
    files.assert_agree()
    interrupted = files.summary["cards"]
    _, recorded = journal_of(journal)
    assert sum(line["kind"] == "ok" for line in recorded.values()) == interrupted["refreshed"]
    # What was in flight when the platform went down may have been accepted without a reply.
    accepted = first["accepted"] + back.counters()["accepted"]
    assert interrupted["refreshed"] - 32 <= accepted <= interrupted["refreshed"] + 64

    # The same command resumes. It tries the open failures again, and no card that was refreshed.
    before = back.counters()
    process = start()
    process.communicate(timeout=60)
    files.assert_agree()
    resumed, after = files.summary["cards"], back.counters()
    assert resumed["refreshed"] == after["accepted"] - before["accepted"]
    assert files.summary["requests"] == after["calls"] - before["calls"]
    assert resumed["read"] == CARDS and resumed["refreshed_before"] == interrupted["refreshed"]
    assert process.returncode == 1 and files.metrics["eiot_run_exit_code",] == 1

    # The morning: the journal says what is left, and its open cards are called again.
    shown = json.loads(run([EIOT, "journal", "show", "--json", journal]).stdout)
    assert shown["refreshed"] == resumed["refreshed"] + resumed["refreshed_before"]
    assert shown["failed"] == resumed["failed"] + resumed["failed_before"] and shown["open"] == resumed["open"]
    assert run([EIOT, "journal", "check", journal]).returncode == 0
    left = run([EIOT, "journal", "failed", "--open", journal]).stdout
    assert len(left.split()) == shown["open"] > 0
    well = subprocess.run(
        [str(EIOT), "refresh", "--from", "-", "--max-attempts", "5"], input=left, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert sorted(line.split("\t")[0] for line in well.stdout.splitlines()) == sorted(left.split())

    # The results have every card, and no file has the secret.
    outcomes = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert len({outcome["eid"] for outcome in outcomes if outcome["ok"]}) == shown["refreshed"]
    for path in tmp_path.iterdir():
        assert path.is_dir() or running.secret not in path.read_text(), path
