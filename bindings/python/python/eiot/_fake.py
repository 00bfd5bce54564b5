"""Clients that make no calls, for unit tests of programs that use eiot."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from eiot._async_client import AsyncClient
from eiot._client import Client
from eiot._exceptions import EiotError, InvalidEidError
from eiot._log import Hook
from eiot._native import ClientHandle, eid_digits
from eiot._reply import Reply, ReplyTuple, read_reply
from eiot._result import OutcomeTuple

if TYPE_CHECKING:
    from eiot._calls import Start

Answer = Mapping[str, Any] | EiotError | None
Answers = Mapping[str, Answer] | Callable[[str, Mapping[str, Any]], Answer]

# `typing.Self` needs Python 3.11.
_Self = TypeVar("_Self", bound="FakeClient")
_AsyncSelf = TypeVar("_AsyncSelf", bound="FakeAsyncClient")

_NO_ANSWERS: Mapping[str, Answer] = {}
_REFRESH_USAGE = "/api/v3/cloudesim/refreshUsage"


class FakeClient(Client):
    """A `Client` that makes no calls and needs no account.

    >>> from eiot.testing import FakeClient
    >>> client = FakeClient({"8904": eiot.CooldownError("too soon", delivered="yes"), "8905": {"used": 7}})
    >>> [result.ok for result in client.refresh_many(["8903", "8904", "8905"])]
    [True, False, True]
    >>> client.refresh_usage("8905").data
    {'used': 7}
    >>> client.calls[0]
    ('/api/v3/cloudesim/refreshUsage', {'eid': '8903'})

    `answers` says how the platform answers, by EID: an exception, which is raised; the `data` of the reply; or `None` for
    a reply without data, which is also the answer to any other EID. Or it is a function of the path and the parameters
    that returns such an answer. There is no rate limit, no retry and no deduplication: test those with `Simulator`.
    """

    __slots__ = ("calls",)

    calls: list[tuple[str, dict[str, Any]]]
    """Path and parameters of every call so far."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.calls = []
        self._handle = cast(ClientHandle, _FakeHandle(answers, self.calls))
        self._on_attempt = None

    @classmethod
    def _of(cls: type[_Self], handle: ClientHandle, on_attempt: Hook | None) -> _Self:
        client = super()._of(handle, on_attempt)
        client.calls = cast(_FakeHandle, handle).calls
        return client


class FakeAsyncClient(AsyncClient):
    """An `AsyncClient` that makes no calls and needs no account; see `FakeClient`."""

    __slots__ = ("calls",)

    calls: list[tuple[str, dict[str, Any]]]
    """Path and parameters of every call so far."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.calls = []
        self._handle = cast(ClientHandle, _FakeHandle(answers, self.calls))
        self._on_attempt = None

    @classmethod
    def _of(cls: type[_AsyncSelf], handle: ClientHandle, on_attempt: Hook | None) -> _AsyncSelf:
        client = super()._of(handle, on_attempt)
        client.calls = cast(_FakeHandle, handle).calls
        return client

    async def _outcome(self, start: "Start") -> Reply:
        # The handle of a fake answers at once.
        return read_reply(cast(Callable[[], ReplyTuple], start)())


class _FakeHandle:
    """What clients use of `ClientHandle`."""

    appkey, base_url, timeout, connect_timeout = "fake", "fake:", 30.0, 5.0

    def __init__(self, answers: Answers | None, calls: list[tuple[str, dict[str, Any]]]) -> None:
        self._answers: Answers = _NO_ANSWERS if answers is None else answers
        self.calls = calls

    def with_options(self, options: dict[str, object]) -> "_FakeHandle":
        return self

    def shares_with(self, other: object) -> bool:
        return False

    def stats_json(self) -> str:
        return "{}"

    def refresh_usage(self, eid: str, report: object = None) -> ReplyTuple:
        digits = eid_digits(eid)
        if digits is None:
            raise InvalidEidError(f"invalid EID: {eid[:64]!r}", eid=eid)
        return self._answer(_REFRESH_USAGE, {"eid": digits})

    def call(self, path: str, parameters: str, idempotent: bool, report: object = None) -> ReplyTuple:
        return self._answer(path, json.loads(parameters))

    def batch(self, concurrency: int, report: object) -> "_FakeBatch":
        return _FakeBatch(self, concurrency)

    start_refresh_usage = refresh_usage
    start_call = call

    def start_batch(self, concurrency: int, inbox: object, number: int, reports: bool) -> "_FakeStartedBatch":
        return _FakeStartedBatch(self, concurrency, number)

    def _answer(self, path: str, parameters: dict[str, Any]) -> ReplyTuple:
        self.calls.append((path, parameters))
        eid = str(parameters.get("eid", ""))
        answer = self._answers(path, parameters) if callable(self._answers) else self._answers.get(eid)
        if isinstance(answer, EiotError):
            raise answer
        return eid, "200", "success", None if answer is None else json.dumps(answer), 1, "yes"


class _FakeBatch:
    """What results use of `BatchHandle`."""

    def __init__(self, platform: _FakeHandle, concurrency: int) -> None:
        self._platform = platform
        self._concurrency = concurrency
        self._done: deque[OutcomeTuple] = deque()
        self._takes_more = True
        self._submitted = self._refreshed = 0
        self._failures: dict[str, int] = {}

    def has_room(self) -> bool:
        return self._takes_more and len(self._done) < self._concurrency

    def push(self, eid: str, tag: int) -> None:
        self._submitted += 1
        try:
            reply = self._platform.refresh_usage(eid)
        except EiotError as error:
            self._failures[error.kind] = self._failures.get(error.kind, 0) + 1
            self._done.append((tag, eid, False, None, error))
        else:
            self._refreshed += 1
            self._done.append((tag, reply[0], False, reply, None))

    def next(self) -> OutcomeTuple | None:
        return self._done.popleft() if self._done else None

    def stop(self) -> None:
        self._takes_more = False

    cancel = close = stop

    def summary(self) -> tuple[int, int, int, dict[str, int]]:
        return self._submitted, self._refreshed, 0, dict(self._failures)


class _FakeStartedBatch(_FakeBatch):
    """What asynchronous results use of `StartedBatch`."""

    def __init__(self, platform: _FakeHandle, concurrency: int, number: int) -> None:
        from eiot._calls import calls_here

        super().__init__(platform, concurrency)
        self._channel = calls_here().channel(number)

    def push(self, eid: str, tag: int) -> None:
        super().push(eid, tag)
        self._channel.outcomes.append(self._done.popleft())
        self._channel.counts = self.summary()
