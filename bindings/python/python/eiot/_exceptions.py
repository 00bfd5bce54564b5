"""Exceptions: one class for each error kind.

Some also derive from the built-in exception that Python programs expect, such as `TimeoutError`.
"""

from typing import ClassVar, Literal

from eiot import _native

_STATUS = _native.kinds()


class EiotError(Exception):
    """Base class of all exceptions of eiot. `str()` says what happened and what to do about it.

    >>> try:
    ...     eiot.refresh_usage("8.9E+31")
    ... except eiot.EiotError as error:
    ...     print(error.kind, error.delivered, error.attempts)
    invalid_eid no 0

    Pickling and copying preserve all fields. Never contains the secret or a signature.
    """

    kind: ClassVar[str]
    """The error kind, such as `"invalid_eid"`: the same in every language."""

    status: ClassVar[int]
    """The status of the C library for this kind."""

    code: str | None
    """The platform's error code, verbatim, or `None`."""

    platform_message: str | None
    """The platform's error message, verbatim, or `None`. Often Chinese."""

    http_status: int | None
    """The HTTP status of the response, or `None` if there was none."""

    attempts: int
    """How many requests were sent or started; 0 if the call failed before the first one."""

    retry_after: float | None
    """How many seconds the platform asks to wait before the next call, or `None`."""

    final: bool
    """Whether the same call would fail again no matter how network, account and platform change: for malformed EIDs and
    arguments, and for the platform's codes for invalid requests. Unpublished codes are never final."""

    delivered: Literal["no", "yes", "unknown"]
    """Whether the platform received the request. Check this before you repeat a call that is not idempotent."""

    eid: str | None
    """The EID of the call, or `None` if the error does not concern a single card."""

    body: bytes | None
    """The first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of a
    proxy or gateway; otherwise `None`."""

    headers: dict[str, str]
    """The response headers that help support, by their names in lower case, such as `"server"` and `"x-request-id"`;
    empty if there was no response."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        platform_message: str | None = None,
        http_status: int | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        delivered: Literal["no", "yes", "unknown"] = "no",
        eid: str | None = None,
        final: bool | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        # Only the message is positional: pickling passes it and restores the fields from `__dict__`.
        super().__init__(message)
        self.code = code
        self.platform_message = platform_message
        self.http_status = http_status
        self.attempts = attempts
        self.retry_after = retry_after
        self.delivered = delivered
        self.eid = eid
        self.body = body
        self.headers = {} if headers is None else headers
        self.final = isinstance(self, (InvalidArgumentError, InvalidEidError)) if final is None else final


class InvalidArgumentError(EiotError, ValueError):
    """An argument is invalid, or the client is closed."""

    kind = "invalid_argument"
    status = _STATUS[kind]


class InvalidEidError(EiotError, ValueError):
    """The EID is malformed: not 1 to 32 decimal digits or, with `strict_eid`, not a GSMA EID. Nothing was sent."""

    kind = "invalid_eid"
    status = _STATUS[kind]


class ConfigError(EiotError):
    """An option is missing or invalid; the message names it. Nothing was sent."""

    kind = "config"
    status = _STATUS[kind]


class ConnectError(EiotError, ConnectionError):
    """Connecting failed: DNS lookup, connection refused, host unreachable, proxy."""

    kind = "connect"
    status = _STATUS[kind]


class TlsError(EiotError):
    """The TLS handshake failed, usually because the certificate is not signed by a trusted CA; see `ca_file`."""

    kind = "tls"
    status = _STATUS[kind]


class EiotTimeoutError(EiotError, TimeoutError):
    """The call's deadline passed. If `delivered` is `"unknown"`, the request may have taken effect."""

    kind = "timeout"
    status = _STATUS[kind]


class ConnectionLostError(EiotError, ConnectionError):
    """The connection was lost before the complete response arrived, so the request may have taken effect."""

    kind = "connection_lost"
    status = _STATUS[kind]


class CancelledError(EiotError):
    """The caller cancelled the call.

    An exception of a signal handler, such as `KeyboardInterrupt`, is raised itself, with this as its `__context__`.
    """

    kind = "cancelled"
    status = _STATUS[kind]


class AuthError(EiotError):
    """Authentication or authorization failed: credentials, their permissions, or the source IP address (HTTP 401 or
    403, the platform's codes 403 and 502).
    """

    kind = "auth"
    status = _STATUS[kind]


class RateLimitedError(EiotError):
    """Rate limit exceeded: the platform's (HTTP 429, its code 501), or the client's own rate limiter has no permit
    before the deadline. `retry_after` may say how long to wait.
    """

    kind = "rate_limited"
    status = _STATUS[kind]


class CooldownError(EiotError):
    """The card was refreshed too recently."""

    kind = "cooldown"
    status = _STATUS[kind]


class PlatformError(EiotError):
    """The platform rejected the call with a code that has no more specific class. See `code` and `final`."""

    kind = "platform"
    status = _STATUS[kind]


class HttpError(EiotError):
    """Unexpected HTTP status. See `http_status`."""

    kind = "http"
    status = _STATUS[kind]


class ProtocolError(EiotError):
    """The response could not be parsed: not the documented JSON, too large, or a redirect."""

    kind = "protocol"
    status = _STATUS[kind]


class UnavailableError(EiotError):
    """The platform reports that it is temporarily unavailable (its code 500)."""

    kind = "unavailable"
    status = _STATUS[kind]


class SignatureError(EiotError):
    """The signature of a webhook is invalid: signed with another secret, modified, or too old. Do not act on it."""

    kind = "invalid_signature"
    status = _STATUS[kind]


class InternalError(EiotError):
    """A bug in this library; please report it."""

    kind = "internal"
    status = _STATUS[kind]


BY_KIND: dict[str, type[EiotError]] = {cls.kind: cls for cls in EiotError.__subclasses__()}


def from_native(
    kind: str,
    message: str,
    code: str | None,
    platform_message: str | None,
    http_status: int | None,
    attempts: int,
    retry_after: float | None,
    delivered: Literal["no", "yes", "unknown"],
    eid: str | None,
    final: bool,
    body: bytes | None,
    headers: dict[str, str],
) -> EiotError:
    """Creates the exception that the native module raises."""
    return BY_KIND[kind](
        message,
        code=code,
        platform_message=platform_message,
        http_status=http_status,
        attempts=attempts,
        retry_after=retry_after,
        delivered=delivered,
        eid=eid,
        final=final,
        body=body,
        headers=headers,
    )
