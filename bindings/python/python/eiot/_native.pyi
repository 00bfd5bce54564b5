"""
The native half of the package; not for use from outside.
"""

from typing import Final, SupportsFloat, SupportsIndex, final

__all__ = ["__version__", "BatchHandle", "Cancellation", "ClientHandle", "eid_digits", "kinds", "options", "sign", "string_to_sign", "verify_webhook"]

__version__: Final[str]

@final
class BatchHandle:
    """
    What the results of many cards come from. One thread at a time may use it; `stop` and `cancel` are for all.
    """
    def cancel(self, /) -> None:
        """
        Breaks all off, within 50 ms where a thread is waiting; all cards come back. For any thread.
        """
    def close(self, /) -> None:
        """
        As `cancel`, and where it is not in use, forgets what came back and closes the connections.
        """
    def has_room(self, /) -> bool:
        """
        Whether another EID should be pushed before the next wait.
        """
    def next(self, /) -> "tuple[str, tuple[str, str, str, str | None, int, str] | None, BaseException | None] | None":
        """
        Waits until one card has come back; other Python threads run meanwhile, and signal handlers of this one. `None` when
        all have.

        Gives the EID, and either the parts of the reply or the exception. What a signal handler raises is raised here, and
        breaks all off: what became of the cards is kept for later calls.
        """
    def push(self, /, eid: str) -> None:
        """
        Takes a card.
        """
    def stop(self, /) -> None:
        """
        Sends no more: cards that wait come back as cancelled, those that are under way as they end. For any thread.
        """
    def summary(self, /) -> "tuple[int, int, int, dict[str, int]]":
        """
        Cards given, refreshed, and left out as duplicates; failures by kind. Those that are under way are not counted.
        """

@final
class Cancellation:
    """
    Breaks the calls off that it was given to. Any thread may trigger it, as often as it likes.
    """
    def __new__(cls, /) -> Cancellation: ...
    def trigger(self, /) -> None:
        """
        The call fails with `CancelledError` within 50 ms, or at once when it has not begun.
        """

@final
class ClientHandle:
    """
    What a Python client holds. Any number of threads may use one.
    """
    def __new__(cls, /, from_environment: bool, options: "dict[str, object]") -> ClientHandle:
        """
        Makes a client of these options; what is not among them is the environment's, or the default.
        """
    @property
    def appkey(self, /) -> str:
        """
        Whose calls they are.
        """
    @property
    def base_url(self, /) -> str:
        """
        Where calls go.
        """
    def batch(self, /, concurrency: int) -> BatchHandle:
        """
        Starts a batch with at most so many calls under way at once.
        """
    def call(self, /, path: str, parameters: str, idempotent: bool, cancellation: Cancellation | None = None) -> tuple[str, str, str, str | None, int, str]:
        """
        Any other call: its path, and its parameters as the text of a JSON object. As `refresh_usage` for the rest.
        """
    @property
    def connect_timeout(self, /) -> float:
        """
        Seconds.
        """
    def recipe(self, /) -> "tuple[bool, dict[str, object], dict[str, object]]":
        """
        How to make one like it elsewhere: whether of the environment, the options given, and those changed later.
        """
    def refresh_usage(self, /, eid: str, cancellation: Cancellation | None = None) -> tuple[str, str, str, str | None, int, str]:
        """
        One call, on the calling thread; other Python threads run meanwhile, and signal handlers of this one.

        Gives EID, message, data as JSON text, attempts and delivered.
        """
    @property
    def timeout(self, /) -> float:
        """
        Seconds.
        """
    def with_options(self, /, options: "dict[str, object]") -> ClientHandle:
        """
        A client with other options for its calls, which shares connections and rate with this one.
        """

def eid_digits(eid: str) -> str | None:
    """
    The EID's digits, without the white space around them; `None` where it is no EID.
    """

def string_to_sign(params: "list[tuple[str, str]]") -> str:
    """
    The string that is signed, with the secret masked.
    """

def kinds() -> dict[str, int]:
    """
    The kinds of error by name, with their numbers in the C library.
    """

def options() -> list[tuple[str, bool]]:
    """
    The options of a client, in the core's order, with whether they are a call's own, so that `with_options` takes them.
    """

def sign(params: "list[tuple[str, str]]", secret: str, method: str) -> str:
    """
    Signs flat parameters.
    """

def verify_webhook(payload: bytes, secret: str, max_age: SupportsFloat | SupportsIndex | None, method: str) -> None:
    """
    Raises `SignatureError` unless the payload is signed with the secret, and no older than so many seconds.
    """
