"""The way in: who sends, what is in it, is it on disk; only then the answer is 200."""

import base64
import binascii
import functools
import ipaddress
import json
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from dbt_cdp.collector.access_log import AccessLog, LogLine
from dbt_cdp.collector.bodies import (
    BATCH,
    MAX_BODY_BYTES,
    BadEvent,
    Body,
    BodyTooLargeError,
    DamagedBodyError,
    read_body,
    unpack,
)
from dbt_cdp.collector.keys import WriteKeys
from dbt_cdp.collector.limits import RateLimiter
from dbt_cdp.collector.metrics import Metrics
from dbt_cdp.collector.segments import Request, spool_line, unreadable_line
from dbt_cdp.collector.spool import Spool, SpoolError
from dbt_cdp.collector.suppression import Suppressions
from dbt_cdp.collector.webhooks import WebhookSecrets
from dbt_cdp.output import talk
from dbt_cdp.payloads import TOO_DEEP, canonical_json

# The bodies of all requests together that are being received, in bytes.
_RECEIVING_BYTES = 256_000_000

# Seconds after which a client shall try again.
_SOON, _LATER = 1, 10

_ACCEPTED = b'{"success":true}'
_ADDRESSES = 10_000


class Address(StrEnum):
    """How much of a request's IP address is kept."""

    FULL = "full"
    TRUNCATED = "truncated"
    NONE = "none"


class Answer(NamedTuple):
    """What a client is told.

    Attributes:
        status: of HTTP.
        problem: in words; empty if there is none.
        retry_after: seconds after which it is worth another try; 0 means no word of it.
    """

    status: int
    problem: str = ""
    retry_after: int = 0


OK = Answer(200)
BAD_KEY = Answer(401, "The write key is missing or not known.")
BAD_SIGNATURE = Answer(401, "The signature is missing or not that of the source's secret.")
TOO_LARGE = Answer(413, f"The body is larger than {MAX_BODY_BYTES:,} bytes.")
TOO_MANY = Answer(429, "The write key sends more requests a second than allowed.", _SOON)
UNREADABLE = Answer(400, "The body holds no event that can be read.")
FULL = Answer(503, "The collector cannot store anything now.", _LATER)
FAILED = Answer(500, "The collector has failed at this request.")
BUSY = Answer(503, "The collector is receiving too much at once.", _SOON)


class RefusedError(Exception):
    """The request ends with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.problem)
        self.answer = answer


class GoneError(Exception):
    """The client has gone before its request was complete; there is nobody to answer."""


@dataclass
class Door:
    """What every request passes.

    Attributes:
        spool: where it is kept.
        keys: who may send events.
        secrets: who may send webhooks.
        limiter: how many requests each may send.
        suppressions: people whose events are dropped.
        metrics: what is counted.
        log: the access log.
        address: how much of the IP address is kept.
        receiving_bytes: of the bodies that are being received, all together.
    """

    spool: Spool
    keys: WriteKeys
    secrets: WebhookSecrets
    limiter: RateLimiter
    suppressions: Suppressions
    metrics: Metrics
    log: AccessLog
    address: Address = Address.FULL
    receiving_bytes: int = 0


@dataclass
class _Visit:
    """What becomes known of a request on its way."""

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]
    received_at: str
    source: str = ""
    size: int = 0
    events: int = 0


class Endpoint:
    """An ASGI application for the paths that take events.

    Args:
        door: what every request passes.
        route: the path for the log, without what differs.
        call: what the path says of an event's type, such as `track`.
    """

    def __init__(self, door: Door, route: str, call: str = "") -> None:
        self._door = door
        self._route = route
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request in and answer it."""
        started = time.perf_counter()
        received_at = datetime.now(UTC).isoformat(timespec="microseconds")
        visit = _Visit(scope, receive, dict(scope["headers"]), received_at)
        try:
            answer = await self._take(visit)
        except RefusedError as refused:
            answer = refused.answer
        except SpoolError:
            answer = FULL
        except GoneError:
            return
        except Exception as error:
            # Its text may quote a value.
            place = traceback.extract_tb(error.__traceback__)[-1]
            talk(f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}.")
            answer = FAILED
        await _send(send, answer)
        door, seconds = self._door, time.perf_counter() - started
        door.metrics.count_request(self._route, answer.status, visit.size)
        door.log.add(
            LogLine(
                visit.received_at,
                scope["method"],
                self._route,
                answer.status,
                visit.size,
                seconds,
                visit.source,
                visit.events,
            )
        )

    async def _take(self, visit: _Visit) -> Answer:
        self._identify(visit)
        if self._door.spool.is_full:
            raise RefusedError(FULL)
        packed = await self._read(visit)
        try:
            raw = unpack(packed)
        except BodyTooLargeError:
            return TOO_LARGE
        except DamagedBodyError:
            return await self._set_aside(visit, packed, "not gzip, or cut short")
        self._verify(visit, raw)
        body = read_body(raw)
        if not visit.source:
            visit.source = self._source_of(_key_in(body))
        return await self._keep(visit, raw, body)

    def _identify(self, visit: _Visit) -> None:
        """Turn a bad key away before its body is received, if the key is not in the body."""
        key = _presented_key(visit.scope, visit.headers)
        if key:
            visit.source = self._source_of(key)

    def _verify(self, visit: _Visit, raw: bytes) -> None:
        """Turn a body away before it is read."""

    def _source_of(self, key: str) -> str:
        source = self._door.keys.source_of(key)
        if source is None:
            raise RefusedError(BAD_KEY)
        if not self._door.limiter.allows(source):
            raise RefusedError(TOO_MANY)
        return source

    async def _read(self, visit: _Visit) -> bytes:
        """The body, as it came."""
        announced = visit.headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
            raise RefusedError(TOO_LARGE)
        chunks: list[bytes] = []
        try:
            while True:
                message = await visit.receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                chunk = message.get("body", b"")
                chunks.append(chunk)
                visit.size += len(chunk)
                self._door.receiving_bytes += len(chunk)
                if visit.size > MAX_BODY_BYTES:
                    raise RefusedError(TOO_LARGE)
                if self._door.receiving_bytes > _RECEIVING_BYTES:
                    raise RefusedError(BUSY)
                if not message.get("more_body"):
                    return b"".join(chunks)
        finally:
            self._door.receiving_bytes -= visit.size

    async def _keep(self, visit: _Visit, raw: bytes, body: Body) -> Answer:
        """Make the events durable, all that can be read."""
        door, request = self._door, self._request(visit)
        kept = [event for event in body.events if event not in door.suppressions]
        dropped = len(body.events) - len(kept)
        is_one_line = b"\n" not in raw and b"\r" not in raw
        if kept and body.is_whole and not dropped and is_one_line:
            # As it came: reading it again is left to `cdp load`, the bad ones among it too.
            lines = spool_line(request, raw)
        else:
            lines = b"".join(_written_anew(request, body, kept))
        if lines:
            await door.spool.append(lines)
        visit.events = len(kept)
        for outcome, number in (
            ("accepted", len(kept)),
            ("quarantined", len(body.bad)),
            ("suppressed", dropped),
        ):
            door.metrics.count_events(visit.source, outcome, number)
        return UNREADABLE if body.bad and not body.events else OK

    async def _set_aside(self, visit: _Visit, raw: bytes, problem: str) -> Answer:
        """Keep what cannot even be unpacked, if we know who has sent it."""
        if not visit.source:
            return BAD_KEY
        request = self._request(visit)._replace(problem=problem)
        await self._door.spool.append(unreadable_line(request, raw))
        self._door.metrics.count_events(visit.source, "quarantined", 1)
        return UNREADABLE

    def _request(self, visit: _Visit) -> Request:
        is_client = b"origin" in visit.headers or b"sec-fetch-site" in visit.headers
        client = visit.scope.get("client")
        agent = visit.headers.get(b"user-agent", b"").decode("latin-1")
        return Request(
            source=visit.source,
            received_at=visit.received_at,
            call=self._call,
            is_client=is_client,
            ip=_kept_address(client[0], self._door.address) if client else "",
            user_agent=agent,
        )


