"""The platform's reply."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, cast

# What the native module returns: EID, code, message, data as JSON text, attempts, delivered.
ReplyTuple = tuple[str, str, str, str | None, int, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful reply of the platform.

    A refresh *triggers* one usage sync with the carrier; new figures may become visible a little later.
    """

    eid: str
    """The EID that was refreshed, without surrounding whitespace. For other calls: their `eid` parameter, or empty if
    they have none."""

    code: str
    """The platform's code, which is always `"200"`: all other codes are errors."""

    message: str
    """The platform's message, verbatim. Its wording varies: show it, but do not compare it."""

    data: Any = field(hash=False)
    """The reply's `data`, parsed from JSON, or `None`. The platform documents no fields for a refresh. (JSON that
    Python cannot parse, such as a number of 5000 digits, remains a `str`, since the call has succeeded.)"""

    attempts: int
    """How many requests the call took."""

    delivered: Literal["no", "yes", "unknown"]
    """Whether the platform received the request: always `"yes"` here."""


def read_reply(parts: ReplyTuple) -> Reply:
    """Converts the native module's tuple."""
    eid, code, message, data_json, attempts, delivered = parts
    return Reply(eid, code, message, _read(data_json), attempts, cast(Literal["no", "yes", "unknown"], delivered))


def _read(data_json: str | None) -> Any:
    if data_json is None:
        return None
    try:
        return json.loads(data_json)
    except (ValueError, RecursionError):
        return data_json
