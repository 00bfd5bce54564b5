"""refresh_many with threads, signals, forks, and at the end of the program."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import eiot
import pytest
from conftest import output_of, python
from responder import STALL, Answer, Responder
from test_many import after, card, cards

Start = Callable[..., Responder]
Simulate = Callable[..., dict[str, Any]]


def test_results_are_divided_among_threads(simulator: Simulate) -> None:
    results = eiot.Client(**simulator("--unlimited")).refresh_many(iter(cards(2000)))
    with ThreadPoolExecutor(8) as threads:
        found = [eid for eids in threads.map(lambda _: [r.eid for r in results], range(8)) for eid in eids]
    assert sorted(found) == cards(2000)


def test_close_by_another_thread_ends_the_wait(responder: Start) -> None:
    server = responder(STALL)
    results = eiot.Client(**server.options, timeout=60).refresh_many(cards(3))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(list, results)
        while len(server.requests) < 3:
            time.sleep(0.01)
        assert results.summary.submitted == 3
        began = time.monotonic()
        results.close()
        assert waiting.result(timeout=30) == []
    assert time.monotonic() - began < 10
    assert results.summary.failures == {"cancelled": 3}


def test_results_in_use_raise_for_a_reentrant_call(responder: Start) -> None:
    client = eiot.Client(**responder().options)
    told: list[BaseException] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                next(results)
            except eiot.InvalidArgumentError as error:
                told.append(error)

    logger, handler = logging.getLogger("eiot"), Handler()
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        results = client.refresh_many(cards(2))
        assert sum(result.ok for result in results) == 2
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert len(told) == 2 and "waited for already" in str(told[0])


SOON = """
import os, signal, threading, time, eiot
client = eiot.Client(timeout=999)
late = []
def send():
    time.sleep(0.3)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
while len(late) < 15 and (len(late) % 5 or not late or sorted(late[-5:])[2] >= 0.1):
    sent, sender, results = [], threading.Thread(target=send), client.refresh_many(map(str, range(100)), concurrency=4)
    sender.start()
    try:
        list(results)
    except KeyboardInterrupt as raised:
        late.append(time.monotonic() - sent[0])
        assert isinstance(raised.__context__, eiot.CancelledError), raised.__context__
    sender.join()
    rest = list(results)
    assert [type(result.error) for result in rest] == [eiot.CancelledError] * 4, rest
    assert results.summary.failures == {"cancelled": 4} and results.summary.submitted == 4
print(len(late), sorted(late[-5:])[2])
"""


@pytest.mark.parametrize("rate_limit", ["0", "0.01"])
def test_ctrl_c_ends_the_wait_within_100_ms_and_reports_the_outcome_of_the_cards(
    rate_limit: str, responder: Start
) -> None:
    server = responder(STALL)
    # The median of five; where that is late, five others are asked, twice: the machine may be busy.
    heard, median = output_of(SOON, server.environment | {"EIOT_RATE_LIMIT": rate_limit}).split()
    assert float(median) < 0.1
    assert len(server.requests) == (4 * int(heard) if rate_limit == "0" else 1)


HANDLED = """
import signal, eiot
def handler(*_):
    results.stop()
signal.signal(signal.SIGTERM, handler)
results = eiot.Client().refresh_many(map(str, range(1000)), concurrency=4)
print("begun", flush=True)
found = list(results)
print(all(result.ok or result.error.delivered == "no" for result in found), len(found) < 1000)
"""


def test_signal_handler_can_stop_the_results(responder: Start) -> None:
    server = responder(after(0.1))
    with python(HANDLED, server.environment) as process:
        server.arrivals.get(timeout=30)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=30)
    assert (stdout, stderr) == ("begun\nTrue True\n", "")


def test_other_threads_run_while_it_waits(responder: Start) -> None:
    turns = 0
    server = responder(STALL)
    with ThreadPoolExecutor(1) as threads:
        client = eiot.Client(**server.options, timeout=0.5)
        waiting = threads.submit(list, client.refresh_many(cards(3)))
        while not waiting.done():
            time.sleep(0.001)
            turns += 1
    assert turns > 50


FORK = """
import os, warnings, eiot
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12
client = eiot.Client()
results = client.refresh_many(map(str, range(100)), concurrency=8)
first = next(results)
child = os.fork()
if child == 0:
    empty = list(results) == [] and results.summary.submitted == 0
    results.close()
    del results
    own = [result.ok for result in client.refresh_many(["1", "2"])]
    os._exit(0 if empty and own == [True, True] else 1)
print(os.waitpid(child, 0)[1], sum(result.ok for result in results))
"""


def test_results_in_a_forked_child_are_empty_and_the_parent_continues(responder: Start) -> None:
    assert output_of(FORK, responder().environment) == "0 99\n"


EXIT = """
import threading, time, eiot
client = eiot.Client(timeout=60)
results = client.refresh_many(map(str, range(8)))
threading.Thread(target=list, args=(results,), daemon=True).start()
others = client.refresh_many(map(str, range(8)))
half = eiot.Client(timeout=0.3).refresh_many(["1", "2"])
next(half)
time.sleep(0.3)
"""


def test_program_can_end_with_calls_in_flight(responder: Start) -> None:
    began = time.monotonic()
    assert output_of(EXIT, responder(STALL).environment) == ""
    assert time.monotonic() - began < 30


def test_interrupt_inside_the_input_cancels_the_calls(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)

    def source() -> Iterator[str]:
        yield from cards(2)
        raise KeyboardInterrupt

    results = eiot.Client(**server.options).refresh_many(source(), concurrency=2)
    assert next(results).eid == card(0)
    with pytest.raises(KeyboardInterrupt):
        next(results)
    (left,) = results
    assert isinstance(left.error, eiot.CancelledError) and left.error.delivered == "unknown"


def test_exception_of_a_log_handler_is_raised_and_cancels_the_calls(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)

    class Stop(BaseException):
        pass

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise Stop

    logger, handler = logging.getLogger("eiot"), Handler()
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        results = eiot.Client(**server.options).refresh_many(cards(3), concurrency=3)
        with pytest.raises(Stop):
            next(results)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    # The card that was refreshed is not lost.
    assert sorted((result.eid, result.ok) for result in results) == [
        (card(0), True),
        (card(1), False),
        (card(2), False),
    ]
