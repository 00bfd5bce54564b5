"""
The native half of the package; not for use from outside.
"""

from typing import Final, final

__all__ = ["__version__", "Cancellation", "ClientHandle", "explain", "kinds", "options", "sign"]

__version__: Final[str]

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
    @property
    def connect_timeout(self, /) -> float:
        """
        Seconds.
        """
    def recipe(self, /) -> "tuple[bool, dict[str, object], dict[str, object]]":
        """
        How to make one like it elsewhere: whether of the environment, the options given, and those changed later.
        """
    def refresh_usage(self, /, eid: str, cancellation: Cancellation | None = None) -> tuple[str, str, str | None, int, str]:
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

def explain(params: "list[tuple[str, str]]") -> str:
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
