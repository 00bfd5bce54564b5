"""AsyncClient: calls that are awaited."""

import asyncio
import contextlib
import contextvars
import gc
import logging
import os
import pathlib
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import eiot
import pytest
from conftest import EID, EIDS, output_of
from eiot._calls import calls_here
from responder import STALL, Answer, Responder

Start = Callable[..., Responder]


def threads_of_ours() -> int:
    """The native half's threads are not Python's; the system knows their names."""
    names = []
    for path in pathlib.Path("/proc/self/task").glob("*/comm"):
        with contextlib.suppress(OSError):  # it has just ended
            names.append(path.read_text())
    return names.count("eiot\n")


def no_thread_is_left() -> bool:
    for _ in range(100):
        gc.collect()
        if threads_of_ours() == 0:
            return True
        time.sleep(0.05)
    return False


def test_calls_can_be_awaited_concurrently(responder: Start) -> None:
    server = responder()

    async def main() -> list[eiot.Reply]:
        async with eiot.AsyncClient(**server.options) as client:
            return await asyncio.gather(*(client.refresh_usage(EIDS[n % len(EIDS)]) for n in range(200)))

    replies = asyncio.run(main(), debug=True)
    assert [reply.eid for reply in replies] == [EIDS[n % len(EIDS)].strip() for n in range(200)]
    assert len({request.body["nonce"] for request in server.requests}) == 200
    assert no_thread_is_left()


