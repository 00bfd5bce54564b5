"""Threads that make calls for programs which must not wait themselves."""

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
    """At most so many threads, each made when there is more to do than threads to do it; they end with this object.

    Unlike those of `concurrent.futures.ThreadPoolExecutor` they do not keep the interpreter from exiting while a call
    is under way, and a forked child, which inherits none of them, makes its own.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.begin()
        _all.add(self)

    def begin(self) -> None:
        """Begins with no thread and nothing to do; in a forked child for a second time."""
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._alive = 0
        self._unfinished = 0

    def submit(self, call: Callable[[], _T]) -> "Future[_T]":
        """Has a thread make the call; calls begin in the order of submission."""
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
        # Free before anybody hears of it: who is told may submit the next call at once.
        with self._lock:
            self._unfinished -= 1
        if report is not None:
            report()

    def __del__(self) -> None:
        # Nothing is under way: a call holds on to this object.
        for _ in range(self._alive):
            self._jobs.put(None)


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    # Knows the queue and not its owner, whose end is what ends this thread.
    while (job := jobs.get()) is not None:
        job()
        del job


_all: "weakref.WeakSet[Threads]" = weakref.WeakSet()


def _begin_in_child() -> None:
    for threads in _all:
        threads.begin()


os.register_at_fork(after_in_child=_begin_in_child)
