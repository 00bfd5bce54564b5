"""What a program can observe: attempts as objects, structured log records, and counters."""

import asyncio
import contextvars
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import eiot
import pytest
from conftest import EID
from responder import Answer, Responder
from test_many import card, cards

Start = Callable[..., Responder]
REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request")


def flaky() -> Callable[[object], Answer]:
    answers = iter([Answer(503, "", {"Retry-After": "0"}), Answer()])
    return lambda _: next(answers)


def test_on_attempt_receives_each_attempt_of_a_call(responder: Start) -> None:
    server = responder(flaky())
    seen: list[eiot.Attempt] = []
    client = eiot.Client(**{**server.options, "max_attempts": 2}, on_attempt=seen.append)
    assert client.refresh_usage(EID).attempts == 2
    first, second = seen
    assert (first.attempt, first.outcome, first.http_status, first.delivered) == (1, "http", 503, "yes")
    assert (second.attempt, second.outcome, second.code, second.next_wait_ms) == (2, "ok", "200", None)
    assert first.next_wait_ms is not None and first.eid == EID and first.duration_ms > 0
    for attempt, request in zip(seen, server.requests, strict=True):
        assert (attempt.timestamp, attempt.nonce) == (request.body["timestamp"], request.body["nonce"])


def test_on_attempt_receives_calls_that_are_refused_before_anything_is_sent(responder: Start) -> None:
    seen: list[eiot.Attempt] = []
    client = eiot.Client(**responder().options, on_attempt=seen.append)
    with pytest.raises(eiot.InvalidEidError):
        client.refresh_usage("8.9E+31")
    assert [(one.attempt, one.outcome, one.delivered) for one in seen] == [(0, "invalid_eid", "no")]


def test_on_attempt_is_kept_by_with_options_unless_changed(responder: Start) -> None:
    seen: list[eiot.Attempt] = []
    others: list[eiot.Attempt] = []
    client = eiot.Client(**responder().options, on_attempt=seen.append)
    client.with_options(timeout=9).refresh_usage(EID)
    client.with_options(on_attempt=others.append).refresh_usage(EID)
    assert len(seen) == len(others) == 1


@pytest.mark.parametrize("kind", ["one", "many"])
def test_on_attempt_of_an_async_client_runs_in_its_event_loop_and_the_callers_context(
    kind: str, responder: Start
) -> None:
    seen = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def hook(attempt: eiot.Attempt) -> None:
            seen.append((attempt.eid, REQUEST.get(), asyncio.get_running_loop() is loop))

        REQUEST.set("request 7")
        async with eiot.AsyncClient(**responder().options, on_attempt=hook) as client:
            if kind == "one":
                await client.refresh_usage(card(0))
            else:
                assert [result.ok async for result in client.refresh_many(cards(1))] == [True]

    asyncio.run(main())
    assert seen == [(card(0), "request 7", True)]


def test_on_attempt_of_a_batch_receives_every_card(responder: Start) -> None:
    seen: list[eiot.Attempt] = []
    client = eiot.Client(**responder().options, on_attempt=seen.append)
    assert len(list(client.refresh_many(cards(20)))) == 20
    assert sorted(str(one.eid) for one in seen) == cards(20)


def test_on_attempt_that_fails_fails_no_call(responder: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: eiot.Attempt) -> None:
        raise ZeroDivisionError

    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    assert eiot.Client(**responder().options, on_attempt=broken).refresh_usage(EID).attempts == 1
    assert [type(one.exc_value) for one in reported] == [ZeroDivisionError]

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
        async with eiot.AsyncClient(**responder().options, on_attempt=broken) as client:
            assert (await client.refresh_usage(EID)).attempts == 1

    asyncio.run(main())
    assert isinstance(reported[-1], ZeroDivisionError)


def test_log_records_have_the_attempt_as_an_object(responder: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "eiot")
    eiot.Client(**responder().options).refresh_usage(EID)
    (record,) = caplog.records
    attempt = vars(record)["eiot"]
    assert isinstance(attempt, eiot.Attempt) and (attempt.eid, attempt.outcome) == (EID, "ok")


def test_attempt_has_the_fields_of_the_core(responder: Start) -> None:
    events = []
    handle: Any = eiot.Client(**responder().options)._handle
    handle.refresh_usage(EID, lambda line, event: events.append(json.loads(event)))
    assert list(events[0]) == [field.name for field in fields(eiot.Attempt)]


def test_stats_count_what_clients_that_share_connections_have_done(responder: Start) -> None:
    client = eiot.Client(**responder().options)
    client.with_options(timeout=9).refresh_usage(EID)
    with pytest.raises(eiot.InvalidEidError):
        client.refresh_usage("x")

    async def main() -> dict[str, Any]:
        async with eiot.AsyncClient(**responder().options) as awaited:
            await asyncio.gather(*(awaited.refresh_usage(EID) for _ in range(5)))
            return awaited.stats()

    for stats, started, ok in [(client.stats(), 2, 1), (asyncio.run(main()), 5, 5)]:
        assert (stats["calls"]["started"], stats["calls"]["ok"], stats["calls"]["in_flight"]) == (started, ok, 0)
        assert stats["attempts"]["ok"] == ok