class WithoutReaders(asyncio.SelectorEventLoop):
    """Watches no descriptor, as the usual event loop on Windows."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError


def test_event_loop_that_cannot_watch_a_descriptor_is_called(responder: Start) -> None:
    async def main() -> None:
        async with eiot.AsyncClient(**responder().options) as client:
            replies = await asyncio.gather(*(client.refresh_usage(EIDS[n % len(EIDS)]) for n in range(200)))
            assert [reply.eid for reply in replies] == [EIDS[n % len(EIDS)].strip() for n in range(200)]
            assert [result.ok async for result in client.refresh_many(map(str, range(200)))] == [True] * 200
        async with eiot.AsyncClient(**responder(STALL).options) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.refresh_usage(EID), 0.2)

    event_loop = WithoutReaders()
    event_loop.run_until_complete(main())
    event_loop.close()
    assert no_thread_is_left()
    there = weakref.ref(event_loop)
    del event_loop
    gc.collect()
    assert there() is None


def test_event_loop_runs_while_calls_wait(responder: Start) -> None:
    async def main() -> int:
        turns = 0
        async with eiot.AsyncClient(**responder(STALL).options, timeout=0.5) as client:
            call = asyncio.create_task(client.refresh_usage(EID))
            while not call.done():
                await asyncio.sleep(0.001)
                turns += 1
        with pytest.raises(eiot.EiotTimeoutError):
            await call
        return turns

    assert asyncio.run(main()) > 50


def test_calls_in_flight_are_at_most_128_on_one_thread(responder: Start) -> None:
    assert no_thread_is_left()
    together = threading.Barrier(128)

    def wait_for_the_others(_: object) -> Answer:
        together.wait(30)
        return Answer()

    server = responder(wait_for_the_others)

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            await asyncio.gather(*(client.refresh_usage(EID) for _ in range(256)))
            assert threads_of_ours() == 1

    asyncio.run(main())
    assert len({request.connection for request in server.requests}) == 128


def test_clients_of_with_options_share_one_thread_and_the_connections(responder: Start) -> None:
    assert no_thread_is_left()
    server = responder()

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            before = descriptors()
            calls = [
                asyncio.create_task(client.with_options(timeout=30).refresh_usage(EID)) for _ in range(500)
            ]
            while not all(call.done() for call in calls):
                assert threads_of_ours() <= 1
                await asyncio.sleep(0.001)
            await asyncio.gather(*calls)
            # The server is in this process and has the other end of each connection, of which 128 calls in flight need 128:
            # it may be yet to accept one, so its own count is too low.
            assert descriptors() - before <= 2 * 128 + 10

    asyncio.run(main())
    assert len(server.requests) == 500
    assert no_thread_is_left()


def test_wait_for_the_rate_limiter_behind_other_calls_is_not_the_time_of_a_call(responder: Start) -> None:
    async def main() -> None:
        options = {**responder().options, "rate_limit": 40, "timeout": 0.5}
        async with eiot.AsyncClient(**options) as client:
            began = time.monotonic()
            await asyncio.gather(*(client.refresh_usage(EID) for _ in range(40)))
            # 39 intervals at 95 % of the limit.
            assert time.monotonic() - began > 1

    asyncio.run(main())


def test_call_fails_at_once_if_its_permit_is_later_than_its_timeout(responder: Start) -> None:
    async def main() -> None:
        options = {**responder().options, "rate_limit": 0.01, "timeout": 5}
        async with eiot.AsyncClient(**options) as client:
            await client.refresh_usage(EID)
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *(client.refresh_usage(EID) for _ in range(20)), return_exceptions=True
            )
            assert {type(outcome) for outcome in outcomes} == {eiot.RateLimitedError}
            with pytest.raises(eiot.RateLimitedError, match="rate_wait"):
                await client.with_options(rate_wait=False).refresh_usage(EID)
            assert time.monotonic() - began < 4

    asyncio.run(main())


def test_calls_in_sequence_use_one_thread_and_one_connection(responder: Start) -> None:
    assert no_thread_is_left()
    server = responder()

    async def main() -> int:
        async with eiot.AsyncClient(**server.options) as client:
            for _ in range(20):
                await client.refresh_usage(EID)
            return threads_of_ours()

    assert asyncio.run(main()) == 1
    assert len({request.connection for request in server.requests}) == 1


def test_errors_are_those_of_the_client(responder: Start) -> None:
    async def main() -> None:
        client = eiot.AsyncClient(**responder(Answer(429, "", {"Retry-After": "7"})).options)
        with pytest.raises(eiot.RateLimitedError) as refused:
            await client.refresh_usage(EID)
        assert (refused.value.retry_after, refused.value.eid) == (7.0, EID)
        with pytest.raises(eiot.InvalidEidError):
            await client.refresh_usage("8.9E+31")
        with pytest.raises(TypeError, match="dtype=str"):
            await client.refresh_usage(8.9e31)  # type: ignore[arg-type]

    asyncio.run(main())


async def context_of_the_end(call: Coroutine[Any, Any, eiot.Reply]) -> BaseException | None:
    """The result of the task that awaits the call when the call is cancelled."""
    with pytest.raises(asyncio.CancelledError) as ended:
        await call
    return ended.value.__context__


async def cancelled(call: Coroutine[Any, Any, eiot.Reply], begun: Callable[[], bool]) -> BaseException | None:
    """The same, with the task cancelled once `begun`; it must not wait for the call's own end."""
    task = asyncio.create_task(context_of_the_end(call))
    while not begun():
        await asyncio.sleep(0.01)
    asked = time.monotonic()
    task.cancel()
    context = await task
    assert time.monotonic() - asked < 10
    return context


def test_cancelled_task_cancels_its_call_and_reports_the_outcome(responder: Start) -> None:
    server = responder(STALL)

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            context = await cancelled(client.refresh_usage(EID), lambda: bool(server.requests))
            assert isinstance(context, eiot.CancelledError)
            assert (context.delivered, context.attempts, context.eid) == ("unknown", 1, EID)
            assert not calls_here()._waiting, "the call is over when the task is"

    asyncio.run(main())
    assert no_thread_is_left()


def test_cancelled_task_that_waits_for_its_permit_has_sent_nothing(responder: Start) -> None:
    server = responder()

    async def main() -> None:
        async with eiot.AsyncClient(**{**server.options, "rate_limit": 0.05}) as client:
            await client.refresh_usage(EID)
            started = time.monotonic()
            waiting = client.refresh_usage(EID)
            context = await cancelled(waiting, lambda: time.monotonic() - started > 0.2)
            assert isinstance(context, eiot.CancelledError) and context.delivered == "no"

    asyncio.run(main())
    assert len(server.requests) == 1


