"""The results of a batch."""

import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Literal, SupportsIndex, TypeVar

from eiot._base_results import BaseResults
from eiot._log import Report
from eiot._native import ClientHandle
from eiot._result import Result

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="Results")


class Results(BaseResults, Iterator[Result]):
    """An iterator over the results of `Client.refresh_many`, in order of completion. Thread-safe.

    >>> client = eiot.Client()
    >>> with client.refresh_many(["89044011112233441122334411223321", "8.9E+31"]) as results:
    ...     for result in results:
    ...         print(result.index, result.eid, "refreshed" if result.ok else result.error.kind)
    1 8.9E+31 invalid_eid
    0 89044011112233441122334411223321 refreshed
    >>> results.summary
    Summary(submitted=2, refreshed=1, failed=1, duplicates=0, failures={'invalid_eid': 1})

    If several threads iterate, each result goes to one of them. In a forked child it is empty, since the calls belong
    to the parent.
    """

    __slots__ = ("_batch", "_lock", "_pid", "_source")

    def __init__(
        self,
        handle: ClientHandle,
        report: Report | None,
        eids: Iterable[str | SupportsIndex],
        concurrency: int,
        errors: Literal["return", "raise"],
    ) -> None:
        super().__init__(eids, concurrency, errors)
        self._batch = handle.batch(concurrency, report)
        self._source: Iterator[object] | None = iter(eids)
        # Reentrant, for signal handlers.
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def __iter__(self: _Self) -> _Self:
        return self

    def __next__(self) -> Result:
        if self._is_forked():
            raise StopIteration
        with self._lock:
            try:
                while (result := self._wait()) is None:
                    pass
            except Exception:
                raise
            except BaseException:
                # An interrupt cancels all calls, wherever it occurred.
                self._break_off()
                raise
            return result

    def close(self) -> None:
        """Cancels all calls in flight and closes the connections; no more results follow.

        Cancelled cards count as failures of kind `cancelled` in the summary. Closing again has no effect.
        """
        self._closed = True
        # Ends the wait of another thread.
        self._break_off()
        if not self._is_forked():
            with self._lock:
                self._failure = None
                self._batch.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _wait(self) -> Result | None:
        """The next result; `None` for one that the caller does not see."""
        self._fill()
        outcome = self._batch.next()
        if outcome is not None and not self._closed:
            return self._read(outcome)
        # All results have come back.
        self._closed = True
        self._forget_source()
        self._batch.close()
        self._raise_at_the_end()
        raise StopIteration

    def _fill(self) -> None:
        """Reads EIDs from the input while the batch has room."""
        while (source := self._source) is not None and self._batch.has_room():
            try:
                eid = next(source)
            except StopIteration:
                self._source = None
            except Exception as failure:
                self._end_with(failure)
            else:
                self._batch.push(*self._accept(eid))

    def _counts(self) -> tuple[int, int, int, dict[str, int]]:
        return self._batch.summary()

    def _stop_sending(self) -> None:
        self._batch.stop()

    def _forget_source(self) -> None:
        self._source = None

    def _break_off(self) -> None:
        """Cancels all calls. Their results can still be fetched."""
        self._forget_source()
        self._batch.cancel()

    def _is_forked(self) -> bool:
        # The lock may be held by a thread that does not exist in the child.
        return os.getpid() != self._pid
