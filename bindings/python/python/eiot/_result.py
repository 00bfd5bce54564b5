"""The results of a batch."""

from dataclasses import dataclass, field
from typing import Literal

from eiot._exceptions import EiotError
from eiot._reply import Reply, ReplyTuple, read_reply

# What the native module returns: tag, EID, whether it is a duplicate, and the reply or the exception.
OutcomeTuple = tuple[int, str, bool, ReplyTuple | None, BaseException | None]


@dataclass(frozen=True, slots=True)
class Success:
    """A card of a batch that was refreshed.

    >>> [result] = eiot.Client().refresh_many(["8904"])
    >>> result.ok, result.eid, result.reply.message
    (True, '8904', 'success')
    """

    eid: str
    """The EID, without surrounding whitespace."""

    reply: Reply
    """The platform's reply."""

    index: int
    """The position in the input, from 0."""

    input: object
    """The object from the input, to find the record that it belongs to."""

    is_duplicate: bool = False
    """Whether the card repeats an earlier one, whose reply this is: nothing was sent for it."""

    ok: Literal[True] = field(default=True, init=False, repr=False)
    """Always `True`. After `if result.ok`, mypy knows that there is a `reply`; pyright does after `if result.error is None` and
    in a `match` statement."""

    error: None = field(default=None, init=False, repr=False)
    """Always `None`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A card of a batch that was not refreshed.

    >>> [result] = eiot.Client().refresh_many(["8.9E+31"])
    >>> result.ok, result.error.kind
    (False, 'invalid_eid')
    """

    eid: str
    """The EID, without surrounding whitespace; if it is malformed, the input as text."""

    error: EiotError
    """Why the card was not refreshed."""

    index: int
    """The position in the input, from 0."""

    input: object
    """The object from the input, to find the record that it belongs to."""

    is_duplicate: bool = False
    """Whether the card repeats an earlier one, whose error this is: nothing was sent for it."""

    ok: Literal[False] = field(default=False, init=False, repr=False)
    """Always `False`. After `if not result.ok`, mypy knows that there is an `error`; pyright does after `if result.error is not
    None` and in a `match` statement."""

    reply: None = field(default=None, init=False, repr=False)
    """Always `None`."""


Result = Success | Failure


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a batch. Once all results have come back, `submitted == refreshed + failed + duplicates`, and is the number of
    results.
    """

    submitted: int
    """EIDs read from the input, including malformed ones and duplicates."""

    refreshed: int
    """Cards that were refreshed."""

    failed: int
    """Cards that failed, for any reason."""

    duplicates: int
    """Duplicate EIDs: they have the result of the first one."""

    failures: dict[str, int] = field(hash=False)
    """Failures by error kind, such as `{"timeout": 2}`."""


def read_result(outcome: OutcomeTuple, given: object, own_error: EiotError | None) -> Result:
    """Converts the native module's tuple. `own_error` replaces its error: the object that was given is not an EID at all."""
    index, eid, is_duplicate, reply, error = outcome
    if reply is not None:
        return Success(eid, read_reply(reply), index, given, is_duplicate)
    if own_error is not None:
        return Failure(_text(given), own_error, index, given)
    if not isinstance(error, EiotError):
        assert error is not None
        raise error  # the exception itself could not be created, for example out of memory
    return Failure(eid, error, index, given, is_duplicate)


def _text(given: object) -> str:
    """Any object as a short text."""
    try:
        return str(given)[:64]
    except Exception:
        # An int with too many digits, for example.
        return f"<{type(given).__name__}>"
