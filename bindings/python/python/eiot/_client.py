"""The client."""

import os
from types import TracebackType
from typing import Literal, TypeVar

from eiot._eid import eid_text
from eiot._exceptions import InvalidArgumentError
from eiot._native import ClientHandle
from eiot._reply import Reply, read_data

# Younger Pythons have `typing.Self`.
_Self = TypeVar("_Self", bound="Client")
_Path = str | os.PathLike[str]


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
    :param timeout: the deadline of a whole call.
    :param connect_timeout: how long making a connection may take.
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
        timeout: float | None = None,
        connect_timeout: float | None = None,
        strict_eid: bool | None = None,
        sign_method: Literal["sha1", "md5"] | None = None,
        ca_file: _Path | None = None,
        proxy: str | None = None,
    ) -> None:
        self._handle = ClientHandle(
            False,
            {
                "appkey": appkey,
                "secret": secret,
                "secret_file": secret_file,
                "base_url": base_url,
                "timeout": timeout,
                "connect_timeout": connect_timeout,
                "strict_eid": strict_eid,
                "sign_method": sign_method,
                "ca_file": ca_file,
                "proxy": proxy,
            },
        )

    @classmethod
    def from_env(
        cls: type[_Self],
        *,
        appkey: str | None = None,
        secret: str | None = None,
        secret_file: _Path | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        strict_eid: bool | None = None,
        sign_method: Literal["sha1", "md5"] | None = None,
        ca_file: _Path | None = None,
        proxy: str | None = None,
    ) -> _Self:
        """A client of what the environment says: `EIOT_APPKEY`, `EIOT_SECRET`, and so on, one for each option.

        What is given here goes before the environment; `None` leaves it to the environment, and then to the default.
        """
        client = cls.__new__(cls)
        client._handle = ClientHandle(
            True,
            {
                "appkey": appkey,
                "secret": secret,
                "secret_file": secret_file,
                "base_url": base_url,
                "timeout": timeout,
                "connect_timeout": connect_timeout,
                "strict_eid": strict_eid,
                "sign_method": sign_method,
                "ca_file": ca_file,
                "proxy": proxy,
            },
        )
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