def test_cancelled_call_that_has_not_begun_is_never_made(responder: Start) -> None:
    server = responder(STALL)

    async def main() -> None:
        async with eiot.AsyncClient(**server.options) as client:
            tasks = [asyncio.create_task(context_of_the_end(client.refresh_usage(EID))) for _ in range(134)]
            while len(server.requests) < 128:
                await asyncio.sleep(0.01)
            for task in reversed(tasks):
                task.cancel()
            contexts = await asyncio.gather(*tasks)
        assert all(isinstance(context, eiot.CancelledError) for context in contexts)
        assert [context.delivered for context in contexts] == ["unknown"] * 128 + ["no"] * 6

    asyncio.run(main())
    assert len(server.requests) == 128


def test_asyncio_timeout_cancels_the_call(responder: Start) -> None:
    async def main() -> None:
        async with eiot.AsyncClient(**responder(STALL).options) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.refresh_usage(EID), 0.3)

    asyncio.run(main())
    assert no_thread_is_left()


def test_close_waits_for_calls_in_flight_and_later_calls_raise(responder: Start) -> None:
    go_on = threading.Event()

    def when_told(_: object) -> Answer:
        assert go_on.wait(30)
        return Answer()

    server = responder(when_told)

    async def main() -> None:
        client = eiot.AsyncClient(**server.options)
        other = client.with_options(timeout=29)
        call, cancelled = (asyncio.create_task(client.refresh_usage(EID)) for _ in range(2))
        others = asyncio.create_task(other.refresh_usage(EID))
        while len(server.requests) < 3:
            await asyncio.sleep(0.01)
        closing = asyncio.create_task(client.aclose())
        cancelled.cancel()
        await asyncio.sleep(0.2)
        assert repr(client) == "<eiot.AsyncClient closed>"
        with pytest.raises(eiot.InvalidArgumentError, match="closed"):
            await client.refresh_usage(EID)
        assert not closing.done() and cancelled.done()
        go_on.set()
        await closing
        assert call.done() and (await call).message == "success"
        await client.aclose()
        assert (await others).message == "success", "another client's call goes on"

    asyncio.run(main())


def test_client_serves_one_event_loop_after_the_other(responder: Start) -> None:
    server = responder()
    client = eiot.AsyncClient(**server.options)
    for one in [client, client, client.with_options(timeout=3)]:
        assert asyncio.run(one.refresh_usage(EID)).message == "success"
    assert len({request.connection for request in server.requests}) == 1


REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request")


def test_log_lines_are_written_in_the_context_of_the_caller(
    responder: Start, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((REQUEST.get(), record.levelname))

    logger, handler = logging.getLogger("eiot"), Handler()
    caplog.set_level(logging.DEBUG, "eiot")
    logger.addHandler(handler)

    async def main() -> None:
        REQUEST.set("request 7")
        await eiot.AsyncClient(**responder().options).refresh_usage(EID)

    try:
        asyncio.run(main())
    finally:
        logger.removeHandler(handler)
    assert seen == [("request 7", "DEBUG")]


FORK = f"""
import asyncio, os, eiot
client = eiot.AsyncClient()
async def several():
    return [reply.message for reply in await asyncio.gather(*(client.refresh_usage({EID!r}) for _ in range(3)))]
assert asyncio.run(several()) == ["success"] * 3
"""
CHILD = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12
child = os.fork()
if child == 0:
    ok = asyncio.run(several()) == ["success"] * 3
    os._exit(0 if ok else 1)
print(os.waitpid(child, 0)[1], asyncio.run(several()))
"""


def test_forked_child_has_its_own_threads(responder: Start) -> None:
    assert output_of(FORK + CHILD, responder().environment) == "0 ['success', 'success', 'success']\n"


EXIT = f"""
import asyncio, eiot
client = eiot.AsyncClient(timeout=60)
loop = asyncio.new_event_loop()
calls = [loop.create_task(client.refresh_usage({EID!r})) for _ in range(8)]
loop.run_until_complete(asyncio.sleep(0.3))
for call in calls:
    call._log_destroy_pending = False  # asyncio would complain of them, rightly
loop.close()
"""


def test_program_with_pending_calls_can_end(responder: Start) -> None:
    began = time.monotonic()
    assert output_of(EXIT, responder(STALL).environment) == ""
    assert time.monotonic() - began < 30
