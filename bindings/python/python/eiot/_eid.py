"""Conversion of EIDs from `str` and `int`."""

import contextlib
import operator
from typing import SupportsIndex

from eiot._exceptions import InvalidEidError


def eid_text(eid: str | SupportsIndex) -> str:
    """The EID as text; the native module validates it."""
    if isinstance(eid, str):
        return eid
    if not isinstance(eid, bool):
        with contextlib.suppress(TypeError):
            # Integers of numpy and others, too.
            return _digits(operator.index(eid))
    raise TypeError(f"eid: must be a str or an int, not {type(eid).__name__}{_advice(eid)}")


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:
        raise InvalidEidError("invalid EID: the number has thousands of digits, at most 32 are allowed") from None


def _advice(eid: object) -> str:
    if isinstance(eid, (bytes, bytearray)):
        return ". Decode it first: eid.decode()"
    if eid is None or hasattr(eid, "__float__"):
        return (
            ". A float has lost digits already, and a missing value is not an EID. pandas makes floats of a column "
            "of numbers with blanks: read it with dtype=str, and drop the blanks"
        )
    return ""
