"""`eiot refresh --from --journal --out`: full disks, files that are the same, signals in every wait, and damaged files.

In all of them, what the input has is what the outcomes have, and no outcome is told twice.
"""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest
from conftest import CLEAN, START, run
from test_batch_command import EIOT, begin, cards_file, eid, journal_of, refresh


def outcomes(path):
    """The EIDs of the output, each line of which is whole."""
    text = path.read_text() if path.exists() else ""
    assert text == "" or text.endswith("\n"), text[-200:]
    return [json.loads(line)["eid"] for line in text.splitlines()]


def wait_until(condition, limit=20):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


# Files that are the same.


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink"])
@pytest.mark.parametrize("role", ["out", "journal", "out of the journal"])
def test_output_that_is_the_input_or_the_journal_is_refused_and_nothing_is_touched(simulator, tmp_path, link, role):
    running = simulator("--unlimited")
    cards, journal = cards_file(tmp_path, 5), tmp_path / "journal"
    before = cards.read_text()
    first = cards
    if role == "out of the journal":
        refresh(running, "--from", cards, "--journal", journal, check=True)
        first, before = journal, journal.read_text()
    second = tmp_path / "other"
    if link == "same":
        second = first
    elif link == "symlink":
        second.symlink_to(first)
    else:
        second.hardlink_to(first)
    flags = {
        "out": ["--out", second],
        "journal": ["--journal", second],
        "out of the journal": ["--journal", journal, "--out", second],
    }[role]
    calls = running.counters()["calls"]
    done = refresh(running, "--from", cards, *flags)
    assert done.returncode == 2 and "are the same file" in done.stderr, done.stderr
    assert first.read_text() == before and running.counters()["calls"] == calls


def test_output_that_will_be_the_journal_is_refused_before_it_exists(simulator, tmp_path):
    running = simulator("--unlimited")
    (tmp_path / "link").symlink_to("journal")
    for out in (tmp_path / "journal", tmp_path / "link"):
        done = refresh(running, "--from", cards_file(tmp_path, 5), "--journal", tmp_path / "journal", "--out", out)
        assert done.returncode == 2 and "--out and --journal are the same file" in done.stderr, done.stderr
        assert not (tmp_path / "journal").exists()


