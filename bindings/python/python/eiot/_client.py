"""The synchronous client."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, SupportsIndex, TypeVar

from eiot._base_client import BaseClient
from eiot._eid import eid_text
from eiot._log import reporter
from eiot._parameters import call_arguments
from eiot._reply import Reply, read_reply
from eiot._results import Results

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="Client")


class Client(BaseClient):
    """A client of one account. Thread-safe.

    >>> with eiot.Client() as client:
    ...     client.refresh_usage("89044011112233441122334411223321").delivered
    'yes'

    Create one and reuse it: it keeps a connection pool and the state of the rate limiter. A forked child may continue
    to use its parent's client. Clients can be pickled for other processes; the pickle contains the secret if it was
    passed as `secret`. Within a process, clients unpickled with the same options share connections and rate limiter.

    Options that are not passed, or `None`, come from the environment, one variable per option: `EIOT_APPKEY`,
    `EIOT_SECRET` or `EIOT_SECRET_FILE`, `EIOT_TIMEOUT` and so on; then from the defaults. Times are in seconds. An
    invalid value raises `ConfigurationError`, which names the option, before anything is sent; a value of the wrong
    type raises `TypeError`.

    :param appkey: identifies the account's application; required.
    :param secret: signs each request, never sent; required, unless you pass `secret_file`.
    :param secret_file: the path of a file that contains the secret and nothing else. Default: none.
    :param base_url: the URL of the platform: `https`, or `http` to a loopback address. Default:
        `https://oapi.eiotclub.com`.
    :param allow_http: allows plain `http` to any address; appkey and signature are then sent unencrypted. Default:
        False.
    :param timeout: timeout of a whole call, including all attempts and waits. Each call can have its own. Default: 30.
    :param connect_timeout: timeout of establishing a connection. Default: 5.
    :param max_attempts: maximum number of requests per call: the first one, and retries of transient failures.
        Default: 3.
    :param rate_limit: the account's limit in calls per second, 0 for unlimited; 95 % of it is used. Default: 10.
    :param rate_scope: which clients share the rate limit: `"process"`, `"host"` for all processes of this user on this
        machine, or `"redis://host:port/db"` for all machines that use this Redis. Default: `"auto"`, which is `"host"`
        if possible.
    :param rate_dir: the directory of the shared rate file, for several users or containers. Default:
        `/tmp/eiot-UID`; on Windows `AppData\\Local\\eiot`.
    :param rate_share: this client's share of the rate limit, for fleets: `(2, 5)` is the second of five. Default:
        `(1, 1)`.
    :param rate_wait: whether to wait for the rate limiter or to raise `RateLimitedError` immediately. Default: True.
    :param eid_cooldown: minimum time between two refreshes of one card; 0 disables it. Default: 0.
    :param clock_skew: corrects timestamps by the clock offset measured from the platform's replies. Default: True.
    :param error_codes: the meaning of platform error codes, such as `{"45109": "cooldown"}`; takes precedence over the
        published codes. The kinds are `auth`, `rate_limited`, `cooldown`, `unavailable` and `platform`; two more raise
        `RejectedError`: `final`, if the same call would fail again, and `retry`, which is retried like an HTTP 503.
        Default: none.
    :param max_auth_failures: a batch stops after this many consecutive authentication failures (`AuthError`); 0
        disables this. Default: 20.
    :param outage_timeout: how long a batch holds its cards back while the platform is unreachable, before it gives
        up; 0 disables holding, and each card fails like a single call. Default: 900.
    :param strict_eid: accepts only GSMA EIDs: 32 digits with a valid checksum. Default: False.
    :param allow_rounded_eid: accepts EIDs that a spreadsheet or a JSON number seems to have rounded. Default: False.
    :param sign_method: the hash function of the signature, `"sha1"` or `"md5"`. Default: `"sha1"`.
    :param ca_file: a PEM file of CA certificates to trust. Default: the system's.
    :param client_cert_file: a PEM file with the client certificate and its chain, for gateways that require mutual TLS;
        requires `client_key_file`. Default: none.
    :param client_key_file: the PEM file with the private key of the client certificate, without a passphrase. Default:
        none.
    :param proxy: a proxy, `http://[user:password@]host:port`; the scheme can also be `https`, `socks5` (host names
        are resolved locally) or `socks5h` (the proxy resolves them). `"env"` reads `HTTPS_PROXY`, `ALL_PROXY` and
        `NO_PROXY`; otherwise they are ignored. Default: none.
    :param source_address: the local IP address to connect from: the platform allow-lists addresses, and a host can have
        several. Default: the system's choice.
    :param user_agent_suffix: names your program in the User-Agent header, for example `billing/2.3`. Default:
        `(python)`.
    :param on_attempt: a function that receives each `Attempt` when it ends, and calls that are refused without one; for
        metrics and traces. It must be quick. It is called in the thread of the call, of `AsyncClient` in the thread of
        the event loop, with the caller's context variables. Its exceptions are reported and ignored. Default: none.
    """

    __slots__ = ()

    def refresh_usage(self, eid: str | SupportsIndex, *, timeout: float | None = None) -> Reply:
        """Refreshes the package usage of one card and waits for the platform's reply.

        >>> client = eiot.Client(timeout=10)
        >>> client.refresh_usage(89001012012341234012345678901224)
        Reply(eid='89001012012341234012345678901224', code='200', message='success', data=None, attempts=1, delivered='yes')

        `eid` is a `str`, where surrounding whitespace is ignored, or an `int`. Any other type raises `TypeError`; in
        particular `float`, which has lost digits. All other failures raise an `EiotError`, whose `delivered` says
        whether the platform may have acted.

        Thread-safe. Blocks for at most `timeout`, by default the client's; releases the GIL, and Ctrl-C cancels the call.
        """
        return read_reply(self._open_handle(timeout).refresh_usage(eid_text(eid), reporter(self._on_attempt)))

    def call(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        idempotent: bool = False,
        timeout: float | None = None,
    ) -> Reply:
        """Makes any other signed call of the platform's API and waits for the reply.

        >>> client = eiot.Client()
        >>> client.call("/api/v3/cloudesim/get", {"eid": "89044011112233441122334411223321"}).data["eid"]
        '89044011112233441122334411223321'

        Rate limit, retries and errors are those of a refresh. `parameters` must be serializable as JSON. `appkey`,
        `timestamp`, `nonce` and `sign` are added, and must not be among them. Values are sent as they are signed.

        If the reply is lost, the call is retried only when it is idempotent. Read-only calls and refreshUsage are;
        for other calls pass `idempotent=True`.
        """
        call = call_arguments(path, parameters, idempotent)
        return read_reply(self._open_handle(timeout).call(*call, reporter(self._on_attempt)))

    def refresh_many(
        self,
        eids: Iterable[str | SupportsIndex],
        *,
        concurrency: int = 32,
        errors: Literal["return", "raise"] = "return",
        timeout: float | None = None,
    ) -> Results:
        """Refreshes many cards and returns an iterator over the results, in order of completion.

        >>> client = eiot.Client()
        >>> results = client.refresh_many(["89044011112233441122334411223321", "8904", "8904"])
        >>> sorted((result.index, result.eid) for result in results if result.ok)
        [(0, '89044011112233441122334411223321'), (1, '8904'), (2, '8904')]
        >>> results.summary.duplicates
        1

        `eids` is any iterable of EIDs. Each item has one result, with its `index` and the object itself as `input`. At
        most `concurrency` (1 to 1024) of them are read ahead of their results, so memory does not grow with a generator
        of a million. A duplicate of one of the last 8,192 EIDs is not sent for 15 minutes, and has the result of the first
        one. If the input has a length, `len(results)` is the same, and tqdm shows progress.

        With `errors="return"`, a failure is a result like any other, with an `error`. That includes items that are not
        EIDs at all, such as `None` and `nan`. With `errors="raise"`, the first failure is raised after calls in flight
        have completed and their successes were returned, so no outcome is lost. Likewise, an exception from `eids` is
        raised after the results of all cards before it.

        All calls run on the thread that waits for the next result, up to `concurrency` in flight. They do not
        progress while your program does not wait, or while `eids` blocks. `timeout`, by default the client's, applies
        per card, starts when the rate limiter admits it, and pauses while calls do not progress. An iterable that blocks
        until new cards arrive, such as a queue, delays results: use `AsyncClient` with an asynchronous iterable, or call
        `refresh_usage` for each card.

        A run that cannot succeed stops itself: after `max_auth_failures` consecutive authentication failures, or when
        the platform was unreachable for `outage_timeout`. All remaining cards, including the rest of `eids`, then
        come back with the error class of the cause, such as `AuthError` or `ConnectError`, with `attempts` 0 and a
        message that says why the card was not sent. During an outage cards are held back, and refreshed when the
        platform responds again. The logger `eiot` reports this at level WARNING.

        Ctrl-C cancels calls in flight. If you continue to iterate after that, those cards come back with
        `CancelledError`.
        """
        return Results(self._open_handle(timeout), reporter(self._on_attempt), eids, concurrency, errors)

    def close(self) -> None:
        """Closes all connections that no other client shares, after calls in flight have completed.

        Later calls raise `InvalidArgumentError`. Closing again has no effect.
        """
        self._close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
