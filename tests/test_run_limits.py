"""`eiot refresh --from` with less than the whole list, in another order, or with the cards read after their refresh."""

import datetime
import json
import re
import time

from conftest import run
from test_batch_command import EIOT, begin, cards_file, eid, journal_of, refresh
from test_journal import outcomes


def test_limit_sends_that_number_of_cards_and_the_next_run_goes_on(simulator, tmp_path):
    running = simulator("--unlimited")
    command = ["--from", cards_file(tmp_path, 50), "--journal", tmp_path / "journal", "--limit", "20"]
    for calls, left in ((20, "30 not reached"), (40, "20 refreshed before, 10 not reached"), (50, "40 refreshed before;")):
        done = refresh(running, *command)
        assert done.returncode == 0 and left in done.stderr and "50 cards: " in done.stderr, done.stderr
        assert running.counters()["calls"] == calls
    assert "finished" in (tmp_path / "journal").read_text()
    dry = refresh(running, "--from", tmp_path / "cards.txt", "--limit", "20", "--dry-run")
    assert "50 cards: 20 to refresh" in dry.stdout and "30 beyond the limit" in dry.stdout


def test_until_ends_the_run_and_the_exit_code_says_that_cards_are_left(simulator, tmp_path):
    # Real time: the run ends after some 2 s, and would take 50.
    running = simulator("--unlimited")
    command = ["--from", cards_file(tmp_path, 500), "--journal", tmp_path / "journal"]
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    begun = time.monotonic()
    done = refresh(running, *command, "--until", end.strftime("%Y-%m-%dT%H:%M:%SZ"), rate_limit="10", rate_scope="process")
    assert done.returncode == 1 and time.monotonic() - begun < 10, done.stderr
    assert "the time of --until is reached" in done.stderr and "run the same command again to resume" in done.stderr
    read, refreshed, unsent, missed = (
        int((re.search(pattern, done.stderr) or [0, 0])[1])
        for pattern in (r"eiot: (\d+) cards", r"(\d+) refreshed,", r"(\d+) not sent", r"(\d+) not reached")
    )
    assert read == 500 == refreshed + unsent + missed and running.counters()["calls"] == refreshed
    later = refresh(running, *command, "--until", "00:00", rate_limit="off")
    assert later.returncode in (0, 1), "a moment before midnight, the time is up"
    for wrong in ("24:00", "6", "tomorrow"):
        done = refresh(running, *command, "--until", wrong)
        assert done.returncode == 2 and "--until" in done.stderr


def test_until_is_local_time(simulator, tmp_path):
    running = simulator("--unlimited")
    command = [EIOT, "refresh", "--from", cards_file(tmp_path, 5), "--dry-run", "--until", "06:00"]
    # Kathmandu is 5 h 45 min ahead of UTC, all year.
    for zone, time_of_day in (("Asia/Kathmandu", "00:15"), ("UTC0", "06:00"), ("XYZ-8", "22:00")):
        done = run(command, environment=running.environment | {"TZ": zone})
        until = re.search(r"none from (\S+)Z on; nothing was sent", done.stdout)[1]
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        until = datetime.datetime.fromisoformat(until)
        assert until.strftime("%H:%M") == time_of_day and now < until <= now + datetime.timedelta(days=1), (zone, until)


def test_cards_that_were_refreshed_not_long_ago_are_left_out(simulator, tmp_path):
    running = simulator("--unlimited")
    nights = tmp_path / "nights"
    nights.mkdir()
    cards = cards_file(tmp_path, 30)
    refresh(running, "--from", cards, "--journal", nights / "1", "--limit", "10", check=True)
    refresh(running, "--from", cards, "--journal", nights / "2", "--shuffle=3", "--limit", "10", check=True)
    (nights / "notes.txt").write_text("not a journal\n")
    recent = {card for night in ("1", "2") for card in journal_of(nights / night)[1]}
    before = running.counters()["calls"]
    for history in (["--history", nights], []):
        name = "3" if history else "4"
        command = ["--from", cards, "--journal", nights / name, "--not-refreshed-since", "20h", *history]
        dry = refresh(running, *command, "--dry-run")
        done = refresh(running, *command)
        assert done.returncode == 0, done.stderr
        if history:
            assert f"{30 - len(recent)} to refresh" in dry.stdout and f"{len(recent)} refreshed not long ago" in done.stderr
            assert running.counters()["calls"] == before + 30 - len(recent)
        else:
            assert "30 refreshed not long ago" in done.stderr
    # Another account's journal tells nothing, and a file that is none is refused by name.
    other = refresh(running, "--from", cards, "--not-refreshed-since", "20h", "--history", nights, "--dry-run", appkey="other")
    assert "30 to refresh" in other.stdout
    wrong = refresh(running, "--from", cards, "--not-refreshed-since", "20h", "--history", nights / "notes.txt")
    assert wrong.returncode == 2 and "notes.txt" in wrong.stderr
    # What is older counts as old.
    time.sleep(2.1)
    old = refresh(running, "--from", cards, "--not-refreshed-since", "1s", "--history", nights, "--dry-run")
    assert "30 to refresh" in old.stdout


