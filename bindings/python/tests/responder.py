"""A loopback server that sends prepared answers and records requests."""

import json
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    raw: bytes
    connection: int

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: str = '{"code": "200", "message": "success"}'
    headers: dict[str, str] = field(default_factory=dict)


STALL = "no answer until the test is over"
HANG_UP = "the connection closes without an answer"
Plan = Callable[[Request], Answer | str]


class Responder(ThreadingHTTPServer):
    # As many as tests have threads may connect at once.
    request_queue_size = 64
    # Closing the server waits for its threads.
    daemon_threads = False

    def __init__(self, plan: Answer | str | Plan = Answer()) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan = plan
        self.requests: list[Request] = []
        self.arrivals: queue.Queue[Request] = queue.Queue()
        self.over = threading.Event()
        self.connections: dict[int, socket.socket] = {}
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def options(self) -> dict[str, Any]:
        """The options of a client of this server: one attempt, so that the caller sees every answer."""
        account = {"appkey": "test-appkey", "secret": "test-secret"}
        return account | {"base_url": self.url, "max_attempts": 1, "rate_limit": 0, "outage_timeout": 0}

    @property
    def environment(self) -> dict[str, str]:
        return {f"EIOT_{name.upper()}": str(value) for name, value in self.options.items()}

    def answer_to(self, request: Request) -> Answer | str:
        self.requests.append(request)
        self.arrivals.put(request)
        return self.plan(request) if callable(self.plan) else self.plan

    def __enter__(self) -> "Responder":
        self._serving.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        self.shutdown()
        for connection in list(self.connections.values()):
            _shut(connection)
        self._serving.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Responder
    # Connections are kept open between calls, as the platform's are.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.number = self.client_address[1]
        self.server.connections[self.number] = self.connection

    def finish(self) -> None:
        self.server.connections.pop(self.number, None)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            pass  # the client has gone

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer_to(Request(self.path, headers, raw, self.number))
        if isinstance(answer, str):
            if answer is STALL:
                self.server.over.wait(60)
            _shut(self.connection)
            self.close_connection = True
            return
        body = answer.body.encode()
        head = [f"HTTP/1.1 {answer.status} Whatever", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is shut already
