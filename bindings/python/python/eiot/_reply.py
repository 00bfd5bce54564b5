"""What the platform answered."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, cast


@dataclass(frozen=True, slots=True)
class Reply:
    """The platform has accepted the call.

    A refresh *starts* one synchronisation of the card's usage with the carrier; new figures may become visible a
    little later.
    """

    eid: str
    """The EID that was refreshed, without the white space it may have come with; of another call its `eid` parameter, and
    empty where there is none."""

    code: str
    """The platform's code, always `"200"`: every other one is an error."""

    message: str
    """The platform's message exactly as it came. Its wording varies: show it, never compare it."""

    data: Any = field(hash=False)
    """The reply's `data`, read from JSON, or `None`. Of a refresh its fields are not documented. (JSON that Python refuses,
    such as a number of 5000 digits, is left as text: the call has been accepted all the same.)"""

    attempts: int
    """How many requests it took."""

    delivered: Literal["no", "yes", "unknown"]
    """Whether the platform got the request: here always `"yes"`."""


def read_reply(parts: tuple[str, str, str, str | None, int, str]) -> Reply:
    """What the native half answers, as Python has it."""
    eid, code, message, data_json, attempts, delivered = parts
    return Reply(eid, code, message, _read(data_json), attempts, cast(Literal["no", "yes", "unknown"], delivered))


def _read(data_json: str | None) -> Any:
    if data_json is None:
        return None
    try:
        return json.loads(data_json)
    except (ValueError, RecursionError):
        return data_json