def test_standard_streams_that_are_a_file_of_the_run_are_refused(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = cards_file(tmp_path, 5)
    before = cards.read_text()
    for script in ('"$0" refresh --from "$1" >> "$1"', '"$0" refresh --from - < "$1" >> "$1"', '"$0" refresh --from - --out "$1" < "$1"'):
        done = run(["sh", "-c", script, EIOT, cards], environment=running.environment, check=False)
        assert done.returncode == 2 and "same file" in done.stderr, done.stderr
        assert cards.read_text() == before and running.counters()["calls"] == 0


def test_journal_that_is_another_file_is_refused_and_left_alone(simulator, tmp_path):
    running = simulator("--unlimited")
    other = tmp_path / "other"
    for content in ("8904", "eid,name\n1,a\n", "{}"):
        other.write_text(content)
        done = refresh(running, "--from", cards_file(tmp_path, 5), "--journal", other)
        assert done.returncode == 2 and "not a journal" in done.stderr, done.stderr
        assert other.read_text() == content


def test_dry_run_writes_nothing_anywhere(simulator, tmp_path):
    running = simulator("--unlimited")
    cards, out = cards_file(tmp_path, 5), tmp_path / "out"
    out.write_text("kept\n")
    places = {name: str(tmp_path / name) for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")}
    for place in places.values():
        os.mkdir(place, 0o700)

    def files():
        return {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")] if "simulator" not in str(path)}

    before = files()
    command = [EIOT, "refresh", "--from", cards, "--journal", tmp_path / "journal", "--out", out, "--dry-run"]
    done = run(command, environment=running.environment | places)
    assert "5 cards: 5 to refresh" in done.stdout and "nothing was sent" in done.stdout
    assert files() == before
    # A journal is read, even while a run has it.
    refresh(running, "--from", cards, "--journal", tmp_path / "journal", check=True)
    before = files()
    done = run(command, environment=running.environment | places)
    assert "0 to refresh" in done.stdout and "5 refreshed before" in done.stdout
    assert files() == before


def test_dry_run_estimates_with_the_concurrency_that_is_given(simulator, tmp_path):
    running = simulator()
    cards = cards_file(tmp_path, 2000)
    assert "in about 3 min 30 s," in refresh(running, "--from", cards, "--dry-run").stdout
    slow = refresh(running, "--from", cards, "--dry-run", "--concurrency", "1", rate_limit="1000")
    assert "in about 3 min 20 s (with this --concurrency and 0.1 s per call)" in slow.stdout
    off = refresh(running, "--from", cards, "--dry-run", "--rate", "0")
    assert "without a rate limit" in off.stdout


def test_rate_0_says_that_the_rate_limit_is_off(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = cards_file(tmp_path, 5)
    assert "/s, rate limit off\n" in refresh(running, "--from", cards, "--rate", "0").stderr
    assert "rate limit" not in refresh(running, "--from", cards, "--rate", "50").stderr


# Full disks.


def limited(bytes_):
    """Files may not be longer than this, as on a full disk."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return limit


def run_with_little_space(running, *arguments, space):
    command = [str(word) for word in [EIOT, "refresh", *arguments]]
    environment = CLEAN | running.environment | {"EIOT_RATE_LIMIT": "off"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, preexec_fn=limited(space), timeout=60, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("space", [20_000, 20_001, 20_050, 20_199])
def test_full_disk_of_the_journal_is_rolled_back_and_named(simulator, tmp_path, space):
    running = simulator("--unlimited")
    cards, journal, out = cards_file(tmp_path, 500), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", cards, "--journal", journal, "--out", out, "--json", "--quiet"]
    done = run_with_little_space(running, *arguments, space=space)
    assert done.returncode == 1 and f"{journal} cannot be written: File too large" in done.stderr, done.stderr
    assert "could not be recorded; the next run calls these cards again" in done.stderr
    header, recorded = journal_of(journal)
    assert header["eiot_journal"] == 1 and journal.stat().st_size > space - 400
    calls = running.counters()["calls"]
    assert len(recorded) <= calls <= len(recorded) + 33
    again = refresh(running, *arguments, rate_limit="off")
    assert again.returncode == 0 and "damaged" not in again.stderr, again.stderr


def test_full_disk_of_the_output_is_rolled_back_and_the_next_run_tells_what_is_missing(simulator, tmp_path):
    running = simulator("--unlimited")
    cards, journal, out = cards_file(tmp_path, 500), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", cards, "--journal", journal, "--out", out, "--json"]
    # An outcome is longer than its line in the journal.
    done = run_with_little_space(running, *arguments, space=30_000)
    assert done.returncode == 1 and f"{out} cannot be written: File too large" in done.stderr, done.stderr
    told, (_, recorded) = outcomes(out), journal_of(journal)
    assert 0 < len(told) < len(recorded) == running.counters()["calls"] < 500, "outcomes in flight are recorded"
    again = refresh(running, *arguments, rate_limit="off")
    assert again.returncode == 0, again.stderr
    assert f"added {len(recorded) - len(told)} results" in again.stderr
    assert sorted(outcomes(out)) == [eid(number) for number in range(500)]
    assert set(running.counters()["per_eid"].values()) == {1}


def test_full_device_as_output_is_named(simulator, tmp_path):
    running = simulator("--unlimited")
    done = refresh(running, "--from", cards_file(tmp_path, 5), "--out", "/dev/full")
    assert done.returncode == 1 and "/dev/full cannot be written: No space left" in done.stderr
    assert "standard output" not in done.stderr


def has_namespaces():
    probe = ["unshare", "-Urm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    return shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
def test_full_disk_20_times_with_space_coming_back_loses_and_repeats_nothing(simulator, tmp_path):
    # A small disk in a mount namespace. A file leaves little space on it, and at a random moment a little more.
    running = simulator("--unlimited", "--latency-ms", "5")
    cards = cards_file(tmp_path, 6000)
    script = tmp_path / "story.sh"
    chance = random.Random(20)
    steps = [f"{chance.uniform(0.02, 0.2):.3f} {chance.randrange(8, 80)}" for _ in range(20)]
    script.write_text(f"""
        mount -t tmpfs -o size=8m tmpfs /mnt
        run() {{
            "{EIOT}" refresh --from "{cards}" --journal /mnt/journal --out /mnt/out --json --concurrency 8
        }}
        while read -r pause left; do
            # So much space is left for this run, at the beginning.
            free=$(df -k --output=avail /mnt | tail -1)
            head -c $(( (free - left) * 1024 )) /dev/zero > /mnt/ballast
            ( sleep "$pause"; truncate -s "-${{left}}K" /mnt/ballast ) &
            run 2>> "{tmp_path}/err" || true
            wait
            rm /mnt/ballast
        done
        run 2>> "{tmp_path}/err"
        code=$?
        cp /mnt/journal /mnt/out "{tmp_path}"
        exit $code
    """)
    environment = CLEAN | running.environment
    done = subprocess.run(
        ["unshare", "-Urm", "sh", script], input="\n".join(steps) + "\n", env=environment, text=True, capture_output=True, timeout=300
    )
    err = (tmp_path / "err").read_text()
    assert done.returncode == 0, (done.stderr, err[-3000:])
    full = err.count("No space left on device")
    assert full >= 15, err
    assert sorted(outcomes(tmp_path / "out")) == [eid(number) for number in range(6000)], "input = outcomes, none twice"
    calls = running.counters()["per_eid"]
    assert len(calls) == 6000 and sum(calls.values()) - 6000 <= 8 * full


# Interruptions between the journal and the output, and damaged files.


def test_output_that_lost_lines_is_completed_from_the_journal(simulator, tmp_path):
    running = simulator("--unlimited", "--fault", "status=500", "--fault", "html")
    cards, journal, out = cards_file(tmp_path, 20), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", cards, "--journal", journal, "--out", out, "--json", "--concurrency", "1", "--retry", "none"]
    refresh(running, *arguments)
    whole = out.read_text()
    assert len(whole.splitlines()) == 20
    for lost in (1, 17, len(whole) // 2, len(whole) - 1, len(whole)):
        out.write_text(whole[: len(whole) - lost])
        done = refresh(running, *arguments)
        assert out.read_text() == whole, f"{lost} bytes were lost"
        assert re.search(r"added \d+ results that the interrupted run had recorded", done.stderr), done.stderr
        assert ("its last line was incomplete" in done.stderr) == (lost in (17, len(whole) // 2, 1, len(whole) - 1)), done.stderr
    # A file that was moved away, as logrotate does, has been told.
    out.rename(tmp_path / "out.1")
    done = refresh(running, *arguments)
    assert out.read_text() == "" and "added" not in done.stderr
    # So has one that was emptied behind a new run.
    assert running.counters()["calls"] == 20


@pytest.mark.parametrize("how", ["kill", "term"])
def test_output_tells_every_outcome_once_over_20_interruptions(simulator, tmp_path, how):
    running = simulator("--unlimited", "--latency-ms", "10", "--fault-chance", "0.05", "--fault-seed", "4", "--fault-among", "refuse=41028")
    cards, journal, out = cards_file(tmp_path, 3000), tmp_path / "journal", tmp_path / "out"
    arguments = ["--from", cards, "--journal", journal, "--out", out, "--json", "--concurrency", "8"]
    chance = random.Random(3)
    interrupted = 0
    for _ in range(20):
        size = journal.stat().st_size if journal.exists() else 0
        process = begin(running, *arguments, rate_limit="off")
        wait_until(lambda: process.poll() is not None or (journal.exists() and journal.stat().st_size > size))
        time.sleep(chance.uniform(0, 0.1))
        interrupted += process.poll() is None
        process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        process.communicate(timeout=20)
    assert interrupted >= 10
    last = refresh(running, *arguments, rate_limit="off")
    assert last.returncode in (0, 1), last.stderr
    assert sorted(outcomes(out)) == [eid(number) for number in range(3000)], "input = outcomes, none told twice"
    calls = running.counters()["per_eid"]
    assert sum(calls.values()) - 3000 <= (8 * interrupted if how == "kill" else 0)


def test_journal_with_damaged_lines_is_repaired_and_says_so(simulator, tmp_path):
    running = simulator("--unlimited")
    cards, journal = cards_file(tmp_path, 10), tmp_path / "journal"
    refresh(running, "--from", cards, "--journal", journal, check=True)
    lines = journal.read_text().splitlines()
    assert "run" in json.loads(lines[1])
    damaged = ["\0" * len(lines[4]), lines[5][:40] + lines[6], *lines[7:]]
    journal.write_text("\n".join([*lines[:4], *damaged])[:-5])
    done = refresh(running, "--from", cards, "--journal", journal)
    assert done.returncode == 0, done.stderr
    assert f"{journal}: its last line was incomplete and is removed" in done.stderr
    assert "2 lines are damaged and are skipped, the first one is line 5" in done.stderr
    assert "3 refreshed, 0 failed, 7 refreshed before" in done.stderr
    assert sum(running.counters()["per_eid"].values()) == 13


# Signals.


def hold_at(running, kind, tmp_path):
    """A run that waits, and the condition that it does."""
    cards, journal = cards_file(tmp_path, 50), tmp_path / "journal"
    arguments, options = ["--from", cards, "--journal", journal], {}
    if kind == "slow rate":
        options = {"rate_limit": "0.02", "rate_scope": "process"}
    elif kind == "Retry-After":
        options = {"max_attempts": "3", "timeout": "110"}
    elif kind == "outage":
        options = {"outage_timeout": "900"}
    return begin(running, *arguments, "--concurrency", "4", **options)


WAITS = {
    "slow rate": [],
    "Retry-After": ["--fault", "status=503,90", "--fault-repeat"],
    "outage": ["--refuse", "500"],
}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("kind", WAITS)
def test_signal_ends_every_wait_within_a_second(simulator, tmp_path, kind, how):
    # Real time: the signal must be obeyed within a second, where waits would take up to fifteen minutes.
    running = simulator("--unlimited", *WAITS[kind])
    process = hold_at(running, kind, tmp_path)
    wait_until(lambda: running.counters()["calls"] >= 1)
    time.sleep(0.7)
    begun = time.monotonic()
    process.send_signal(how)
    _, err = process.communicate(timeout=20)
    took = time.monotonic() - begun
    assert process.returncode == 130 and took < 1.5, (took, err)
    assert "interrupted" in err and "run the same command again to resume" in err
    read, refreshed, failed, unsent, missed = (
        int((re.search(pattern, err) or [0, 0])[1])
        for pattern in (r"eiot: (\d+) cards", r"(\d+) refreshed,", r"(\d+) failed[,;]", r"(\d+) not sent", r"(\d+) not reached")
    )
    assert read == 50 == refreshed + failed + unsent + missed, err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("first", ["", f"{eid(1)}\n", f"{eid(1)}\n{eid(2)[:9]}"])
def test_signal_ends_the_wait_for_a_stream_that_hangs(simulator, how, first):
    # Real time: as above.
    running = simulator("--unlimited")
    process = subprocess.Popen(
        [str(EIOT), "refresh", "--from", "-"], env=CLEAN | running.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdin.write(first)
    process.stdin.flush()
    wait_until(lambda: running.counters()["calls"] >= (1 if first else 0))
    time.sleep(START / 6)
    begun = time.monotonic()
    process.send_signal(how)
    # Not communicate(), which would end the stream.
    assert process.wait(timeout=20) == 130 and time.monotonic() - begun < 1.5
    err = process.stderr.read()
    assert f"{1 if first else 0} refreshed" in err, err


def test_first_signal_says_what_is_finished_and_the_second_one_ends_at_once(simulator, tmp_path):
    running = simulator("--unlimited", "--latency-ms", "20000")
    process = begin(running, "--from", cards_file(tmp_path, 50), "--journal", tmp_path / "journal", "--concurrency", "7")
    wait_until(lambda: running.counters()["calls"] >= 7)
    process.send_signal(signal.SIGINT)
    line = process.stderr.readline()
    assert "interrupted; finishing 7 calls in flight, which takes at most 30 s; a second signal ends at once" in line
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130 and time.monotonic() - begun < 1.5


# Counts, exit codes, progress.


def test_duplicates_that_are_far_apart_are_found_if_there_is_a_journal(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = cards_file(tmp_path, 20_000)
    numbers = [*range(20_000), *range(0, 20_000, 2), 19_999, 3]
    cards.write_text("".join(f"{eid(number)}\n" for number in numbers))
    journal = tmp_path / "journal"
    done = refresh(running, "--from", cards, "--journal", journal, rate_limit="off")
    assert done.returncode == 0 and "30002 cards: 20000 refreshed, 0 failed, 10002 duplicates" in done.stderr, done.stderr
    assert set(running.counters()["per_eid"].values()) == {1}
    assert "finished" in journal.read_text().splitlines()[-1]


def test_exit_code_is_the_largest_of_all_that_apply(simulator, tmp_path):
    # One is refused for the account, one is malformed, one fails, and the input has an error at its end.
    running = simulator("--unlimited", "--fault", "refuse=403", "--fault", "refuse=45109")
    stream = f"a,eid\nx,{eid(0)}\nx,{eid(1)}\nx,8904E\n"
    command = [str(EIOT), "refresh", "--from", "-", "--concurrency", "1"]
    for text, code in ((stream, 3), (stream + '"x,1\n', 3), (stream.replace(eid(0), "7"), 3)):
        done = subprocess.run(command, input=text, env=CLEAN | running.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, (done.returncode, done.stderr)
        running.stop()
        running = simulator("--unlimited", "--fault", "refuse=403", "--fault", "refuse=45109")
    done = subprocess.run(command, input='a,eid\n"x,1\n', env=CLEAN | running.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "line 2" in done.stderr


def test_exit_code_of_cards_that_were_not_sent_is_not_0(simulator, tmp_path):
    running = simulator("--unlimited")
    port = running.url.rsplit(":", 1)[1]
    options = {"rate_scope": "redis://127.0.0.1:1/0", "outage_timeout": "0.3", "rate_limit": "10"}
    done = refresh(running, "--from", cards_file(tmp_path, 20), "--journal", tmp_path / "journal", **options)
    assert done.returncode == 1 and running.counters()["calls"] == 0, (port, done.stderr)
