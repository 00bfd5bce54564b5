"""What is reported while calls are in flight: to `logging.getLogger("eiot")`, and to the client's hook.

Successful attempts are logged at level DEBUG and failed ones at INFO; reporting the result of a call is up to the
caller. A batch that holds its cards back in an outage, resumes, or stops logs a WARNING. Never contains the secret or a
signature.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

from eiot._exceptions import Delivered

_logger = logging.getLogger("eiot")

# Takes an attempt as a line of text and as JSON.
Report = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that has ended, or a call that was refused before anything was sent. `on_attempt` receives it, and so does
    each log record, as `record.eiot`.

    >>> seen = []
    >>> eiot.Client(on_attempt=seen.append).refresh_usage("8904").attempts
    1
    >>> seen[0].eid, seen[0].attempt, seen[0].outcome
    ('8904', 1, 'ok')
    """

    path: str
    """The path of the call."""

    eid: str | None
    """The EID; `None` if the call does not concern a card."""

    attempt: int
    """Which attempt of the call: 1 is the first. 0: nothing was sent, since the call was refused."""

    outcome: str
    """`"ok"`, or the kind of the error."""

    delivered: Delivered
    """Whether the platform received the request."""

    code: str | None
    """The platform's code."""

    http_status: int | None
    """The HTTP status of the response."""

    duration_ms: float
    """How long the attempt took."""

    next_wait_ms: int | None
    """The time until the retry; `None` if there is none."""

    timestamp: int | None
    """The timestamp of the request. With the nonce, it identifies the request to the platform's support."""

    nonce: int | None
    """The nonce of the request."""

    message: str | None
    """The error message."""


Hook = Callable[[Attempt], object]


def reporter(on_attempt: Hook | None) -> Report | None:
    """What to do with each attempt of a call; `None` if nothing."""
    logs = _logger.isEnabledFor(logging.INFO)
    if on_attempt is None:
        return _log if logs else None

    def report(line: str, event: str) -> None:
        if logs:
            _log(line, event)
        on_attempt(Attempt(**json.loads(event)))

    return report


def _log(line: str, event: str) -> None:
    attempt = Attempt(**json.loads(event))
    level = logging.DEBUG if attempt.outcome == "ok" else logging.INFO
    _logger.log(level, "%s", line, extra={"eiot": attempt})


def notice(line: str) -> None:
    """Logs that a batch holds, resumes or stops."""
    _logger.warning("%s", line)
