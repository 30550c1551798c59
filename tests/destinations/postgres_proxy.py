"""A server of Postgres behind a proxy on loopback, which misbehaves when it is told to."""

import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from dbt_cdp.destinations.conformance import Fault
from dbt_cdp.destinations.values import json_value

_SAID = {
    Fault.FAILING: ("57P01", "terminating connection due to administrator command"),
    Fault.UNAUTHORIZED: ("28P01", 'password authentication failed for user "dbt"'),
}


class PostgresProxy:
    """A table of a server, and a proxy before the server. A request is a transaction, and where
    logins are refused a login.

    Attributes:
        port: where the proxy listens.
        violations: none, since the server itself is on the other side.
    """

    def __init__(self, server_port: int, connection: psycopg.Connection[Any], table: str) -> None:
        self.port = 0
        self.violations: list[str] = []
        self._server_port, self._connection, self._table = server_port, connection, table
        self._fault: Fault | None = None
        self._times = 0

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(sql.SQL("select * from {}").format(self._name)).fetchall()
        return {row["email"]: json_value(row) for row in rows}

    def count(self) -> int:
        query = sql.SQL("select count(*) from {}").format(self._name)
        ((count,),) = self._connection.execute(query)
        return count

    def misbehave(self, fault: Fault, times: int) -> None:
        self._fault, self._times = fault, times

    def refuse(self, key: str) -> None:
        check = "alter table {} add constraint is_wanted check (email <> {}) not valid"
        self._connection.execute(sql.SQL(check).format(self._name, sql.Literal(key)))

    @property
    def _name(self) -> sql.Identifier:
        return sql.Identifier(self._table)

    def serve(self, client: socket.socket) -> None:
        """Stand between a client and the server until one of them hangs up."""
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            line = _Line(client, server)
            back = threading.Thread(target=line.bring_back, daemon=True)
            back.start()
            with suppress(OSError, EOFError):
                self._bring_there(line)
            line.hang_up()
            back.join()

    def _bring_there(self, line: "_Line") -> None:
        length = line.read(4)
        start = length + line.read(int.from_bytes(length) - 4)
        if self._takes(Fault.UNAUTHORIZED):
            line.say(Fault.UNAUTHORIZED)
            return
        line.server.sendall(start)
        while True:
            head = line.read(5)
            message = head + line.read(int.from_bytes(head[1:]) - 4)
            if message[5:] == b"BEGIN\0" and self._takes(Fault.CUT):
                return
            if message[5:] == b"BEGIN\0" and self._takes(Fault.FAILING):
                line.say(Fault.FAILING)
                return
            if message[5:] == b"COMMIT\0" and self._takes(Fault.LOST):
                line.is_cut = True
                line.server.sendall(message)
                line.has_answered.wait(10)
                return
            line.server.sendall(message)

    def _takes(self, fault: Fault) -> bool:
        is_asked = self._fault is fault and self._times > 0
        self._times -= is_asked
        return is_asked


class _Line:
    """A client and the server, and what goes from one to the other.

    Attributes:
        is_cut: whether the server's answers do not arrive.
        has_answered: set when one did not.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.is_cut = False
        self.has_answered = threading.Event()

    def read(self, size: int) -> bytes:
        """So many bytes of what the client sends."""
        content = b""
        while len(content) < size:
            part = self.client.recv(size - len(content))
            if not part:
                raise EOFError
            content += part
        return content

    def say(self, fault: Fault) -> None:
        """What the server would say, as an error of the protocol."""
        self.is_cut = True
        state, text = _SAID[fault]
        fields = f"SFATAL\0VFATAL\0C{state}\0M{text}\0\0".encode()
        self.client.sendall(b"E" + (len(fields) + 4).to_bytes(4) + fields)

    def bring_back(self) -> None:
        """Pass on what the server answers."""
        with suppress(OSError):
            while content := self.server.recv(65_536):
                if self.is_cut:
                    self.has_answered.set()
                else:
                    self.client.sendall(content)

    def hang_up(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(proxy: PostgresProxy) -> Iterator[PostgresProxy]:
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
