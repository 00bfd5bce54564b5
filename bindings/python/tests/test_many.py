"""refresh_many: many cards, and their results in order of completion."""

import collections
import contextlib
import logging
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import eiot
import pytest
from conftest import EID, output_of
from responder import STALL, Answer, Request, Responder

Start = Callable[..., Responder]
Simulate = Callable[..., dict[str, Any]]


def card(number: int) -> str:
    return f"89044011{number:024d}"


def cards(count: int) -> list[str]:
    return [card(number) for number in range(count)]


def refused(*numbers: int) -> Callable[[Request], Answer]:
    """A platform that rejects these cards."""
    eids = {card(number) for number in numbers}
    return lambda request: Answer(429 if request.body["eid"] in eids else 200)


def after(seconds: float) -> Callable[[Request], Answer]:
    """A slow platform."""

    def answer(_: Request) -> Answer:
        time.sleep(seconds)
        return Answer()

    return answer


def test_refresh_many_refreshes_every_card_of_a_generator_once(responder: Start) -> None:
    server = responder()
    results = eiot.Client(**server.options).refresh_many(eid for eid in [*cards(300), *cards(50)])
    found = list(results)
    assert sorted((result.index, result.eid) for result in found) == list(enumerate([*cards(300), *cards(50)]))
    assert all(result.ok and result.reply and result.error is None for result in found)
    assert sorted(result.index for result in found if result.is_duplicate) == list(range(300, 350))
    assert sorted(request.body["eid"] for request in server.requests) == cards(300)
    assert results.summary == eiot.Summary(350, 300, 0, 50, {})


def test_results_are_in_order_of_completion_and_input_is_consumed_lazily(
    simulator: Simulate,
) -> None:
    taken = came = 0

    def source() -> Iterator[str]:
        nonlocal taken
        for number in range(2000):
            taken += 1
            assert taken - came <= 16
            yield card(number)

    results = eiot.Client(**simulator("--unlimited")).refresh_many(source(), concurrency=16)
    assert taken == 0, "nothing is taken before the first wait"
    for _ in results:
        came += 1
    assert (taken, came, results.summary.refreshed) == (2000, 2000, 2000)


def test_concurrency_is_the_number_of_calls_in_flight(responder: Start) -> None:
    everybody_is_here = threading.Barrier(20)

    def wait_for_the_others(_: Request) -> Answer:
        everybody_is_here.wait(30)
        return Answer()

    client = eiot.Client(**responder(wait_for_the_others).options)
    assert sum(result.ok for result in client.refresh_many(cards(20), concurrency=20)) == 20


def test_results_of_a_sized_input_have_a_length(responder: Start) -> None:
    server = responder()
    eids: list[str | int] = [card(1), 8904, f" {card(1)}\n", "8904", "x", "x", "8905"]
    results = eiot.Client(**server.options).refresh_many(eids)
    assert len(results) == 7
    found = sorted(results, key=lambda result: result.index)
    assert [result.eid for result in found] == [card(1), "8904", card(1), "8904", "x", "x", "8905"]
    assert [result.input for result in found] == eids
    assert len(results) == 7 and len(server.requests) == 3
    summary = results.summary
    assert (summary.submitted, summary.refreshed, summary.failed, summary.duplicates) == (7, 3, 2, 2)


def test_results_of_an_unsized_input_have_no_length_and_can_be_listed(responder: Start) -> None:
    client = eiot.Client(**responder().options)
    with pytest.raises(TypeError, match="is unknown"):
        len(client.refresh_many(iter(cards(2))))
    assert len(list(client.refresh_many(iter(cards(2))))) == 2
    assert list(client.refresh_many([])) == [] and list(client.refresh_many(iter(()))) == []


def test_results_work_with_tqdm(responder: Start, capsys: pytest.CaptureFixture[str]) -> None:
    tqdm = pytest.importorskip("tqdm", reason="tqdm is not installed").tqdm
    client = eiot.Client(**responder().options)
    with tqdm(client.refresh_many([*cards(20), card(0)]), ncols=80) as bar:
        assert bar.total == 21
        assert sum(result.ok for result in bar) == 21
    assert "100%" in capsys.readouterr().err
    with tqdm(client.refresh_many(iter(cards(20))), disable=True) as bar:
        assert sum(result.ok for result in bar) == 20


def test_refresh_many_returns_an_invalid_eid_as_a_result_and_continues(responder: Start) -> None:
    eids: list[str | int] = ["8.9E+31", card(1), "", 10**5000, -5, "١٢٣", "\ud800"]
    results = list(eiot.Client(**responder().options).refresh_many(eids))
    assert len(results) == len(eids)
    failed = [result for result in results if not result.ok]
    assert {type(result.error) for result in failed} == {eiot.InvalidEidError} and len(failed) == 6
    assert all(result.reply is None for result in failed)


BAD_CELLS: list[Any] = [8.9e31, float("nan"), None, b"8904", True, Decimal("8904"), ["8904"], object()]


