"""`eiot refresh --from --journal`: what an earlier run left, and runs that cannot succeed.

The rule behind all of this: a card counts as done only when it is refreshed or can never be, and exit code 0 means that
every card of the input is refreshed.
"""

import json
import re
import signal
import subprocess
import time

import pytest
from conftest import CLEAN, run
from test_batch_command import EIOT, begin, cards_file, eid, journal_of, refresh


def port_of(running):
    return running.url.rsplit(":", 1)[1]


def again(simulator, running, *arguments):
    """The platform with another behavior, at the same address: the port is part of the account."""
    port = port_of(running)
    running.stop()
    return simulator("--unlimited", "--port", port, *arguments)


# The cause, the arguments of the platform, the faulty option, the exit code, and the maximum number of calls that the
# first run may make over 1,000 cards.
STORIES = {
    "wrong secret": ([], {"secret": "wrong"}, 1, 1000),
    "not on the allow-list": (["--allow-ip", "10.9.8.7"], {}, 3, 20 + 32),
    "no permission": (["--refuse", "403"], {}, 3, 20 + 32),
    "try again later": (["--refuse", "500"], {"outage_timeout": "0.6"}, 1, 100),
    "try again later, without a hold": (["--refuse", "500"], {"outage_timeout": "off"}, 1, 1000),
    "too many requests": (["--refuse", "501"], {}, 1, 1000),
    "a code that is not published": (["--refuse", "45109"], {}, 1, 1000),
    "service unavailable": (["--fault", "status=503", "--fault-repeat"], {"outage_timeout": "0.6"}, 1, 100),
    "another server": (["--fault", "html", "--fault-repeat"], {"outage_timeout": "0.6"}, 1, 100),
}


@pytest.mark.parametrize("cause", STORIES)
def test_run_after_its_cause_is_fixed_refreshes_every_card(simulator, tmp_path, cause):
    arguments, options, exit_code, max_calls = STORIES[cause]
    cards, journal = cards_file(tmp_path, 1000), tmp_path / "journal"
    command = ["--from", cards, "--journal", journal]
    ill = simulator("--unlimited", *arguments)
    first = refresh(ill, *command, **options)
    assert first.returncode == exit_code, first.stderr
    assert "0 refreshed" in first.stderr and "the same command" in first.stderr
    assert 20 <= ill.counters()["calls"] <= max_calls
    well = again(simulator, ill)
    second = refresh(well, *command)
    assert second.returncode == 0, second.stderr
    counters = well.counters()
    assert counters["accepted"] == 1000 and set(counters["per_eid"]) == {eid(number) for number in range(1000)}
    third = refresh(well, *command)
    assert third.returncode == 0 and well.counters()["calls"] == 1000
    assert re.search(r"this run was finished at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", third.stderr), third.stderr
    assert "1000 cards: 0 refreshed, 0 failed, 1000 refreshed before" in third.stderr


def test_run_over_a_list_that_has_grown_refreshes_what_is_new(simulator, tmp_path):
    running = simulator("--unlimited")
    cards, journal = cards_file(tmp_path, 5), tmp_path / "journal"
    command = ["--from", cards, "--journal", journal]
    assert refresh(running, *command).returncode == 0
    cards_file(tmp_path, 8)
    grown = refresh(running, *command)
    assert grown.returncode == 0 and "8 cards: 3 refreshed, 0 failed, 5 refreshed before" in grown.stderr
    finished = [line for line in map(json.loads, journal.read_text().splitlines()) if "finished" in line]
    assert len(finished) == 2
    assert refresh(running, *command).returncode == 0
    assert journal.read_text().count("finished") == 2, "nothing was done, so nothing is written"


def test_run_counts_what_an_earlier_one_left_failed_for_good(simulator, tmp_path):
    cards, journal = cards_file(tmp_path, 4), tmp_path / "journal"
    with cards.open("a") as file:
        file.write("8.9E+31\n")
    command = ["--from", cards, "--journal", journal]
    # The first card is refused for good, the others are refreshed.
    running = simulator("--unlimited", "--fault", "refuse=41028")
    first = refresh(running, *command, "--concurrency", "1")
    assert first.returncode == 2, "the malformed EID has the larger exit code"
    assert "5 cards: 3 refreshed, 2 failed" in first.stderr
    second = refresh(running, *command)
    assert second.returncode == 2 and second.stdout == "", "exit 0 would mean that every card is refreshed"
    assert "0 refreshed, 0 failed, 3 refreshed before, 2 failed before" in second.stderr
    assert "1 platform before, for example EID " + eid(0) in second.stderr
    assert "1 invalid_eid before, for example line 5: EID" in second.stderr
    assert running.counters()["calls"] == 4

    # Other retry rules, on request.
    none = refresh(running, *command, "--retry", "none")
    assert none.returncode == 2 and running.counters()["calls"] == 4
    invalid = refresh(running, *command, "--retry", "invalid")
    assert invalid.returncode == 2 and 'line 5: EID "8.9E+31": invalid EID' in invalid.stdout
    assert running.counters()["calls"] == 4
    final = refresh(running, *command, "--retry", "final,invalid")
    assert final.returncode == 2 and "1 refreshed, 1 failed, 3 refreshed before" in final.stderr
    assert running.counters()["accepted"] == 4
    mixed = refresh(running, *command, "--retry", "none,final")
    assert mixed.returncode == 2 and "none cannot be combined" in mixed.stderr


