"""Shared fixtures for the tests of the Python package. Nothing here leaves the machine."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eiot.testing import Simulator
from responder import Answer, Plan, Responder

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


# A process that is started in the background, by cron for example, may ignore SIGINT, and its children inherit that. The
# programs under test start as in a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def vectors(name: str) -> Any:
    """The vectors that are shared by the tests of all languages."""
    return json.loads((ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8"))


EIDS = [case["eid"] for case in vectors("eids.json")["valid"]]
EID: str = EIDS[0]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the developer's own options."""
    for name in list(os.environ):
        if name.startswith("EIOT_") and name != "EIOT_SIM":
            monkeypatch.delenv(name)


@pytest.fixture
def responder() -> Iterator[Callable[..., Responder]]:
    """Starts responders: responder(Answer(429)), responder(STALL), responder(function)."""
    with contextlib.ExitStack() as stack:

        def start(plan: Answer | str | Plan = Answer()) -> Responder:
            return stack.enter_context(Responder(plan))

        yield start


@pytest.fixture
def simulator() -> Iterator[Callable[..., dict[str, Any]]]:
    """Starts simulators with the given arguments; returns the options that a client needs, without a rate limit."""
    if not os.environ.get("EIOT_SIM"):
        pytest.skip("EIOT_SIM does not say where the eiot-sim command is")
    with contextlib.ExitStack() as stack:

        def start(*arguments: str) -> dict[str, Any]:
            return {**stack.enter_context(Simulator(*arguments)).options, "rate_limit": 0}

        yield start


@contextlib.contextmanager
def python(code: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A separate Python process that runs `code`, as strictly as this one."""
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def output_of(code: str, environment: dict[str, str]) -> str:
    """The output of such a process, which must succeed without warnings."""
    with python(code, environment) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, ""), stderr
    return stdout