class WebhookEndpoint(Endpoint):
    """An ASGI application for `/webhooks/{source}`: a signature stands in for the key."""

    def _identify(self, visit: _Visit) -> None:
        pass

    def _verify(self, visit: _Visit, raw: bytes) -> None:
        source = visit.scope["path_params"]["source"]
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in visit.headers.items()
        }
        if not self._door.secrets.is_signed(source, headers, raw):
            raise RefusedError(BAD_SIGNATURE)
        if not self._door.limiter.allows(source):
            raise RefusedError(TOO_MANY)
        visit.source = source


async def _send(send: Send, answer: Answer) -> None:
    content = _ACCEPTED
    if answer.problem:
        content = json.dumps({"success": False, "error": answer.problem}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    if answer.retry_after:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _presented_key(scope: Scope, headers: Mapping[bytes, bytes]) -> str:
    """The write key of the headers or the query; empty if neither has one.

    Segment and RudderStack clients send it as the user name of basic authentication, Jitsu's in a
    header of its own.
    """
    if key := headers.get(b"x-write-key"):
        return key.decode("latin-1")
    scheme, _, value = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip().decode("latin-1")
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(value).partition(b":")[0].decode("latin-1")
        except binascii.Error:
            return ""
    if query := scope["query_string"]:
        values = parse_qs(query.decode("latin-1"))
        return next((values[name][0] for name in ("writeKey", "write_key") if name in values), "")
    return ""


def _key_in(body: Body) -> str:
    for holder in (body.envelope, *body.events[:1]):
        key = holder.get("writeKey")
        if isinstance(key, str):
            return key
    return ""


def _written_anew(request: Request, body: Body, kept: list[dict[str, Any]]) -> Iterator[bytes]:
    """A line for each event that is kept, and for each that cannot be read."""
    bad = list(body.bad)
    for event in kept:
        try:
            batch = canonical_json({**body.envelope, BATCH: [event]})
            yield spool_line(request, batch.encode())
        except RecursionError:
            bad.append(BadEvent(b"", TOO_DEEP))
    for raw, problem in bad:
        yield unreadable_line(request._replace(problem=problem), raw)


@functools.lru_cache(maxsize=_ADDRESSES)
def _kept_address(address: str, kept: Address) -> str:
    """The address as far as it is kept: truncated, the last 8 bits of IPv4 and 80 of IPv6 are 0."""
    if kept is Address.NONE:
        return ""
    if kept is Address.FULL:
        return address
    try:
        prefix = 24 if ipaddress.ip_address(address).version == 4 else 48
        return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False).network_address)
    except ValueError:
        return ""
