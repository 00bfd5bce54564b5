"""The client."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, TypeVar

from eiot._eid import eid_text
from eiot._exceptions import InvalidArgumentError
from eiot._native import ClientHandle
from eiot._reply import Reply, read_data

# Younger Pythons have `typing.Self`.
_Self = TypeVar("_Self", bound="Client")
_Path = str | os.PathLike[str]


def _given(arguments: dict[str, object]) -> dict[str, object]:
    """The options among a function's arguments: all but what it belongs to."""
    return {name: value for name, value in arguments.items() if name not in ("self", "cls")}


class Client:
    """Refreshes the package usage of cloud eSIM cards of one account.

    Make one and keep it: it holds connections open between calls. Any number of threads may use it at once, and a
    forked child may go on using its parent's.

    `None` stands for the default. Times are seconds. A value that cannot be used raises `ConfigError`, which names
    the option, before anything is sent; a value of a wrong type raises `TypeError`.

    :param appkey: identifies the account's application; required.
    :param secret: signs each request and is never sent; required, here or through `secret_file`.
    :param secret_file: a file that holds the secret and nothing else.
    :param base_url: where the platform is, `https`, or `http` to this machine.
    :param allow_http: allow plain `http` to any address; appkey and signature can then be read on the way.
    :param timeout: the deadline of a whole call, all attempts and waits included.
    :param connect_timeout: how long making a connection may take.
    :param max_attempts: how many requests a call may make: the first, and retries of what may pass.
    :param rate_limit: calls a second that the account may make, 0 for any number; 95 % of it is used.
    :param rate_scope: who shares that rate: `"process"`, or `"host"` for all processes of this machine.
    :param rate_share: which part of that rate is this client's, for fleets: `(2, 5)` is the second of five.
    :param rate_wait: wait for a free slot, or raise `RateLimitedError` at once.
    :param eid_cooldown: refuse to refresh a card again before so long; 0 is off.
    :param clock_skew: learn from the platform's replies how far this machine's clock is off.
    :param codes: what the platform's own codes mean, such as `{"45109": "cooldown"}`; the kinds are `auth`,
        `rate_limited`, `cooldown` and `platform`.
    :param strict_eid: ask for GSMA EIDs, 32 digits that pass the check.
    :param sign_method: the hash behind the signature, `"sha1"` or `"md5"`.
    :param ca_file: a PEM file of certificate authorities to trust instead of the system's.
    :param proxy: an HTTP proxy, `http://[user:password@]host:port`; the environment's are not used.
    """

    _handle: ClientHandle | None = None

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
        rate_scope: Literal["process", "host"] | None = None,
        rate_share: tuple[int, int] | None = None,
        rate_wait: bool | None = None,
        eid_cooldown: float | None = None,
        clock_skew: bool | None = None,
        codes: Mapping[str, str] | None = None,
        strict_eid: bool | None = None,
        sign_method: Literal["sha1", "md5"] | None = None,
        ca_file: _Path | None = None,
        proxy: str | None = None,
    ) -> None:
        self._handle = ClientHandle(False, _given(locals()))

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
        rate_scope: Literal["process", "host"] | None = None,
        rate_share: tuple[int, int] | None = None,
        rate_wait: bool | None = None,
        eid_cooldown: float | None = None,
        clock_skew: bool | None = None,
        codes: Mapping[str, str] | None = None,
        strict_eid: bool | None = None,
        sign_method: Literal["sha1", "md5"] | None = None,
        ca_file: _Path | None = None,
        proxy: str | None = None,
    ) -> _Self:
        """A client of what the environment says: `EIOT_APPKEY`, `EIOT_SECRET`, and so on, one for each option.

        What is given here goes before the environment; `None` leaves it to the environment, and then to the default.
        """
        options = _given(locals())
        client = cls.__new__(cls)
        client._handle = ClientHandle(True, options)
        return client

    def refresh_usage(self, eid: str | int) -> Reply:
        """Asks the platform to refresh one card's package usage, and waits for its answer.

        Blocks for at most the client's `timeout`; other threads run meanwhile, and Ctrl-C ends it.

        `eid` is text, with white space around it allowed, or an int. Anything else is a `TypeError`, a float above
        all: it has lost digits. Every other failure is an `EiotError`, whose `delivered` says whether the platform
        may have acted.
        """
        handle = self._handle
        if handle is None:
            raise InvalidArgumentError("this client is closed; make a new one")
        digits, message, data_json, attempts, delivered = handle.refresh_usage(eid_text(eid))
        return Reply(digits, message, read_data(data_json), attempts, delivered)

    def close(self) -> None:
        """Closes the connections; calls that are under way finish first. Later ones raise `InvalidArgumentError`."""
        self._handle = None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        name, handle = f"eiot.{type(self).__name__}", self._handle
        if handle is None:
            return f"<{name} closed>"
        return (
            f"<{name} appkey={handle.appkey!r} secret=[redacted] base_url={handle.base_url!r} "
            f"timeout={handle.timeout!r} connect_timeout={handle.connect_timeout!r}>"
        )
