"""An HTTP server on loopback that keeps what it is sent, and misbehaves when it is told to."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dbt_cdp.destinations.conformance import Fault


@dataclass(frozen=True)
class Request:
    """A request, with its body as JSON; None without one."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True)
class Answer:
    """An answer; the body is JSON, nothing where it is None, and itself where it is bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeApi:
    """The other side of a destination. Subclasses say what a request does.

    Attributes:
        url: where it listens.
        requests: what it was asked, in order.
        violations: what it was asked that its interface does not allow.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.refused: set[str] = set()
        self._fault: Fault | None = None
        self._times = 0
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Do what is asked for."""
        raise NotImplementedError

    def misbehave(self, fault: Fault, times: int) -> None:
        self._fault, self._times = fault, times

    def refuse(self, key: str) -> None:
        self.refused.add(key)

    def handle(self, request: Request) -> Answer | None:
        """The answer to a request; None to hang up."""
        with self._lock:
            self.requests.append(request)
            fault = self._fault if self._times > 0 else None
            self._times -= 1
            if fault in _ANSWERS:
                return _ANSWERS[fault]
            if fault is Fault.CUT:
                return None
            answer = self.answer(request)
        if fault is Fault.SLOW:
            time.sleep(1)
        return None if fault is Fault.LOST else answer


_ANSWERS = {
    Fault.BUSY: Answer(429, {"message": "slow down"}, {"Retry-After": "1"}),
    Fault.FAILING: Answer(503, {"message": "we are sorry"}),
    Fault.UNAUTHORIZED: Answer(401, {"message": "who are you?"}),
    Fault.MOVED: Answer(307, None, {"Location": "http://127.0.0.1:9/elsewhere"}),
    Fault.GARBLED: Answer(200, {"rejected": "perhaps", "results": 7, "status": "?"}),
}


class _Server(ThreadingHTTPServer):
    """A server that does not wait for clients who keep their connections."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(fake: FakeApi) -> Iterator[FakeApi]:
    """The fake, while it listens."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer is written in two parts: the second one would wait for the first one's receipt.
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            answer = fake.handle(
                Request(
                    self.command,
                    parts.path,
                    parse_qs(parts.query),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
            )
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            content = answer.body if isinstance(answer.body, bytes) else b""
            if answer.body is not None and not isinstance(answer.body, bytes):
                content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ValueError):
                self.close_connection = True

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        server.hang_up()
