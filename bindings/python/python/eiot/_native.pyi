from typing import Final, Literal, final

__all__ = ["KINDS", "OPTIONS", "ClientHandle", "__version__", "explain", "sign"]

__version__: Final[str]
KINDS: Final[dict[str, int]]
OPTIONS: Final[tuple[str, ...]]

@final
class ClientHandle:
    def __new__(
        cls,
        from_environment: bool,
        options: dict[str, object],
    ) -> ClientHandle: ...
    @property
    def appkey(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def timeout(self) -> float: ...
    @property
    def connect_timeout(self) -> float: ...
    def refresh_usage(
        self, eid: str
    ) -> tuple[str, str, str | None, int, Literal["no", "yes", "unknown"]]: ...

def sign(params: list[tuple[str, str]], secret: str, method: str) -> str: ...
def explain(params: list[tuple[str, str]]) -> str: ...
