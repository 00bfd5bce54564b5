"""The parameters of a call, as JSON text."""

import json
from collections.abc import Mapping
from typing import Any

from eiot._arguments import require


def call_arguments(path: str, parameters: Mapping[str, Any] | None, idempotent: bool) -> tuple[str, str, bool]:
    """The arguments of a call, with its parameters as JSON text."""
    require("path", path, str, "a str")
    require("idempotent", idempotent, bool, "True or False")
    return path, _text(parameters), idempotent


def _text(parameters: Mapping[str, Any] | None) -> str:
    if parameters is None:
        return "{}"
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters: must be a mapping of names to values, not {type(parameters).__name__}")
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise TypeError(f"parameters: a name must be a str, not {type(name).__name__}")
        if name in ("eid", "iccid") and isinstance(value, float):
            raise TypeError(f"parameters: {name!r} is a float, which has lost digits; read card numbers as text")
    # The native module rejects lone surrogates.
    try:
        return json.dumps(dict(parameters), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except TypeError as why:
        raise TypeError(f"parameters: must be serializable as JSON: {why}") from None
