"""The log: `logging.getLogger("eiot")`, one line per attempt, without secret or signature.

Successful attempts are logged at level DEBUG and failed ones at INFO; reporting the result of a call is up to the
caller. A batch that holds its cards back in an outage, resumes, or stops logs a WARNING.
"""

import logging

_logger = logging.getLogger("eiot")


def is_enabled() -> bool:
    """Whether failed attempts are logged."""
    return _logger.isEnabledFor(logging.INFO)


def line(text: str, level: int) -> None:
    """Logs a line."""
    _logger.log(level, "%s", text)


def attempt(text: str, failed: bool) -> None:
    """Logs an attempt."""
    line(text, logging.INFO if failed else logging.DEBUG)


def notice(text: str) -> None:
    """Logs that a batch holds, resumes or stops."""
    line(text, logging.WARNING)
