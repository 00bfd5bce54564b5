"""AsyncClient.refresh_many: many cards, awaited."""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import eiot
import pytest
from conftest import output_of
from responder import STALL, Answer, Responder
from test_async import no_thread_is_left, threads_of_ours
from test_many import card, cards, refused

Start = Callable[..., Responder]


async def awaited(eids: list[str]) -> AsyncIterator[str]:
    for eid in eids:
        await asyncio.sleep(0)
        yield eid


@pytest.mark.parametrize("kind", [list, iter, awaited], ids=["sized", "lazy", "awaited"])
def test_refresh_many_uses_one_thread_and_refreshes_every_card_once(
    kind: Callable[[list[str]], Any], responder: Start
) -> None:
    assert no_thread_is_left()
    server = responder(refused(3))
    results: list[eiot.AsyncResults] = []

    async def main() -> list[eiot.Result]:
        async with eiot.AsyncClient(**server.options) as client:
            results.append(client.refresh_many(kind([*cards(50), card(0)]), concurrency=8))
            found = [result async for result in results[0]]
            # The batch and the single call share it.
            await client.refresh_usage(card(60))
            assert threads_of_ours() == 1
            return found

    found = asyncio.run(main(), debug=True)
    assert sorted((result.index, result.eid) for result in found) == list(enumerate([*cards(50), card(0)]))
    assert [result.eid for result in found if not result.ok] == [card(3)]
    assert results[0].summary == eiot.Summary(51, 49, 1, 1, {"rate_limited": 1})
    assert len(server.requests) == 51
    results.clear()
    assert no_thread_is_left()


def test_results_of_a_sized_input_have_a_length(responder: Start) -> None:
    client = eiot.AsyncClient(**responder().options)
    assert len(client.refresh_many([card(1), card(1), card(2)])) == 3
    with pytest.raises(TypeError, match="is unknown"):
        len(client.refresh_many(awaited(cards(2))))
    with pytest.raises(TypeError, match="another iterable"):
        client.refresh_many("8904")


def test_event_loop_and_single_calls_run_during_a_batch(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)

    async def main() -> int:
        turns = 0
        async with eiot.AsyncClient(**server.options, timeout=0.5) as client:
            batch = asyncio.create_task(listed(client.refresh_many(cards(3)[1:])))
            while not batch.done():
                assert (await client.refresh_usage(card(0))).message == "success"
                turns += 1
            assert [type(result.error) for result in await batch] == [eiot.EiotTimeoutError] * 2
        return turns

    assert asyncio.run(main()) > 10


async def listed(results: eiot.AsyncResults) -> list[eiot.Result]:
    return [result async for result in results]


def test_cancelled_task_ends_within_100_ms_and_reports_the_outcome_of_its_cards(
    responder: Start,
) -> None:
    server = responder(STALL)
    late = []

    async def main() -> None:
        async with eiot.AsyncClient(**server.options, timeout=60) as client:
            for turn in range(1, 16):
                results: Any = client.refresh_many(iter(cards(100)), concurrency=4)
                task = asyncio.create_task(listed(results))
                while len(server.requests) < 4 * turn:
                    await asyncio.sleep(0.01)
                asked = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                late.append(time.monotonic() - asked)
                assert len(results._given) == len(results._channel.outcomes) == 4, "nothing is left running"
                rest = await listed(results)
                assert [type(result.error) for result in rest] == [eiot.CancelledError] * 4
                assert {result.error.delivered for result in rest if result.error} == {"unknown"}
                assert results.summary.failures == {"cancelled": 4}
                if turn % 5 == 0 and sorted(late[-5:])[2] < 0.1:
                    break

    asyncio.run(main())
    # Within 50 ms; the median of five with as much on top. Where that is late, five others are asked, twice: the machine
    # may be busy.
    assert sorted(late[-5:])[2] < 0.1
    assert no_thread_is_left()


def test_cancelled_task_ends_while_its_input_waits(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)

    async def source() -> AsyncIterator[str]:
        for eid in cards(2):
            yield eid
        await asyncio.sleep(60)

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            results = client.refresh_many(source(), concurrency=2)
            assert (await results.__anext__()).eid == card(0)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(results.__anext__(), 0.2)
            (left,) = await listed(results)
            assert isinstance(left.error, eiot.CancelledError)

    asyncio.run(main())


def test_exception_of_the_input_and_the_first_failure_are_raised_at_the_end(responder: Start) -> None:
    async def source() -> AsyncIterator[str]:
        for eid in cards(3):
            yield eid
        raise OSError("the database has gone")

    async def main() -> None:
        client = eiot.AsyncClient(**responder(refused(1)).options)
        came = []
        with pytest.raises(OSError, match="gone"):
            async for result in client.refresh_many(source()):
                came.append(result.eid)
        assert sorted(came) == cards(3)
        with pytest.raises(eiot.RateLimitedError):
            async for result in client.refresh_many(cards(50), concurrency=2, errors="raise"):
                assert result.ok
        wrong: Any = [card(2), 8.9e31]
        with pytest.raises(eiot.InvalidEidError, match="item 1: .*dtype=str"):
            await listed(client.refresh_many(wrong, errors="raise"))
        assert [result.ok for result in await listed(client.refresh_many(wrong, concurrency=1))] == [True, False]

    asyncio.run(main())


