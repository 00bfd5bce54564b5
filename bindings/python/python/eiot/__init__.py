"""Client for the EIOTCLUB open API: refreshes the package usage of cloud eSIM cards.

>>> import eiot
>>> reply = eiot.refresh_usage("89044011112233441122334411223321")
>>> reply.message
'success'

This example reads the account from the environment: `EIOT_APPKEY`, `EIOT_SECRET`, ... Otherwise create a `Client`, or an
`AsyncClient` for asyncio. All exceptions derive from `EiotError`; their classes
and fields say what happened and whether the platform may have acted. `eiot.testing` runs a simulator of the platform.
"""

from eiot import _native
from eiot._version import __version__

if _native.__version__ != __version__:
    raise ImportError(
        f"eiot is installed inconsistently: the Python package is {__version__}, the native module "
        f"({_native.__file__}) is {_native.__version__}; reinstall eiot"
    )

from eiot._async_client import AsyncClient
from eiot._async_results import AsyncResults
from eiot._client import Client
from eiot._environment import refresh_usage
from eiot._exceptions import (
    AuthError,
    CancelledError,
    ConfigurationError,
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
    RejectedError,
    TlsError,
    TransportError,
    UnavailableError,
)
from eiot._log import Attempt
from eiot._webhook import verify_webhook
from eiot._reply import Reply
from eiot._result import Failure, Result, Success, Summary
from eiot._results import Results
from eiot._sign import sign, string_to_sign

__all__ = [
    "AsyncClient",
    "AsyncResults",
    "Attempt",
    "AuthError",
    "CancelledError",
    "Client",
    "ConfigurationError",
    "ConnectError",
    "ConnectionLostError",
    "CooldownError",
    "EiotError",
    "EiotTimeoutError",
    "Failure",
    "HttpError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidEidError",
    "SignatureError",
    "PlatformError",
    "ProtocolError",
    "RateLimitedError",
    "RejectedError",
    "Reply",
    "Result",
    "Results",
    "Success",
    "Summary",
    "TlsError",
    "TransportError",
    "UnavailableError",
    "__version__",
    "string_to_sign",
    "refresh_usage",
    "sign",
    "verify_webhook",
]


def _go_by_public_names() -> None:
    """Makes tracebacks and pickles show `eiot.Client` instead of `eiot._client.Client`."""
    for name in __all__:
        # Not of `__version__`, and of `Result`, which is a union.
        if callable(globals()[name]):
            globals()[name].__module__ = __name__


_go_by_public_names()
