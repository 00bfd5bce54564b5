"""`eiot refresh --from`: no card is lost or repeated, whatever happens to the run."""

import contextlib
import json
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest
from conftest import CLEAN, IS_WINDOWS, PREFIX, START, run

EIOT = PREFIX / "bin" / "eiot"


def eid(number):
    return f"89044011223344556677{number:012d}"


def cards_file(directory, count, name="cards.txt"):
    path = directory / name
    path.write_text("".join(f"{eid(number)}\n" for number in range(count)))
    return path


def refresh(running, *arguments, check=False, timeout=120, **options):
    environment = running.environment | {f"EIOT_{name.upper()}": value for name, value in options.items()}
    return run([EIOT, "refresh", *arguments], environment=environment, check=check, timeout=timeout)


def begin(running, *arguments, **options):
    environment = CLEAN | running.environment | {f"EIOT_{name.upper()}": value for name, value in options.items()}
    return subprocess.Popen(
        [str(word) for word in [EIOT, "refresh", *arguments]],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def journal_of(path):
    """The header, and the last line of each card."""
    header, *lines = map(json.loads, path.read_text().splitlines())
    return header, {line["eid"]: line for line in lines if "eid" in line}


def test_refresh_of_a_spreadsheet_reads_text_and_names_the_lines_with_lost_digits(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = tmp_path / "cards.csv"
    cards.write_text(f'\ufeffname;Card EID\r\na;="{eid(1)}"\r\nb;8.9E+31\r\n"c;d";{eid(2)}\r\n', newline="")
    done = refresh(running, "--from", cards, "--column", "card eid")
    assert done.returncode == 2
    assert sorted(line.split("\t")[1] for line in done.stdout.splitlines()) == ["invalid_eid", "ok", "ok"]
    assert re.search(r'line 3: EID "8.9E\+31": invalid EID: a spreadsheet', done.stdout)
    assert "3 cards: 2 refreshed, 1 failed" in done.stderr
    assert set(running.counters()["per_eid"]) == {eid(1), eid(2)}


def test_refresh_reads_standard_input_and_json_has_one_object_per_card(simulator):
    running = simulator("--unlimited")
    environment = CLEAN | running.environment
    command = [str(EIOT), "refresh", "--from", "-", "--json", "--concurrency", "4"]
    lines = "".join(f"{eid(number)}\n" for number in [*range(20), 3])
    done = subprocess.run(command, input=lines, env=environment, capture_output=True, text=True, check=True)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert {outcome["eid"] for outcome in outcomes} == {eid(number) for number in range(20)}
    assert all(outcome["ok"] for outcome in outcomes)
    assert "21 cards: 20 refreshed, 0 failed, 1 duplicates" in done.stderr


def test_dry_run_sends_nothing_and_estimates_the_duration(simulator, tmp_path):
    running = simulator()
    done = refresh(running, "--from", cards_file(tmp_path, 2000), "--dry-run")
    assert done.returncode == 0
    assert "2000 cards: 2000 to refresh in about 3 min 30 s" in done.stdout
    assert running.counters()["calls"] == 0


def test_run_that_is_resumed_skips_done_cards_and_retries_the_others(simulator, tmp_path):
    cards, journal, out = cards_file(tmp_path, 50), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", cards, "--journal", journal, "--out", out]
    running = simulator("--unlimited", "--fault", "status=500", "--fault", "html", "--fault-repeat")
    first = refresh(running, *arguments)
    assert first.returncode == 1 and "50 failed" in first.stderr
    # Windows has no modes; there the folder decides.
    assert IS_WINDOWS or journal.stat().st_mode & 0o777 == 0o600

    # The platform has recovered, at the same address: the port is part of the account.
    _, before = journal_of(journal)
    port = running.url.rsplit(":", 1)[1]
    running.stop()
    well = simulator("--unlimited", "--port", port)
    assert well.url == running.url
    second = refresh(well, *arguments)
    assert second.returncode == 0, second.stderr
    third = refresh(well, *arguments)
    assert "50 cards: 0 refreshed, 0 failed, 50 refreshed before" in third.stderr
    assert well.counters()["calls"] == 50
    header, after = journal_of(journal)
    # On Windows it is the path's longest form, and wine's drive Z: is this machine's root directory.
    assert header["input"].removeprefix("\\\\?\\Z:").replace("\\", "/") == str(cards)
    assert {line["kind"] for line in before.values()} == {"http", "protocol"}
    assert len(after) == 50 and {line["kind"] for line in after.values()} == {"ok"}
    assert len(out.read_text().splitlines()) == 100, "a run that goes on adds to the outcomes"


def test_journal_of_another_job_or_in_use_is_rejected(simulator, tmp_path):
    running = simulator("--unlimited", "--latency-ms", "300")
    journal = tmp_path / "journal"
    cards = cards_file(tmp_path, 20)
    busy = begin(running, "--from", cards, "--journal", journal, "--concurrency", "1")
    while not journal.exists() or not journal.read_text().endswith("\n"):
        time.sleep(0.01)
    done = refresh(running, "--from", cards, "--journal", journal)
    assert done.returncode == 2 and "in use by another process" in done.stderr
    busy.send_signal(signal.SIGINT)
    busy.communicate(timeout=10)
    done = refresh(running, "--from", cards_file(tmp_path, 20, "other.txt"), "--journal", journal)
    assert done.returncode == 2 and "another run" in done.stderr and "other.txt" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signal_finishes_calls_in_flight_and_says_how_to_resume(simulator, tmp_path, how):
    # Real time: the platform takes 300 ms, and the signal arrives while the first calls are in flight.
    running = simulator("--unlimited", "--latency-ms", "300")
    journal = tmp_path / "journal"
    process = begin(running, "--from", cards_file(tmp_path, 500), "--journal", journal, "--concurrency", "8")
    time.sleep(START / 5)
    begun = time.monotonic()
    process.send_signal(how)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - begun < 8
    assert process.returncode == 130
    assert "run the same command again to resume" in err
    _, told = journal_of(journal)
    # Every card that was sent was answered, recorded and reported.
    assert running.counters()["calls"] == len(told) == len(out.splitlines()) < 100
    assert {line["kind"] for line in told.values()} == {"ok"}


def test_run_that_is_killed_repeatedly_loses_nothing(simulator, tmp_path):
    # 20 kills at random moments, up to 100 ms after the first line of the run in the journal; then one run to the end.
    running = simulator("--unlimited", "--latency-ms", "20")
    cards, journal = cards_file(tmp_path, 3000), tmp_path / "journal"
    arguments = ["--from", cards, "--journal", journal, "--out", tmp_path / "results"]
    moments = random.Random(6)
    recorded, kills = set(), 0
    for _ in range(20):
        size = journal.stat().st_size if journal.exists() else 0
        process = begin(running, *arguments, "--concurrency", "8", rate_limit="off")
        while process.poll() is None and not (journal.exists() and journal.stat().st_size > size):
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.1))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        with contextlib.suppress(FileNotFoundError, IndexError):
            text = journal.read_text()
            journal_now = [json.loads(line) for line in text[: text.rindex("\n") + 1].splitlines()[1:]]
            now_done = {line["eid"] for line in journal_now if line.get("kind") == "ok"}
            assert recorded <= now_done, "what was written down stays"
            recorded = now_done
    assert kills >= 10 and recorded, "the kills met runs"
    done = refresh(running, *arguments, rate_limit="off")
    assert done.returncode == 0, done.stderr

    lines = [json.loads(line) for line in journal.read_text().splitlines()[1:-1]]
    final = [line["eid"] for line in lines if line.get("kind") == "ok"]
    assert sorted(final) == [eid(number) for number in range(3000)], "each card has exactly one outcome"
    # A card is called again only if the kill came before its answer was recorded: at most the calls in flight.
    calls = running.counters()["per_eid"]
    assert len(calls) == 3000
    assert sum(calls.values()) - 3000 <= 8 * kills


