"""`eiot journal`: what a journal says agrees with the run that wrote it, and its failed cards can be refreshed again."""

import csv
import io
import json
import subprocess

import pytest
from conftest import CLEAN, PREFIX, run
from test_batch_command import cards_file, eid, refresh

EIOT = PREFIX / "bin" / "eiot"


def journal(*arguments, check=True):
    return run([EIOT, "journal", *arguments], check=check)


@pytest.fixture
def night(simulator, tmp_path):
    """A simulator, and the journal of a run with faults: of 40 cards, 5 failed for now and 5 for good, and one is malformed."""
    faults = ["status=500", "none", "none", "none", "refuse=41001", "none", "none", "none"]
    running = simulator("--unlimited", *[f"--fault={fault}" for fault in faults], "--fault-repeat")
    cards = cards_file(tmp_path, 40)
    cards.write_text(f"{cards.read_text()}8.9E+31\n")
    done = refresh(running, "--from", cards, "--journal", tmp_path / "journal", "--concurrency", 1)
    assert done.returncode == 2
    return running, tmp_path / "journal"


def test_show_counts_the_cards_and_their_failures(night, tmp_path):
    _, path = night
    shown = json.loads(journal("show", "--json", path).stdout)
    counts = {name: shown[name] for name in ("cards", "refreshed", "failed", "open", "results", "damaged_lines")}
    assert counts == {"cards": 41, "refreshed": 30, "failed": 11, "open": 5, "results": 41, "damaged_lines": 0}
    assert shown["input"] == str(tmp_path / "cards.txt") and shown["finished"] is None
    failures = {(failure["kind"], failure["code"], failure["final"]): failure["count"] for failure in shown["failures"]}
    assert failures == {("http", None, False): 5, ("platform", "41001", True): 5, ("invalid_eid", None, True): 1}
    text = journal("show", path).stdout
    assert "cards     41: 30 refreshed, 11 failed, of which 5 may succeed later\n" in text
    assert "        5 platform 41001, final, for example EID 8904401" in text


def test_failed_feeds_the_next_run(night):
    running, path = night
    listed = journal("failed", path)
    assert listed.stdout.splitlines() == [eid(number) for number in range(0, 40, 4)]
    assert "1 malformed EIDs are not printed" in listed.stderr
    only_open = journal("failed", "--open", path).stdout
    assert only_open.splitlines() == [eid(number) for number in range(0, 40, 8)]
    assert journal("failed", "--kind", "platform,http", path).stdout == listed.stdout
    assert journal("failed", "--kind", "http", path).stdout == only_open
    assert journal("failed", "--kind", "htp", path, check=False).returncode == 2
    calls = running.counters()["calls"]
    environment = CLEAN | running.environment | {"EIOT_MAX_ATTEMPTS": "3"}
    command = f"'{EIOT}' journal failed --open '{path}' | '{EIOT}' refresh --from -"
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, timeout=60)
    assert sorted(line.split("\t")[0] for line in done.stdout.splitlines()) == only_open.splitlines()
    assert running.counters()["calls"] >= calls + 5


def test_csv_has_the_last_result_of_each_card(night):
    running, path = night
    text = journal("csv", path).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["eid", "kind", "code", "message", "final", "attempts", "delivered", "time"]
    assert [row["eid"] for row in rows] == [*(eid(number) for number in range(40)), '"8.9E+31"']
    refused = rows[4]
    assert (refused["kind"], refused["code"], refused["final"], refused["attempts"]) == ("platform", "41001", "true", "1")
    # After another run, the cards that were tried again are there once, with their last result.
    refresh(running, "--from", path.parent / "cards.txt", "--journal", path, "--concurrency", 1)
    rows = list(csv.DictReader(io.StringIO(journal("csv", path).stdout)))
    every = list(csv.DictReader(io.StringIO(journal("csv", "--all", path).stdout)))
    assert len({row["eid"] for row in rows}) == len(rows) == 41 and len(every) == 46
    assert {row["eid"]: row for row in every} == {row["eid"]: row for row in rows}


def test_check_names_damaged_lines_and_a_torn_end(night):
    _, path = night
    assert json.loads(journal("check", "--json", path).stdout) == {
        "ok": True, "lines": 43, "results": 41, "damaged": 0, "torn": False,
    }  # fmt: skip
    lines = path.read_bytes().splitlines(keepends=True)
    lines[5] = b"\0" * 80 + b"\n"
    lines[7] = lines[7][:30] + b"\n"
    path.write_bytes(b"".join(lines)[:-20])
    done = journal("check", path, check=False)
    assert done.returncode == 2 and done.stdout == "43 lines: 38 results, 2 damaged, 1 torn\n"
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["line 6", "line 8", "line 43"]
    # The other commands read the rest, and say so.
    assert json.loads(journal("show", "--json", path).stdout)["damaged_lines"] == 3
    for command in ("failed", "csv"):
        assert "3 damaged lines were skipped; eiot journal check names them" in journal(command, path).stderr


def test_file_that_is_no_journal_is_refused(tmp_path):
    for text, why in [
        ("", "is not a journal of eiot"),
        ("eid\n1\n", "is not a journal of eiot"),
        ('{"eiot_journal":2,"account":"a","input":"b","started":"c"}\n', "has format 2, and this version reads format 1"),
    ]:
        (tmp_path / "file").write_text(text)
        for command in ("show", "failed", "csv", "check"):
            done = journal(command, tmp_path / "file", check=False)
            assert done.returncode == 2 and done.stdout == "" and why in done.stderr
    assert journal("show", tmp_path / "absent", check=False).returncode == 2


def test_unsafe_characters_of_a_message_do_not_reach_the_terminal(tmp_path):
    header = {"eiot_journal": 1, "account": "a", "input": "b", "started": "c"}
    line = {"eid": "1", "kind": "platform", "code": "7", "message": "a\x1b[2J\u202eb", "final": False}
    (tmp_path / "j").write_text("".join(json.dumps(each) + "\n" for each in (header, line)))
    shown = journal("show", tmp_path / "j").stdout
    assert "\x1b" not in shown and "\u202e" not in shown and "[2J" in shown