def test_shuffle_is_an_order_that_its_seed_repeats(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = cards_file(tmp_path, 40)

    def order(*flags):
        done = refresh(running, "--from", cards, "--concurrency", "1", "--json", *flags)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["eid"] for line in done.stdout.splitlines()], done.stderr

    first, _ = order("--shuffle=7")
    assert first == order("--shuffle=7")[0] != order("--shuffle=8")[0]
    assert sorted(first) == [eid(number) for number in range(40)] != first
    shuffled, said = order("--shuffle")
    seed = re.search(r"the order is that of (--shuffle=\d+)", said)[1]
    assert order(seed)[0] == shuffled


def test_then_get_adds_the_card_to_each_result(simulator, tmp_path):
    # Real time: each card is read half a second after its refresh.
    running = simulator("--unlimited")
    journal, out = tmp_path / "journal", tmp_path / "out"
    command = ["--from", cards_file(tmp_path, 40), "--journal", journal, "--out", out, "--json", "--then-get=0.5"]
    begun = time.monotonic()
    done = refresh(running, *command)
    assert done.returncode == 0 and "40 refreshed" in done.stderr, done.stderr
    assert 0.5 <= time.monotonic() - begun < 8, "the cards wait together"
    assert running.counters()["calls"] == 80
    assert sorted(outcomes(out)) == [eid(number) for number in range(40)]
    for line in out.read_text().splitlines():
        told = json.loads(line)
        assert told["card"]["eid"] == told["eid"] and told["ok"] and "card_error" not in told
    # What was not written is written from the journal, with the card.
    whole = out.read_text()
    out.write_text(whole[:-50])
    assert refresh(running, *command).returncode == 0 and out.read_text() == whole
    assert running.counters()["calls"] == 80
    dry = refresh(running, "--from", tmp_path / "cards.txt", "--then-get", "--dry-run", rate_limit="10")
    assert "40 to refresh in about 8 s" in dry.stdout


def test_then_get_of_a_card_that_cannot_be_read_says_why_and_the_card_is_refreshed(simulator, tmp_path):
    running = simulator("--unlimited", *["--fault", "none"] * 4, "--fault", "refuse=45109")
    done = refresh(running, "--from", cards_file(tmp_path, 4), "--json", "--then-get=1")
    assert done.returncode == 0 and "4 refreshed, 0 failed; 1 refreshed cards could not be read" in done.stderr, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 4 and sum("45109" in (line.get("card_error") or "") for line in told) == 1
    text = refresh(running, "--from", tmp_path / "cards.txt", "--then-get=0")
    fields = [line.split("\t") for line in text.stdout.splitlines()]
    assert all(len(line) == 4 and json.loads(line[3])["eid"] == line[0] for line in fields)


def test_then_get_is_skipped_if_the_run_is_interrupted(simulator, tmp_path):
    running = simulator("--unlimited")
    journal = tmp_path / "journal"
    process = begin(running, "--from", cards_file(tmp_path, 10), "--journal", journal, "--json", "--then-get=600")
    while running.counters()["calls"] < 10:
        time.sleep(0.02)
    time.sleep(0.3)
    begun = time.monotonic()
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and time.monotonic() - begun < 1.5, err
    assert "10 refreshed, 0 failed; 10 refreshed cards could not be read" in err
    assert all("the run ended" in json.loads(line)["card_error"] for line in out.splitlines())
    assert len(journal_of(journal)[1]) == 10
