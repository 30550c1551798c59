"""What a client is answered, and what is in the spool then."""

import gzip
import json
import time
import zlib
from base64 import b64encode
from collections.abc import Callable

import pytest

from dbt_cdp.collector.bodies import MAX_BODY_BYTES
from dbt_cdp.collector.keys import KeyFile
from serving import SOURCE, Collector

EVENT = {"type": "track", "event": "pricing_seen", "userId": "u1", "messageId": "m1"}
CALLS = ("track", "identify", "page", "screen", "group", "alias")


def message_ids(collector: Collector) -> list[str]:
    collector.stop()
    return sorted(payload["messageId"] for payload in collector.payloads())


@pytest.mark.parametrize(
    "path", ["/api/events", "/v1/batch", "/v1/b", "/v1/import", "/v1/track", "/api/s/s2s/track"]
)
def test_any_path_takes_an_event_an_array_and_a_batch(collector: Collector, path: str) -> None:
    bodies = [
        {**EVENT, "messageId": "single"},
        [{**EVENT, "messageId": "array-1"}, {**EVENT, "messageId": "array-2"}],
        {"batch": [{**EVENT, "messageId": "batch"}], "sentAt": "2026-06-01T10:00:00Z"},
    ]
    for body in bodies:
        reply = collector.post(path, body)
        assert (reply.status, reply.body) == (200, b'{"success":true}')
    assert message_ids(collector) == ["array-1", "array-2", "batch", "single"]


def test_the_path_says_the_type_that_an_event_does_not_say(collector: Collector) -> None:
    paths = {
        **{f"/v1/{call}": call for call in CALLS},
        **{f"/v1/{call[0]}": call for call in CALLS},
        **{f"/api/s/{call}": call for call in CALLS},
        **{f"/api/s/s2s/{call}": call for call in CALLS},
    }
    for path in paths:
        assert collector.post(path, {"userId": "u1", "messageId": path}).status == 200
    collector.post("/v1/track", {"userId": "u1", "messageId": "own", "type": "page"})
    collector.stop()
    types = {payload["messageId"]: payload["type"] for payload in collector.payloads()}
    assert types == {**paths, "own": "page"}


