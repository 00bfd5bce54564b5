"""What became of the cards of a batch."""

from dataclasses import dataclass, field

from eiot._exceptions import EiotError
from eiot._reply import Reply, read_reply

Parts = tuple[str, tuple[str, str, str, str | None, int, str] | None, BaseException | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one card: exactly one of `reply` and `error` is there.

    >>> [result] = eiot.Client.from_env().refresh_many(["8.9E+31"])
    >>> result.ok, result.error.kind
    (False, 'invalid_eid')
    """

    eid: str
    """The EID, without the white space it may have come with; quoted and shortened where it is none."""

    reply: Reply | None
    """The platform's answer."""

    error: EiotError | None
    """Why there is none."""

    @property
    def ok(self) -> bool:
        """Whether the platform has accepted the refresh."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the cards so far. Once all is over, `given == refreshed + failed + duplicates`."""

    submitted: int
    """EIDs taken from the input, malformed and repeated ones included."""

    refreshed: int
    """Cards whose refresh the platform has accepted."""

    failed: int
    """Cards that failed, for whatever reason."""

    duplicates: int
    """EIDs that came again, and were left out."""

    failures: dict[str, int] = field(hash=False)
    """Failures by the name of their kind, such as `{"timeout": 2}`."""


def read_result(parts: Parts) -> Result:
    """What the native half answers, as Python has it."""
    eid, reply, error = parts
    if error is not None and not isinstance(error, EiotError):
        raise error  # the exception itself could not be made, for want of memory for example
    return Result(eid, None if reply is None else read_reply(reply), error)