def test_journal_prevents_a_second_call_after_the_outcome_was_recorded(simulator, tmp_path):
    running = simulator("--unlimited", "--latency-ms", "10")
    cards, journal = cards_file(tmp_path, 2000), tmp_path / "journal"
    process = begin(running, "--from", cards, "--journal", journal, "--quiet", rate_limit="off")
    while not journal.exists() or journal.read_text().count("\n") < 100:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    text = journal.read_text()
    written = {json.loads(line)["eid"] for line in text[: text.rindex("\n") + 1].splitlines()[2:]}
    before = running.counters()["per_eid"]
    assert 0 < len(written) < 2000
    refresh(running, "--from", cards, "--journal", journal, "--quiet", rate_limit="off", check=True)
    after = running.counters()["per_eid"]
    assert all(after[card] == before[card] for card in written)


def test_run_summary_adds_up_when_a_tenth_of_the_cards_fails(simulator, tmp_path):
    running = simulator("--unlimited", "--fault-chance", "0.1", "--fault-seed", "3")
    journal = tmp_path / "journal"
    done = refresh(running, "--from", cards_file(tmp_path, 2000), "--journal", journal, "--json", rate_limit="off")
    _, told = journal_of(journal)
    kinds = [line["kind"] for line in told.values()]
    assert len(kinds) == 2000 == len(done.stdout.splitlines())
    failed = 2000 - kinds.count("ok")
    assert f"2000 cards: {kinds.count('ok')} refreshed, {failed} failed" in done.stderr
    for kind in set(kinds) - {"ok"}:
        assert f"{kinds.count(kind)} {kind}, for example EID" in done.stderr
    assert len(set(kinds)) > 3