def test_the_key_is_in_a_header_in_the_query_or_in_the_body(collector: Collector) -> None:
    key = collector.key
    ways: list[tuple[str, dict[str, str], dict[str, str]]] = [
        ("", {"Authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}, {}),
        ("", {"Authorization": f"Bearer {key}"}, {}),
        ("", {"X-Write-Key": key}, {}),
        (f"?writeKey={key}", {}, {}),
        ("", {}, {"writeKey": key}),
    ]
    for number, (query, headers, body) in enumerate(ways):
        event = {**EVENT, "messageId": str(number), **body}
        assert collector.post(f"/v1/track{query}", event, key="", headers=headers).status == 200
    batch = {"batch": [{**EVENT, "messageId": "batch"}], "writeKey": key}
    assert collector.post("/v1/batch", batch, key="").status == 200
    assert message_ids(collector) == ["0", "1", "2", "3", "4", "batch"]
    assert not any("writeKey" in payload for payload in collector.payloads())


def test_without_a_known_key_nothing_is_kept(collector: Collector) -> None:
    for reply in (
        collector.post("/v1/track", EVENT, key=""),
        collector.post("/v1/track", EVENT, key=collector.key + "x"),
        collector.post("/v1/track", {**EVENT, "writeKey": "cdp_guess"}, key=""),
        collector.post("/v1/track", {**EVENT, "writeKey": 7}, key=""),
        collector.post("/v1/track", b"not JSON", key=""),
        collector.post("/v1/track", gzip.compress(b"x")[:-3], key=""),
        collector.post("/v1/track", EVENT, headers={"Authorization": "Basic %%%"}),
    ):
        assert (reply.status, json.loads(reply.body)["success"]) == (401, False)
    collector.stop()
    assert collector.stored() == []


def test_keys_of_the_environment_and_keys_made_while_it_runs(
    make_collector: Callable[..., Collector],
) -> None:
    collector = make_collector(CDP_WRITE_KEYS="app=sesame=, web = open ,")
    assert collector.post("/v1/track", EVENT, key="sesame=").status == 200
    keys = KeyFile(collector.spool)
    late = keys.add("late")
    assert until(lambda: collector.post("/v1/track", EVENT, key=late).status == 200)
    keys.revoke(keys.read()[-1].id)
    assert until(lambda: collector.post("/v1/track", EVENT, key=late).status == 401)
    collector.stop()
    assert {event.source for event in collector.stored()} == {"app", "late"}


def until(condition: Callable[[], bool]) -> bool:
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_one_bad_event_does_not_sink_its_batch(collector: Collector) -> None:
    good = json.dumps({**EVENT, "messageId": "good"})
    reply = collector.post("/v1/batch", f'{{"batch":[{good},{{"a":undefined}},7]}}'.encode())
    assert reply.status == 200
    assert collector.post("/v1/batch", {"batch": [7, {**EVENT, "messageId": "too"}]}).status == 200
    assert message_ids(collector) == ["good", "too"]
    problems = sorted(event.problem for event in collector.stored() if event.problem)
    assert problems == [
        "not JSON: Expecting value at character 6",
        "not a JSON object",
        "not a JSON object",
    ]


def test_a_bad_event_of_a_body_of_several_lines_is_kept_too(collector: Collector) -> None:
    body = json.dumps([{**EVENT, "messageId": "good"}, 7], indent=2).encode()
    assert collector.post("/v1/batch", body).status == 200
    assert message_ids(collector) == ["good"]
    assert [event.problem for event in collector.stored()] == ["", "not a JSON object"]


@pytest.mark.parametrize("body", [b"", b"not JSON", b'"text"', b"[1, 2]", b'{"batch":[{]}'])
def test_a_body_without_an_event_is_set_aside(collector: Collector, body: bytes) -> None:
    reply = collector.post("/v1/batch", body)
    assert reply.status == 400
    collector.stop()
    events = collector.stored()
    assert events
    assert all(event.payload is None and event.problem for event in events)
    assert {event.source for event in events} == {SOURCE}


def test_an_empty_batch_is_no_mistake(collector: Collector) -> None:
    assert collector.post("/v1/batch", {"batch": []}).status == 200
    assert collector.post("/v1/batch", []).status == 200
    collector.stop()
    assert collector.stored() == []


def test_the_content_type_and_encoding_are_not_believed(collector: Collector) -> None:
    def sent(number: int) -> bytes:
        return json.dumps({**EVENT, "messageId": str(number)}).encode()

    bodies: list[tuple[bytes, dict[str, str]]] = [
        (sent(0), {"Content-Type": "text/plain"}),
        (sent(1), {"Content-Type": "application/x-www-form-urlencoded"}),
        (gzip.compress(sent(2)), {"Content-Type": "image/png"}),
        (gzip.compress(sent(3)), {"Content-Encoding": "gzip"}),
        (sent(4), {"Content-Encoding": "gzip"}),
        (json.dumps(json.loads(sent(5)), indent=4).encode(), {}),
    ]
    for body, headers in bodies:
        assert collector.post("/v1/track", body, headers=headers).status == 200
    assert message_ids(collector) == list("012345")


def test_what_is_too_large_is_refused_also_when_packed(collector: Collector) -> None:
    pad = {**EVENT, "properties": {"pad": "x" * MAX_BODY_BYTES}}
    bomb = zlib.compressobj(9, wbits=31)
    packed = b"".join([*(bomb.compress(b"0" * 10_000_000) for _ in range(100)), bomb.flush()])
    assert len(packed) < 1_100_000
    for body in (json.dumps(pad).encode(), gzip.compress(json.dumps(pad).encode()), packed):
        assert collector.post("/v1/track", body).status == 413
    assert collector.post("/v1/track", gzip.compress(b'{"a":1}')[:-4]).status == 400
    large = {**EVENT, "properties": {"pad": "x" * 1_000_000}}
    assert collector.post("/v1/batch", [large, {**EVENT, "messageId": "small"}]).status == 200
    assert message_ids(collector) == ["small"]
    problems = {event.problem for event in collector.stored() if event.problem}
    assert problems == {"not gzip, or cut short", "longer than 1,000,000 bytes"}


def test_a_key_that_sends_too_much_is_told_to_wait(
    make_collector: Callable[..., Collector],
) -> None:
    collector = make_collector("--rate-limit", "5", CDP_WRITE_KEYS="app=other")
    replies = [collector.post("/v1/track", {**EVENT, "messageId": str(n)}) for n in range(40)]
    assert {reply.status for reply in replies} == {200, 429}
    assert collector.post("/v1/track", EVENT, key="other").status == 200
    late = next(reply for reply in replies if reply.status == 429)
    assert late.headers["retry-after"] == "1"
    collector.stop()
    taken = [number for number, reply in enumerate(replies) if reply.status == 200]
    stored = [event for event in collector.payloads() if event["messageId"] != "m1"]
    assert sorted(int(event["messageId"]) for event in stored) == taken


def test_pages_of_allowed_origins_alone_may_read_the_answer(
    make_collector: Callable[..., Collector],
) -> None:
    collector = make_collector("--allow-origin", "https://shop.example")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-y"}

    def preflight(origin: str) -> tuple[int, str | None]:
        headers = {"Origin": origin, **asked}
        reply = collector.post("/v1/batch", b"", key="", headers=headers, method="OPTIONS")
        return reply.status, reply.headers.get("access-control-allow-origin")

    assert preflight("https://shop.example") == (200, "https://shop.example")
    assert preflight("https://evil.example") == (400, None)
    for origin, expected in (
        ("https://shop.example", "https://shop.example"),
        ("https://evil.example", None),
    ):
        for key in (None, ""):
            reply = collector.post("/v1/track", EVENT, key=key, headers={"Origin": origin})
            assert reply.headers.get("access-control-allow-origin") == expected
    collector.post("/v1/track", EVENT, headers={"Origin": "https://a\x1b[2J"})
    assert until(lambda: bool(collector.talk))
    collector.stop()
    assert [text for text in collector.talk if "Pages of" in text] == [
        "Pages of https://evil.example send here but are not allowed to:"
        " --allow-origin https://evil.example\n"
    ]


def test_other_paths_and_methods(collector: Collector) -> None:
    assert collector.post("/v1/nothing", EVENT).status == 404
    assert collector.get("/v1/track").status == 405
    assert collector.get("/webhooks/stripe").status == 405
    assert json.loads(collector.get("/healthz").body) == {"status": "ok"}
    script = collector.get("/cdp.js")
    assert script.status == 200
    assert script.headers["content-type"].startswith("text/javascript")


def test_metrics_and_the_access_log_tell_numbers_and_no_data(collector: Collector) -> None:
    needle = "needle@example.com"
    event = {**EVENT, "traits": {"email": needle}}
    collector.post(f"/v1/track?email={needle}", event, headers={"Origin": f"https://{needle}"})
    collector.post("/v1/batch", [event, 7])
    collector.post("/v1/track", needle.encode())
    collector.post(f"/{needle}", event)
    metrics = collector.get("/metrics").body.decode()
    for line in (
        'cdp_collector_requests_total{path="/v1/track",status="200"} 1.0',
        'cdp_collector_requests_total{path="/v1/track",status="400"} 1.0',
        f'cdp_collector_events_total{{outcome="accepted",source="{SOURCE}"}} 2.0',
        f'cdp_collector_events_total{{outcome="quarantined",source="{SOURCE}"}} 2.0',
        "cdp_collector_spool_segments 0.0",
        "cdp_collector_commit_seconds_count 3.0",
    ):
        assert line in metrics
    collector.stop()
    assert [(line["path"], line["status"], line["events"]) for line in collector.log] == [
        ("/v1/track", 200, 1),
        ("/v1/batch", 200, 1),
        ("/v1/track", 400, 0),
    ]
    assert {line["source"] for line in collector.log} == {SOURCE}
    for text in (metrics, (collector.spool / "access.log").read_text(), "".join(collector.talk)):
        assert needle not in text
        assert "127.0.0.1" not in text.replace("Collecting on http://127.0.0.1", "")
