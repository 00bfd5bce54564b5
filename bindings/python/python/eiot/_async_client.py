"""The client for asyncio."""

from collections.abc import AsyncIterable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypeVar

from eiot._async_results import AsyncResults
from eiot._base_client import BaseClient
from eiot._eid import eid_text
from eiot._log import reporter
from eiot._parameters import call_arguments
from eiot._reply import Reply, read_reply

if TYPE_CHECKING:
    from eiot._calls import Start

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="AsyncClient")


class AsyncClient(BaseClient):
    """`Client` for asyncio: the same options, methods and errors, with awaitable calls. Thread-safe.

    >>> async def refresh(*eids):
    ...     async with eiot.AsyncClient() as client:
    ...         return await asyncio.gather(*map(client.refresh_usage, eids))
    >>> [reply.message for reply in asyncio.run(refresh("89034011560010000000000000000121", "8904"))]
    ['success', 'success']

    All calls of a client, and of the clients that `with_options` makes of it, are in flight on one background thread:
    up to 128 at a time. Further calls queue, and so do those that wait for the rate limiter. A call's `timeout` starts
    when it is at the front of the queue: 100 gathered calls succeed with `timeout=3`, though the last one waits for ten
    seconds. To limit the whole wait, use `asyncio.timeout`.

    One client can serve several event loops, one after the other or in several threads. The background thread ends with
    the last client that shares it. Requires an event loop with `add_reader`, as all of asyncio and uvloop on Unix.
    """

    __slots__ = ()

    async def refresh_usage(self, eid: str | SupportsIndex, *, timeout: float | None = None) -> Reply:
        """Like `Client.refresh_usage`.

        Cancelling the task cancels the call. The `asyncio.CancelledError` then has eiot's `CancelledError` as its
        `__context__`, whose `delivered` says whether the platform may have acted; without one, the call was already
        complete.
        """
        return await self._outcome(partial(self._open_handle(timeout).start_refresh_usage, eid_text(eid)))

    async def call(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        idempotent: bool = False,
        timeout: float | None = None,
    ) -> Reply:
        """Like `Client.call`. Cancelling the task cancels the call, as in `refresh_usage`."""
        call = call_arguments(path, parameters, idempotent)
        return await self._outcome(partial(self._open_handle(timeout).start_call, *call))

    async def _outcome(self, start: "Start") -> Reply:
        from eiot._calls import calls_here  # Imported here, since synchronous programs do not need asyncio.

        return read_reply(await calls_here().outcome(start, self, reporter(self._on_attempt)))

    def refresh_many(
        self,
        eids: Iterable[str | SupportsIndex] | AsyncIterable[str | SupportsIndex],
        *,
        concurrency: int = 32,
        errors: Literal["return", "raise"] = "return",
        timeout: float | None = None,
    ) -> AsyncResults:
        """Like `Client.refresh_many`, for `async for`. `eids` can also be an asynchronous iterable.

        >>> async def refresh(*eids):
        ...     async with eiot.AsyncClient() as client:
        ...         return [result.ok async for result in client.refresh_many(eids)]
        >>> asyncio.run(refresh("89044011112233441122334411223321", "89034011560010000000000000000121"))
        [True, True]

        Calls progress in the background, also while your program does something else or waits for `eids`. Results that
        are not fetched wait: no more EIDs are read than `concurrency` allows. `eids` is read in the event loop, while a
        task waits for a result. Cancelling that task cancels all calls in flight. If you continue to iterate after
        that, those cards come back with their outcomes.
        """
        return AsyncResults(self._open_handle(timeout), reporter(self._on_attempt), eids, concurrency, errors)

    async def aclose(self) -> None:
        """Waits for this client's calls in flight on this event loop, and closes all connections that no other client
        shares.

        Later calls raise `InvalidArgumentError`, already during the wait. Closing again has no effect.
        """
        from eiot._calls import calls_here

        self._close()
        await calls_here().finished(self)

    async def __aenter__(self: _Self) -> _Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
