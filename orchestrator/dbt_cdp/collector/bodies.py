"""The body of a request: unpacked, read, and taken apart into events.

The door and `cdp load` read a body by the same function, so what one has taken the other finds.
"""

import re
import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dbt_cdp.payloads import NOT_AN_OBJECT, TOO_DEEP, canonical_json, parse_line, read_json

# The largest body that is taken, unpacked, in bytes: eight times what Segment allows a batch.
MAX_BODY_BYTES = 4_000_000

# The largest body that is taken apart where it is not JSON as a whole, which takes longer: what
# Segment allows a batch, and so the most that its clients send.
_APART_BYTES = 500_000

BATCH = "batch"

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

# A string (to the end of the text if it is never closed), or what structures a document.
_BATCH_KEY = b'"batch"'
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)


class BodyTooLargeError(Exception):
    """The body is larger than is taken."""


class DamagedBodyError(Exception):
    """The packed body cannot be unpacked."""


class BadEvent(NamedTuple):
    """An event that cannot be read: its bytes and the problem."""

    raw: bytes
    problem: str


@dataclass(frozen=True)
class Body:
    """What a body holds.

    Attributes:
        events: its events, in their order.
        envelope: what a batch says of all its events, such as sentAt; empty for other bodies.
        bad: what was meant as an event but cannot be read.
        is_whole: whether the body is JSON as a whole.
    """

    events: list[dict[str, Any]] = field(repr=False)
    envelope: dict[str, Any] = field(default_factory=dict, repr=False)
    bad: list[BadEvent] = field(default_factory=list, repr=False)
    is_whole: bool = True


def unpack(raw: bytes) -> bytes:
    """The body as it was before gzip; bodies that are not packed are returned as they are.

    The bytes tell, not the header: clients and proxies set it wrongly.

    Raises:
        BodyTooLargeError: unpacked, it is too large; no more than the limit is ever unpacked.
        DamagedBodyError: it is cut short or not gzip behind its first bytes.
    """
    if raw.startswith(_GZIP):
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            raw = unpacker.decompress(raw, MAX_BODY_BYTES + 1)
        except zlib.error:
            raise DamagedBodyError from None
        if len(raw) <= MAX_BODY_BYTES and not unpacker.eof:
            raise DamagedBodyError
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    return raw


def read_body(raw: bytes) -> Body:
    """Take a body apart: an event, an array of events, or an object with a `batch` of them.

    One bad event does not cost its siblings, be it bad JSON in itself. Never raises.
    """
    value, problem = read_json(raw)
    if problem and len(raw) > _APART_BYTES:
        return Body([], bad=[BadEvent(raw, problem)], is_whole=False)
    if problem:
        return _take_apart(raw, problem)
    if isinstance(value, dict) and isinstance(value.get(BATCH), list):
        items = value.pop(BATCH)
        return _sorted_out(items, envelope=value)
    if isinstance(value, list):
        return _sorted_out(value)
    if isinstance(value, dict):
        return Body([value])
    return Body([], bad=[BadEvent(raw, NOT_AN_OBJECT)])


def _sorted_out(items: list[Any], envelope: dict[str, Any] | None = None) -> Body:
    events = [item for item in items if isinstance(item, dict)]
    bad = [_no_event(item) for item in items if not isinstance(item, dict)]
    return Body(events, envelope or {}, bad)


def _no_event(item: Any) -> BadEvent:
    try:
        return BadEvent(canonical_json(item).encode(), NOT_AN_OBJECT)
    except RecursionError:
        return BadEvent(b"", TOO_DEEP)


def _take_apart(raw: bytes, problem: str) -> Body:
    """Find the events of a body that is not JSON as a whole, and read each by itself."""
    bounds = _find_batch(raw)
    if bounds is None:
        return Body([], bad=[BadEvent(raw, problem)], is_whole=False)
    items, start, end = bounds
    rows = [parse_line(1, item) for item in items]
    envelope, _ = read_json(raw[:start] + b"[]" + raw[end:])
    if isinstance(envelope, dict):
        envelope.pop(BATCH, None)
    return Body(
        [row.value for row in rows if row.value is not None],
        envelope if isinstance(envelope, dict) else {},
        [BadEvent(row.raw, row.problem) for row in rows if row.problem],
        is_whole=False,
    )


def _find_batch(raw: bytes) -> tuple[list[bytes], int, int] | None:
    """The elements of a body's array of events, with its first byte and the one behind its last.

    Only strings and brackets are told apart, so anything may be wrong within an element, and no
    depth is too much.
    """
    is_array = raw.lstrip()[:1] == b"["
    items: list[bytes] = []
    depth, previous = 0, b""
    start = item = -1
    for token in _TOKEN.finditer(raw):
        text = token[0]
        if text in (b"{", b"["):
            depth += 1
            is_batch = is_array or (depth == 2 and previous == _BATCH_KEY)
            if start < 0 and text == b"[" and is_batch:
                start, item, inside = token.start(), token.end(), depth
        elif text in (b"}", b"]"):
            if start >= 0 and depth == inside:
                items.append(raw[item : token.start()])
                return _filled(items), start, token.end()
            depth -= 1
        elif text == b"," and start >= 0 and depth == inside:
            items.append(raw[item : token.start()])
            item = token.end()
        previous = text
    if start < 0:
        return None
    # The body is cut short; its last element is too.
    return _filled([*items, raw[item:]]), start, len(raw)


def _filled(items: list[bytes]) -> list[bytes]:
    return [item for item in map(bytes.strip, items) if item]
