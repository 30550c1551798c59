"""The access log: a line of JSON a request, without bodies, addresses or queries."""

import asyncio
import json
from typing import NamedTuple, TextIO

# Lines that may wait for whoever reads the log; a slow reader must not slow the collector down.
_WAITING_LINES = 100_000


class LogLine(NamedTuple):
    """What is noted of a request.

    Attributes:
        time: when it came, ISO 8601.
        method: of HTTP.
        path: the route, not what was asked for.
        status: of the answer.
        size: bytes of the body as it came.
        seconds: until the answer.
        source: of the key; empty where there was none.
        events: how many were taken.
    """

    time: str
    method: str
    path: str
    status: int
    size: int
    seconds: float
    source: str
    events: int

    def text(self) -> str:
        """The line. Nothing in it needs to be escaped."""
        return (
            f'{{"time": "{self.time}", "method": "{self.method}", "path": "{self.path}",'
            f' "status": {self.status}, "bytes": {self.size}, "ms": {self.seconds * 1000:.1f},'
            f' "source": "{self.source}", "events": {self.events}}}\n'
        )


class AccessLog:
    """Lines gathered for a moment, then written in one go by another thread.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[LogLine] = []
        self._dropped = 0

    def add(self, line: LogLine) -> None:
        """Note a request."""
        if len(self._lines) < _WAITING_LINES:
            self._lines.append(line)
        else:
            self._dropped += 1

    async def flush(self) -> None:
        """Write what was gathered."""
        lines, self._lines = self._lines, []
        dropped, self._dropped = self._dropped, 0
        texts = [line.text() for line in lines]
        if dropped:
            texts.append(json.dumps({"dropped_log_lines": dropped}) + "\n")
        if texts:
            await asyncio.to_thread(self._write, "".join(texts))

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