def test_results_are_divided_among_tasks(responder: Start) -> None:
    async def main() -> list[list[eiot.Result]]:
        results = eiot.AsyncClient(**responder().options).refresh_many(iter(cards(100)))
        return await asyncio.gather(*(listed(results) for _ in range(4)))

    found = [result.eid for results in asyncio.run(main()) for result in results]
    assert sorted(found) == cards(100)


def test_close_by_another_task_ends_the_wait(responder: Start) -> None:
    server = responder(STALL)

    async def main() -> None:
        results = eiot.AsyncClient(**server.options).refresh_many(cards(3))
        waiting = asyncio.create_task(listed(results))
        while len(server.requests) < 3:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await results.aclose()
        assert await waiting == [] and time.monotonic() - began < 10
        await results.aclose()
        assert results.summary.failures == {"cancelled": 3}

    asyncio.run(main())


def test_stop_by_another_thread_ends_the_wait_for_the_input(responder: Start) -> None:
    async def source() -> AsyncIterator[str]:
        yield card(0)
        await asyncio.sleep(60)

    async def main() -> None:
        async with eiot.AsyncClient(**responder().options) as client:
            results = client.refresh_many(source())
            assert (await results.__anext__()).ok
            rest = asyncio.create_task(listed(results))
            await asyncio.sleep(0.05)
            await asyncio.get_running_loop().run_in_executor(None, results.stop)
            assert await asyncio.wait_for(rest, 30) == []

    asyncio.run(main())


def test_loop_that_ends_early_leaks_nothing(responder: Start) -> None:
    server = responder(lambda request: Answer() if request.body["eid"] == card(0) else STALL)

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            async for result in client.refresh_many(cards(4)):
                assert result.ok
                break

    began = time.monotonic()
    asyncio.run(main(), debug=True)
    assert time.monotonic() - began < 15 and no_thread_is_left()


REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request")


def test_log_lines_are_written_in_the_context_of_the_caller(
    responder: Start, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((REQUEST.get(), threading.current_thread() is threading.main_thread()))

    logger, handler = logging.getLogger("eiot"), Handler()
    caplog.set_level(logging.DEBUG, "eiot")
    logger.addHandler(handler)

    async def main() -> None:
        REQUEST.set("request 7")
        await listed(eiot.AsyncClient(**responder().options).refresh_many(cards(2)))

    try:
        asyncio.run(main())
    finally:
        logger.removeHandler(handler)
    assert seen == [("request 7", True)] * 2


def test_input_that_waits_does_not_hold_results_back(responder: Start) -> None:
    async def main() -> None:
        async with eiot.AsyncClient(**responder().options) as client:
            came = asyncio.Event()

            async def source() -> AsyncIterator[str]:
                for number in range(5):
                    yield card(number)
                    # Each card has come back before the next one is known.
                    await came.wait()
                    came.clear()

            found = []
            async for result in client.refresh_many(source(), concurrency=8):
                found.append(result.eid)
                came.set()
            assert found == cards(5)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_list_of_a_million_does_not_stall_the_loop(responder: Start) -> None:
    eids = list(range(1_000_000))

    async def main() -> float:
        async with eiot.AsyncClient(**responder().options) as client:
            began = time.process_time()
            results = client.refresh_many(eids)
            assert len(results) == len(eids) and (await results.__anext__()).ok
            took = time.process_time() - began
            await results.aclose()
            return took

    # Processor time, of which looking at a million items would take several times as much.
    assert asyncio.run(main()) < 0.3


def test_calls_of_a_batch_progress_while_its_results_are_not_awaited(responder: Start) -> None:
    server = responder()

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            results = client.refresh_many(cards(100), concurrency=10)
            await results.__anext__()
            deadline = time.monotonic() + 10
            while len(server.requests) < 10 and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert len(server.requests) == 10, "no more than fit"
            assert len(await listed(results)) == 99

    asyncio.run(main())


CTRL_C = """
import asyncio, os, signal, threading, time, eiot
async def main():
    async with eiot.AsyncClient(timeout=60) as client:
        async for _ in client.refresh_many(map(str, range(100))):
            pass
def send():
    time.sleep(0.5)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
sent = []
threading.Thread(target=send).start()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print(time.monotonic() - sent[0])
"""


def test_ctrl_c_ends_it(responder: Start) -> None:
    assert float(output_of(CTRL_C, responder(STALL).environment)) < 2