@pytest.mark.parametrize("kind", [list, iter])
def test_refresh_many_returns_an_item_that_is_no_eid_as_a_result_and_continues(
    kind: Callable[[list[Any]], Any], responder: Start
) -> None:
    server = responder()
    items = [card(1), *BAD_CELLS, card(2)]
    results = eiot.Client(**server.options).refresh_many(kind(items), concurrency=3)
    found = sorted(results, key=lambda result: result.index)
    assert all(result.input is item for result, item in zip(found, items, strict=True))
    assert [result.ok for result in found] == [True, *[False] * len(BAD_CELLS), True]
    for result in found[1:-1]:
        assert isinstance(result.error, eiot.InvalidEidError) and result.error.delivered == "no"
        assert str(result.error).startswith(f"item {result.index}: eid: must be a str or an int, not ")
    assert [result.eid for result in found[2:4]] == ["nan", "None"]
    assert len(server.requests) == 2 and results.summary.failures == {"invalid_eid": len(BAD_CELLS)}


def test_errors_raise_raises_an_item_that_is_no_eid_after_the_earlier_results(responder: Start) -> None:
    server = responder()
    items: Any = [card(1), card(2), None, card(3)]
    results = eiot.Client(**server.options).refresh_many(items, concurrency=1, errors="raise")
    assert [next(results).eid, next(results).eid] == cards(3)[1:]
    with pytest.raises(eiot.InvalidEidError, match="item 2: "):
        next(results)
    assert list(results) == [] and len(server.requests) == 2


def test_integers_of_numpy_are_integers(responder: Start) -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    client = eiot.Client(**{**responder().options, "timeout": numpy.float64(30), "max_attempts": numpy.int64(1)})
    assert client.refresh_usage(numpy.int64(8904)).eid == "8904"
    assert [result.eid for result in client.refresh_many(numpy.array([8904]))] == ["8904"]
    with pytest.raises(TypeError, match="dtype=str"):
        client.refresh_usage(numpy.float64(8904))


def test_rounded_eids_are_refused_unless_allowed(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options)
    exact = int(card(1))
    rounded = int(float(exact))
    for one in (rounded, str(rounded)):
        with pytest.raises(eiot.InvalidEidError, match="round"):
            client.refresh_usage(one)
    (result,) = client.refresh_many([rounded])
    assert isinstance(result.error, eiot.InvalidEidError) and result.input == rounded
    assert server.requests == []
    assert client.with_options(allow_rounded_eid=True).refresh_usage(rounded).eid == str(rounded)


@pytest.mark.parametrize("one", ["8904", b"8904", bytearray(b"8904")])
def test_refresh_many_rejects_a_single_eid(one: Any, responder: Start) -> None:
    with pytest.raises(TypeError, match="another iterable"):
        eiot.Client(**responder().options).refresh_many(one)


def test_refresh_many_rejects_invalid_arguments_at_once(responder: Start) -> None:
    client = eiot.Client(**responder().options)
    for concurrency in [0, -1, 1025, 10**30]:
        with pytest.raises(eiot.InvalidArgumentError, match="concurrency must be from 1 to 1024"):
            client.refresh_many([EID], concurrency=concurrency)
    with pytest.raises(eiot.InvalidArgumentError, match="errors must be 'return' or 'raise', not 'ignore'"):
        client.refresh_many([EID], errors="ignore")  # type: ignore[arg-type]
    for wrong in [None, 8904, 1.5]:
        with pytest.raises(TypeError):
            client.refresh_many(wrong)  # type: ignore[arg-type]
    client.close()
    with pytest.raises(eiot.InvalidArgumentError, match="closed"):
        client.refresh_many([EID])


def test_exception_of_the_input_is_raised_after_the_results_of_sent_cards(responder: Start) -> None:
    server = responder()

    def source() -> Iterator[str]:
        yield from cards(5)
        raise OSError("the database has gone")

    results = eiot.Client(**server.options).refresh_many(source())
    came = []
    with pytest.raises(OSError, match="the database has gone"):
        for result in results:
            came.append(result.eid)
    assert sorted(came) == cards(5) and results.summary.refreshed == 5
    assert list(results) == []


def test_errors_raise_raises_the_first_failure_and_finishes_calls_in_flight(responder: Start) -> None:
    all_four = threading.Barrier(4)

    def answer(request: Request) -> Answer:
        all_four.wait(30)
        if request.body["eid"] == card(1):
            return Answer(429)
        time.sleep(0.2)
        return Answer()

    server = responder(answer)
    results = eiot.Client(**server.options).refresh_many(iter(cards(100)), concurrency=4, errors="raise")
    came = []
    with pytest.raises(eiot.RateLimitedError) as raised:
        for result in results:
            came.append(result)
    assert raised.value.eid == card(1)
    assert sorted(result.eid for result in came) == [card(0), card(2), card(3)]
    assert all(result.ok for result in came)
    assert len(server.requests) == 4 and list(results) == []
    assert results.summary.refreshed == 3 and results.summary.failures["rate_limited"] == 1


