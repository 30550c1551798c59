"""HTTP with patience of limited length: a request that does not arrive is given up."""

import asyncio
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Seconds from the first byte of a request, or from the opening of a connection, to the last one.
REQUEST_SECONDS = 30.0

# Headers that are longer than this, in bytes, are no client's of ours.
_HEAD_BYTES = 65_536

_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """The protocol of uvicorn, which by itself waits for a request for ever."""

    _waiting_since: float | None = None
    _has_head = False
    _head_size = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting_since = self.loop.time()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._waiting_since is None or self._has_head:
            return
        self._head_size += len(data)
        if self._head_size > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._waiting_since = self.loop.time()
        self._has_head = False
        self._head_size = 0

    @override
    def on_headers_complete(self) -> None:
        self._has_head = True
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._waiting_since = None
        super().on_message_complete()

    def give_up_if_late(self, now: float) -> None:
        """Close the connection if its request has been on its way for too long.

        Args:
            now: time of the event loop.
        """
        if self._waiting_since is None or now - self._waiting_since < REQUEST_SECONDS:
            return
        if self._has_head and not self.cycle.response_started:
            self.transport.write(_TIMEOUT)
        self.transport.close()


def give_up_late_requests(connections: set[Any]) -> None:
    """Close the connections whose requests do not arrive. Call it every few seconds."""
    now = asyncio.get_running_loop().time()
    for connection in list(connections):
        connection.give_up_if_late(now)
