"""Calls and batches in flight on an asyncio event loop."""

import asyncio
import contextvars
import itertools
import weakref
from collections import deque
from collections.abc import Callable

from eiot import _log
from eiot._native import ClientHandle, Inbox, Started, StartedBatch
from eiot._reply import ReplyTuple
from eiot._result import OutcomeTuple

Start = Callable[[Inbox, int], Started]
Counts = tuple[int, int, int, dict[str, int]]


class Channel:
    """The outcomes of a batch that have come back, and the counts so far."""

    def __init__(self) -> None:
        self.context = contextvars.copy_context()
        self.outcomes: deque[OutcomeTuple] = deque()
        self.counts: Counts = (0, 0, 0, {})
        # A bug in the native half; no more outcomes follow.
        self.error: BaseException | None = None
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Lets the task that waits look again."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Calls:
    """What the tasks of one event loop are waiting for. Used in the thread of that event loop only.

    The native half makes calls on its own thread and puts what happens into an inbox, whose descriptor wakes the event
    loop. So neither thread waits for the other one.
    """

    __slots__ = ("__weakref__", "_channels", "_inbox", "_numbers", "_waiting")

    def __init__(self, event_loop: asyncio.AbstractEventLoop) -> None:
        self._inbox = Inbox()
        self._numbers = itertools.count()
        # By the number of a call: its outcome, the context of its caller, and the client.
        self._waiting: dict[int, tuple[asyncio.Future[ReplyTuple], contextvars.Context, object]] = {}
        # By the number of a batch, as long as there is somebody who can receive.
        self._channels: weakref.WeakValueDictionary[int, Channel] = weakref.WeakValueDictionary()
        event_loop.add_reader(self._inbox.fileno(), self._deliver)

    async def outcome(self, start: Start, client: object) -> ReplyTuple:
        """Starts a call of a client and waits for it. Cancelling the task cancels the call."""
        number, context = next(self._numbers), contextvars.copy_context()
        event_loop = asyncio.get_running_loop()
        started = start(self._inbox, number)
        future: asyncio.Future[ReplyTuple] = event_loop.create_future()
        self._waiting[number] = future, context, client
        try:
            return await future
        except asyncio.CancelledError as cancelled:
            if number in self._waiting:
                started.cancel()
                # Comes at once; nothing is left running when the task ends.
                future = event_loop.create_future()
                self._waiting[number] = future, context, client
                (outcome,) = await asyncio.gather(future, return_exceptions=True)
                if isinstance(outcome, BaseException):
                    cancelled.__context__ = outcome
            raise
        finally:
            if self._waiting.pop(number, None):
                started.cancel()

    def batch(self, handle: ClientHandle, concurrency: int, channel: Channel) -> StartedBatch:
        """Starts a batch, whose outcomes go to the channel."""
        number = next(self._numbers)
        self._channels[number] = channel
        return handle.start_batch(concurrency, self._inbox, number)

    async def finished(self, client: object) -> None:
        """Waits for the calls of a client."""
        while futures := [future for future, _, caller in self._waiting.values() if caller is client]:
            await asyncio.wait(futures)
            # The task of a cancelled call has to run before its future is replaced.
            await asyncio.sleep(0)

    def _deliver(self) -> None:
        for number, line, reply, card, error in self._inbox.drain():
            if waiting := self._waiting.get(number):
                future, context, _ = waiting
                if line is not None:
                    # So that log handlers see the caller's context variables.
                    context.run(_log.line, *line)
                    continue
                del self._waiting[number]
                if future.done():
                    continue
                if reply is not None:
                    future.set_result(reply)
                elif error is not None:
                    future.set_exception(error)
            elif channel := self._channels.get(number):
                if line is not None:
                    channel.context.run(_log.line, *line)
                    continue
                if card is not None:
                    outcome, channel.counts = card
                    channel.outcomes.append(outcome)
                channel.error = channel.error or error
                channel.wake()


# Without a lock: each event loop is used by one thread, and a forked child has event loops of its own.
_of_loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Calls]" = weakref.WeakKeyDictionary()


def calls_here() -> Calls:
    """The calls of the event loop that runs in this thread."""
    event_loop = asyncio.get_running_loop()
    calls = _of_loops.get(event_loop)
    if calls is None:
        calls = _of_loops[event_loop] = Calls(event_loop)
    return calls
