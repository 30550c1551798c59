"""How many events the collector takes, durably, from a client on the same machine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from dbt_cdp.collector.keys import KeyFile
from dbt_cdp.collector.segments import read_segment
from dbt_cdp.collector.spool import sealed_segments
from load_client import Answers, keep_busy
from project import in_child

_CONNECTIONS = 64
_SECONDS = 8.0
_BODIES = 32


@dataclass(frozen=True)
class Throughput:
    """Figures of one size of request, medians of the rounds.

    Attributes:
        batch: events a request.
        requests_per_second: answered by 200.
        events_per_second: in them.
        p50_ms: milliseconds within which half of the answers came.
        p99_ms: milliseconds within which 99 of 100 came.
        processor_us: microseconds of one processor that the collector takes for a request; it
            hardly grows when other programs keep the machine busy.
        acknowledged: events in all rounds whose request was answered by 200.
        stored: events in all rounds that were in the spool afterwards.
        others: requests answered otherwise.
    """

    batch: int
    requests_per_second: float
    events_per_second: float
    p50_ms: float
    p99_ms: float
    processor_us: float
    acknowledged: int
    stored: int
    others: int


def measure_receiver(folder: Path, batch: int, rounds: int) -> Throughput:
    """Time the collector with requests of so many events.

    Args:
        folder: for the spools; new.
        batch: events a request; 1 sends events singly.
        rounds: how often.
    """
    runs: list[Answers] = []
    processor_us: list[float] = []
    stored = 0
    for number in range(rounds):
        spool = folder / f"{batch}-{number}"
        key = KeyFile(spool).add("bench")
        requests = [
            [_request(key, batch, connection, body) for body in range(_BODIES)]
            for connection in range(_CONNECTIONS)
        ]
        with _collector(spool) as port:
            # A process of its own, so that the two share no interpreter.
            before = _processor_seconds(port)
            runs.append(in_child(keep_busy, "127.0.0.1", port, requests, _SECONDS))
            spent = _processor_seconds(port) - before
            processor_us.append(spent / runs[-1].accepted * 1_000_000)
        stored += sum(1 for path in sealed_segments(spool) for _ in read_segment(path))
    rates = [run.accepted / run.seconds for run in runs]
    return Throughput(
        batch=batch,
        requests_per_second=median(rates),
        events_per_second=median(rates) * batch,
        p50_ms=median(run.latency(0.5) for run in runs) * 1000,
        p99_ms=median(run.latency(0.99) for run in runs) * 1000,
        processor_us=median(processor_us),
        acknowledged=sum(run.accepted for run in runs) * batch,
        stored=stored,
        others=sum(run.others for run in runs),
    )


@contextmanager
def _collector(spool: Path) -> Iterator[int]:
    """Run a collector and yield its port."""
    command = [sys.executable, "-m", "dbt_cdp", "collect", "--port", "0", "--rate-limit", "0"]
    log = spool / "access.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--spool", str(spool)],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            line = process.stderr.readline() if process.stderr else ""
            found = re.search(r":(\d+) ", line)
            if not found:
                raise RuntimeError(f"the collector did not start: {line}")
            yield int(found[1])
        finally:
            process.terminate()
            process.wait(60)


def _processor_seconds(port: int) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        found = re.search(rb"^process_cpu_seconds_total (\S+)", response.read(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _request(key: str, batch: int, connection: int, body: int) -> bytes:
    events = [_event(f"{connection}-{body}-{place}") for place in range(batch)]
    content = events[0] if batch == 1 else {"batch": events, "sentAt": "2026-06-01T10:00:01.000Z"}
    data = json.dumps(content).encode()
    head = (
        f"POST /v1/{'track' if batch == 1 else 'batch'} HTTP/1.1\r\nHost: localhost\r\n"
        f"X-Write-Key: {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def _event(number: str) -> dict[str, object]:
    return {
        "type": "track",
        "event": "page_viewed",
        "messageId": f"ajs-next-1780308000000-{number}",
        "anonymousId": f"5f0c{number}",
        "userId": f"user-{number}",
        "timestamp": "2026-06-01T10:00:00.000Z",
        "properties": {"path": "/pricing", "title": "Prices", "seats": 12},
        "context": {
            "ip": "192.0.2.1",
            "locale": "en-GB",
            "library": {"name": "analytics.js", "version": "npm:next-1.84.3"},
            "page": {"path": "/pricing", "url": "https://shop.example/pricing"},
        },
    }
