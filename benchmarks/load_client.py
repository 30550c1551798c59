"""A client that keeps a receiver busy: many connections, each sends as soon as it has its answer.

It costs little itself, for on a small machine it takes the receiver's time.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

_ACCEPTED = b"HTTP/1.1 200"
# An answer ends with its body, which is the same for all that are accepted.
_END = b'{"success":true}'


@dataclass
class Answers:
    """What came of the requests of one run.

    Attributes:
        accepted: requests answered by 200.
        others: requests answered otherwise.
        seconds: the run's duration.
        latencies: seconds from each request to its answer.
    """

    accepted: int = 0
    others: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def latency(self, share: float) -> float:
        """The seconds within which this share of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Sequence[bytes], answers: Answers, until: float) -> None:
        self._requests = requests
        self._answers = answers
        self._until = until
        self._next = 0
        self._received = b""
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        is_accepted = self._received.startswith(_ACCEPTED)
        if is_accepted and not self._received.endswith(_END):
            return
        now = time.perf_counter()
        self._answers.latencies.append(now - self._sent_at)
        if is_accepted:
            self._answers.accepted += 1
        else:
            self._answers.others += 1
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(None)

    def _send(self) -> None:
        self._received = b""
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


def keep_busy(host: str, port: int, requests: Sequence[Sequence[bytes]], seconds: float) -> Answers:
    """Send requests for some seconds.

    Args:
        host: of the receiver.
        port: of the receiver.
        requests: for each connection the requests that it sends in turn, complete with headers.
        seconds: for how long.
    """

    async def run() -> Answers:
        answers = Answers()
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        connections = [
            await loop.create_connection(
                lambda own=own: _Connection(own, answers, started + seconds), host, port
            )
            for own in requests
        ]
        await asyncio.gather(*(protocol.closed for _, protocol in connections))
        answers.seconds = time.perf_counter() - started
        return answers

    return uvloop.run(run())
