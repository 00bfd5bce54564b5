"""
The native module of the package; internal.
"""

from typing import Final, SupportsFloat, SupportsIndex, final

__all__ = ["__version__", "BatchHandle", "Cancellation", "ClientHandle", "Inbox", "Started", "StartedBatch", "eid_digits", "kinds", "options", "sign", "string_to_sign", "verify_webhook"]

__version__: Final[str]

@final
class BatchHandle:
    """
    A batch. Requires exclusive access, except for `stop` and `cancel`, which are thread-safe.
    """
    def cancel(self, /) -> None:
        """
        Cancels all calls, within 50 ms if a thread is waiting; all cards are returned. Thread-safe.
        """
    def close(self, /) -> None:
        """
        Like `cancel`; if the batch is not in use, also counts and drops the outcomes, and closes the connections.
        """
    def has_room(self, /) -> bool:
        """
        Whether another EID should be pushed before the next wait.
        """
    def next(self, /) -> "tuple[int, str, bool, tuple[str, str, str, str | None, int, str] | None, BaseException | None] | None":
        """
        Waits until a card is done; returns `None` when all are. Other Python threads and this thread's signal handlers
        run in the meantime. Returns tag, EID, whether it is a duplicate, and the reply tuple or the exception. If a signal
        handler raises, the exception is raised here, and all calls are cancelled; their outcomes are returned later.
        """
    def push(self, /, eid: str, tag: SupportsIndex) -> None:
        """
        Adds a card, whose outcome comes back with the tag.
        """
    def stop(self, /) -> None:
        """
        Stops sending: waiting cards are returned as cancelled, calls in flight complete. Thread-safe.
        """
    def summary(self, /) -> "tuple[int, int, int, dict[str, int]]":
        """
        Cards submitted, refreshed, and skipped as duplicates; failures by kind. Calls in flight are not counted.
        """

@final
class Cancellation:
    """
    A cancellation token. Thread-safe.
    """
    def __new__(cls, /) -> Cancellation: ...
    def trigger(self, /) -> None:
        """
        Cancels the call within 50 ms, or immediately if it has not started.
        """

@final
class ClientHandle:
    """
    A client. Thread-safe.
    """
    def __new__(cls, /, options: "dict[str, object]") -> ClientHandle:
        """
        Creates a client with these options; others come from the environment or have their defaults.
        """
    @property
    def appkey(self, /) -> str:
        """
        The appkey.
        """
    @property
    def base_url(self, /) -> str:
        """
        The URL of the platform.
        """
    def batch(self, /, concurrency: int, report: "object") -> BatchHandle:
        """
        Creates a batch with at most `concurrency` calls in flight.
        """
    def call(self, /, path: str, parameters: str, idempotent: bool, report: "object") -> tuple[str, str, str, str | None, int, str]:
        """
        Makes any other signed call; `parameters` is the text of a JSON object. Otherwise like `refresh_usage`.
        """
    @property
    def connect_timeout(self, /) -> float:
        """
        In seconds.
        """
    def recipe(self, /) -> "tuple[dict[str, object], dict[str, object]]":
        """
        The constructor arguments: the options, and those changed by `with_options`.
        """
    def refresh_usage(self, /, eid: str, report: "object") -> tuple[str, str, str, str | None, int, str]:
        """
        Makes one call on the calling thread; other Python threads and this thread's signal handlers run in the
        meantime. `report` takes each attempt as a line of text and as JSON. Returns the reply tuple.
        """
    def shares_with(self, /, other: ClientHandle) -> bool:
        """
        Whether both share connections, because one was made by `with_options` of the other.
        """
    def start_batch(self, /, concurrency: int, inbox: Inbox, number: SupportsIndex, reports: bool) -> StartedBatch:
        """
        Starts a batch, which runs by itself; its outcomes, and if `reports` its attempts, arrive in the inbox with
        this number.
        """
    def start_call(self, /, path: str, parameters: str, idempotent: bool, inbox: Inbox, number: SupportsIndex, reports: bool) -> Started:
        """
        Starts any other signed call, like `start_refresh_usage`.
        """
    def start_refresh_usage(self, /, eid: str, inbox: Inbox, number: SupportsIndex, reports: bool) -> Started:
        """
        Starts a refresh; its outcome, and if `reports` its attempts, arrive in the inbox with this number.
        """
    def stats_json(self, /) -> str:
        """
        The counters of the client and those that share connections with it, as JSON.
        """
    @property
    def timeout(self, /) -> float:
        """
        In seconds.
        """
    def with_options(self, /, options: "dict[str, object]") -> ClientHandle:
        """
        Returns a client with different options per call, which shares connections and rate limiter with this one.
        """

@final
class Inbox:
    """
    What the thread of started calls reports. The asyncio event loop watches its descriptor and drains it, so that the other thread
    needs no interpreter: not while this one is busy, and not while the interpreter shuts down.

    Not every event loop can watch a descriptor, and on Windows the usual one cannot. With `wake`, there is none: the other thread
    calls `wake` when the first message has come.
    """
    def __new__(cls, /, wake: "object" = None) -> Inbox: ...
    def drain(self, /) -> "list[tuple[int, tuple[str, str | None] | None, tuple[str, str, str, str | None, int, str] | None, tuple[tuple[int, str, bool, tuple[str, str, str, str | None, int, str] | None, BaseException | None], tuple[int, int, int, dict[str, int]]] | None, BaseException | None]]":
        """
        Takes all messages: the number of the call or batch, and one of: an attempt as a line of text and as JSON, or a notice
        without JSON; the reply tuple; the outcome of a card, as `BatchHandle.next` returns it, and the summary of its batch; the exception.
        """
    def fileno(self, /) -> int:
        """
        The descriptor that is readable when there are messages.
        """

@final
class Started:
    """
    A call that was started.
    """
    def cancel(self, /) -> None:
        """
        Cancels the call: its outcome arrives at once. Thread-safe.
        """

@final
class StartedBatch:
    """
    A batch that was started. Thread-safe. Ends when it is dropped.
    """
    def cancel(self, /) -> None:
        """
        Cancels all calls; all cards are returned.
        """
    def push(self, /, eid: str, tag: SupportsIndex) -> None:
        """
        Adds a card, whose outcome comes back with the tag.
        """
    def stop(self, /) -> None:
        """
        Stops sending: waiting cards are returned as cancelled, calls in flight complete.
        """

def eid_digits(eid: str) -> str | None:
    """
    The EID's digits, without surrounding whitespace; `None` if it is not an EID.
    """

def kinds() -> dict[str, int]:
    """
    The error kinds with their statuses in the C library.
    """

def options() -> list[tuple[str, str, bool]]:
    """
    The options of a client in the core's order: name, default in words, and whether `with_options` accepts it.
    """

def sign(params: "list[tuple[str, str]]", secret: str, method: str) -> str:
    """
    Signs flat parameters.
    """

def string_to_sign(params: "list[tuple[str, str]]") -> str:
    """
    The string to sign, with the secret masked.
    """

def verify_webhook(payload: bytes, secret: str, max_age: SupportsFloat | SupportsIndex | None, method: str) -> None:
    """
    Verifies the signature of a webhook, and its age in seconds. Raises `SignatureError`.
    """
