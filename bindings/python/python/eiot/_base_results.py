"""The common base of both kinds of results: input, end, and counts."""

from collections.abc import Iterable, Sized
from typing import Literal

from eiot._eid import batch_text, distinct
from eiot._exceptions import InvalidArgumentError
from eiot._native import ClientHandle
from eiot._result import Parts, Result, Summary, read_result


class BaseResults:
    """The results of a batch. `Results` and `AsyncResults` derive from it."""

    __slots__ = ("__weakref__", "_batch", "_closed", "_count", "_duplicates", "_failure", "_raises")

    def __init__(self, handle: ClientHandle, concurrency: int, errors: Literal["return", "raise"]) -> None:
        if errors not in ("return", "raise"):
            raise InvalidArgumentError(f"errors must be 'return' or 'raise', not {errors!r}")
        self._batch = handle.batch(concurrency)
        self._raises = errors == "raise"
        self._closed = False
        # Raised after everything that was sent has come back.
        self._failure: Exception | None = None
        self._count: int | None = None
        self._duplicates = 0

    @property
    def summary(self) -> Summary:
        """The counts so far. Thread-safe."""
        given, refreshed, duplicates, failures = self._batch.summary()
        again = self._duplicates
        return Summary(given + again, refreshed, sum(failures.values()), duplicates + again, failures)

    def stop(self) -> None:
        """Stops sending. Calls in flight complete, and no more EIDs are read from the input.

        EIDs that were read but not sent come back with `CancelledError`. Thread-safe; may be called from signal
        handlers.
        """
        self._forget_source()
        self._batch.stop()

    def __len__(self) -> int:
        """The total number of results. Raises `TypeError` unless the input has a length."""
        if self._count is None:
            raise TypeError("the number of results is unknown, because the input has no len()")
        return self._count

    def __repr__(self) -> str:
        return f"<eiot.{type(self).__name__} {self.summary}>"

    def _known(self, eids: Iterable[object]) -> Iterable[object]:
        """The same EIDs; counted and without duplicates if the input has a length."""
        if isinstance(eids, (str, bytes, bytearray)):
            raise TypeError(f"eids: must be a list or another iterable of EIDs, not {type(eids).__name__}")
        if not isinstance(eids, Sized):
            return eids
        known, given = distinct(eids)
        self._count, self._duplicates = len(known), given - len(known)
        return known

    def _forget_source(self) -> None:
        raise NotImplementedError

    def _push(self, eid: object) -> None:
        self._batch.push(batch_text(eid))

    def _end_with(self, failure: Exception) -> None:
        """Reads no more EIDs, and raises this after everything that was sent has come back."""
        self._forget_source()
        if self._failure is None:
            self._failure = failure

    def _read(self, parts: Parts) -> Result | None:
        """The result, or `None` if the caller does not see it."""
        result = read_result(parts)
        if result.error is None or not self._raises:
            return result
        self._end_with(result.error)
        self._batch.stop()
        return None

    def _end(self) -> None:
        """All results have come back."""
        self._closed = True
        self._forget_source()
        self._batch.close()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _break_off(self) -> None:
        """Cancels all calls. Their results can still be fetched."""
        self._forget_source()
        self._batch.cancel()
