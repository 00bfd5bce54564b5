"""The results of many cards."""

import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Literal, TypeVar

from eiot._base_results import BaseResults
from eiot._native import ClientHandle
from eiot._result import Result

# Younger Pythons have `typing.Self`.
_Self = TypeVar("_Self", bound="Results")


class Results(BaseResults, Iterator[Result]):
    """The results of `Client.refresh_many`, as they finish: an iterator, made for one `for` loop.

    >>> client = eiot.Client.from_env()
    >>> with client.refresh_many(["89044011112233441122334411223321", "8.9E+31"]) as results:
    ...     for result in results:
    ...         print(result.eid, "refreshed" if result.ok else result.error.kind)
    "8.9E+31" invalid_eid
    89044011112233441122334411223321 refreshed
    >>> results.summary
    Summary(given=2, refreshed=1, failed=1, duplicates=0, failures={'invalid_eid': 1})

    Several threads may share one; each result goes to one of them. In a forked child it is empty, since the calls are
    its parent's.
    """

    __slots__ = ("_lock", "_pid", "_source")

    def __init__(
        self,
        handle: ClientHandle,
        eids: Iterable[str | int],
        concurrency: int,
        errors: Literal["return", "raise"],
    ) -> None:
        super().__init__(handle, concurrency, errors)
        self._source: Iterator[object] | None = iter(self._known(eids))
        # One that a signal handler can come back to.
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
                # Whoever is interrupted wants no more calls, wherever in here that was.
                self._break_off()
                raise
            return result

    def close(self) -> None:
        """Breaks all off that is under way, and closes the connections; there are no more results.

        Cards that were under way count as failures of the kind `cancelled` in the summary. To close a second time does
        nothing.
        """
        self._closed = True
        # Ends the wait of another thread.
        self._break_off()
        if not self._is_forked():
            with self._lock:
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
        """The next result; `None` for one that the caller is not to see."""
        self._fill()
        parts = self._batch.next()
        if parts is not None and not self._closed:
            return self._read(parts)
        self._end()
        raise StopIteration

    def _fill(self) -> None:
        """Takes EIDs from the input while calls can be made of them."""
        while (source := self._source) is not None and self._batch.has_room():
            try:
                self._push(next(source))
            except StopIteration:
                self._source = None
            except Exception as failure:
                self._end_with(failure)

    def _forget_source(self) -> None:
        self._source = None

    def _is_forked(self) -> bool:
        # There the lock may be in the hands of a thread that does not exist.
        return os.getpid() != self._pid
