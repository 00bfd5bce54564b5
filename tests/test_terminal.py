"""The command on a terminal and away from one: colors, progress, quiet, time stamps."""

import os
import pty
import re
import subprocess
import time

from conftest import CLEAN, PREFIX, run
from test_batch_command import cards_file, refresh

EIOT = PREFIX / "bin" / "eiot"
CARD = "89044011112233441122334411223321"
STAMP = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def on_terminal(*arguments, **environment):
    """Exit code and output of the command, whose output and errors are a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(word) for word in [EIOT, *arguments]], env=CLEAN | {"TERM": "xterm"} | environment, stdin=subprocess.DEVNULL,
        stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    # The end of a terminal is an error on Linux.
    while chunk := read(ours):
        shown += chunk
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_doctor_is_colored_on_a_terminal_unless_no_color_is_set(simulator):
    running = simulator()
    code, shown = on_terminal("doctor", **running.environment)
    assert code == 0 and shown.startswith("\x1b[1m\x1b[32mok      \x1b[0m \x1b[1mconfiguration \x1b[0m "), shown
    for setting in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CLICOLOR": "0"}):
        assert "\x1b" not in on_terminal("doctor", **running.environment | setting)[1], setting
    assert "\x1b" not in run([EIOT, "doctor"], environment=running.environment).stdout


def test_help_is_in_groups_and_colored_on_a_terminal_only():
    plain = run([EIOT, "--help"]).stdout
    for group in ("Cards:\n  refresh ", "Setup:\n  doctor ", "Shell:\n  completions "):
        assert group in plain
    flags = run([EIOT, "refresh", "-h"]).stdout
    groups = ("Input:\n      --from ", "Journal:\n      --journal ", "Reports:\n", "Account:\n", "Calls:\n", "Rate limit:\n", "Connection:\n")
    assert all(group in flags for group in groups), flags
    for arguments in (["--help"], ["refresh", "-h"]):
        code, shown = on_terminal(*arguments)
        assert code == 0 and "\x1b[1m\x1b[32m" in shown
        assert "\x1b" not in on_terminal(*arguments, NO_COLOR="1")[1] and "\x1b" not in run([EIOT, *arguments]).stdout


def test_quiet_run_prints_nothing_if_every_card_is_refreshed(simulator, tmp_path):
    # Real time: long enough for progress to be drawn.
    running = simulator("--unlimited")
    settings = running.environment | {"EIOT_RATE_LIMIT": "100"}
    arguments = ["refresh", "--from", cards_file(tmp_path, 50)]
    assert on_terminal(*arguments, "--quiet", **settings) == (0, "")
    code, shown = on_terminal(*arguments, "--no-progress", "--out", tmp_path / "out", **settings)
    assert code == 0 and "/50" not in shown and "50 refreshed" in shown
    code, shown = on_terminal(*arguments, "--out", tmp_path / "out", **settings)
    assert code == 0 and "/50" in shown


def test_quiet_run_prints_nothing_about_an_outage_that_ends_and_everything_about_a_failure(simulator, tmp_path):
    # One call after the other, and one attempt each: five failures in a row are an outage. Cards that failed before it was one may
    # be reported as failed.
    outage = ["--unlimited", *["--fault=status=503"] * 5]
    options = {"outage_timeout": "60", "max_attempts": "1"}
    arguments = ["--from", cards_file(tmp_path, 30), "--concurrency", 1]
    done = refresh(simulator(*outage), *arguments, "--quiet", **options)
    assert "reached" not in done.stderr and all("\thttp\t" in line for line in done.stdout.splitlines()), done
    assert len(done.stdout.splitlines()) < 5, done
    done = refresh(simulator(*outage), *arguments, **options)
    assert "cannot be reached, holding back all cards" in done.stderr, done
    running = simulator("--unlimited", "--refuse", "502")
    done = refresh(running, "--from", cards_file(tmp_path, 30), "--quiet")
    assert done.returncode == 3 and "no more cards are sent" in done.stderr and "\tauth\t" in done.stdout


def test_lines_of_verbose_begin_with_the_time(simulator, tmp_path):
    running = simulator("--unlimited", "--fault=status=503")
    before = time.time()
    done = refresh(running, "-v", CARD, max_attempts="2")
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all(re.match(f"eiot: {STAMP} eid={CARD} attempt=", line) for line in lines), lines
    shown = lines[0].split()[1]
    assert shown[:16] in {time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at)) for at in (before, time.time())}
    done = refresh(running, "-v", "--from", cards_file(tmp_path, 2), "--no-progress")
    assert len(re.findall(f"^eiot: {STAMP} eid=", done.stderr, re.M)) == 2
