"""The results of a batch, for asyncio."""

import contextvars
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeVar

from eiot._base_results import BaseResults
from eiot._native import ClientHandle
from eiot._result import Parts, Result
from eiot._threads import Threads

if TYPE_CHECKING:
    import asyncio  # At run time imported where needed, since synchronous programs do not need it.

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="AsyncResults")


class AsyncResults(BaseResults, AsyncIterator[Result]):
    """An asynchronous iterator over the results of `AsyncClient.refresh_many`, in order of completion.

    >>> async def refresh(*eids):
    ...     async with eiot.AsyncClient() as client, client.refresh_many(eids) as results:
    ...         return sorted([result.eid async for result in results])
    >>> asyncio.run(refresh("89034011560010000000000000000121", 8904))
    ['89034011560010000000000000000121', '8904']

    If several tasks iterate, each result goes to one of them.
    """

    __slots__ = ("_kept", "_lock", "_source", "_threads")

    def __init__(
        self,
        handle: ClientHandle,
        eids: Iterable[str | int] | AsyncIterable[str | int],
        concurrency: int,
        errors: Literal["return", "raise"],
    ) -> None:
        super().__init__(handle, concurrency, errors)
        self._source: Iterator[object] | AsyncIterator[object] | None = (
            eids.__aiter__() if isinstance(eids, AsyncIterable) else iter(self._known(eids))
        )
        self._threads = Threads(1)
        # Results that arrived for a cancelled task.
        self._kept: deque[Parts] = deque()
        self._lock: "asyncio.Lock | None" = None

    def __aiter__(self: _Self) -> _Self:
        return self

    async def __anext__(self) -> Result:
        async with self._turn():
            try:
                while (result := await self._wait()) is None:
                    pass
            except Exception:
                raise
            except BaseException:
                # A cancelled task cancels all calls, wherever it waited.
                self._break_off()
                raise
            return result

    async def aclose(self) -> None:
        """Cancels all calls in flight and closes the connections; no more results follow.

        Cancelled cards count as failures of kind `cancelled` in the summary. Closing again has no effect.
        """
        self._closed = True
        # Ends the wait of another task.
        self._break_off()
        async with self._turn():
            self._kept.clear()
            self._failure = None
            self._batch.close()

    async def __aenter__(self: _Self) -> _Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _turn(self) -> "asyncio.Lock":
        """The lock that serializes tasks."""
        if self._lock is None:
            import asyncio

            self._lock = asyncio.Lock()
        return self._lock

    async def _wait(self) -> Result | None:
        """The next result; `None` for one that the caller does not see."""
        await self._fill()
        parts = self._kept.popleft() if self._kept else await self._on_a_thread(self._batch.next)
        if parts is not None and not self._closed:
            return self._read(parts)
        self._end()
        raise StopAsyncIteration

    async def _fill(self) -> None:
        """Reads EIDs from the input while the batch has room."""
        while (source := self._source) is not None and self._batch.has_room():
            try:
                self._push(await source.__anext__() if isinstance(source, AsyncIterator) else next(source))
            except (StopIteration, StopAsyncIteration):
                self._source = None
            except Exception as failure:
                self._end_with(failure)

    async def _on_a_thread(self, wait: Callable[[], Parts | None]) -> Parts | None:
        import asyncio

        # In the caller's context, so that log handlers see the caller's context variables.
        future = self._threads.submit(partial(contextvars.copy_context().run, wait))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._break_off()
            if not future.cancelled():
                # Takes 50 ms at most; nothing is left running when the task ends.
                (outcome,) = await asyncio.gather(asyncio.wrap_future(future), return_exceptions=True)
                if isinstance(outcome, tuple):
                    self._kept.append(outcome)
            raise

    def _forget_source(self) -> None:
        self._source = None
