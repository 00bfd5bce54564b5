"""Exceptions: one class for each error kind, in groups.

Some also derive from the built-in exception that Python programs expect, such as `TimeoutError`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

Delivered: TypeAlias = Literal["no", "yes", "unknown"]
Kind: TypeAlias = Literal[
    "invalid_argument",
    "invalid_eid",
    "config",
    "connect",
    "tls",
    "timeout",
    "connection_lost",
    "cancelled",
    "auth",
    "rate_limited",
    "cooldown",
    "platform",
    "http",
    "protocol",
    "unavailable",
    "invalid_signature",
    "internal",
]


class EiotError(Exception):
    """Base class of all exceptions of eiot. `str()` says what happened and what to do about it.

    >>> try:
    ...     eiot.refresh_usage("8.9E+31")
    ... except eiot.EiotError as error:
    ...     print(error.kind, error.delivered, error.attempts)
    invalid_eid no 0

    Most failures are in one of two groups: `TransportError`, if there was no usable response, and `PlatformError`, if the
    platform rejected the call.

    Pickling and copying preserve all fields. `args` is the message and a `dict` of the fields that JSON can represent, so
    that they survive serializers that keep only the class and `args`, such as Celery's default. An exception that is made
    from its message alone does not know whether the platform has received the request: `delivered` is `"unknown"`.

    Never contains the secret or a signature.
    """

    kind: ClassVar[Kind]
    """The error kind, such as `"invalid_eid"`: the same in every language."""

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

    retryable: bool
    """Whether the failure may pass by itself, and repeating this call is safe: nothing was delivered, or the call is
    idempotent, as a refresh is."""

    delivered: Delivered
    """Whether the platform received the request. Check this before you repeat a call that is not idempotent."""

    eid: str | None
    """The EID of the call, or `None` if the error does not concern a single card."""

    body: bytes | None
    """The first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of a
    proxy or gateway; otherwise `None`."""

    headers: dict[str, str]
    """The response headers that help support, by their names in lower case, such as `"server"` and `"x-request-id"`;
    empty if there was no response."""

    args: tuple[Any, ...]
    """The message and a `dict` of the other fields, without `body`."""

    # Nothing is sent before these are raised.
    _is_local: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        # What `args` has kept, as serializers pass it.
        fields: Mapping[str, Any] | None = None,
        /,
        *,
        code: str | None = None,
        platform_message: str | None = None,
        http_status: int | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        delivered: Delivered | None = None,
        eid: str | None = None,
        final: bool | None = None,
        retryable: bool = False,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.code = code
        self.platform_message = platform_message
        self.http_status = http_status
        self.attempts = attempts
        self.retry_after = retry_after
        self.delivered = delivered or ("no" if self._is_local else "unknown")
        self.eid = eid
        self.retryable = retryable
        self.body = body
        self.headers = {} if headers is None else headers
        self.final = isinstance(self, (InvalidArgumentError, InvalidEidError)) if final is None else final
        if isinstance(fields, Mapping):
            vars(self).update((name, value) for name, value in fields.items() if name in vars(self))
        kept = {name: value for name, value in vars(self).items() if name != "body" and value not in (None, {})}
        super().__init__(message)
        # Not passed up: `OSError`, of which some classes derive, would take two arguments for an errno and its text.
        self.args = message, kept

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class TransportError(EiotError):
    """Base class: there was no response, or none that could be read. `delivered` says whether the request may have
    arrived."""


class PlatformError(EiotError):
    """Base class: the platform, or the client on its behalf, rejected the call. See `code` and `platform_message`."""


class InvalidArgumentError(EiotError, ValueError):
    """An argument is invalid, or the client is closed."""

    kind: ClassVar[Kind] = "invalid_argument"
    _is_local: ClassVar[bool] = True


class InvalidEidError(EiotError, ValueError):
    """The EID is malformed: not 1 to 32 decimal digits or, with `strict_eid`, not a GSMA EID. Nothing was sent."""

    kind: ClassVar[Kind] = "invalid_eid"
    _is_local: ClassVar[bool] = True


class ConfigurationError(EiotError):
    """An option is missing or invalid; the message names it. Nothing was sent."""

    kind: ClassVar[Kind] = "config"


class ConnectError(TransportError, ConnectionError):
    """Connecting failed: DNS lookup, connection refused, host unreachable, proxy."""

    kind: ClassVar[Kind] = "connect"


class TlsError(TransportError):
    """The TLS handshake failed, usually because the certificate is not signed by a trusted CA; see `ca_file`."""

    kind: ClassVar[Kind] = "tls"


class EiotTimeoutError(TransportError, TimeoutError):
    """The call's deadline passed. If `delivered` is `"unknown"`, the request may have taken effect."""

    kind: ClassVar[Kind] = "timeout"


class ConnectionLostError(TransportError, ConnectionError):
    """The connection was lost before the complete response arrived, so the request may have taken effect."""

    kind: ClassVar[Kind] = "connection_lost"


class CancelledError(EiotError):
    """The caller cancelled the call.

    An exception of a signal handler, such as `KeyboardInterrupt`, is raised itself, with this as its `__context__`.
    """

    kind: ClassVar[Kind] = "cancelled"


class AuthError(PlatformError):
    """Authentication or authorization failed: credentials, their permissions, or the source IP address (HTTP 401 or
    403, the platform's codes 403 and 502).
    """

    kind: ClassVar[Kind] = "auth"


class RateLimitedError(PlatformError):
    """Rate limit exceeded: the platform's (HTTP 429, its code 501), or the client's own rate limiter has no permit
    before the deadline. `retry_after` may say how long to wait.
    """

    kind: ClassVar[Kind] = "rate_limited"


class CooldownError(PlatformError):
    """The card was refreshed too recently."""

    kind: ClassVar[Kind] = "cooldown"


class RejectedError(PlatformError):
    """The platform rejected the call with a code that has no more specific class. See `code` and `final`."""

    kind: ClassVar[Kind] = "platform"


class HttpError(TransportError):
    """Unexpected HTTP status. See `http_status`."""

    kind: ClassVar[Kind] = "http"


class ProtocolError(TransportError):
    """The response could not be parsed: not the documented JSON, too large, or a redirect."""

    kind: ClassVar[Kind] = "protocol"


class UnavailableError(PlatformError):
    """The platform reports that it is temporarily unavailable (its code 500)."""

    kind: ClassVar[Kind] = "unavailable"


class SignatureError(EiotError):
    """The signature of a webhook is invalid: signed with another secret, modified, or too old. Do not act on it."""

    kind: ClassVar[Kind] = "invalid_signature"
    _is_local: ClassVar[bool] = True


class InternalError(EiotError):
    """A bug in this library; please report it."""

    kind: ClassVar[Kind] = "internal"


def _leaves(cls: type[EiotError]) -> list[type[EiotError]]:
    return [leaf for sub in cls.__subclasses__() for leaf in _leaves(sub) or [sub]]


BY_KIND: dict[str, type[EiotError]] = {cls.kind: cls for cls in _leaves(EiotError)}


def from_native(kind: str, message: str, fields: dict[str, Any]) -> EiotError:
    """Creates the exception that the native module raises."""
    return BY_KIND[kind](message, **fields)
