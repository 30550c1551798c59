"""A server of Redis behind a proxy on loopback, which misbehaves when it is told to."""

import json
import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from redis import Redis

from dbt_cdp.destinations.conformance import Fault

_SAID = {
    Fault.FAILING: b"-LOADING Redis is loading the dataset in memory\r\n",
    Fault.UNAUTHORIZED: b"-NOAUTH Authentication required.\r\n",
    Fault.MOVED: b"-MOVED 3999 127.0.0.1:9\r\n",
    Fault.GARBLED: b"+PERHAPS\r\n",
}
# What a request with a row in it begins with; the others are a client's greetings.
_ROWS = (b"SET", b"DEL")

# A client that says no more for so long waits for the answers.
_PAUSE = 0.01

Command = Sequence[bytes]


class RedisProxy:
    """The keys of a sync on a server, and a proxy before the server. A request is what a client
    sends before it waits for answers.

    Attributes:
        port: where the proxy listens.
        requests: how many commands each request with rows had.
        violations: what it was sent that is none of the sync's business.
    """

    def __init__(self, server_port: int, client: Redis, prefix: str) -> None:
        self.port = 0
        self.requests: list[int] = []
        self.violations: list[str] = []
        self._server_port, self._client, self._prefix = server_port, client, prefix
        self._refused: set[bytes] = set()
        self._fault: Fault | None = None
        self._times = 0

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        keys = self._client.keys(f"{self._prefix}*")
        return {
            key.decode().removeprefix(self._prefix): json.loads(self._client.get(key))
            for key in keys
        }

    def count(self) -> int:
        return len(self._client.keys("*"))

    def misbehave(self, fault: Fault, times: int) -> None:
        self._fault, self._times = fault, times

    def refuse(self, key: str) -> None:
        self._refused.add(f"{self._prefix}{key}".encode())

    def serve(self, client: socket.socket) -> None:
        """Stand between a client and the server until one of them hangs up."""
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            line = _Line(client, server)
            back = threading.Thread(target=line.bring_back, daemon=True)
            back.start()
            with suppress(OSError, EOFError):
                while self._stands(line, line.request()):
                    pass
            line.hang_up()
            back.join()

    def _stands(self, line: "_Line", commands: Sequence[Command]) -> bool:
        """Let a request be answered; whether the connection stands."""
        fault = None
        if commands[0][0] in _ROWS:
            self.requests.append(len(commands))
            self._look(commands)
            fault = self._fault if self._times > 0 else None
            self._times -= fault is not None
        if fault is Fault.CUT:
            return False
        if fault in _SAID:
            line.client.sendall(_SAID[fault] * len(commands))
            return True
        line.is_cut = fault is Fault.LOST
        line.server.sendall(b"".join(_packed(self._as_sent(one)) for one in commands))
        if line.is_cut:
            # It has carried out what it was sent before it answers this.
            line.server.sendall(_packed([b"PING"]))
            line.has_answered.wait(10)
        return not line.is_cut

    def _as_sent(self, command: Command) -> Command:
        """A command as the server gets it. What a refused one lacks it complains of itself, in the
        answer's place among the others."""
        is_refused = command[0] == b"SET" and command[1] in self._refused
        return command[:2] if is_refused else command

    def _look(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if command[0] not in _ROWS or not command[1].startswith(self._prefix.encode()):
                self.violations.append(f"{command[0]!r}")


class _Line:
    """A client and the server, and what goes from one to the other.

    Attributes:
        is_cut: whether the server's answers do not arrive.
        has_answered: set when all of them did not.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.is_cut = False
        self.has_answered = threading.Event()
        # Not select.select(), which fails in a process with very many connections.
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(client, selectors.EVENT_READ)

    def request(self) -> list[Command]:
        """What the client sends before it waits: whole commands."""
        content = b""
        while True:
            if content and not self._waiting.select(_PAUSE):
                commands, rest = _commands(content)
                if not rest:
                    return commands
            part = self.client.recv(1 << 20)
            if not part:
                raise EOFError
            content += part

    def bring_back(self) -> None:
        """Pass on what the server answers."""
        with suppress(OSError):
            while content := self.server.recv(1 << 16):
                if not self.is_cut:
                    self.client.sendall(content)
                elif content.endswith(b"+PONG\r\n"):
                    self.has_answered.set()

    def hang_up(self) -> None:
        self._waiting.close()
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _commands(content: bytes) -> tuple[list[Command], bytes]:
    """The commands that a text of the protocol begins with, and its rest."""
    found: list[Command] = []
    while True:
        parts, at = [], content.find(b"\r\n")
        if at < 0:
            return found, content
        number, at = int(content[1:at]), at + 2
        for _ in range(number):
            end = content.find(b"\r\n", at)
            if end < 0:
                return found, content
            size = int(content[at + 1 : end])
            parts.append(content[end + 2 : end + 2 + size])
            at = end + 4 + size
        if at > len(content):
            return found, content
        found.append(parts)
        content = content[at:]


def _packed(command: Command) -> bytes:
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in command)
    return b"*%d\r\n%s" % (len(command), parts)


@contextmanager
def serving(proxy: RedisProxy) -> Iterator[RedisProxy]:
    """The proxy, while it listens."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            proxy.serve(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        proxy.port = server.server_address[1]
        try:
            yield proxy
        finally:
            server.shutdown()
