"""A page, a browser and the collector, as a visitor, a customer and an operator have them."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chromium import needs_chromium
from serving import Collector

SEGMENT = Path(__file__).parent / "clients/node_modules/@segment/analytics-next/dist/umd"

OWN = """
<script>(window.cdp = window.cdp || []).push(["load", "KEY"], ["page"]);</script>
<script async src="COLLECTOR/cdp.js"></script>
"""
SEGMENTS = """
<script src="/segment/index.js"></script>
<script>
  const settings = {integrations: {"Segment.io": {
    apiKey: "KEY", apiHost: "HOST/v1", protocol: "http", deliveryStrategy: {strategy: "STRATEGY"},
  }}};
  window.analytics = AnalyticsNext.AnalyticsBrowser.load({writeKey: "KEY", cdnSettings: settings});
</script>
"""

pytestmark = needs_chromium


class Site:
    """The customer's site: one page, whose head is set by the test."""

    def __init__(self) -> None:
        self.head = ""
        self.origin = ""


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = f"<!doctype html><title>A shop</title>{site.head}".encode()
            kind = "text/html"
            if self.path.startswith("/segment/"):
                content, kind = (SEGMENT / Path(self.path).name).read_bytes(), "text/javascript"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site.origin = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()


@pytest.fixture
def collector(make_collector: Callable[..., Collector], site: Site) -> Collector:
    return make_collector("--allow-origin", site.origin)


def visit(context: Any, site: Site, collector: Collector, head: str) -> Any:
    values = {"KEY": collector.key, "COLLECTOR": collector.url, "HOST": collector.url[7:]}
    for name, value in values.items():
        head = head.replace(name, value)
    site.head = head
    page = context.new_page()
    page.goto(f"{site.origin}/pricing?utm_source=mail")
    return page


def accepted(collector: Collector) -> int:
    return sum(line["events"] for line in collector.log if line["status"] == 200)


def await_accepted(collector: Collector, number: int) -> None:
    deadline = time.monotonic() + 15
    while accepted(collector) < number:
        assert time.monotonic() < deadline, f"{accepted(collector)} of {number} events arrived"
        time.sleep(0.1)


def test_what_a_visitor_does_is_stored_once(context: Any, site: Site, collector: Collector) -> None:
    page = visit(context, site, collector, OWN)
    page.wait_for_function("window.cdp.version")
    page.evaluate(
        "cdp.track('pricing_seen', {plan: 'pro'}); cdp.identify('u1', {email: 'a@b.example'})"
    )
    await_accepted(collector, 3)
    page.evaluate("cdp.flush()")
    page.wait_for_function("!Object.keys(localStorage).some(name => name.startsWith('cdp_queue'))")
    # Whoever leaves takes a last event along.
    page.evaluate("cdp.track('left')")
    page.close()
    await_accepted(collector, 4)
    collector.stop()

    events = {payload["messageId"]: payload for payload in collector.payloads()}
    names = [event.get("event", event["type"]) for event in events.values()]
    assert names == ["page", "pricing_seen", "identify", "left"]
    assert not [event for event in collector.stored() if event.problem]
    first, *_, last = events.values()
    assert first["context"]["page"]["path"] == "/pricing"
    assert first["anonymousId"] == last["anonymousId"]
    assert last["userId"] == "u1"
    for event in events.values():
        assert event["request_ip"] == "127.0.0.1"
        assert "Chrome" in event["browser"]
        assert event["device_type"] == "desktop"
        assert "writeKey" not in event


def test_a_collector_that_was_away_gets_what_happened_meanwhile(
    context: Any, site: Site, collector: Collector
) -> None:
    page = visit(context, site, collector, OWN)
    await_accepted(collector, 1)
    collector.kill()
    for number in range(10):
        page.evaluate(f"cdp.track('away', {{number: {number}}})")
        page.wait_for_timeout(100)
    collector.start()
    await_accepted(collector, 11)
    collector.stop()
    numbers = {payload["properties"].get("number") for payload in collector.payloads()}
    assert numbers == {None, *range(10)}


@pytest.mark.skipif(not SEGMENT.is_dir(), reason="`npm ci` was not run in tests/collector/clients")
@pytest.mark.parametrize("strategy", ["standard", "batching"])
def test_segments_own_browser_client(
    context: Any, site: Site, collector: Collector, strategy: str
) -> None:
    page = visit(context, site, collector, SEGMENTS.replace("STRATEGY", strategy))
    page.evaluate("""
        async () => {
          await analytics.page("Pricing");
          await analytics.track("pricing_seen", {plan: "pro"});
          await analytics.identify("u1", {email: "a@b.example"});
          await analytics.group("g1");
          await analytics.alias("u2", "u1");
        }
    """)
    page.wait_for_timeout(500)
    page.close()
    await_accepted(collector, 5)
    collector.stop()
    assert {line["status"] for line in collector.log} == {200}
    paths = {line["path"] for line in collector.log}
    assert paths == ({"/v1/b"} if strategy == "batching" else {f"/v1/{c}" for c in "ptiga"})
    payloads = collector.payloads()
    assert sorted(payload["type"] for payload in payloads) == [
        "alias",
        "group",
        "identify",
        "page",
        "track",
    ]
    assert len({payload["messageId"] for payload in payloads}) == 5
    (identify,) = [payload for payload in payloads if payload["type"] == "identify"]
    assert (identify["userId"], identify["traits"]["email"]) == ("u1", "a@b.example")
    assert "Chrome" in identify["browser"]
