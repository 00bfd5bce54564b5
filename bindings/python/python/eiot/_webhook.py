"""Verification of webhooks that the platform sends to your server."""

import json
from typing import Any, Literal

from eiot import _native
from eiot._exceptions import ProtocolError


def verify_webhook(
    payload: str | bytes,
    secret: str,
    *,
    max_age: float | None = None,
    sign_method: Literal["sha1", "md5"] = "sha1",
) -> dict[str, Any]:
    """Verifies the signature of a webhook and returns its payload. Raises `SignatureError`, which says why, if the
    signature is invalid.

    >>> payload = '{"nonce":24523,"timestamp":1700000000,"sign":"E2FC88E7C8D0FE2F50D7D0E41B68A1B0C6A7C21F"}'
    >>> try:
    ...     eiot.verify_webhook(payload, "my-secret", max_age=300)
    ... except eiot.SignatureError as error:
    ...     print(error.kind)
    invalid_signature

    `payload` is the raw body of the HTTP request. `max_age`, in seconds, rejects webhooks whose `timestamp` is
    further than that from this machine's clock, which limits replay attacks. The `appkey` in the payload is not
    covered by the signature (vendor SDK 1.0.1): do not rely on it.

    Thread-safe. Does no I/O.
    """
    if isinstance(payload, str):
        # Lone surrogates are not UTF-8, so they cannot match the signature.
        payload = payload.encode("utf-8", "surrogatepass")
    _native.verify_webhook(payload, secret, max_age, sign_method)
    try:
        content: dict[str, Any] = json.loads(payload)
    except (ValueError, RecursionError) as why:
        raise ProtocolError(f"the webhook is signed correctly, but Python cannot parse it: {why}", delivered="no") from why
    return content
