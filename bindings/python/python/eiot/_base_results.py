"""The common base of both kinds of results: input, end, and counts."""

from collections.abc import Sized
from typing import Literal

from eiot._eid import eid_text
from eiot._exceptions import EiotError, InvalidArgumentError, InvalidEidError
from eiot._result import OutcomeTuple, Result, Summary, read_result


class BaseResults:
    """The results of a batch. `Results` and `AsyncResults` derive from it."""

    __slots__ = ("__weakref__", "_closed", "_count", "_failure", "_given", "_next_index", "_raises")

    def __init__(self, eids: object, concurrency: int, errors: Literal["return", "raise"]) -> None:
        if errors not in ("return", "raise"):
            raise InvalidArgumentError(f"errors must be 'return' or 'raise', not {errors!r}")
        if not isinstance(concurrency, int) or isinstance(concurrency, bool):
            raise TypeError(f"concurrency: must be an int, not {type(concurrency).__name__}")
        if not 1 <= concurrency <= 1024:
            raise InvalidArgumentError(f"concurrency must be from 1 to 1024, not {concurrency}")
        if isinstance(eids, (str, bytes, bytearray)):
            raise TypeError(f"eids: must be a list or another iterable of EIDs, not {type(eids).__name__}")
        self._raises = errors == "raise"
        self._closed = False
        # Raised after everything that was sent has come back.
        self._failure: Exception | None = None
        self._count = len(eids) if isinstance(eids, Sized) else None
        self._next_index = 0
        # By index: the objects that have not come back, and why they are not EIDs.
        self._given: dict[int, tuple[object, EiotError | None]] = {}

    @property
    def summary(self) -> Summary:
        """The counts so far. Thread-safe."""
        submitted, refreshed, duplicates, failures = self._counts()
        return Summary(submitted, refreshed, sum(failures.values()), duplicates, failures)

    def __len__(self) -> int:
        """The total number of results: one for each item of the input. Raises `TypeError` unless the input has a length."""
        if self._count is None:
            raise TypeError("the number of results is unknown, because the input has no len()")
        return self._count

    def __repr__(self) -> str:
        return f"<eiot.{type(self).__name__} {self.summary}>"

    def _counts(self) -> tuple[int, int, int, dict[str, int]]:
        """Submitted, refreshed, duplicates, and failures by kind."""
        raise NotImplementedError

    def _accept(self, eid: object) -> tuple[str, int]:
        """The text and the index of an item of the input. If it is not an EID at all, an empty text, which the native module
        counts as malformed."""
        index, text, error = self._next_index, "", None
        try:
            text = eid_text(eid)  # type: ignore[arg-type]
        except TypeError as why:
            error = InvalidEidError(f"item {index}: {why}")
        except InvalidEidError as why:
            error = why
        self._next_index += 1
        self._given[index] = eid, error
        return text, index

    def _read(self, outcome: OutcomeTuple) -> Result | None:
        """The result, or `None` if the caller does not see it."""
        given, own_error = self._given.pop(outcome[0])
        result = read_result(outcome, given, own_error)
        if result.error is None or not self._raises:
            return result
        self._end_with(result.error)
        self.stop()
        return None

    def _end_with(self, failure: Exception) -> None:
        """Reads no more EIDs, and raises this after everything that was sent has come back."""
        if self._failure is None:
            self._failure = failure
        self._forget_source()

    def _raise_at_the_end(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Stops sending. Calls in flight complete, and no more EIDs are read from the input.

        EIDs that were read but not sent come back with `CancelledError`. Thread-safe; may be called from signal
        handlers.
        """
        self._forget_source()
        self._stop_sending()

    def _forget_source(self) -> None:
        raise NotImplementedError

    def _stop_sending(self) -> None:
        raise NotImplementedError
