"""What both kinds of results have: where the EIDs come from, how it ends, and the counts."""

from collections.abc import Iterable, Sized
from typing import Literal

from eiot._eid import batch_text, distinct
from eiot._exceptions import InvalidArgumentError
from eiot._native import ClientHandle
from eiot._result import Parts, Result, Summary, read_result


class BaseResults:
    """The results of a batch; `Results` and `AsyncResults` wait for them."""

    __slots__ = ("__weakref__", "_batch", "_closed", "_count", "_duplicates", "_failure", "_raises")

    def __init__(self, handle: ClientHandle, concurrency: int, errors: Literal["return", "raise"]) -> None:
        if errors not in ("return", "raise"):
            raise InvalidArgumentError(f"errors must be 'return' or 'raise', not {errors!r}")
        self._batch = handle.batch(concurrency)
        self._raises = errors == "raise"
        self._closed = False
        # Raised when all that was sent has come back.
        self._failure: Exception | None = None
        self._count: int | None = None
        self._duplicates = 0

    @property
    def summary(self) -> Summary:
        """What has come back so far, counted; any thread may look, at any time."""
        given, refreshed, duplicates, failures = self._batch.summary()
        again = self._duplicates
        return Summary(given + again, refreshed, sum(failures.values()), duplicates + again, failures)

    def stop(self) -> None:
        """Sends no more: calls that are under way end as they end, and no more EIDs are taken from the input.

        Those that were taken and not yet sent come back with a `CancelledError`. Signal handlers and other threads may
        call it.
        """
        self._forget_source()
        self._batch.stop()

    def __len__(self) -> int:
        """How many results there are in all, of an input that has a length; `TypeError` for any other."""
        if self._count is None:
            raise TypeError(
                "nobody knows how many results there are: the EIDs come from something without len()"
            )
        return self._count

    def __repr__(self) -> str:
        return f"<eiot.{type(self).__name__} {self.summary}>"

    def _known(self, eids: Iterable[object]) -> Iterable[object]:
        """The same EIDs; without repetitions, and counted, where all of them are there already."""
        if isinstance(eids, (str, bytes, bytearray)):
            raise TypeError(f"EIDs come in a list or another iterable, not in one {type(eids).__name__}")
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
        """Takes no more, and raises this when all that was sent has come back."""
        self._forget_source()
        if self._failure is None:
            self._failure = failure

    def _read(self, parts: Parts) -> Result | None:
        """The result, if the caller is to see it."""
        result = read_result(parts)
        if result.error is None or not self._raises:
            return result
        self._end_with(result.error)
        self._batch.stop()
        return None

    def _end(self) -> None:
        """All has come back."""
        self._closed = True
        self._forget_source()
        self._batch.close()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _break_off(self) -> None:
        """What became of the cards can be fetched still."""
        self._forget_source()
        self._batch.cancel()
