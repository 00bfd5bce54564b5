"""The worker recipes of docs/operations.md, verbatim: they work, and keep the account's rate."""

import contextlib
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from conftest import CLEAN, TESTS, run
from test_batch_command import cards_file, eid

DOCUMENT = (TESTS.parent / "docs" / "operations.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.S)


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


def test_worker_recipe_refreshes_a_file_in_one_process(simulator, tmp_path):
    running = simulator("--unlimited")
    cards = tmp_path / "cards.csv"
    cards.write_text("eid\n" + "".join(f"{eid(number)}\n" for number in range(200)) + "8.9E+31\n")
    program = recipe("csv.DictReader", tmp_path, "refresh_cards.py")
    printed = run([sys.executable, program, cards], environment=running.environment).stdout.splitlines()
    assert printed.pop() == "Summary(submitted=201, refreshed=200, failed=1, duplicates=0, failures={'invalid_eid': 1})"
    assert sorted(printed) == sorted(["8.9E+31 invalid_eid", *(f"{eid(number)} ok" for number in range(200))])


@contextlib.contextmanager
def started(command, **options):
    """A server that is terminated after the block, and killed with all its processes if it does not end."""
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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def platform(simulator):
    return simulator("--rate-limit", "10", "--cooldown", "off")


def home(running, tmp_path):
    """An environment that shares only what the document describes."""
    settings = {"HOME": str(tmp_path), "PYTHONPATH": str(tmp_path), "DASK_TEMPORARY_DIRECTORY": str(tmp_path / "dask")}
    return running.environment | settings


# Real time, each: eight processes start, then 60 calls at 9.5 per second.


@needs("distributed")
def test_dask_with_eight_workers_keeps_the_accounts_rate(platform, tmp_path):
    program = recipe("LocalCluster", tmp_path, "refresh_cards.py")
    done = run([sys.executable, program, cards_file(tmp_path, 60)], environment=home(platform, tmp_path))
    assert all_ok(done.stdout, 60), done.stdout + done.stderr
    assert the_rate_was_kept(platform, 60)


@needs("distributed")
def test_dask_on_two_machines_with_a_redis_keeps_the_accounts_rate(platform, redis, tmp_path):
    program = recipe("LocalCluster", tmp_path, "refresh_cards.py")
    address, environment = f"tcp://127.0.0.1:{free_port()}", home(platform, tmp_path)
    # As in the document for several machines.
    (block,) = re.findall(r'begins the block with `(with Client\(.*\) as dask:)`', DOCUMENT)
    several, count = re.subn(r"with LocalCluster\(.*\) as dask:", block, program.read_text())
    assert count == 1
    program.write_text(several.replace("tcp://SCHEDULER:8786", address))
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "4", "--nthreads", "1", "--no-dashboard"]
    shared = environment | {"EIOT_RATE_SCOPE": redis.url}
    with contextlib.ExitStack() as machines:
        machines.enter_context(started(scheduler, env=CLEAN | environment, cwd=tmp_path))
        for number in (1, 2):
            directory = tmp_path / f"machine-{number}"
            directory.mkdir()
            machines.enter_context(started(worker, env=CLEAN | shared, cwd=directory))
        done = run([sys.executable, program, cards_file(tmp_path, 60)], environment=shared)
    assert all_ok(done.stdout, 60), done.stdout + done.stderr
    assert the_rate_was_kept(platform, 60)
    assert redis.calls("eval") + redis.calls("evalsha") >= 60


@needs("celery")
@needs("redis")
@pytest.mark.parametrize("machines", [1, 2])
def test_celery_with_eight_workers_keeps_the_accounts_rate(platform, redis, tmp_path, machines):
    recipe("@app.task", tmp_path, "cards.py")
    program = recipe("celery.group", tmp_path, "give_cards.py")
    environment = home(platform, tmp_path) | {"CELERY_BROKER_URL": redis.url, "CELERY_RESULT_BACKEND": redis.url}
    worker = [sys.executable, "-m", "celery", "--app", "cards", "worker", "--concurrency", str(8 // machines)]
    settings = CLEAN | environment | ({"EIOT_RATE_SCOPE": redis.url} if machines > 1 else {})
    with contextlib.ExitStack() as workers:
        for number in range(machines):
            name = ["--loglevel", "warning", "--hostname", f"machine-{number}@%h"]
            workers.enter_context(started([*worker, *name], env=settings, cwd=tmp_path))
        done = run([sys.executable, program, cards_file(tmp_path, 60)], environment=environment)
    assert all_ok(done.stdout, 60), done.stdout + done.stderr
    assert the_rate_was_kept(platform, 60)
    scripts = redis.calls("eval") + redis.calls("evalsha")
    assert (scripts >= 60) == (machines > 1), scripts
