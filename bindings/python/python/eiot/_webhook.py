"""Webhooks: what the platform sends to its customers' own servers."""

from typing import Literal

from eiot import _native


def verify_webhook(
    payload: str | bytes,
    secret: str,
    *,
    max_age: float | None = None,
    sign_method: Literal["sha1", "md5"] = "sha1",
) -> None:
    """Raises `SignatureError` unless a webhook is signed with the secret and unchanged; the text says why.

    >>> payload = '{"nonce":24523,"timestamp":1700000000,"sign":"E2FC88E7C8D0FE2F50D7D0E41B68A1B0C6A7C21F"}'
    >>> try:
    ...     eiot.verify_webhook(payload, "my-secret", max_age=300)
    ... except eiot.SignatureError as error:
    ...     print(error.kind)
    invalid_signature

    `payload` is the body of the webhook's HTTP request as it came, JSON text. With `max_age`, in seconds, one whose
    `timestamp` is further away from this machine's clock is refused, so that old ones cannot be replayed for ever. The
    payload's `appkey` takes no part in its signature (vendor SDK 1.0.1): do not rely on it.
    """
    if isinstance(payload, str):
        # What is no text for UTF-8 cannot be what was signed.
        payload = payload.encode("utf-8", "surrogatepass")
    _native.verify_webhook(payload, secret, max_age, sign_method)
