"""The common base of both clients: options, construction, `repr`, `with_options` and pickling."""

import os
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar, cast

from eiot import _native
from eiot._exceptions import InvalidArgumentError
from eiot._native import ClientHandle
from eiot._pickle import shared_handle

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="BaseClient")
_Path = str | os.PathLike[str]


class BaseClient:
    """The options of a client. `Client` and `AsyncClient` derive from it."""

    # A slot, so that `vars()` does not show it. It holds the secret, and does not show that either.
    __slots__ = ("__dict__", "__weakref__", "_handle")
    _handle: ClientHandle | None

    def __init__(
        self,
        *,
        appkey: str | None = None,
        secret: str | None = None,
        secret_file: _Path | None = None,
        base_url: str | None = None,
        allow_http: bool | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        max_attempts: int | None = None,
        rate_limit: float | None = None,
        rate_scope: str | None = None,
        rate_dir: _Path | None = None,
        rate_share: tuple[int, int] | None = None,
        rate_wait: bool | None = None,
        eid_cooldown: float | None = None,
        clock_skew: bool | None = None,
        error_codes: Mapping[str, str] | None = None,
        max_auth_failures: int | None = None,
        outage_timeout: float | None = None,
        strict_eid: bool | None = None,
        allow_rounded_eid: bool | None = None,
        sign_method: Literal["sha1", "md5"] | None = None,
        ca_file: _Path | None = None,
        client_cert_file: _Path | None = None,
        client_key_file: _Path | None = None,
        proxy: str | None = None,
        source_address: str | None = None,
        user_agent_suffix: str | None = None,
    ) -> None:
        self._begin(ClientHandle(False, _given(locals())))

    @classmethod
    def from_env(
        cls: type[_Self],
        *,
        appkey: str | None = None,
        secret: str | None = None,
        secret_file: _Path | None = None,
        base_url: str | None = None,
        allow_http: bool | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        max_attempts: int | None = None,
        rate_limit: float | None = None,
        rate_scope: str | None = None,
        rate_dir: _Path | None = None,
        rate_share: tuple[int, int] | None = None,
        rate_wait: bool | None = None,
        eid_cooldown: float | None = None,
        clock_skew: bool | None = None,
        error_codes: Mapping[str, str] | None = None,
        max_auth_failures: int | None = None,
        outage_timeout: float | None = None,
        strict_eid: bool | None = None,
        allow_rounded_eid: bool | None = None,
        sign_method: Literal["sha1", "md5"] | None = None,
        ca_file: _Path | None = None,
        client_cert_file: _Path | None = None,
        client_key_file: _Path | None = None,
        proxy: str | None = None,
        source_address: str | None = None,
        user_agent_suffix: str | None = None,
    ) -> _Self:
        """Creates a client from the environment: `EIOT_APPKEY`, `EIOT_SECRET` and so on, one variable per option.

        Arguments override the environment; `None` means the environment, then the default.

        >>> client = eiot.Client.from_env(timeout=10)
        """
        return cls._of(ClientHandle(True, _given(locals())))

    def with_options(
        self: _Self,
        *,
        timeout: float | None = None,
        max_attempts: int | None = None,
        rate_wait: bool | None = None,
        error_codes: Mapping[str, str] | None = None,
        max_auth_failures: int | None = None,
        outage_timeout: float | None = None,
        strict_eid: bool | None = None,
        allow_rounded_eid: bool | None = None,
        **others: NoReturn,
    ) -> _Self:
        """Returns a client with different options per call; `None` keeps an option.

        It shares connections, rate limiter and cooldowns with this client, and keeps working when this one is
        closed. It is cheap enough to create for a single call:

        >>> client = eiot.Client.from_env()
        >>> client.with_options(timeout=3, max_attempts=1).refresh_usage("89034011560010000000000000000121").attempts
        1

        All other options concern shared state and raise `TypeError`: create a separate client for them.
        """
        options = _given(locals())
        if options.pop("others"):
            own = [name for name, is_a_calls_own in _native.options() if is_a_calls_own]
            raise TypeError(
                f"with_options() does not take {', '.join(others)}: clients that share connections and rate limit "
                f"can only differ in {', '.join(own)}; create a separate client"
            )
        return self._of(self._open_handle().with_options(options))

    @classmethod
    def _of(cls: type[_Self], handle: ClientHandle) -> _Self:
        client = cls.__new__(cls)
        client._begin(handle)
        return client

    def _begin(self, handle: ClientHandle) -> None:
        self._handle = handle

    def _open_handle(self) -> ClientHandle:
        handle = self._handle
        if handle is None:
            raise InvalidArgumentError("this client is closed; create a new one")
        return handle

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
        return type(self)._unpickled, self._open_handle().recipe(), vars(self) or None

    @classmethod
    def _unpickled(
        cls: type[_Self], from_environment: bool, given: dict[str, object], changed: dict[str, object]
    ) -> _Self:
        handle = shared_handle(from_environment, given)
        return cls._of(handle.with_options(changed) if changed else handle)


def _given(arguments: dict[str, object]) -> dict[str, object]:
    """The options among a function's arguments that are not `None`."""
    return {
        # A copy: the caller may change the mapping later.
        name: dict(cast(Mapping[object, object], value)) if isinstance(value, Mapping) else value
        for name, value in arguments.items()
        if name not in ("self", "cls") and value is not None
    }
