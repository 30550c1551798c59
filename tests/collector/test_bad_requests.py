"""Requests that are meant to harm, or are just broken: the right answer, and bounded memory."""

import contextlib
import gzip
import json
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbt_cdp.collector import protocol
from dbt_cdp.collector.bodies import MAX_BODY_BYTES, read_body
from serving import Collector

SLOW_CLIENTS = 1_000
MEMORY_BYTES = 700_000_000

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
EVENTS = st.dictionaries(st.text(), VALUES, max_size=4)
# Broken in themselves, but with strings and brackets that are closed.
BROKEN = st.sampled_from(
    [
        b"undefined",
        b'{"a":}',
        b'{"a" 1}',
        b"[1,,2]",
        b'{"a":"\xff"}',
        b"9" * 5_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b"'text'",
        b'{"a":tru}',
        b"+1",
        b"\xfe",
    ]
)


def peak_memory(collector: Collector) -> int:
    assert collector.process
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@given(st.lists(EVENTS, max_size=4), st.lists(BROKEN, max_size=3), st.randoms(), st.booleans())
def test_every_good_event_of_a_broken_batch_is_found(
    events: list[dict], broken: list[bytes], chance, in_object: bool
) -> None:
    items = [json.dumps(event).encode() for event in events] + broken
    chance.shuffle(items)
    body = b"[" + b" , ".join(items) + b"]"
    if in_object:
        body = b'{"context": {"batch": [1]}, "batch": ' + body + b', "sentAt": "now"}'
    found = read_body(body)
    assert len(found.events) == len(events)
    assert sorted(map(len, found.events)) == sorted(map(len, events))
    assert len(found.bad) == len(broken)
    if in_object:
        assert found.envelope == {"context": {"batch": [1]}, "sentAt": "now"}


@given(st.binary() | st.text(alphabet='{}[],:"\\batch 0é').map(str.encode))
def test_any_body_is_read(body: bytes) -> None:
    found = read_body(body)
    assert all(isinstance(event, dict) for event in found.events)
    assert all(bad.problem for bad in found.bad)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_BODY_BYTES,
        b'"' * (MAX_BODY_BYTES - 1),
        b'[{"a":"' + b'\\"' * (MAX_BODY_BYTES // 2 - 10),
        b'{"batch":[' + b"{}," * (MAX_BODY_BYTES // 3 - 10) + b"x]}",
        b"[" + b"," * (MAX_BODY_BYTES - 10) + b"]",
    ],
    ids=["brackets", "quotes", "escapes", "many", "commas"],
)
def test_no_body_takes_long(body: bytes) -> None:
    started = time.process_time()
    read_body(body)
    assert time.process_time() - started < 2, "the collector would answer nobody meanwhile"


def test_what_clients_send_though_it_is_no_json(collector: Collector) -> None:
    texts = {
        "nan": '{"userId":"u1","properties":{"x":NaN,"y":-Infinity,"z":1e999}}',
        "surrogate": '{"userId":"u1","properties":{"x":"\\ud800"}}',
        "nul": '{"userId":"u1","properties":{"x":"a\\u0000b"}}',
        "raw nul": '{"userId":"u1","properties":{"x":"a\0b"}}',
        "raw newline": '{"userId":"u1","properties":{"x":"a\nb"}}',
        "huge number": '{"userId":"u1","properties":{"x":18446744073709551617}}',
        "twice": '{"userId":"u0","userId":"u1","properties":{"x":1}}',
    }
    for text in texts.values():
        assert collector.post("/v1/track", text.encode()).status == 200
    collector.post("/v1/track", b'{"userId":"u1","properties":{"x":"\xed\xa0\x80"}}')
    collector.stop()
    payloads = collector.payloads()
    assert [payload["userId"] for payload in payloads] == ["u1"] * 8
    assert [payload["properties"]["x"] for payload in payloads] == [
        None,
        "\ufffd",
        "a\ufffdb",
        "a\ufffdb",
        "a\nb",
        18446744073709551617,
        1,
        "\ufffd",
    ]


def test_depth_size_and_other_encodings(collector: Collector) -> None:
    deep = b'{"userId":"u1","properties":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001
    good = b'{"userId":"u1","messageId":"good"}'
    assert collector.post("/v1/track", deep).status == 400
    assert collector.post("/v1/batch", b"[" + good + b"," + deep + b"]").status == 200
    below = {"userId": "u1", "messageId": "65 levels", "properties": nested(65)}
    assert collector.post("/v1/track", below).status == 200
    assert collector.post("/v1/track", b"x" * 10_000_000).status == 413
    assert collector.post("/v1/track", gzip.compress(b"[" * 10_000_000)).status == 413
    assert collector.post("/v1/track", '{"userId":"u1"}'.encode("utf-16")).status == 400
    assert peak_memory(collector) < MEMORY_BYTES
    collector.stop()
    assert [payload["messageId"] for payload in collector.payloads()] == ["good"]
    assert sorted(event.problem for event in collector.stored() if event.problem) == [
        "nested deeper than 64 levels",
        "nested deeper than 64 levels",
        "nested deeper than 64 levels",
        "not UTF-8",
    ]


