"""The signature, for requests that you send yourself."""

from collections.abc import Mapping
from typing import Literal

from eiot import _native

Params = Mapping[str, str | int | None]


def sign(params: Params, secret: str, method: Literal["sha1", "md5"] = "sha1") -> str:
    """Computes the platform's signature of flat parameters: upper-case hex, 40 characters for SHA-1 and 32 for MD5.

    A `str` is signed verbatim, an `int` as its decimal digits, `True` and `False` as `1` and `0`, as in the vendor's
    SDK. `None`, empty strings and a parameter named `sign` are skipped. The order does not matter.

    >>> params = {"age": 24, "appkey": "000001", "nonce": 24523, "sex": 1, "timestamp": 1556595508, "userName": "wx"}
    >>> eiot.sign(params, "a1b1c1d1")
    '963A56BAEBED746F2746E4D9B3B77BE0F2E171E7'

    Raises `TypeError` for other types: a `float` has several representations, so pass the text that you send.
    """
    return _native.sign(_flat(params), secret, method)


def string_to_sign(params: Params) -> str:
    """Returns the string that `sign` hashes, with the secret masked. Compare it when the platform rejects a signature.

    >>> eiot.string_to_sign({"nonce": 24523, "appkey": "000001"})
    'appkey=000001&nonce=24523&secret=[redacted]'
    """
    return _native.string_to_sign(_flat(params))


def _flat(params: Params) -> list[tuple[str, str]]:
    if not isinstance(params, Mapping):
        raise TypeError(f"params: must be a mapping of names to values, not {type(params).__name__}")
    return [(_name(name), _text(name, value)) for name, value in params.items() if value is not None]


def _name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"params: a name must be a str, not {type(name).__name__}")
    return name


def _text(name: str, value: str | int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    why = ": a float has more than one spelling" if isinstance(value, float) else ""
    takes = "must be str, int, bool or None; pass the text that is sent"
    raise TypeError(f"params: {name!r} is a {type(value).__name__}{why}; it {takes}")
