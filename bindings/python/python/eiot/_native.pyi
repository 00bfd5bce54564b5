"""
The native module of the package; internal.
"""

from typing import Final, SupportsFloat, SupportsIndex, final

__all__ = ["__version__", "BatchHandle", "Cancellation", "ClientHandle", "eid_digits", "kinds", "options", "sign", "string_to_sign", "verify_webhook"]

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
        Like `cancel`; if the batch is not in use, also drops the results and closes the connections.
        """
    def has_room(self, /) -> bool:
        """
        Whether another EID should be pushed before the next wait.
        """
    def next(self, /) -> "tuple[str, tuple[str, str, str, str | None, int, str] | None, BaseException | None] | None":
        """
        Waits until a card is done; returns `None` when all are. Other Python threads and this thread's signal handlers
        run in the meantime. Returns the EID and either the reply tuple or the exception. If a signal handler raises,
        the exception is raised here, and all calls are cancelled: their results are kept for later calls.
        """
    def push(self, /, eid: str) -> None:
        """
        Adds a card.
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
    def __new__(cls, /, from_environment: bool, options: "dict[str, object]") -> ClientHandle:
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
    def batch(self, /, concurrency: int) -> BatchHandle:
        """
        Creates a batch with at most `concurrency` calls in flight.
        """
    def call(self, /, path: str, parameters: str, idempotent: bool, cancellation: Cancellation | None = None) -> tuple[str, str, str, str | None, int, str]:
        """
        Makes any other signed call; `parameters` is the text of a JSON object. Otherwise like `refresh_usage`.
        """
    @property
    def connect_timeout(self, /) -> float:
        """
        In seconds.
        """
    def recipe(self, /) -> "tuple[bool, dict[str, object], dict[str, object]]":
        """
        The constructor arguments: whether to read the environment, the options, and those changed by `with_options`.
        """
    def refresh_usage(self, /, eid: str, cancellation: Cancellation | None = None) -> tuple[str, str, str, str | None, int, str]:
        """
        Makes one call on the calling thread; other Python threads and this thread's signal handlers run in the
        meantime. Returns the reply tuple.
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

def eid_digits(eid: str) -> str | None:
    """
    The EID's digits, without surrounding whitespace; `None` if it is not an EID.
    """

def kinds() -> dict[str, int]:
    """
    The error kinds with their statuses in the C library.
    """

def options() -> list[tuple[str, bool]]:
    """
    The options of a client in the core's order, and whether `with_options` accepts each.
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
