"""The common base of both clients: options, construction, `repr`, `with_options` and pickling."""

import json
from typing import TYPE_CHECKING, Any, TypeVar

from eiot._exceptions import InvalidArgumentError
from eiot._log import Hook
from eiot._native import ClientHandle
from eiot._options import CallOptions, ClientOptions, given
from eiot._pickle import forget, shared_handle

if TYPE_CHECKING:
    # Part of `typing` from Python 3.11 on.
    from typing_extensions import Unpack

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="BaseClient")


class BaseClient:
    """The options of a client. `Client` and `AsyncClient` derive from it."""

    # Without a `__dict__`, a misspelled attribute is an error.
    __slots__ = ("__weakref__", "_handle", "_on_attempt")
    # Holds the secret, and does not show it.
    _handle: ClientHandle | None
    _on_attempt: Hook | None

    def __init__(self, *, on_attempt: Hook | None = None, **options: "Unpack[ClientOptions]") -> None:
        self._handle = ClientHandle(given(options))
        self._on_attempt = on_attempt

    def stats(self) -> dict[str, Any]:
        """Returns the counters of this client and those that share connections with it: calls, attempts, retries, waits and
        more. `docs/statistics.md` in the sources describes them.

        >>> client = eiot.Client()
        >>> client.refresh_usage("8904").attempts
        1
        >>> client.stats()["attempts"]["ok"]
        1
        """
        counters: dict[str, Any] = json.loads(self._open_handle().stats_json())
        return counters

    def with_options(
        self: _Self, *, on_attempt: Hook | None = None, **options: "Unpack[CallOptions]"
    ) -> _Self:
        """Returns a client with different options per call: `timeout`, `max_attempts`, `rate_wait`, `error_codes`,
        `max_auth_failures`, `outage_timeout`, `strict_eid` and `allow_rounded_eid`, or a different hook. `None`
        keeps an option.

        It shares connections, rate limiter and cooldowns with this client, and keeps working when this one is
        closed. It is cheap enough to create for a single call:

        >>> client = eiot.Client()
        >>> client.with_options(timeout=3, max_attempts=1).refresh_usage("89034011560010000000000000000121").attempts
        1

        All other options concern shared state and raise `TypeError`: create a separate client for them.
        """
        handle = self._open_handle().with_options(given(options))
        return self._of(handle, self._on_attempt if on_attempt is None else on_attempt)

    @classmethod
    def _of(cls: type[_Self], handle: ClientHandle, on_attempt: Hook | None) -> _Self:
        client = cls.__new__(cls)
        client._handle = handle
        client._on_attempt = on_attempt
        return client

    def _open_handle(self, timeout: float | None = None) -> ClientHandle:
        """The handle, for a call that may have a timeout of its own."""
        handle = self._handle
        if handle is None:
            raise InvalidArgumentError("this client is closed; create a new one")
        return handle if timeout is None else handle.with_options({"timeout": timeout})

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            forget(handle)

    def __repr__(self) -> str:
        name, handle = f"eiot.{type(self).__name__}", self._handle
        if handle is None:
            return f"<{name} closed>"
        return (
            f"<{name} appkey={handle.appkey!r} secret=[redacted] base_url={handle.base_url!r} "
            f"timeout={handle.timeout!r} connect_timeout={handle.connect_timeout!r}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as the constructor arguments, including `secret` if it was passed."""
        arguments = (*self._open_handle().recipe(), self._on_attempt)
        # Subclasses may have attributes of their own.
        return type(self)._unpickled, arguments, getattr(self, "__dict__", None)

    @classmethod
    def _unpickled(
        cls: type[_Self], options: dict[str, object], changed: dict[str, object], on_attempt: Hook | None
    ) -> _Self:
        handle = shared_handle(options)
        return cls._of(handle.with_options(changed) if changed else handle, on_attempt)
