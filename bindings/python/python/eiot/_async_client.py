"""The client for asyncio."""

import contextvars
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeVar

from eiot._async_results import AsyncResults
from eiot._base_client import BaseClient
from eiot._eid import eid_text
from eiot._native import Cancellation, ClientHandle
from eiot._parameters import parameters_text
from eiot._reply import Reply, read_reply
from eiot._threads import Threads

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="AsyncClient")

# At ten calls per second, more would be in flight only if the platform took over six seconds per call.
_MOST_AT_ONCE = 64


class AsyncClient(BaseClient):
    """`Client` for asyncio: the same options, methods and errors, with awaitable calls. Thread-safe.

    >>> async def refresh(*eids):
    ...     async with eiot.AsyncClient.from_env() as client:
    ...         return await asyncio.gather(*map(client.refresh_usage, eids))
    >>> [reply.message for reply in asyncio.run(refresh("89034011560010000000000000000121", "8904"))]
    ['success', 'success']

    Calls run on up to 64 threads that the client owns. Further calls queue, and their `timeout` starts when they
    leave the queue. The event loop only waits, so one client can serve several event loops, one after the other or in
    several threads.
    """

    __slots__ = ("_threads",)
    _threads: Threads

    def _begin(self, handle: ClientHandle) -> None:
        super()._begin(handle)
        self._threads = Threads(_MOST_AT_ONCE)

    async def refresh_usage(self, eid: str | int) -> Reply:
        """Like `Client.refresh_usage`.

        Cancelling the task cancels the call. The `asyncio.CancelledError` then has eiot's `CancelledError` as its
        `__context__`, whose `delivered` says whether the platform may have acted; without one, the call had not started
        or was already complete.
        """
        return await self._awaited(partial(self._open_handle().refresh_usage, eid_text(eid)))

    async def call(self, path: str, parameters: Mapping[str, Any] | None = None, *, idempotent: bool = False) -> Reply:
        """Like `Client.call`. Cancelling the task cancels the call, as in `refresh_usage`."""
        return await self._awaited(partial(self._open_handle().call, path, parameters_text(parameters), idempotent))

    async def _awaited(self, function: Callable[[Cancellation], tuple[str, str, str, str | None, int, str]]) -> Reply:
        import asyncio  # Imported here, since synchronous programs do not need it.

        cancellation = Cancellation()
        call = partial(function, cancellation)
        # In the caller's context, so that log handlers see the caller's context variables.
        future = self._threads.submit(partial(contextvars.copy_context().run, call))
        try:
            return read_reply(await asyncio.wrap_future(future))
        except asyncio.CancelledError as cancelled:
            cancellation.trigger()
            if not future.cancelled():
                # Takes 50 ms at most; nothing is left running when the task ends.
                (outcome,) = await asyncio.gather(asyncio.wrap_future(future), return_exceptions=True)
                if isinstance(outcome, BaseException):
                    cancelled.__context__ = outcome
            raise
        finally:
            cancellation.trigger()

    def refresh_many(
        self,
        eids: Iterable[str | int] | AsyncIterable[str | int],
        *,
        concurrency: int = 32,
        errors: Literal["return", "raise"] = "return",
    ) -> AsyncResults:
        """Like `Client.refresh_many`, for `async for`. `eids` can also be an asynchronous iterable.

        >>> async def refresh(*eids):
        ...     async with eiot.AsyncClient.from_env() as client:
        ...         return [result.ok async for result in client.refresh_many(eids)]
        >>> asyncio.run(refresh("89044011112233441122334411223321", "89034011560010000000000000000121"))
        [True, True]

        Calls run on one of the client's threads; `eids` is read in the event loop. Cancelling the task that waits for
        a result cancels all calls in flight within 50 ms. If you continue to iterate after that, those cards come
        back with their outcomes.
        """
        return AsyncResults(self._open_handle(), self._threads, eids, concurrency, errors)

    async def aclose(self) -> None:
        """Closes all connections that no other client shares, after calls in flight have completed.

        Later calls raise `InvalidArgumentError`. Closing again has no effect.
        """
        self._handle = None

    async def __aenter__(self: _Self) -> _Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
