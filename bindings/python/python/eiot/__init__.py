"""Ask the EIOTCLUB platform to refresh the package usage of a cloud eSIM card.

>>> import eiot
>>> client = eiot.Client(appkey="my-appkey", secret="my-secret")
>>> reply = client.refresh_usage("89044011112233441122334411223321")  # doctest: +SKIP

`eiot.refresh_usage(eid)` does the same with what the environment says (`EIOT_APPKEY`, `EIOT_SECRET`, ...). Every
failure is an `EiotError`; its subclasses and fields say what happened, and whether the platform may have acted.
"""

from eiot import _native
from eiot._version import __version__

if _native.__version__ != __version__:
    raise ImportError(
        f"the two halves of eiot do not belong together: the Python half is {__version__}, the native half "
        f"({_native.__file__}) is {_native.__version__}; uninstall eiot and install it again"
    )

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
    PlatformError,
    ProtocolError,
    RateLimitedError,
    TlsError,
)
from eiot._reply import Reply
from eiot._sign import explain, sign

__all__ = [
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
    "PlatformError",
    "ProtocolError",
    "RateLimitedError",
    "Reply",
    "TlsError",
    "__version__",
    "explain",
    "refresh_usage",
    "sign",
]

# In tracebacks and pickles they go by the name that users import.
for _name in __all__:
    if _name != "__version__":
        globals()[_name].__module__ = __name__
del _name
