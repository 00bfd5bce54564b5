"""Ctrl-C ends a call that waits, and other signals are handled meanwhile."""

import signal
import time
from collections.abc import Callable

from conftest import EID, python
from responder import STALL, Responder

Start = Callable[..., Responder]

WAIT = f"""
import signal, eiot
{{handler}}
client = eiot.Client.from_env(timeout={{timeout}})
try:
    client.refresh_usage({EID!r})
except {{exception}} as raised:
    context = raised.__context__
    print(type(raised).__name__, type(context).__name__, getattr(context, "delivered", None))
"""

RAISING = """
class Stop(Exception): pass
def handler(*_): raise Stop
signal.signal(signal.SIGUSR1, handler)
"""
COUNTING = """
def handler(*_): print("handled", flush=True)
signal.signal(signal.SIGUSR1, handler)
"""


def interrupted(responder: Start, code: str, number: signal.Signals) -> tuple[str, float]:
    """What a program prints that gets this signal while it waits for a reply, and how long after that it ends."""
    server = responder(STALL)
    with python(code, server.environment) as process:
        server.arrivals.get(timeout=30)
        time.sleep(0.2)
        process.send_signal(number)
        sent = time.monotonic()
        stdout, stderr = process.communicate(timeout=30)
        elapsed = time.monotonic() - sent
    assert (process.returncode, stderr) == (0, ""), stderr
    return stdout, elapsed


def test_ctrl_c_raises_keyboard_interrupt_promptly_and_says_what_became_of_the_call(responder: Start) -> None:
    code = WAIT.format(handler="", timeout=60, exception="KeyboardInterrupt")
    said, elapsed = interrupted(responder, code, signal.SIGINT)
    assert said == "KeyboardInterrupt CancelledError unknown\n"
    assert elapsed < 2


def test_what_another_handler_raises_is_what_the_caller_sees(responder: Start) -> None:
    code = WAIT.format(handler=RAISING, timeout=60, exception="Stop")
    said, elapsed = interrupted(responder, code, signal.SIGUSR1)
    assert said == "Stop CancelledError unknown\n"
    assert elapsed < 2


def test_a_handler_that_returns_lets_the_call_go_on(responder: Start) -> None:
    code = WAIT.format(handler=COUNTING, timeout=1.5, exception="eiot.EiotTimeoutError")
    said, _ = interrupted(responder, code, signal.SIGUSR1)
    assert said == "handled\nEiotTimeoutError NoneType None\n"


DAEMON = f"""
import threading, time, eiot
client = eiot.Client.from_env(timeout=60)
threading.Thread(target=client.refresh_usage, args=({EID!r},), daemon=True).start()
time.sleep(0.5)
"""


def test_a_program_can_end_while_a_daemon_thread_waits_for_a_reply(responder: Start) -> None:
    server = responder(STALL)
    for _ in range(3):
        with python(DAEMON, server.environment) as process:
            _, stderr = process.communicate(timeout=30)
        assert (process.returncode, stderr) == (0, "")
