"""refresh_many after authentication failures and during an outage: its results and log lines."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import eiot
import pytest
from eiot.testing import Simulator
from responder import Answer, Responder
from test_many import cards

Start = Callable[..., Responder]


def options(platform: Simulator) -> dict[str, Any]:
    return {**platform.options, "rate_limit": 0}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def in_a_loop(given: dict[str, Any], eids: Any) -> list[eiot.Result]:
    return list(eiot.Client(**given).refresh_many(eids))


def awaited(given: dict[str, Any], eids: Any) -> list[eiot.Result]:
    async def main() -> list[eiot.Result]:
        async with eiot.AsyncClient(**given) as client:
            return [result async for result in client.refresh_many(eids)]

    return asyncio.run(main())


@pytest.mark.parametrize("refresh", [in_a_loop, awaited])
@pytest.mark.parametrize("kind", [list, iter], ids=["sized", "lazy"])
def test_authentication_failures_end_a_run_and_each_card_reports_it(
    kind: Callable[[list[str]], Any],
    refresh: Callable[[dict[str, Any], Any], list[eiot.Result]],
    eiot_simulator: Callable[..., Simulator],
    caplog: pytest.LogCaptureFixture,
) -> None:
    platform = eiot_simulator("--unlimited", "--refuse", "502")
    results = refresh(options(platform), kind(cards(1000)))
    calls = platform.counters()["calls"]
    assert 20 <= calls <= 20 + 32
    assert sorted(result.eid for result in results) == cards(1000)
    sent = [result.error for result in results if result.error is not None and result.error.attempts == 1]
    unsent = [result.error for result in results if result.error is not None and result.error.attempts == 0]
    assert (len(sent), len(unsent)) == (calls, 1000 - calls)
    assert all(type(error) is eiot.AuthError and error.code == "502" for error in sent)
    for error in unsent:
        assert type(error) is eiot.AuthError and (error.delivered, error.code, error.final) == ("no", None, False)
        assert str(error).startswith(f"EID {error.eid}: not sent, because 20 calls in a row were refused")
    (warning,) = warnings(caplog)
    assert warning.startswith("no more cards are sent, because 20 calls in a row were refused")
    assert "allow-list" in warning


def test_errors_raise_raises_the_first_rejection(eiot_simulator: Callable[..., Simulator]) -> None:
    platform = eiot_simulator("--unlimited", "--refuse", "403")
    with pytest.raises(eiot.AuthError) as caught:
        list(eiot.Client(**options(platform)).refresh_many(cards(1000), errors="raise"))
    assert (caught.value.attempts, caught.value.code) == (1, "403")
    assert platform.counters()["calls"] <= 32


def test_max_auth_failures_is_an_option_of_the_run(
    eiot_simulator: Callable[..., Simulator],
) -> None:
    platform = eiot_simulator("--unlimited", "--refuse", "502")
    client = eiot.Client(**options(platform), max_auth_failures=3)
    results = client.refresh_many(cards(9), concurrency=1)
    assert [result.error.attempts for result in results if result.error] == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    results = client.with_options(max_auth_failures=0).refresh_many(cards(50))
    assert [result.error.attempts for result in results if result.error] == [1] * 50


def test_authentication_failures_are_reset_by_a_success(responder: Start) -> None:
    refused = Answer(body='{"code": "502"}')
    plan: Iterator[Answer] = iter([*[refused] * 3, Answer(), *[refused] * 3, Answer(), *[refused] * 4])
    client = eiot.Client(**responder(lambda request: next(plan)).options, max_auth_failures=4)
    results = client.refresh_many(cards(20), concurrency=1)
    attempts = [result.error.attempts if result.error else 1 for result in results]
    assert attempts == [1] * 12 + [0] * 8


def test_outage_loses_no_card_and_is_a_warning(
    eiot_simulator: Callable[..., Simulator], caplog: pytest.LogCaptureFixture
) -> None:
    """Real time: the platform is unreachable for a second and a half."""
    platform = eiot_simulator("--unlimited", "--latency-ms", "5")
    port = platform.url.rsplit(":", 1)[1]
    back = threading.Timer(1.5, eiot_simulator, ("--port", port, "--unlimited"))
    results = eiot.Client(**options(platform)).refresh_many(cards(1000), concurrency=8)
    found = []
    for result in results:
        found.append(result)
        if len(found) == 100:
            platform.stop()
            back.start()
    back.join()
    assert [result.error for result in found if result.error] == []
    assert sorted(result.eid for result in found) == cards(1000)
    held, *_, resumed = warnings(caplog)
    assert held.startswith("the platform cannot be reached, holding back all cards: next probe in ")
    assert resumed.startswith("the platform can be reached again, after ")


def test_outage_that_lasts_ends_a_run_in_time_and_each_card_reports_it(
    eiot_simulator: Callable[..., Simulator], caplog: pytest.LogCaptureFixture
) -> None:
    platform = eiot_simulator("--unlimited")
    client = eiot.Client(**options(platform))
    platform.stop()
    began = time.monotonic()
    results = list(client.with_options(outage_timeout=1.2).refresh_many(cards(200)))
    assert 1.2 <= time.monotonic() - began < 30
    assert sorted(result.eid for result in results) == cards(200)
    assert {type(result.error) for result in results} == {eiot.ConnectError}
    unsent = [str(result.error) for result in results if result.error and result.error.attempts == 0]
    assert len(unsent) >= 200 - 40
    assert all("not sent, because the platform could not be reached for 1 s" in text for text in unsent)
    reason = "no more cards are sent, because the platform could not be reached for 1 s"
    assert warnings(caplog)[-1].startswith(reason)
    began = time.monotonic()
    results = list(client.with_options(outage_timeout=0, max_attempts=1).refresh_many(cards(50)))
    assert time.monotonic() - began < 10
    assert [result.error.attempts for result in results if result.error] == [1] * 50


@pytest.mark.parametrize("how", ["stop", "close"])
def test_outage_wait_can_be_interrupted(
    how: str, eiot_simulator: Callable[..., Simulator]
) -> None:
    platform = eiot_simulator("--unlimited")
    client = eiot.Client(**options(platform))
    platform.stop()
    results = client.refresh_many(cards(200))
    threading.Timer(1, getattr(results, how)).start()
    began = time.monotonic()
    found = list(results)
    assert 0.9 <= time.monotonic() - began < 15
    if how == "stop":
        kinds = {result.error.kind for result in found if result.error}
        assert len(found) == 32 and "connect" in kinds and kinds <= {"connect", "cancelled"}


@pytest.mark.parametrize("raises, ends", [(ZeroDivisionError, False), (KeyboardInterrupt, True)])
def test_log_handler_that_fails_on_a_warning_fails_no_card_and_ctrl_c_in_one_is_honored(
    raises: type[BaseException],
    ends: bool,
    eiot_simulator: Callable[..., Simulator],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise raises

    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)
    logger, handler = logging.getLogger("eiot"), Broken(logging.WARNING)
    logger.addHandler(handler)
    try:
        platform = eiot_simulator("--unlimited", "--refuse", "502")
        results = eiot.Client(**options(platform)).refresh_many(cards(100))
        if ends:
            with pytest.raises(raises):
                list(results)
        else:
            assert len(list(results)) == 100
            assert [type(argument.exc_value) for argument in unraisable] == [raises]
    finally:
        logger.removeHandler(handler)