def test_full_disk_ends_the_run_and_reports_what_was_sent(simulator, tmp_path):
    running = simulator("--unlimited")
    journal = tmp_path / "journal"

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    command = [EIOT, "refresh", "--from", cards_file(tmp_path, 500), "--journal", journal]
    done = subprocess.run(
        [str(word) for word in command], env=CLEAN | running.environment | {"EIOT_RATE_LIMIT": "off"},
        capture_output=True, text=True, preexec_fn=small_files, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1 and f"{journal} cannot be written: File too large" in done.stderr
    assert running.counters()["calls"] < 500
    assert journal.read_text().endswith("\n"), "the line that did not fit is removed"
    assert refresh(running, "--from", tmp_path / "cards.txt", "--journal", journal, rate_limit="off").returncode == 0


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed (on Debian: apt-get install tmux)")
@pytest.mark.parametrize("width, pieces", [(100, ["[#", "%", "/400", "/s", "left"]), (40, ["%", "/400", "/s"])])
def test_progress_is_shown_on_a_terminal(simulator, tmp_path, width, pieces):
    # Real time: the run takes some 4 s, and is looked at all the time; a busy machine may take seconds to begin it.
    running = simulator("--unlimited")
    socket, cards = tmp_path / "tmux", cards_file(tmp_path, 400)
    settings = running.environment | {"EIOT_RATE_LIMIT": "100"}
    words = [f"{name}={value}" for name, value in settings.items()]
    command = ["env", *words, EIOT, "refresh", "--out", tmp_path / "results", "--from", cards, ";", "sleep", "9"]
    tmux = ["tmux", "-S", str(socket)]
    environment = CLEAN | {"TERM": "xterm", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    shell = " ".join(str(word) for word in command)
    subprocess.run([*tmux, "new-session", "-d", "-x", str(width), "-y", "10", shell], env=environment, check=True)

    def screen_with(shown):
        deadline = time.monotonic() + 30
        while True:
            seen = subprocess.check_output([*tmux, "capture-pane", "-p"], env=environment, text=True)
            if shown(seen) or time.monotonic() > deadline:
                return seen
            time.sleep(0.1)

    try:
        seen = screen_with(lambda seen: all(piece in seen for piece in pieces))
        line = seen.splitlines()[0]
        assert all(piece in line for piece in pieces), seen
        assert len(line) < width and seen.count("/400") == 1, seen
        seen = screen_with(lambda seen: "400 refreshed" in seen.replace("\n", ""))
        assert "400 refreshed" in seen.replace("\n", "") and "[#" not in seen, seen
    finally:
        subprocess.run([*tmux, "kill-server"], env=environment)


def test_log_has_no_control_characters(simulator, tmp_path):
    running = simulator("--unlimited")
    done = refresh(running, "--from", cards_file(tmp_path, 50), "--out", tmp_path / "results")
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert done.stderr.startswith("eiot: 50 cards: 50 refreshed, 0 failed; ")
    assert done.stdout == ""
