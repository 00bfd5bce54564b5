"""The log: `logging.getLogger("eiot")`, one line per attempt, without secret or signature.

Attempts that succeed are DEBUG, those that fail INFO; what becomes of a call is for its caller to say. What a batch does by
itself is WARNING: it holds its cards back in an outage, goes on, or stops.
"""

import logging

_logger = logging.getLogger("eiot")


def is_enabled() -> bool:
    """Whether anybody would see a line."""
    return _logger.isEnabledFor(logging.INFO)


def attempt(line: str, failed: bool) -> None:
    """An attempt is over."""
    _logger.log(logging.INFO if failed else logging.DEBUG, "%s", line)


def notice(line: str) -> None:
    """A batch does something by itself."""
    _logger.warning("%s", line)
