"""Sealed segments of the spool, read for `cdp load`: one row an event, enriched.

A line of a segment is what the door has noted of a request, a tab, and the request's body.
"""

import functools
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from dbt_cdp.collector.bodies import BadEvent, read_body
from dbt_cdp.collector.enrich import enriched
from dbt_cdp.payloads import MAX_BYTES, TOO_DEEP, TOO_LONG, canonical_json, object_problem

_HEADS = 10_000

# How much of a body that cannot be read is kept, in bytes.
KEPT_BYTES = 8_192


class Request(NamedTuple):
    """What the door knows of a request.

    Attributes:
        source: the source that the request's key is of.
        received_at: when it came, UTC, ISO 8601 with microseconds.
        call: what its path says of an event's type, such as `track`; empty if nothing.
        is_client: whether it came from the person's own device and not from a server.
        ip: where it came from, as far as it is kept.
        user_agent: of the device.
        problem: why the body cannot be read; its text is then a JSON string.
    """

    source: str
    received_at: str
    call: str = ""
    is_client: bool = False
    ip: str = ""
    user_agent: str = ""
    problem: str = ""


# A line that only a broken disk can have made.
_DAMAGED = Request(source="unknown", received_at="", problem="damaged in the spool")


class SpooledEvent(NamedTuple):
    """An event of a segment, or what was meant as one.

    Attributes:
        ingest_id: 128 bits of SHA-256 over the segment's name, its line and the event's place in
            the line, as 32 hex digits: the same whenever the segment is read.
        line: number of the line, from 1.
        source: the source that its key is of.
        received_at: when it came, UTC without a zone.
        payload: the event as JSON; None if there is a problem.
        problem: why it cannot be loaded; empty if it can.
        raw: its bytes, if it cannot.
    """

    ingest_id: str
    line: int
    source: str
    received_at: datetime
    payload: str | None
    problem: str = ""
    raw: bytes = b""


def spool_line(request: Request, body: bytes) -> bytes:
    """The line that keeps a request.

    Args:
        request: what is known of it.
        body: JSON without a newline.
    """
    head = _head(request._replace(received_at=""))
    return b"".join((b'{"received_at": "', request.received_at.encode(), head, body, b"\n"))


@functools.lru_cache(maxsize=_HEADS)
def _head(request: Request) -> bytes:
    """What follows the time in a line; a client's requests differ in nothing else."""
    known = {name: value for name, value in request._asdict().items() if value}
    return f'", {json.dumps(known)[1:]}\t'.encode()


def unreadable_line(request: Request, raw: bytes) -> bytes:
    """The line that keeps a request, or a part of it, that cannot be read.

    Args:
        request: what is known of it; its problem is set.
        raw: the bytes; what is longer than can be looked at is cut.
    """
    return spool_line(request, json.dumps(_text(raw)).encode())


def read_segment(path: Path) -> Iterator[SpooledEvent]:
    """The events of a sealed segment, in their order; never stops at a bad one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            # A line without an end is what a full disk has left; it was never acknowledged.
            if line.endswith(b"\n"):
                yield from _events(path.stem, number, line)


def _events(segment: str, number: int, line: bytes) -> Iterator[SpooledEvent]:
    head, _, raw = line.rstrip(b"\n").partition(b"\t")
    try:
        request = Request(**json.loads(head))
        received_at = datetime.fromisoformat(request.received_at)
    except (TypeError, ValueError):
        request, received_at, raw = _DAMAGED, datetime.now(UTC), json.dumps(_text(line)).encode()
    arrived_at = received_at.astimezone(UTC).replace(tzinfo=None)
    for place, result in enumerate(_results(request, received_at, raw)):
        content = f"{segment}\n{number}\n{place}".encode()
        ingest_id = hashlib.sha256(content).hexdigest()[:32]
        event = SpooledEvent(ingest_id, number, request.source, arrived_at, None)
        if isinstance(result, BadEvent):
            yield event._replace(problem=result.problem, raw=result.raw)
        else:
            yield event._replace(payload=result)


def _results(request: Request, received_at: datetime, raw: bytes) -> Iterator[str | BadEvent]:
    if request.problem:
        yield BadEvent(json.loads(raw).encode("utf-8", "replace"), request.problem)
        return
    body = read_body(raw)
    for event in body.events:
        yield _payload(event, body.envelope, request, received_at)
    yield from body.bad


def _payload(
    event: dict[str, Any], envelope: dict[str, Any], request: Request, received_at: datetime
) -> str | BadEvent:
    try:
        payload = canonical_json(enriched(event, envelope, request, received_at))
    except RecursionError:
        return BadEvent(b"", TOO_DEEP)
    raw = payload.encode()
    problem = TOO_LONG if len(raw) > MAX_BYTES else object_problem(event, raw)
    return BadEvent(raw, problem) if problem else payload


def _text(raw: bytes) -> str:
    return raw[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd").rstrip("\n")
