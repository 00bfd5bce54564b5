"""The results of a batch."""

from dataclasses import dataclass, field

from eiot._exceptions import EiotError
from eiot._reply import Reply, ReplyTuple, read_reply

Parts = tuple[str, ReplyTuple | None, BaseException | None]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one card: either `reply` or `error` is set, the other one is `None`.

    >>> [result] = eiot.Client().refresh_many(["8.9E+31"])
    >>> result.ok, result.error.kind
    (False, 'invalid_eid')
    """

    eid: str
    """The EID, without surrounding whitespace. A malformed EID is quoted and shortened."""

    reply: Reply | None
    """The platform's reply if the card was refreshed."""

    error: EiotError | None
    """The error if the card was not refreshed."""

    @property
    def ok(self) -> bool:
        """Whether the card was refreshed."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a batch. Once all results have come back, `submitted == refreshed + failed + duplicates`."""

    submitted: int
    """EIDs read from the input, including malformed ones and duplicates."""

    refreshed: int
    """Cards that were refreshed."""

    failed: int
    """Cards that failed, for any reason."""

    duplicates: int
    """Duplicate EIDs, which were skipped."""

    failures: dict[str, int] = field(hash=False)
    """Failures by error kind, such as `{"timeout": 2}`."""


def read_result(parts: Parts) -> Result:
    """Converts the native module's tuple."""
    eid, reply, error = parts
    if error is not None and not isinstance(error, EiotError):
        raise error  # the exception itself could not be created, for example out of memory
    return Result(eid, None if reply is None else read_reply(reply), error)
