"""EIDs as Python programs have them."""

from eiot._exceptions import InvalidEidError


def eid_text(eid: str | int) -> str:
    """The EID as text; the native half judges its digits."""
    if isinstance(eid, str):
        return eid
    if isinstance(eid, int) and not isinstance(eid, bool):
        try:
            return str(eid)
        except ValueError:
            raise InvalidEidError("not an EID: the number has thousands of digits, 32 is the most") from None
    advice = ""
    if eid is None or isinstance(eid, float):
        advice = (
            ". A float has lost digits already, and a missing value is not an EID. pandas makes floats of a column "
            "of numbers with blanks: read it with dtype=str, and drop the blanks"
        )
    elif isinstance(eid, (bytes, bytearray)):
        advice = ". Decode it first: eid.decode()"
    raise TypeError(f"an EID is a str or an int, not {type(eid).__name__}{advice}")
