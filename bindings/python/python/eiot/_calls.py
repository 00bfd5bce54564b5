"""Calls and batches in flight on an asyncio event loop."""

import asyncio
import contextvars
import functools
import itertools
import weakref
from collections import deque
from collections.abc import Callable
from typing import Protocol

from eiot import _log
from eiot._log import Report
from eiot._native import ClientHandle, Inbox, Started, StartedBatch
from eiot._reply import ReplyTuple
from eiot._result import OutcomeTuple

Counts = tuple[int, int, int, dict[str, int]]


class Start(Protocol):
    """Starts a call."""

    def __call__(self, *, inbox: Inbox, number: int, reports: bool) -> Started: ...


class Channel:
    """The outcomes of a batch that have come back, and the counts so far."""

    def __init__(self, report: Report | None) -> None:
        self.report = report
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


class _Call:
    """A call in flight."""

    __slots__ = ("client", "context", "future", "report")

    def __init__(self, client: object, report: Report | None) -> None:
        self.client = client
        self.report = report
        # So that log handlers and hooks see the caller's context variables.
        self.context = contextvars.copy_context()
        self.future: asyncio.Future[ReplyTuple] = asyncio.get_running_loop().create_future()


class Calls:
    """What the tasks of one event loop are waiting for. Used in the thread of that event loop only.

    The native half makes calls on its own thread and puts what happens into an inbox, whose descriptor wakes the event
    loop. So neither thread waits for the other one. An event loop that cannot watch a descriptor, as the usual one on
    Windows, is called instead.
    """

    __slots__ = ("__weakref__", "_channels", "_inbox", "_numbers", "_waiting")

    def __init__(self, event_loop: asyncio.AbstractEventLoop) -> None:
        self._numbers = itertools.count()
        # By the number of a call.
        self._waiting: dict[int, _Call] = {}
        # By the number of a batch, as long as its outcomes can be received.
        self._channels: weakref.WeakValueDictionary[int, Channel] = weakref.WeakValueDictionary()
        try:
            self._inbox = Inbox()
            event_loop.add_reader(self._inbox.fileno(), self._deliver)
        except NotImplementedError:
            # Weakly, or the event loop would be kept by what it has called.
            wake = functools.partial(_wake, weakref.ref(event_loop), weakref.WeakMethod(self._deliver))
            self._inbox = Inbox(wake)

    async def outcome(self, start: Start, client: object, report: Report | None) -> ReplyTuple:
        """Starts a call of a client and waits for it. Cancelling the task cancels the call."""
        number, call = next(self._numbers), _Call(client, report)
        started = start(inbox=self._inbox, number=number, reports=report is not None)
        self._waiting[number] = call
        try:
            return await call.future
        except asyncio.CancelledError as cancelled:
            if number in self._waiting:
                started.cancel()
                # Comes at once; nothing is left running when the task ends.
                call.future = asyncio.get_running_loop().create_future()
                (outcome,) = await asyncio.gather(call.future, return_exceptions=True)
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
        return handle.start_batch(concurrency, self._inbox, number, channel.report is not None)

    def channel(self, number: int) -> Channel:
        """The channel of a batch that is being started."""
        return self._channels[number]

    async def finished(self, client: object) -> None:
        """Waits for the calls of a client."""
        while futures := [call.future for call in self._waiting.values() if call.client is client]:
            await asyncio.wait(futures)
            # The task of a cancelled call has to run before its future is replaced.
            await asyncio.sleep(0)

    def _deliver(self) -> None:
        interrupt: BaseException | None = None
        for number, said, reply, card, error in self._inbox.drain():
            receiver = self._waiting.get(number) or self._channels.get(number)
            if receiver is None:
                continue
            if said is not None:
                try:
                    receiver.context.run(_report, receiver.report, *said)
                except Exception as broken:
                    # A broken log handler or hook must not make a call fail.
                    context = {"message": "eiot: a log handler or on_attempt has failed", "exception": broken}
                    asyncio.get_running_loop().call_exception_handler(context)
                except BaseException as raised:
                    interrupt = raised
            elif isinstance(receiver, Channel):
                if card is not None:
                    outcome, receiver.counts = card
                    receiver.outcomes.append(outcome)
                receiver.error = receiver.error or error
                receiver.wake()
            else:
                del self._waiting[number]
                if receiver.future.done():
                    pass  # its task was cancelled
                elif reply is not None:
                    receiver.future.set_result(reply)
                elif error is not None:
                    receiver.future.set_exception(error)
        if interrupt is not None:
            raise interrupt


def _wake(event_loop: "weakref.ref[asyncio.AbstractEventLoop]", deliver: "weakref.WeakMethod[Callable[[], None]]") -> None:
    """Called by the native thread."""
    there, receive = event_loop(), deliver()
    if there is not None and receive is not None and not there.is_closed():
        there.call_soon_threadsafe(receive)


def _report(report: Report | None, line: str, event: str | None) -> None:
    if event is None:
        _log.notice(line)
    elif report is not None:
        report(line, event)


# Without a lock: each event loop is used by one thread, and a forked child has event loops of its own.
_of_loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Calls]" = weakref.WeakKeyDictionary()


def calls_here() -> Calls:
    """The calls of the event loop that runs in this thread."""
    event_loop = asyncio.get_running_loop()
    calls = _of_loops.get(event_loop)
    if calls is None:
        calls = _of_loops[event_loop] = Calls(event_loop)
    return calls
