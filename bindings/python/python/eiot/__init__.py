"""Ask the EIOTCLUB platform to refresh the package usage of a cloud eSIM card.

>>> import eiot
>>> reply = eiot.refresh_usage("89044011112233441122334411223321")
>>> reply.message
'success'

The account comes from the environment: `EIOT_APPKEY`, `EIOT_SECRET`, ... A program with a configuration of its own
makes a `Client`, or an `AsyncClient` for asyncio. Every failure is an `EiotError`; its subclasses and fields say what
happened, and whether the platform may have acted. `eiot.testing` starts a stand-in for the platform.
"""

from eiot import _native
from eiot._version import __version__

if _native.__version__ != __version__:
    raise ImportError(
        f"the two halves of eiot do not belong together: the Python half is {__version__}, the native half "
        f"({_native.__file__}) is {_native.__version__}; uninstall eiot and install it again"
    )

from eiot._async_client import AsyncClient
from eiot._async_results import AsyncResults
from eiot._client import Client
from eiot._environment import refresh_usage
from eiot._exceptions import (
    AuthError,
    CancelledError,
    ConfigError,
    ConnectError,
    ConnectionLostError,
    CooldownError,
    EiotError,
    EiotTimeoutError,
    HttpError,
    InternalError,
    InvalidArgumentError,
    InvalidEidError,
    SignatureError,
    PlatformError,
    ProtocolError,
    RateLimitedError,
    TlsError,
    UnavailableError,
)
from eiot._webhook import verify_webhook
from eiot._reply import Reply
from eiot._result import Result, Summary
from eiot._results import Results
from eiot._sign import sign, string_to_sign

__all__ = [
    "AsyncClient",
    "AsyncResults",
    "AuthError",
    "CancelledError",
    "Client",
    "ConfigError",
    "ConnectError",
    "ConnectionLostError",
    "CooldownError",
    "EiotError",
    "EiotTimeoutError",
    "HttpError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidEidError",
    "SignatureError",
    "PlatformError",
    "ProtocolError",
    "RateLimitedError",
    "Reply",
    "Result",
    "Results",
    "Summary",
    "TlsError",
    "UnavailableError",
    "__version__",
    "string_to_sign",
    "refresh_usage",
    "sign",
    "verify_webhook",
]


def _go_by_public_names() -> None:
    """In tracebacks and pickles."""
    for name in __all__:
        if name != "__version__":
            globals()[name].__module__ = __name__


_go_by_public_names()