def test_what_is_nested_nearly_too_deep_to_be_written_sinks_nothing(collector: Collector) -> None:
    """Somewhere between these depths JSON can still be read, and no longer be written."""
    good = b'{"userId":"u1","messageId":"good"}'
    for depth in range(850, 1_000, 3):
        deep = b"[" * depth + b"]" * depth
        for item in (deep, b'{"a":' + deep + b"}"):
            for newline in (b"", b"\n"):
                body = b"[" + good + b"," + newline + item + b"]"
                assert collector.post("/v1/batch", body).status == 200
    collector.stop()
    stored = collector.stored()
    assert len(stored) == 2 * 50 * 4
    assert {payload["messageId"] for payload in collector.payloads()} == {"good"}
    assert sum(event.problem == "" for event in stored) == 50 * 4
    problems = {event.problem for event in stored if event.problem}
    assert problems == {"nested deeper than 64 levels", "not a JSON object"}


def nested(levels: int) -> object:
    return {"a": nested(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /v1/track HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000,
        b"POST /v1/track HTTP/1.1\r\n" + b"X: y\r\n" * 40_000,
    ],
    ids=["tls", "version", "negative", "two lengths", "long header", "many headers"],
)
def test_what_is_not_http_is_refused(collector: Collector, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as client:
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(request_bytes), 10_000):
                client.sendall(request_bytes[start : start + 10_000])
                time.sleep(0.001)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := client.recv(4096):
                answer += part
    assert answer.startswith(b"HTTP/1.1 400") or not answer
    assert collector.post("/v1/track", {"userId": "u1"}).status == 200


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(collector: Collector) -> None:
    head = f"POST /v1/track HTTP/1.1\r\nX-Write-Key: {collector.key}\r\nContent-Length: 100\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", collector.port)) as client:
            client.sendall(head.encode() + b'{"userId":"u1"')
    assert collector.post("/v1/track", {"userId": "u1", "messageId": "whole"}).status == 200
    collector.stop()
    assert [payload["messageId"] for payload in collector.payloads()] == ["whole"]
    assert len(collector.stored()) == 1


@pytest.fixture
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 3 * SLOW_CLIENTS:
        pytest.skip(f"this machine allows a process {before[1]} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_a_thousand_slow_clients_keep_nobody_out(
    make_collector: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each announces three megabytes and sends a hundred kilobytes of them, bit by bit."""
    collector = make_collector()
    head = (
        f"POST /v1/track HTTP/1.1\r\nX-Write-Key: {collector.key}\r\n"
        "Content-Length: 3000000\r\n\r\n"
    ).encode()
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", collector.port)))
            for _ in range(SLOW_CLIENTS)
        ]
        for client in clients:
            client.sendall(head)
        for _ in range(10):
            for client in clients:
                client.sendall(b"x" * 10_000)
            assert collector.post("/v1/track", {"userId": "u1"}).status == 200
        assert peak_memory(collector) < MEMORY_BYTES
        # They are given up in the end; their connections cost files.
        deadline = time.monotonic() + protocol.REQUEST_SECONDS + 15
        answers = []
        for client in clients:
            client.settimeout(max(1.0, deadline - time.monotonic()))
            answers.append(client.recv(100))
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    assert collector.post("/v1/track", {"userId": "u1"}).status == 200


@pytest.mark.usefixtures("many_files")
def test_bodies_that_come_all_at_once_share_a_bounded_memory(collector: Collector) -> None:
    head = (
        f"POST /v1/track HTTP/1.1\r\nX-Write-Key: {collector.key}\r\n"
        "Content-Length: 3999999\r\n\r\n"
    ).encode()
    # 120 of them are 470 megabytes; 256 are received at a time.
    refused: set[socket.socket] = set()
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(120):
            client = socket.create_connection(("127.0.0.1", collector.port), timeout=20)
            clients.append(stack.enter_context(client))
            with contextlib.suppress(ConnectionError):
                client.sendall(head + b"x" * 3_900_000)
        deadline = time.monotonic() + 20
        while len(refused) < 50 and time.monotonic() < deadline:
            readable, _, _ = select.select(set(clients) - refused, [], [], 1)
            for client in readable:
                assert client.recv(100).startswith(b"HTTP/1.1 503")
            refused.update(readable)
        assert 50 <= len(refused) <= 70
        assert peak_memory(collector) < MEMORY_BYTES
