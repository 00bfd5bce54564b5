"""The client."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, TypeVar

from eiot._base_client import BaseClient
from eiot._eid import eid_text
from eiot._parameters import parameters_text
from eiot._reply import Reply, read_reply
from eiot._results import Results

# Younger Pythons have `typing.Self`.
_Self = TypeVar("_Self", bound="Client")


class Client(BaseClient):
    """Refreshes the package usage of cloud eSIM cards of one account.

    >>> with eiot.Client.from_env() as client:
    ...     client.refresh_usage("89044011112233441122334411223321").delivered
    'yes'

    Make one and keep it: it holds connections open between calls. Any number of threads may use it at once, and a
    forked child may go on using its parent's. It can be pickled for other processes, with the secret in the pickle when
    it was given as `secret`; within a process, unpickled clients of the same options share connections and rate.

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
    :param rate_scope: who shares that rate: `"auto"`, `"process"`, `"host"` for all processes of this user on this machine,
        or `"redis://host:port/db"` for all machines that use this Redis. `"auto"` is `"host"` where that can be had.
    :param rate_dir: the directory of the file that processes share, for several users or containers.
    :param rate_share: which part of that rate is this client's, for fleets: `(2, 5)` is the second of five.
    :param rate_wait: wait for a free slot, or raise `RateLimitedError` at once.
    :param eid_cooldown: refuse to refresh a card again before so long; 0 is off.
    :param clock_skew: learn from the platform's replies how far this machine's clock is off.
    :param error_codes: what error codes of the platform mean, such as `{"45109": "cooldown"}`; takes precedence over the
        published codes. The kinds are `auth`, `rate_limited`, `cooldown`, `unavailable` and `platform`, and for a
        `PlatformError` also `final`, the same call would fail again, and `retry`, it is retried as an HTTP 503 is.
    :param max_auth_failures: a batch stops after so many refusals of the account (`AuthError`) in a row, without a
        success in between; 0 is off.
    :param outage_timeout: how long a batch holds its cards back while the platform cannot be reached, before it gives
        up; 0 is off, and each card fails as in a single call.
    :param strict_eid: ask for GSMA EIDs, 32 digits that pass the check.
    :param sign_method: the hash behind the signature, `"sha1"` or `"md5"`.
    :param ca_file: a PEM file of certificate authorities to trust instead of the system's.
    :param client_cert_file: a PEM file with the certificate chain that the client presents, for gateways that require a
        client certificate (mutual TLS); requires `client_key_file`.
    :param client_key_file: the PEM file with the private key of that certificate, without a passphrase.
    :param proxy: a proxy, `http://[user:password@]host:port`; the scheme can also be `https`, `socks5` (host names are
        resolved locally) or `socks5h` (the proxy resolves them). `"env"` reads `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`;
        without it they are not used.
    :param source_address: the local IP address that connections are made from: the platform allow-lists addresses, and
        a host can have several.
    :param user_agent_suffix: names the calling program in the user agent, for example `billing/2.3`.
    """

    __slots__ = ()

    def refresh_usage(self, eid: str | int) -> Reply:
        """Asks the platform to refresh one card's package usage, and waits for its answer.

        >>> client = eiot.Client.from_env(timeout=10)
        >>> client.refresh_usage(89001012012341234012345678901224)
        Reply(eid='89001012012341234012345678901224', code='200', message='success', data=None, attempts=1, delivered='yes')

        Blocks for at most the client's `timeout`; other threads run meanwhile, and Ctrl-C ends it.

        `eid` is text, with white space around it allowed, or an int. Anything else is a `TypeError`, a float above
        all: it has lost digits. Every other failure is an `EiotError`, whose `delivered` says whether the platform
        may have acted.
        """
        return read_reply(self._open_handle().refresh_usage(eid_text(eid)))

    def call(self, path: str, parameters: Mapping[str, Any] | None = None, *, idempotent: bool = False) -> Reply:
        """Makes any other signed call of the platform's family, and waits for its answer.

        >>> client = eiot.Client.from_env()
        >>> client.call("/api/v3/cloudesim/get", {"eid": "89044011112233441122334411223321"}).data["eid"]
        '89044011112233441122334411223321'

        It goes the way of a refresh, with the same rate, retries and errors. `parameters` is what JSON can hold;
        `appkey`, `timestamp`, `nonce` and `sign` are added, and must not be among them. What is sent is what was signed.

        A call whose reply is lost is repeated only where that is known to be harmless: so it is of calls that only read
        and of the refresh; of others, `idempotent=True` says so.
        """
        return read_reply(self._open_handle().call(path, parameters_text(parameters), idempotent))

    def refresh_many(
        self,
        eids: Iterable[str | int],
        *,
        concurrency: int = 32,
        errors: Literal["return", "raise"] = "return",
    ) -> Results:
        """Refreshes many cards, and gives the results as they finish.

        >>> client = eiot.Client.from_env()
        >>> results = client.refresh_many(["89044011112233441122334411223321", "8904", "8904"])
        >>> sorted(result.eid for result in results if result.ok)
        ['8904', '89044011112233441122334411223321']
        >>> results.summary.duplicates
        1

        `eids` is any iterable of what `refresh_usage` takes. At most `concurrency` (1 to 1024) EIDs are taken from it
        ahead of their results, so that memory stays flat for a generator of a million; a card that comes again within
        the last 8,192 is left out. An input with a length, such as a list, is read at once, and each of its cards is
        refreshed once, so that `len(results)` is known and tqdm shows how far it has come.

        With `errors="return"` a failure is a result as any other, with its `error`. With `errors="raise"` the first
        failure is raised: no more is sent, what is under way is finished and its successes come first, so that nothing
        is left unknown. In the same way, an exception from `eids`, and the `TypeError` of something that cannot be an
        EID, is raised when the results of all cards before it have come.

        All calls are made by the thread that waits for the next result, up to `concurrency` at once; while none waits,
        and while `eids` takes its time, they stand still. The client's `timeout` is that of one card, from the moment
        at which its turn has come; standing still does not count. An input that waits for new cards itself, such as a
        queue, would hold the results back: call `refresh_usage` for each of those.

        A run that cannot succeed stops by itself: after `max_auth_failures` refusals of the account in a row, and when
        the platform could not be reached for `outage_timeout`. All remaining cards, the rest of `eids` included, then
        come back with an error of the cause's class, such as `AuthError` or `ConnectError`, whose `attempts` is 0 and
        whose text says why the card was not sent. In an outage the cards are held back, and refreshed when the platform
        answers again. The logger `eiot` says so at level WARNING.

        Ctrl-C breaks off what is under way. Who goes on with the results after that learns from their `CancelledError`
        what became of those cards.
        """
        return Results(self._open_handle(), eids, concurrency, errors)

    def close(self) -> None:
        """Closes the connections that no other client shares; calls that are under way finish first.

        Later ones raise `InvalidArgumentError`. To close a second time does nothing.
        """
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
