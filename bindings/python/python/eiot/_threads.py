"""A thread pool for asyncio."""

import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

_T = TypeVar("_T")
_Job = Callable[[], None]


class Threads:
    """A thread pool with at most `most` threads, started on demand; they end with this object.

    Unlike `concurrent.futures.ThreadPoolExecutor`, it does not keep the interpreter from exiting while a call is in
    flight, and it works in a forked child.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.begin()
        _all.add(self)

    def begin(self) -> None:
        """Starts with no threads and an empty queue; again in a forked child."""
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._alive = 0
        self._unfinished = 0

    def submit(self, call: Callable[[], _T]) -> "Future[_T]":
        """Queues a call; calls start in the order of submission."""
        future: Future[_T] = Future()
        with self._lock:
            if self._alive <= self._unfinished and self._alive < self._most:
                threading.Thread(target=_work, args=(self._jobs,), name="eiot", daemon=True).start()
                self._alive += 1
            self._unfinished += 1
        self._jobs.put(partial(self._do, call, future))
        return future

    def _do(self, call: Callable[[], _T], future: "Future[_T]") -> None:
        begun = future.set_running_or_notify_cancel()
        try:
            report = partial(future.set_result, call()) if begun else None
        except BaseException as error:
            report = partial(future.set_exception, error)
        # Free before the future completes: its callback may submit the next call.
        with self._lock:
            self._unfinished -= 1
        if report is not None:
            report()

    def __del__(self) -> None:
        # No call is in flight: calls hold a reference to this object.
        for _ in range(self._alive):
            self._jobs.put(None)


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    # Refers to the queue and not to its owner, whose end ends this thread.
    while (job := jobs.get()) is not None:
        job()
        del job


_all: "weakref.WeakSet[Threads]" = weakref.WeakSet()


def _begin_in_child() -> None:
    for threads in _all:
        threads.begin()


os.register_at_fork(after_in_child=_begin_in_child)
