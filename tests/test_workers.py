"""The recipes of docs/operations.md, as they stand there: what a reader copies works, and the account's rate holds."""

import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from conftest import CLEAN, TESTS, run
from test_run import cards_file, eid

RECIPES = re.findall(r"```python\n(.*?)```", (TESTS.parent / "docs" / "operations.md").read_text(), re.S)


def recipe(word, directory, name):
    """The only program in the document that has this word, written to a file."""
    (program,) = [program for program in RECIPES if word in program]
    path = directory / name
    path.write_text(program)
    return path


def needs(module):
    there = importlib.util.find_spec(module) is not None
    return pytest.mark.skipif(not there, reason=f"{module} is not installed (make workers installs it)")


def all_ok(printed, count):
    return sorted(printed.splitlines()) == [f"{eid(number)} ok" for number in range(count)]


def the_rate_was_kept(running, count):
    counters = running.counters()
    assert counters["busiest_second"] <= 10, counters
    assert set(counters["per_eid"].values()) == {1} and counters["accepted"] == count
    return True


def test_a_file_of_cards_in_one_process(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = tmp_path / "cards.csv"
    cards.write_text("eid\n" + "".join(f"{eid(number)}\n" for number in range(200)) + "8.9E+31\n")
    program = recipe("csv.DictReader", tmp_path, "refresh_cards.py")
    printed = run([sys.executable, program, cards], environment=running.environment).stdout.splitlines()
    assert printed.pop() == "Summary(submitted=201, refreshed=200, failed=1, duplicates=0, failures={'invalid_eid': 1})"
    assert sorted(printed) == sorted(['"8.9E+31" invalid_eid', *(f"{eid(number)} ok" for number in range(200))])


@needs("distributed")
def test_dask_with_eight_workers_keeps_the_accounts_rate(simulator, tmp_path):
    # Real time: eight processes start, then 60 calls at 9.5 a second.
    running = simulator("--rate-limit", "10", "--cooldown", "off")
    program = recipe("LocalCluster", tmp_path, "refresh_cards.py")
    environment = running.environment | {"HOME": str(tmp_path), "DASK_TEMPORARY_DIRECTORY": str(tmp_path / "dask")}
    done = run([sys.executable, program, cards_file(tmp_path, 60)], environment=environment)
    assert all_ok(done.stdout, 60), done.stdout + done.stderr
    assert the_rate_was_kept(running, 60)


@contextlib.contextmanager
def started(command, **options):
    """A server that is told to end after the block, and made to if it does not, with all its processes."""
    server = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True, **options,
    )  # fmt: skip
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.communicate()


@pytest.fixture
def redis():
    """The address of a Redis of the test's own, on a socket in a folder that goes with it."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (on Debian: apt-get install redis-server)")
    with tempfile.TemporaryDirectory(prefix="eiot-redis-") as directory:
        path = pathlib.Path(directory) / "redis.sock"
        settings = ["--port", "0", "--unixsocket", path, "--dir", directory, "--save", "", "--appendonly", "no"]
        with started(["redis-server", *settings]) as server:
            deadline = time.monotonic() + 30
            while not path.exists():
                assert server.poll() is None and time.monotonic() < deadline, "redis-server does not start"
                time.sleep(0.02)
            yield f"redis+socket://{path}"


@needs("celery")
@needs("redis")
def test_celery_with_eight_workers_keeps_the_accounts_rate(simulator, redis, tmp_path):
    # Real time: eight processes start, then 60 calls at 9.5 a second.
    running = simulator("--rate-limit", "10", "--cooldown", "off")
    recipe("@app.task", tmp_path, "cards.py")
    program = recipe("celery.group", tmp_path, "give_cards.py")
    environment = running.environment | {
        "CELERY_BROKER_URL": redis,
        "CELERY_RESULT_BACKEND": redis,
        "PYTHONPATH": str(tmp_path),
        "HOME": str(tmp_path),
    }
    worker = [sys.executable, "-m", "celery", "--app", "cards", "worker", "--concurrency", "8"]
    with started([*worker, "--loglevel", "warning"], env=CLEAN | environment, cwd=tmp_path):
        done = run([sys.executable, program, cards_file(tmp_path, 60)], environment=environment)
    assert all_ok(done.stdout, 60), done.stdout + done.stderr
    assert the_rate_was_kept(running, 60)
