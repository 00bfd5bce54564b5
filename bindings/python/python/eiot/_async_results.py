"""The results of a batch, for asyncio."""

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypeVar

from eiot._base_results import BaseResults
from eiot._log import Report
from eiot._native import ClientHandle, StartedBatch
from eiot._result import Result

if TYPE_CHECKING:
    # At run time imported where needed, since synchronous programs do not need it.
    import asyncio

    from eiot._calls import Channel

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="AsyncResults")


class AsyncResults(BaseResults, AsyncIterator[Result]):
    """An asynchronous iterator over the results of `AsyncClient.refresh_many`, in order of completion.

    >>> async def refresh(*eids):
    ...     async with eiot.AsyncClient() as client, client.refresh_many(eids) as results:
    ...         return sorted([result.eid async for result in results])
    >>> asyncio.run(refresh("89034011560010000000000000000121", 8904))
    ['89034011560010000000000000000121', '8904']

    If several tasks iterate, each result goes to one of them. It belongs to the event loop in which it is used first.
    """

    __slots__ = ("_batch", "_channel", "_concurrency", "_handle", "_lock", "_reading", "_report", "_source")

    def __init__(
        self,
        handle: ClientHandle,
        report: Report | None,
        eids: Iterable[str | SupportsIndex] | AsyncIterable[str | SupportsIndex],
        concurrency: int,
        errors: Literal["return", "raise"],
    ) -> None:
        super().__init__(eids, concurrency, errors)
        self._source: Iterator[object] | AsyncIterator[object] | None = (
            eids.__aiter__() if isinstance(eids, AsyncIterable) else iter(eids)
        )
        self._handle = handle
        self._report = report
        self._concurrency = concurrency
        # Both are made by the first wait.
        self._batch: StartedBatch | None = None
        self._channel: "Channel | None" = None
        self._lock: "asyncio.Lock | None" = None
        # The next item of an asynchronous input.
        self._reading: "asyncio.Task[object] | None" = None

    def __aiter__(self: _Self) -> _Self:
        return self

    async def __anext__(self) -> Result:
        import asyncio

        async with self._turn():
            try:
                while (result := await self._wait()) is None:
                    pass
            except asyncio.CancelledError:
                # A cancelled task cancels all calls, wherever it waited.
                self._break_off()
                await self._all_have_come_back()
                raise
            return result

    async def aclose(self) -> None:
        """Cancels all calls in flight; no more results follow.

        Cancelled cards count as failures of kind `cancelled` in the summary. Closing again has no effect.
        """
        self._closed = True
        # Ends the wait of another task.
        self._break_off()
        if self._channel is not None:
            self._channel.wake()
        async with self._turn():
            await self._all_have_come_back()
            self._given.clear()
            self._failure = None

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

    def _started(self) -> "tuple[StartedBatch, Channel]":
        from eiot._calls import Channel, calls_here

        if self._batch is None or self._channel is None:
            self._channel = Channel(self._report)
            self._batch = calls_here().batch(self._handle, self._concurrency, self._channel)
        return self._batch, self._channel

    async def _wait(self) -> Result | None:
        """The next result; `None` for one that the caller does not see."""
        batch, channel = self._started()
        while True:
            if self._closed:
                raise StopAsyncIteration
            self._fill(batch)
            if channel.outcomes:
                return self._read(channel.outcomes.popleft())
            if channel.error is not None:
                raise channel.error
            if not self._given and self._source is None:
                # All results have come back.
                self._closed = True
                self._raise_at_the_end()
                raise StopAsyncIteration
            await self._something(channel)

    async def _something(self, channel: "Channel") -> None:
        """Waits for an outcome or an item of an asynchronous input, whichever comes first."""
        import asyncio

        channel.waiter = asyncio.get_running_loop().create_future()
        waits: set[asyncio.Future[Any]] = {channel.waiter}
        if self._reading is not None:
            waits.add(self._reading)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            channel.waiter = None

    def _fill(self, batch: StartedBatch) -> None:
        """Reads EIDs from the input while fewer than `concurrency` are pending."""
        while (source := self._source) is not None and len(self._given) < self._concurrency:
            try:
                if not isinstance(source, AsyncIterator):
                    eid = next(source)
                elif self._reading is None or not self._reading.done():
                    if self._reading is None:
                        self._reading = _next_of(source)
                    return
                else:
                    reading, self._reading = self._reading, None
                    eid = reading.result()
            except (StopIteration, StopAsyncIteration):
                self._source = None
            except Exception as failure:
                self._end_with(failure)
            else:
                batch.push(*self._accept(eid))

    async def _all_have_come_back(self) -> None:
        """Waits until nothing is left running, after `_break_off`. The outcomes of calls come at once."""
        while self._channel is not None and len(self._channel.outcomes) < len(self._given):
            if self._channel.error is not None:
                break
            await self._something(self._channel)

    def _counts(self) -> tuple[int, int, int, dict[str, int]]:
        return (0, 0, 0, {}) if self._channel is None else self._channel.counts

    def _stop_sending(self) -> None:
        if self._batch is not None:
            self._batch.stop()

    def _forget_source(self) -> None:
        self._source = None
        reading, self._reading = self._reading, None
        _discard(reading)

    def _break_off(self) -> None:
        """Cancels all calls. Their results can still be fetched."""
        self._forget_source()
        if self._batch is not None:
            self._batch.cancel()

    def __del__(self) -> None:
        # The batch ends by itself, with the last reference to it.
        _discard(getattr(self, "_reading", None))


def _discard(reading: "asyncio.Task[object] | None") -> None:
    """Cancels the wait for an item of the input. Thread-safe."""

    def cancel(reading: "asyncio.Task[object]") -> None:
        if not reading.cancel() and not reading.cancelled():
            reading.exception()  # so that asyncio does not report it

    if reading is not None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            reading.get_loop().call_soon_threadsafe(cancel, reading)


def _next_of(source: AsyncIterator[object]) -> "asyncio.Task[object]":
    import asyncio

    async def item() -> object:
        return await source.__anext__()

    return asyncio.get_running_loop().create_task(item())
