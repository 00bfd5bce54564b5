"""The log: `logging.getLogger("eiot")`, one line per attempt, without secret or signature.

Successful attempts are logged at level DEBUG and failed ones at INFO; reporting the result of a call is up to the
caller. A batch that holds its cards back in an outage, resumes, or stops logs a WARNING.
"""

import logging

_logger = logging.getLogger("eiot")


def is_enabled() -> bool:
    """Whether failed attempts are logged."""
    return _logger.isEnabledFor(logging.INFO)


def attempt(line: str, failed: bool) -> None:
    """Logs an attempt."""
    _logger.log(logging.INFO if failed else logging.DEBUG, "%s", line)


def notice(line: str) -> None:
    """Logs that a batch holds, resumes or stops."""
    _logger.warning("%s", line)
