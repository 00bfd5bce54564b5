"""What can go wrong: one class for each kind of error that the native half knows.

The classes differ in `kind`, and some are also the built-in exception that Python programs expect.
"""

from typing import ClassVar, Literal

from eiot import _native

_STATUS = _native.kinds()


class EiotError(Exception):
    """Any failure of eiot; raised as one of its subclasses. `str()` says what happened, and what to do.

    >>> try:
    ...     eiot.refresh_usage("8.9E+31")
    ... except eiot.EiotError as error:
    ...     print(error.kind, error.delivered, error.attempts)
    invalid_eid no 0

    It survives pickling and copying with all its fields, and never holds the secret or a signature.
    """

    kind: ClassVar[str]
    """The kind by name, such as `"invalid_eid"`: the same in every language."""

    status: ClassVar[int]
    """The kind by number, as the C library returns it."""

    code: str | None
    """The platform's code exactly as it came, or `None`."""

    platform_message: str | None
    """The platform's message exactly as it came; it can be Chinese."""

    http_status: int | None
    """The HTTP status of the reply, if there was one."""

    attempts: int
    """How many requests were sent or begun; 0 when the call was refused before that."""

    retry_after: float | None
    """How many seconds the platform asks to wait before the next try."""

    final: bool
    """Whether the same call would fail again, whatever becomes of network, account and platform: a malformed EID or
    argument, and the platform's codes for a wrong request. A code that is not published is never final."""

    delivered: Literal["no", "yes", "unknown"]
    """Did the platform get the request? What to know before a call is repeated."""

    eid: str | None
    """The EID of the call; `None` when the failure has nothing to do with one card."""

    body: bytes | None
    """The first 2 KiB of the response body, verbatim, when the response is not the platform's, such as the HTML page of a
    proxy or gateway; otherwise `None`."""

    headers: dict[str, str]
    """The response headers that help support, by their names in lower case, such as `"server"` and `"x-request-id"`; empty
    when there was no response."""

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
        # Only the message is an argument: pickling passes it, and restores the fields from `__dict__`.
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
    """An argument cannot be used, or the client is closed."""

    kind = "invalid_argument"
    status = _STATUS[kind]


class InvalidEidError(EiotError, ValueError):
    """The EID is not 1 to 32 decimal digits (or, with `strict_eid`, not a GSMA EID). Nothing was sent."""

    kind = "invalid_eid"
    status = _STATUS[kind]


class ConfigError(EiotError):
    """An option is missing or has a value that cannot be used; the text names it. Nothing was sent."""

    kind = "config"
    status = _STATUS[kind]


class ConnectError(EiotError, ConnectionError):
    """No connection could be made: name look-up, refused, unreachable, proxy."""

    kind = "connect"
    status = _STATUS[kind]


class TlsError(EiotError):
    """The TLS handshake failed, most often because the certificate is not trusted; see `ca_file`."""

    kind = "tls"
    status = _STATUS[kind]


class EiotTimeoutError(EiotError, TimeoutError):
    """The deadline passed. When `delivered` is `"unknown"`, the refresh may have happened."""

    kind = "timeout"
    status = _STATUS[kind]


class ConnectionLostError(EiotError, ConnectionError):
    """The connection broke before the whole reply had come, so the refresh may have happened."""

    kind = "connection_lost"
    status = _STATUS[kind]


class CancelledError(EiotError):
    """The caller asked to stop.

    A signal handler's exception, such as `KeyboardInterrupt`, is raised as it is and has this as its `__context__`.
    """

    kind = "cancelled"
    status = _STATUS[kind]


class AuthError(EiotError):
    """The platform does not accept the credentials, their rights or the source address (HTTP 401 or 403, its codes 403
    and 502).
    """

    kind = "auth"
    status = _STATUS[kind]


class RateLimitedError(EiotError):
    """Too many requests (HTTP 429, the platform's code 501), or no free slot in time; `retry_after` may say how long to wait."""

    kind = "rate_limited"
    status = _STATUS[kind]


class CooldownError(EiotError):
    """This card was refreshed too recently."""

    kind = "cooldown"
    status = _STATUS[kind]


class PlatformError(EiotError):
    """The platform said no: any code but `"200"` that has no more precise class. See `code` and `final`."""

    kind = "platform"
    status = _STATUS[kind]


class HttpError(EiotError):
    """An HTTP status that the call does not know. See `http_status`."""

    kind = "http"
    status = _STATUS[kind]


class ProtocolError(EiotError):
    """A reply that nobody can read: not the documented JSON, too large, or a redirect."""

    kind = "protocol"
    status = _STATUS[kind]


class UnavailableError(EiotError):
    """The platform itself says that it cannot serve calls at the moment (its code 500)."""

    kind = "unavailable"
    status = _STATUS[kind]


class SignatureError(EiotError):
    """A webhook is not signed with the secret, was changed, or is too old: do not act on it."""

    kind = "invalid_signature"
    status = _STATUS[kind]


class InternalError(EiotError):
    """A fault of this library; please report it."""

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
    """Makes the exception that the native half raises."""
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
