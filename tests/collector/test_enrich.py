"""What the collector adds to an event, and what it leaves alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbt_cdp.collector.enrich import corrected_time, enriched
from dbt_cdp.collector.segments import Request

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/120.0.0.0 Safari/537.36"
)
RECEIVED = datetime(2026, 6, 1, 10, 0, 5, tzinfo=UTC)
REQUEST = Request(source="web", received_at="2026-06-01T10:00:05.000000+00:00", ip="192.0.2.7")
FROM_PAGE = REQUEST._replace(is_client=True, user_agent=CHROME)

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
SKEWS = st.timedeltas(timedelta(days=-3000), timedelta(days=3000))


def enrich(event: dict[str, Any], request: Request = REQUEST, **envelope: object) -> dict[str, Any]:
    return enriched(event, envelope, request, RECEIVED)


@given(TIMES, SKEWS, st.timedeltas(timedelta(0), timedelta(hours=2)))
def test_a_wrong_clock_is_corrected(true_time: datetime, skew: timedelta, wait: timedelta) -> None:
    sent_at = true_time + wait
    assert corrected_time(true_time + skew, sent_at + skew, received_at=sent_at) == true_time


def test_a_client_that_rounds_down_when_it_sends_is_not_in_the_future() -> None:
    sent_at = RECEIVED.replace(microsecond=0)
    assert corrected_time(sent_at + timedelta(milliseconds=900), sent_at, RECEIVED) == RECEIVED
    later = sent_at + timedelta(minutes=5)
    assert corrected_time(later, sent_at, RECEIVED) == later


@pytest.mark.parametrize(
    ("event", "sent_at", "expected"),
    [
        # five hours behind
        ({"timestamp": "2026-06-01T05:00:00Z"}, "2026-06-01T05:00:03Z", "10:00:02.000000Z"),
        ({"originalTimestamp": "2026-06-01T09:00:00Z"}, "2026-06-01T09:00:05Z", "10:00:00.000000Z"),
        ({"timestamp": "2026-06-01T15:30:00+05:30"}, "2026-06-01T10:00:05Z", "10:00:00.000000Z"),
        ({"timestamp": "2026-06-01T10:00:00"}, "2026-06-01T10:00:05Z", "10:00:00.000000Z"),
        ({}, "2026-06-01T10:00:05Z", "10:00:05.000000Z"),
        ({"timestamp": None}, None, "10:00:05.000000Z"),
    ],
)
def test_the_timestamp_is_on_our_clock(
    event: dict[str, Any], sent_at: str | None, expected: str
) -> None:
    for said in (enrich(event, sentAt=sent_at), enrich({**event, "sentAt": sent_at})):
        assert said["timestamp"] == f"2026-06-01T{expected}"
        assert said["received_at"] == REQUEST.received_at
        if any(event.values()):
            assert said["originalTimestamp"] == next(iter(event.values()))


@pytest.mark.parametrize("timestamp", ["yesterday", "2026-02-30T00:00:00Z", 1780308000000, [], {}])
@pytest.mark.parametrize("sent_at", ["2026-06-01T10:00:00Z", "never", None, 7])
def test_a_time_that_nobody_can_read_is_left_for_staging_to_refuse(
    timestamp: object, sent_at: object
) -> None:
    said = enrich({"timestamp": timestamp, "sentAt": sent_at})
    assert said["timestamp"] == (timestamp or "2026-06-01T10:00:05.000000Z")


def test_a_time_at_the_end_of_the_calendar_breaks_nothing() -> None:
    end = "9999-12-31T23:59:59Z"
    assert enrich({"timestamp": end}, sentAt="0001-01-01T00:00:00Z")["timestamp"] == end


def test_what_only_the_collector_knows_cannot_be_claimed() -> None:
    claims = {
        "received_at": "2020-01-01",
        "receivedAt": "2020-01-01",
        "request_ip": "1.1.1.1",
        "request_user_agent": "x",
        "writeKey": "secret",
    }
    assert enrich({"timestamp": "2026-06-01T10:00:00Z", **claims}) == {
        "timestamp": "2026-06-01T10:00:00Z",
        "received_at": REQUEST.received_at,
    }


def test_the_address_is_the_persons_and_not_the_servers() -> None:
    assert "request_ip" not in enrich({"channel": "server"}, REQUEST._replace(user_agent="py/3"))
    for event, request in (
        ({}, FROM_PAGE),
        ({"channel": "mobile"}, REQUEST),
        ({"context": {"device": {"id": "d1"}}}, REQUEST),
    ):
        assert enrich(event, request)["request_ip"] == "192.0.2.7"


@given(
    st.dictionaries(
        st.sampled_from(
            ["channel", "context", "timestamp", "originalTimestamp", "sentAt", "type", "userId"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["device", "userAgent"]), inner, max_size=2)
            ),
        ),
    ),
    st.booleans(),
)
def test_no_event_is_too_odd_to_be_enriched(event: dict[str, Any], is_client: bool) -> None:
    for envelope in ({}, event):
        said = enriched(event, envelope, REQUEST._replace(is_client=is_client), RECEIVED)
        assert said["received_at"] == REQUEST.received_at


def test_the_context_of_a_batch_is_that_of_its_events() -> None:
    said = enrich({"context": {"b": 2, "c": 3}}, context={"a": 1, "b": 1})
    assert said["context"] == {"a": 1, "b": 2, "c": 3}
    assert enrich({"context": "text"})["context"] == "text"


@pytest.mark.parametrize(
    ("text", "browser", "device_type"),
    [
        (CHROME, "Chrome", "desktop"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
            "Mobile Safari",
            "mobile",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            "Mobile Safari",
            "tablet",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/119.0.0.0 Safari/537.36",
            "Chrome",
            "tablet",
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot",
            "bot",
        ),
        ("nothing known", None, None),
    ],
)
def test_browser_and_device(text: str, browser: str | None, device_type: str | None) -> None:
    for said in (
        enrich({}, FROM_PAGE._replace(user_agent=text)),
        enrich({"context": {"userAgent": text}}),
    ):
        assert (said.get("browser"), said.get("device_type")) == (browser, device_type)
    own = enrich({"device_type": "kiosk", "browser": "own"}, FROM_PAGE)
    assert (own["device_type"], own["browser"]) == ("kiosk", "own")
