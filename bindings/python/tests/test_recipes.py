"""The recipes of docs/python-recipes.md, verbatim."""

import importlib.util
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from conftest import EID, ROOT
from responder import Answer, Responder

DOCUMENT = (ROOT / "docs" / "python-recipes.md").read_text(encoding="utf-8")
Simulate = Callable[..., dict[str, Any]]
CARDS = ["89044011112233441122334411223321", "8.9E+31", "89001012012341234012345678901224"]


def recipe(heading: str) -> str:
    """The program below a heading."""
    (program,) = re.findall(rf"^## {heading}\n.*?```python\n(.*?)```", DOCUMENT, re.M | re.S)
    return str(program)


def needs(module: str, target: str = "recipes") -> pytest.MarkDecorator:
    try:
        there = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        there = False
    return pytest.mark.skipif(not there, reason=f"{module} is not installed (make {target} installs it)")


@pytest.fixture
def environment(simulator: Simulate, tmp_path: pathlib.Path) -> dict[str, str]:
    """An account of the simulator, for another process."""
    options = simulator("--unlimited")
    account = {f"EIOT_{name.upper()}": str(value) for name, value in options.items()}
    return os.environ | account | {"HOME": str(tmp_path)}


def run(program: str, environment: dict[str, str], *arguments: object) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@needs("polars")
def test_recipe_for_polars_puts_outcomes_beside_their_rows(
    environment: dict[str, str], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "cards.csv").write_text("customer,eid\n" + "".join(f"{n},{eid}\n" for n, eid in enumerate(CARDS)))
    said = run(recipe("polars"), environment, tmp_path / "cards.csv").splitlines()
    assert said[0] == "customer,eid,outcome"
    assert [line.split(",")[2] for line in said[1:]] == ["ok", "invalid_eid", "ok"]


def test_recipe_for_sqlite_records_every_outcome(environment: dict[str, str], tmp_path: pathlib.Path) -> None:
    database = sqlite3.connect(tmp_path / "cards.db")
    database.execute("CREATE TABLE cards (eid TEXT, outcome TEXT)")
    database.executemany("INSERT INTO cards VALUES (?, NULL)", [(eid,) for eid in [*CARDS, None]])
    database.commit()
    run(recipe("SQLite"), environment, tmp_path / "cards.db")
    outcomes = [outcome for (outcome,) in database.execute("SELECT outcome FROM cards ORDER BY rowid")]
    database.close()
    assert outcomes == ["ok", "invalid_eid", "ok", "invalid_eid"]


def test_recipe_for_structured_logs_writes_attempts_as_json(environment: dict[str, str]) -> None:
    (line,) = run(recipe("Structured logs"), environment).splitlines()
    said = json.loads(line)
    assert (said["level"], said["attempt"]["eid"], said["attempt"]["outcome"]) == ("DEBUG", "8904", "ok")


def post(url: str, body: bytes = b"") -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, method="POST"), timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@needs("fastapi")
@needs("uvicorn")
def test_recipe_for_fastapi_finishes_calls_in_flight_on_sigterm(
    responder: Callable[..., Responder], tmp_path: pathlib.Path
) -> None:
    def slow(_: object) -> Answer:
        time.sleep(1.5)
        return Answer()

    platform = responder(slow)
    (tmp_path / "server.py").write_text(recipe("FastAPI"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "server:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | platform.environment, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            for _ in range(600):
                try:
                    assert post(f"{url}/cards/x/refresh")[0] == 422
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
            assert post(f"{url}/webhook", b'{"sign": "forged"}')[0] == 401
            answers: list[tuple[int, Any]] = []
            call = threading.Thread(target=lambda: answers.append(post(f"{url}/cards/{EID}/refresh")))
            call.start()
            platform.arrivals.get(timeout=60)
            server.send_signal(signal.SIGTERM)
            call.join(60)
            assert answers == [(200, {"eid": EID, "message": "success"})]
            server.wait(60)
        finally:
            server.kill()
        assert "Error" not in (server.stderr.read() if server.stderr else "")


@needs("django")
def test_recipe_for_django_answers_requests(environment: dict[str, str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "views.py").write_text(recipe("Django"))
    program = f"""
import django
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="urls")
django.setup()
from django.test import RequestFactory
import views
print(views.refresh(RequestFactory().post("/"), {EID!r}).content.decode())
print(views.refresh(RequestFactory().post("/"), "x").status_code)
"""
    said = run(program, environment | {"PYTHONPATH": str(tmp_path)}).splitlines()
    assert said == [json.dumps({"eid": EID, "message": "success"}), "502"]


@needs("nbclient")
@needs("ipykernel")
def test_recipe_for_jupyter_awaits_in_a_cell(environment: dict[str, str]) -> None:
    program = f"""
import nbclient, nbformat
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell({recipe("Jupyter")!r})])
nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
print(sorted(eval(book.cells[0].outputs[0]["data"]["text/plain"])))
"""
    # Its kernel may warn on standard error.
    assert run(program, environment).startswith("[0, 1]\n")


@needs("trio")
def test_recipe_for_trio_works(environment: dict[str, str]) -> None:
    assert run(recipe("trio"), environment) == "success\n"


@needs("gevent")
def test_recipe_for_gevent_works(environment: dict[str, str]) -> None:
    assert run(recipe("gevent"), environment) == "['success', 'success']\n"


@needs("uvloop")
def test_uvloop_serves_calls_and_batches_and_leaves_nothing_behind(environment: dict[str, str]) -> None:
    program = """
import asyncio, gc, os, time, eiot, uvloop
async def main():
    async with eiot.AsyncClient() as client:
        replies = await asyncio.gather(*(client.refresh_usage(eid) for eid in range(1, 100)))
        return len(replies), [result.ok async for result in client.refresh_many(iter(["1", "2"]))]
for _ in range(2):
    said = uvloop.run(main())
for _ in range(100):
    gc.collect()
    if len(os.listdir("/proc/self/task")) == 1:
        break
    time.sleep(0.05)
print(*said, len(os.listdir("/proc/self/task")))
"""
    assert run(program, environment) == "99 [True, True] 1\n"


@needs("celery", "workers")
def test_exceptions_survive_celerys_json_backend(environment: dict[str, str]) -> None:
    program = f"""
import celery, eiot
from eiot._exceptions import BY_KIND
app = celery.Celery("cards", backend="cache+memory://", broker="memory://")
for cls in BY_KIND.values():
    error = cls("EID {EID}: no", code="45109", attempts=2, delivered="yes", eid="{EID}", retry_after=1.5, headers={{"a": "b"}})
    app.backend.mark_as_failure("task", error)
    other = app.AsyncResult("task").result
    assert type(other) is cls and str(other) == str(error), other
    fields = ("code", "attempts", "delivered", "eid", "retry_after", "headers", "final", "retryable")
    assert [getattr(other, name) for name in fields] == [getattr(error, name) for name in fields]
    app.backend.forget("task")
print("survived")
"""
    assert run(program, environment) == "survived\n"