def test_run_that_retries_nothing_still_counts_what_is_open(simulator, tmp_path):
    cards, journal = cards_file(tmp_path, 3), tmp_path / "journal"
    command = ["--from", cards, "--journal", journal]
    running = simulator("--unlimited", "--fault", "refuse=45109")
    first = refresh(running, *command, "--concurrency", "1")
    assert first.returncode == 1 and "1 cards failed and may succeed later" in first.stderr
    none = refresh(running, *command, "--retry", "none")
    assert none.returncode == 1 and "2 refreshed before, 1 failed before" in none.stderr
    assert "finished" not in journal.read_text()
    assert refresh(running, *command).returncode == 0
    assert "finished" in journal.read_text()


def test_run_with_authentication_failures_can_be_made_to_continue(simulator, tmp_path):
    running = simulator("--unlimited", "--refuse", "502")
    done = refresh(running, "--from", cards_file(tmp_path, 100), "--max-auth-failures", "off", "--json")
    assert done.returncode == 3 and running.counters()["calls"] == 100
    assert len(done.stdout.splitlines()) == 100


def test_run_that_stops_says_why_and_what_to_do(simulator, tmp_path):
    running = simulator("--unlimited", "--refuse", "502", "--fault", "chinese", "--fault-repeat")
    done = refresh(running, "--from", cards_file(tmp_path, 1000), "--json")
    assert done.returncode == 3
    assert "no more cards are sent, because 20 calls in a row were refused for the account" in done.stderr
    assert "IP白名单错误" in done.stderr and "allow-list" in done.stderr
    sent = running.counters()["calls"]
    assert 20 <= sent <= 52
    assert f"1000 cards: 0 refreshed, {sent} failed, {1000 - sent} not sent" in done.stderr
    assert len(done.stdout.splitlines()) == sent


@pytest.mark.parametrize(
    "rate, cards, down, limit",
    # Real time: the outages themselves, and the waits for the probes.
    [("3000", 12_000, 4, "off"), ("10", 60, 12, "10")],
)
def test_outage_loses_no_card(simulator, tmp_path, rate, cards, down, limit):
    port = port_of(running := simulator("--rate-limit", limit, "--cooldown", "off", "--nonce-check", "off"))
    journal = tmp_path / "journal"
    command = ["--from", cards_file(tmp_path, cards), "--journal", journal, "--out", tmp_path / "results"]
    process = begin(running, *command, rate_limit=rate, outage_timeout="900", max_attempts="3")
    time.sleep(1.5)
    running.process.kill()
    running.process.wait()
    time.sleep(down)
    before = journal.read_text().count('"kind":"ok"')
    well = simulator("--rate-limit", limit, "--cooldown", "off", "--nonce-check", "off", "--port", port)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert f"{cards} cards: {cards} refreshed, 0 failed" in err
    assert "cannot be reached, holding back all cards" in err and "can be reached again" in err
    # What was in flight when the platform went down may have been refreshed twice.
    assert 0 < before < cards and cards - before <= well.counters()["accepted"] <= cards - before + 32
    _, told = journal_of(journal)
    assert len(told) == cards and {line["kind"] for line in told.values()} == {"ok"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_a_run_that_holds_its_cards(simulator, tmp_path, how):
    # Real time: the hold is looked at after 1.5 s, and would last for a quarter of an hour.
    running = simulator("--unlimited", "--refuse", "500")
    process = begin(
        running, "--from", cards_file(tmp_path, 100), "--journal", tmp_path / "journal", outage_timeout="900"
    )
    time.sleep(1.5)
    begun = time.monotonic()
    process.send_signal(how)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130 and time.monotonic() - begun < 8, err
    well = again(simulator, running)
    done = refresh(well, "--from", tmp_path / "cards.txt", "--journal", tmp_path / "journal")
    assert done.returncode == 0 and well.counters()["accepted"] == 100


def test_run_keeps_the_accounts_rate_when_half_of_the_cards_are_rejected_as_too_frequent(simulator, tmp_path):
    # Real time: 1,000 cards at 47.5 per second take at least 21 s. Every second card was refreshed a moment ago, and the
    # platform answers 501 for it.
    running = simulator("--rate-limit", "off", "--cooldown", "3000", "--cooldown-code", "501", "--nonce-check", "off")
    half = tmp_path / "half.txt"
    half.write_text("".join(f"{eid(number)}\n" for number in range(0, 1000, 2)))
    refresh(running, "--from", half, rate_limit="off", check=True)
    begun = time.monotonic()
    done = refresh(running, "--from", cards_file(tmp_path, 1000), rate_limit="50", max_attempts="3")
    took = time.monotonic() - begun
    kinds = [line.split("\t")[1] for line in done.stdout.splitlines()]
    assert (kinds.count("ok"), kinds.count("rate_limited")) == (500, 500), done.stderr
    assert done.returncode == 1
    # All cards were tried, and the other half is refreshed.
    assert 1000 / took >= 0.5 * 47.5, took


def test_doctor_proves_what_a_run_needs(simulator):
    running = simulator("--unlimited", "--allow-ip", "10.9.8.7")
    done = run([EIOT, "doctor", "--json"], environment=running.environment, check=False)
    account = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 3 and account["check"] == "account" and "allow-list" in json.dumps(account)
    assert running.counters()["per_eid"] == {}


def test_run_that_was_started_with_ctrl_c_ignored_leaves_it_ignored(simulator, tmp_path):
    # Real time: the signal comes while the platform takes its 500 ms.
    running = simulator("--unlimited", "--latency-ms", "500")
    environment = CLEAN | running.environment
    command = [str(EIOT), "refresh", "--from", str(cards_file(tmp_path, 40))]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "40 refreshed" in err, err
