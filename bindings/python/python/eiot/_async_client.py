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

# Younger Pythons have `typing.Self`.
_Self = TypeVar("_Self", bound="AsyncClient")

# With ten calls a second, the platform would have to take six seconds for a call before more could be under way.
_MOST_AT_ONCE = 64


class AsyncClient(BaseClient):
    """`Client` for asyncio: the same options, methods and errors, and calls are awaited.

    >>> async def refresh(*eids):
    ...     async with eiot.AsyncClient.from_env() as client:
    ...         return await asyncio.gather(*map(client.refresh_usage, eids))
    >>> [reply.message for reply in asyncio.run(refresh("89034011560010000000000000000121", "8904"))]
    ['success', 'success']

    Calls run on threads of the client's own, up to 64 at once, and more wait for their turn, in which time their
    `timeout` has not begun. Nothing runs in the event loop but the waiting, so one client may serve several loops,
    one after the other or in several threads.
    """

    __slots__ = ("_threads",)
    _threads: Threads

    def _begin(self, handle: ClientHandle) -> None:
        super()._begin(handle)
        self._threads = Threads(_MOST_AT_ONCE)

    async def refresh_usage(self, eid: str | int) -> Reply:
        """As `Client.refresh_usage`, awaited.

        When the awaiting task is cancelled, the call is broken off. The `asyncio.CancelledError` then has eiot's
        `CancelledError` as its `__context__`, whose `delivered` says whether the platform may have acted; without it
        the call had not begun, or was over.
        """
        return await self._awaited(partial(self._open_handle().refresh_usage, eid_text(eid)))

    async def call(self, path: str, parameters: Mapping[str, Any] | None = None, *, idempotent: bool = False) -> Reply:
        """As `Client.call`, awaited; when the awaiting task is cancelled, as `refresh_usage`."""
        return await self._awaited(partial(self._open_handle().call, path, parameters_text(parameters), idempotent))

    async def _awaited(self, function: Callable[[Cancellation], tuple[str, str, str, str | None, int, str]]) -> Reply:
        import asyncio  # Here, since half of the programs that import eiot have no other use for it.

        cancellation = Cancellation()
        call = partial(function, cancellation)
        # In the caller's context, so that what a log handler looks up there is the caller's.
        future = self._threads.submit(partial(contextvars.copy_context().run, call))
        try:
            return read_reply(await asyncio.wrap_future(future))
        except asyncio.CancelledError as cancelled:
            cancellation.trigger()
            if not future.cancelled():
                # Takes 50 ms at most, and nothing is left running when the task has ended.
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
        """As `Client.refresh_many`, for `async for`; an asynchronous generator of EIDs will do as well.

        >>> async def refresh(*eids):
        ...     async with eiot.AsyncClient.from_env() as client:
        ...         return [result.ok async for result in client.refresh_many(eids)]
        >>> asyncio.run(refresh("89044011112233441122334411223321", "89034011560010000000000000000121"))
        [True, True]

        The calls are made by one thread of the client's own, and EIDs are taken from `eids` in the event loop. When the
        task that waits for a result is cancelled, all that is under way is broken off within 50 ms; who goes on with
        the results after that learns what became of those cards.
        """
        return AsyncResults(self._open_handle(), self._threads, eids, concurrency, errors)

    async def aclose(self) -> None:
        """Closes the connections that no other client shares; calls that are under way finish first.

        Later ones raise `InvalidArgumentError`. To close a second time does nothing.
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