def test_errors_return_makes_failures_results(responder: Start) -> None:
    results = list(eiot.Client(**responder(refused(1, 3)).options).refresh_many(cards(5)))
    assert len(results) == 5
    assert sorted(result.eid for result in results if not result.ok) == [card(1), card(3)]
    for result in results:
        assert result.ok or isinstance(result.error, eiot.RateLimitedError)


def test_summary_adds_up_with_failures_of_all_kinds(simulator: Simulate) -> None:
    options = simulator("--unlimited", "--fault-chance", "0.1", "--fault-seed", "7")
    results = eiot.Client(**options, max_attempts=1, timeout=2, outage_timeout=0).refresh_many(cards(1000))
    kinds = collections.Counter(result.error.kind if result.error else "ok" for result in results)
    summary = results.summary
    assert (summary.submitted, summary.refreshed) == (1000, kinds.pop("ok"))
    assert summary.failures == kinds and summary.failed == sum(kinds.values()) == 1000 - summary.refreshed
    assert len(kinds) > 3


def test_stop_finishes_calls_in_flight_and_returns_unsent_cards(responder: Start) -> None:
    server = responder(after(0.2))
    client = eiot.Client(**{**server.options, "rate_limit": 20})
    results = client.refresh_many(iter(cards(100)), concurrency=8)
    found = [next(results)]
    results.stop()
    found += results
    sent = [result for result in found if result.ok]
    assert len(server.requests) == len(sent) < 8 and len(found) == 8
    for result in found:
        assert result.ok or (isinstance(result.error, eiot.CancelledError) and result.error.delivered == "no")


def test_close_cancels_and_the_summary_adds_up(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)
    with eiot.Client(**server.options).refresh_many(iter(cards(100)), concurrency=4) as results:
        assert next(results).eid == card(0)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    results.close()
    assert list(results) == []
    summary = results.summary
    assert (summary.submitted, summary.refreshed) == (summary.refreshed + summary.failed, 1)
    assert summary.failures == {"cancelled": summary.failed}


def test_results_that_are_dropped_cancel_calls_in_flight(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)
    results = eiot.Client(**server.options).refresh_many(iter(cards(4)), concurrency=4)
    next(results)
    gone, began = weakref.ref(results), time.monotonic()
    del results
    assert gone() is None and time.monotonic() - began < 10


def test_results_outlive_a_client_that_is_closed(responder: Start) -> None:
    with eiot.Client(**responder().options) as client:
        results = client.refresh_many(cards(3))
    assert sum(result.ok for result in results) == 3


def test_log_has_a_line_per_attempt(responder: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "eiot")
    list(eiot.Client(**responder(refused(1)).options).refresh_many(cards(3)))
    levels = collections.Counter(record.levelname for record in caplog.records)
    assert levels == {"DEBUG": 2, "INFO": 1}


def test_results_can_be_pickled(responder: Start) -> None:
    for result in eiot.Client(**responder(refused(1)).options).refresh_many(cards(2)):
        other = pickle.loads(pickle.dumps(result))
        assert (other.eid, other.ok, other.reply) == (result.eid, result.ok, result.reply)
        assert str(other.error) == str(result.error)


def test_timeout_pauses_while_the_caller_processes_results(responder: Start) -> None:
    # Real time: processing the first result takes longer than the timeout of the other.
    def answer(request: Request) -> Answer:
        time.sleep(0 if request.body["eid"] == card(0) else 0.1)
        return Answer()

    client = eiot.Client(**responder(answer).options, timeout=0.5)
    results = client.refresh_many(cards(2))
    assert next(results).eid == card(0)
    time.sleep(0.8)
    late = next(results)
    assert late.ok, late.error


def peak(count: int, environment: dict[str, str]) -> int:
    code = """
import resource, sys, eiot
results = eiot.Client().refresh_many((str(n) for n in range({count})), concurrency=32)
assert sum(result.ok for result in results) == {count}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    return int(output_of(code.format(count=count), environment))


def test_memory_does_not_grow_with_the_number_of_cards(simulator: Simulate) -> None:
    """Both numbers are beyond the 8,192 cards that are remembered."""
    environment = {f"EIOT_{name.upper()}": str(value) for name, value in simulator("--unlimited").items()}
    few, many = peak(20_000, environment), peak(60_000, environment)
    assert many < 1.1 * few, (few, many)


def test_input_generator_is_closed_at_the_end(responder: Start) -> None:
    closed: list[bool] = []

    def source() -> Iterator[str]:
        with contextlib.ExitStack() as stack:
            stack.callback(closed.append, True)
            yield from cards(100)

    with eiot.Client(**responder().options).refresh_many(source(), concurrency=2) as results:
        next(results)
    assert closed == [True]
