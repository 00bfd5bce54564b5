"""The parameters of a call, as JSON text."""

import json
from collections.abc import Mapping
from typing import Any


def parameters_text(parameters: Mapping[str, Any] | None) -> str:
    """Serializes the parameters."""
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
    return json.dumps(dict(parameters), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
