"""The browser client in a real browser, against a receiver whose failures are chosen."""

import json
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import UUID

import pytest

from chromium import needs_chromium

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "orchestrator" / "dbt_cdp" / "collector" / "cdp.js"
PAGES = Path(__file__).parent / "browser"
PATIENCE = 15.0
# Longer than the client waits before it sends.
QUIET = 0.7

pytestmark = needs_chromium


class Delivery(NamedTuple):
    """A request with events, be it accepted or not."""

    at: float
    status: int
    size: int
    headers: dict[str, str]
    body: dict[str, Any]


class Receiver:
    """Stands in for `cdp collect`: answers as it is told and keeps what it gets.

    Attributes:
        origin: where it listens.
        status: of its answers; 0 closes the connection without one.
        retry_after: the header of that name.
        delay: seconds until it answers.
        script_may_go: holds back cdp.js while it is not set.
        deliveries: all requests with events.
        preflights: how often a browser has asked before it sent.
    """

    def __init__(self) -> None:
        self.origin = ""
        self.status = 200
        self.retry_after = ""
        self.delay = 0.0
        self.script_may_go = threading.Event()
        self.script_may_go.set()
        self.deliveries: list[Delivery] = []
        self.preflights = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [
            event
            for delivery in self.deliveries
            if delivery.status == 200
            for event in delivery.body["batch"]
        ]

    @property
    def names(self) -> list[str]:
        """What was tracked, and the types of the other events, in the order of arrival."""
        return [event.get("event", event["type"]) for event in self.events]

    def await_events(self, number: int) -> list[dict[str, Any]]:
        await_that(lambda: len(self.events) >= number, lambda: f"{self.names}, not {number} events")
        return self.events

    def await_deliveries(self, number: int) -> list[Delivery]:
        await_that(lambda: len(self.deliveries) >= number, lambda: f"{len(self.deliveries)} only")
        return self.deliveries

    def forget(self) -> None:
        self.deliveries.clear()


def await_that(is_true: Callable[[], bool], problem: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, problem()
        time.sleep(0.02)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Handler(BaseHTTPRequestHandler):
    """What the two servers have in common."""

    def respond(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class ReceiverHandler(Handler):
        def do_GET(self) -> None:
            told.script_may_go.wait(PATIENCE)
            self.respond(200, SCRIPT.read_bytes(), {"Content-Type": "text/javascript"})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            status = told.status if self.path == "/v1/batch" else 404
            told.deliveries.append(
                Delivery(
                    time.monotonic(),
                    status,
                    len(content),
                    {name.lower(): value for name, value in self.headers.items()},
                    json.loads(content),
                )
            )
            time.sleep(told.delay)
            if not status:
                self.close_connection = True
                return
            headers = {
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "Retry-After",
            }
            if told.retry_after:
                headers["Retry-After"] = told.retry_after
            self.respond(status, b'{"success":true}', headers)

        def do_OPTIONS(self) -> None:
            told.preflights += 1
            self.respond(403, b"", {})

    with serving(ReceiverHandler) as told.origin:
        yield told
        told.script_may_go.set()


@pytest.fixture
def site(receiver: Receiver) -> Iterator[str]:
    """The customer's site, which is another origin than the receiver."""

    class SiteHandler(Handler):
        def do_GET(self) -> None:
            path = PAGES / Path(urlsplit(self.path).path).name
            if not path.is_file():
                return self.respond(404, b"", {})
            content = path.read_text().replace("RECEIVER", receiver.origin)
            return self.respond(200, content.encode(), {"Content-Type": "text/html"})

    with serving(SiteHandler) as origin:
        yield origin


class Shop:
    """A page of the site, open in the browser."""

    def __init__(self, context: Any, site: str) -> None:
        self.page = context.new_page()
        self.site = site
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _hear(self, message: Any) -> None:
        if message.type == "warning":
            self.warnings.append(message.text)

    def open(self, path: str = "shop.html", options: dict[str, Any] | None = None) -> "Shop":
        query = f"?load={quote(json.dumps(options))}" if options is not None else ""
        self.page.goto(f"{self.site}/{path}{query}")
        return self

    def run(self, script: str) -> Any:
        return self.page.evaluate(f"() => {{ {script} }}")

    def stored(self) -> dict[str, str]:
        return self.page.evaluate("() => Object.assign({}, localStorage)")

    def queued(self) -> list[str]:
        return [name for name in self.stored() if name.startswith("cdp_queue_")]

    def await_sent(self) -> None:
        """Wait until the page has heard that all has arrived."""
        await_that(lambda: not self.queued(), lambda: "the queue does not become empty")

    def wait(self, seconds: float = QUIET) -> None:
        self.page.wait_for_timeout(seconds * 1_000)


@pytest.fixture
def shop(context: Any, site: str) -> Iterator[Shop]:
    shop = Shop(context, site)
    yield shop
    assert shop.errors == []


def each_once(*names: str) -> Counter[str]:
    return Counter(names)


# What arrives


def test_calls_arrive_once_in_the_shape_of_segment(receiver: Receiver, shop: Shop) -> None:
    shop.open("shop.html?utm_campaign=spring&utm_source=mail#access_token=secret")
    shop.run("""
        cdp.track("Order Completed", {total: 12.5, items: [{sku: "a"}]});
        cdp.identify("u1", {email: "ada@example.com"});
        cdp.identify({plan: "pro"});
        cdp.page("Cart", {step: 2});
        cdp.group("g1", {seats: 3});
        cdp.alias("u2");
    """)
    page, track, identify, traits, cart, group, alias = receiver.await_events(7)
    shop.wait()

    assert len(receiver.events) == 7
    assert receiver.preflights == 0
    for delivery in receiver.deliveries:
        assert delivery.headers["content-type"].startswith("text/plain")
        assert delivery.headers["origin"] == shop.site
        assert delivery.body["writeKey"] == "KEY"
        assert datetime.fromisoformat(delivery.body["sentAt"]).tzinfo == UTC
    for event in receiver.events:
        assert UUID(event["messageId"]).version == 4
        assert UUID(event["anonymousId"]).version == 4
        assert datetime.now(UTC) - datetime.fromisoformat(event["timestamp"]) < timedelta(minutes=1)
        assert event["channel"] == "browser"
    assert len({event["messageId"] for event in receiver.events}) == 7
    assert len({event["anonymousId"] for event in receiver.events}) == 1

    url = f"{shop.site}/shop.html?utm_campaign=spring&utm_source=mail"
    where = {
        "url": url,
        "path": "/shop.html",
        "search": "?utm_campaign=spring&utm_source=mail",
        "referrer": "",
        "title": "A shop",
    }
    assert page["type"] == "page"
    assert page["properties"] == page["context"]["page"] == where
    assert page["context"]["campaign"] == {"name": "spring", "source": "mail"}
    assert page["context"]["userAgent"] == shop.run("return navigator.userAgent")
    assert page["context"]["locale"] and page["context"]["timezone"]
    assert page["context"]["screen"].keys() == {"width", "height", "density"}
    assert "userId" not in page
    assert "secret" not in json.dumps(receiver.events)

    assert (track["type"], track["event"]) == ("track", "Order Completed")
    assert track["properties"] == {"total": 12.5, "items": [{"sku": "a"}]}
    assert identify["userId"] == "u1"
    assert identify["traits"] == {"email": "ada@example.com"}
    assert traits["userId"] == "u1"
    assert traits["traits"] == {"email": "ada@example.com", "plan": "pro"}
    assert cart["name"] == "Cart"
    assert cart["properties"] == {**where, "name": "Cart", "step": 2}
    assert (group["groupId"], group["traits"]) == ("g1", {"seats": 3})
    assert (alias["userId"], alias["previousId"]) == ("u2", "u1")


def test_the_library_says_the_version_of_the_package(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    library = receiver.await_events(1)[0]["context"]["library"]
    assert library == {"name": "cdp.js", "version": project["version"]}


def test_calls_made_before_the_script_has_loaded_arrive(receiver: Receiver, shop: Shop) -> None:
    receiver.script_may_go.clear()
    shop.page.goto(f"{shop.site}/shop.html", wait_until="commit")
    shop.page.wait_for_selector("h1")
    shop.run("cdp.push(['identify', 'u1'], ['track', 'early'])")
    receiver.script_may_go.set()

    receiver.await_events(3)

    assert receiver.names == ["page", "identify", "early"]


def test_the_script_leaves_one_global_and_runs_once(receiver: Receiver, shop: Shop) -> None:
    shop.open("elsewhere.html")
    before = set(shop.run("return Object.getOwnPropertyNames(window)"))
    shop.page.add_script_tag(url=f"{receiver.origin}/cdp.js")
    shop.run("cdp.load('KEY')")
    shop.page.add_script_tag(url=f"{receiver.origin}/cdp.js")
    after = set(shop.run("return Object.getOwnPropertyNames(window)"))
    shop.run("cdp.track('once')")

    receiver.await_events(1)
    shop.wait()

    assert after - before == {"cdp"}
    assert receiver.names == ["once"]


def test_a_strict_content_security_policy_is_kept(receiver: Receiver, shop: Shop) -> None:
    shop.open("strict.html")
    shop.run("cdp.track('strict')")
    receiver.await_events(2)
    assert receiver.names == ["page", "strict"]


def test_cookies_of_the_receiver_are_not_sent(receiver: Receiver, shop: Shop, context: Any) -> None:
    context.add_cookies([{"name": "session", "value": "secret", "url": receiver.origin}])
    shop.open()
    receiver.await_events(1)
    assert "cookie" not in receiver.deliveries[0].headers


def test_a_page_that_is_prerendered_counts_when_it_is_seen(receiver: Receiver, shop: Shop) -> None:
    shop.page.add_init_script("Object.defineProperty(document, 'prerendering', {value: true})")
    shop.open()
    shop.wait()
    assert receiver.deliveries == []

    shop.run("document.dispatchEvent(new Event('prerenderingchange'))")

    receiver.await_events(1)
    assert receiver.names == ["page"]


# Who it is


def test_the_anonymous_id_lasts_until_reset(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    first = shop.run("return cdp.anonymousId()")
    shop.open("shop.html?second")
    assert shop.run("return cdp.anonymousId()") == first

    shop.run("cdp.identify('u1', {plan: 'pro'}); cdp.reset(); cdp.identify({theme: 'dark'})")

    *before, after = receiver.await_events(4)
    assert {event["anonymousId"] for event in before} == {first}
    assert after["anonymousId"] not in (first, None)
    assert "userId" not in after
    assert after["traits"] == {"theme": "dark"}


def test_a_second_user_of_the_browser_is_somebody_else(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    shop.run("""
        cdp.identify("ada", {email: "ada@example.com"});
        cdp.identify("ada", {plan: "pro"});
        cdp.identify("bob", {plan: "free"});
        cdp.track("signed in");
    """)
    page, *ada, bob, track = receiver.await_events(5)
    assert {event["anonymousId"] for event in ada} == {page["anonymousId"]}
    assert bob["anonymousId"] != page["anonymousId"]
    assert bob["traits"] == {"plan": "free"}
    assert (track["userId"], track["anonymousId"]) == ("bob", bob["anonymousId"])


def test_an_alias_is_the_same_person(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    shop.run("cdp.alias('u1'); cdp.alias('u2'); cdp.identify('u2')")
    page, first, second, identify = receiver.await_events(4)
    assert first["previousId"] == page["anonymousId"] == identify["anonymousId"]
    assert second["previousId"] == "u1"


# The end of a page


def test_an_event_just_before_another_page_arrives(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    receiver.await_events(1)
    shop.await_sent()
    shop.run("cdp.track('left'); location.href = 'elsewhere.html'")
    receiver.await_events(2)
    shop.wait()
    assert receiver.names == ["page", "left"]


def test_an_event_just_before_the_page_is_closed_arrives(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    receiver.await_events(1)
    shop.await_sent()
    shop.run("cdp.track('closed')")
    shop.page.close()
    receiver.await_events(2)
    time.sleep(QUIET)
    assert receiver.names == ["page", "closed"]


def test_without_beacons_an_event_before_the_end_arrives(receiver: Receiver, shop: Shop) -> None:
    shop.page.add_init_script("navigator.sendBeacon = () => false")
    shop.open()
    receiver.await_events(1)
    shop.await_sent()
    shop.run("cdp.track('left'); location.href = 'elsewhere.html'")
    receiver.await_events(2)
    assert receiver.names == ["page", "left"]


def test_the_next_page_sends_again_what_a_beacon_may_have_lost(
    receiver: Receiver, shop: Shop
) -> None:
    shop.open()
    receiver.await_events(1)
    shop.await_sent()
    receiver.status = 500
    shop.run("cdp.track('left'); location.href = 'elsewhere.html'")
    receiver.await_deliveries(2)
    receiver.status = 200

    shop.open()

    receiver.await_events(3)
    shop.wait()
    assert each_once(*receiver.names) == {"left": 1, "page": 2}
    lost = receiver.deliveries[1].body["batch"][0]
    assert lost in receiver.events
    assert shop.queued() == []


def test_what_has_failed_is_tried_once_more_at_the_end(receiver: Receiver, shop: Shop) -> None:
    receiver.status = 500
    shop.open()
    receiver.await_deliveries(1)
    shop.wait(0.2)
    receiver.status = 200
    shop.page.close()
    receiver.await_events(1)
    assert receiver.names == ["page"]


def test_a_page_that_is_seen_again_confirms_its_beacon(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    receiver.await_events(1)
    shop.await_sent()
    shop.run("""
        window.show = (state) => {
            Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        };
        cdp.track("hidden");
        show("hidden");
        window.dispatchEvent(new Event("pagehide"));
    """)
    receiver.await_events(2)
    shop.wait()
    assert receiver.names == ["page", "hidden"]
    assert len(shop.queued()) == 1

    shop.run("show('visible')")

    beacon, confirmed = receiver.await_events(3)[1:]
    assert beacon == confirmed
    assert receiver.deliveries[-1].at - receiver.deliveries[-2].at < 8
    shop.wait()
    assert shop.queued() == []


# Failures


@pytest.mark.parametrize("status", [0, 408, 500, 503])
def test_what_a_failing_receiver_did_not_take_arrives_once(
    receiver: Receiver, shop: Shop, status: int
) -> None:
    receiver.status = status
    shop.open()
    shop.run("cdp.track('first'); cdp.track('second')")
    failed = receiver.await_deliveries(1)[0]
    receiver.status = 200

    receiver.await_events(3)
    shop.wait()

    assert receiver.names == ["page", "first", "second"]
    retried = receiver.deliveries[-1]
    assert retried.body["batch"][0] == failed.body["batch"][0]
    assert retried.body["sentAt"] > failed.body["sentAt"]
    assert retried.at - failed.at >= 0.99
    assert shop.queued() == []
    assert shop.warnings == []


def test_retries_become_rarer(receiver: Receiver, shop: Shop) -> None:
    shop.page.add_init_script("Math.random = () => 1")
    receiver.status = 500
    shop.open()
    first, second, third = receiver.await_deliveries(3)
    assert 1.9 <= second.at - first.at < 3.5
    assert 3.9 <= third.at - second.at < 6


def test_retries_begin_anew_after_a_success(receiver: Receiver, shop: Shop) -> None:
    shop.page.add_init_script("Math.random = () => 1")
    for number in (1, 2):
        receiver.status = 500
        shop.open() if number == 1 else shop.run("cdp.track('again')")
        failed = receiver.await_deliveries(2 * number - 1)[-1]
        receiver.status = 200
        retried = receiver.await_deliveries(2 * number)[-1]
        assert 1.9 <= retried.at - failed.at < 3.5
        shop.await_sent()


def test_events_outlive_the_page_while_the_receiver_is_down(
    receiver: Receiver, shop: Shop, context: Any
) -> None:
    receiver.status = 0
    shop.open()
    shop.run("cdp.track('kept')")
    receiver.await_deliveries(1)
    shop.page.close()
    time.sleep(QUIET)
    receiver.status = 200

    Shop(context, shop.site).open()

    receiver.await_events(3)
    time.sleep(QUIET)
    assert each_once(*receiver.names) == {"page": 2, "kept": 1}


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured_by_the_next_page_too(
    receiver: Receiver, shop: Shop, as_date: bool
) -> None:
    receiver.status = 429
    # A date has whole seconds: the wait is up to one shorter.
    until = datetime.now(UTC) + timedelta(seconds=5)
    receiver.retry_after = format_datetime(until, usegmt=True) if as_date else "4"
    shop.open()
    asked = receiver.await_deliveries(1)[0]
    shop.wait(0.3)
    shop.run("cdp.track('patient')")

    shop.open()
    receiver.status = 200

    receiver.await_events(3)
    shop.wait()
    assert len(receiver.deliveries) == 2
    assert receiver.deliveries[1].at - asked.at >= (2.5 if as_date else 3.9)
    assert each_once(*receiver.names) == {"page": 2, "patient": 1}


def test_what_is_refused_is_dropped_with_one_warning(receiver: Receiver, shop: Shop) -> None:
    receiver.status = 400
    shop.open()
    receiver.await_deliveries(1)
    shop.wait()
    shop.run("cdp.track('refused too')")
    receiver.await_deliveries(2)
    shop.wait()
    assert shop.queued() == []
    assert len(shop.warnings) == 1
    assert "400" in shop.warnings[0]

    receiver.status = 200
    shop.run("cdp.track('taken')")

    receiver.await_events(1)
    shop.wait(2.5)
    assert receiver.names == ["taken"]
    assert len(receiver.deliveries) == 3


def test_requests_are_of_limited_size(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    shop.run("""
        for (let n = 0; n < 70; n++) cdp.track(`small ${n}`);
        for (let n = 0; n < 40; n++) cdp.track(`big ${n}`, {text: "é".repeat(1200)});
    """)
    receiver.await_events(111)
    shop.wait()
    assert len(set(receiver.names)) == len(receiver.names) == 111
    assert max(len(delivery.body["batch"]) for delivery in receiver.deliveries) == 50
    assert 55_000 < max(delivery.size for delivery in receiver.deliveries) <= 60_000


def test_the_queue_is_limited_and_drops_the_oldest(receiver: Receiver, shop: Shop) -> None:
    receiver.status = 500
    shop.open()
    # The least that an event takes, so that the number is what limits the queue.
    shop.run("""
        Object.defineProperty(navigator, "userAgent", {value: ""});
        for (let n = 0; n < 510; n++) cdp.track(`small ${n}`);
    """)
    assert len(shop.queued()) == 500

    shop.run("for (let n = 0; n < 20; n++) cdp.track(`big ${n}`, {text: 'é'.repeat(10000)})")

    stored = shop.stored()
    sizes = [len(stored[name].encode()) for name in shop.queued()]
    assert 200_000 < sum(sizes) <= 256 * 1024
    assert "big 19" in stored[max(shop.queued())]
    assert len(sizes) < 20


def test_an_event_that_is_too_large_does_not_cost_the_others(
    receiver: Receiver, shop: Shop
) -> None:
    shop.open()
    shop.run("cdp.track('huge', {text: 'x'.repeat(60000)}); cdp.track('small')")
    receiver.await_events(2)
    shop.wait()
    assert receiver.names == ["page", "small"]
    assert len(shop.warnings) == 1


# Several tabs


@pytest.mark.parametrize(("status", "delay"), [(200, 1.0), (500, 0.0)])
def test_two_tabs_send_each_event_once(
    receiver: Receiver, shop: Shop, context: Any, status: int, delay: float
) -> None:
    receiver.status, receiver.delay = status, delay
    other = Shop(context, shop.site)
    for tab, chance in ((shop, 0), (other, 1)):
        # They do not retry at the same moment.
        tab.page.add_init_script(f"Math.random = () => {chance}")
        tab.open()
    for number in range(20):
        shop.run(f"cdp.track('left {number}')")
        other.run(f"cdp.track('right {number}')")
    # A machine that is busy may give everything to the first request.
    receiver.await_deliveries(1 if status == 200 else 2)
    receiver.status = 200

    receiver.await_events(42)
    shop.wait(2.5)

    assert len({event["messageId"] for event in receiver.events}) == 42
    assert len(receiver.events) == 42
    assert len({event["anonymousId"] for event in receiver.events}) == 1
    assert shop.queued() == []


def test_a_page_sends_one_request_at_a_time(receiver: Receiver, context: Any, site: str) -> None:
    receiver.delay = 1.0
    shop = Shop(context, site.replace("127.0.0.1", "shop.test")).open()
    receiver.await_deliveries(1)
    shop.run("cdp.track('meanwhile')")
    receiver.await_events(2)
    shop.wait(1.5)
    assert receiver.names == ["page", "meanwhile"]


def test_a_tab_that_ends_leaves_the_events_of_others_to_them(
    receiver: Receiver, shop: Shop, context: Any
) -> None:
    receiver.status = 500
    other = Shop(context, shop.site).open()
    other.run("cdp.track('theirs')")
    receiver.await_deliveries(1)
    shop.open()
    receiver.await_deliveries(2)
    receiver.forget()
    shop.run("cdp.track('mine'); window.dispatchEvent(new Event('pagehide'))")
    beacon = receiver.await_deliveries(1)[0].body["batch"]
    assert [event.get("event", event["type"]) for event in beacon][-1] == "mine"
    assert "theirs" not in [event.get("event") for event in beacon]


def test_tabs_lose_nothing_where_there_are_no_locks(
    receiver: Receiver, context: Any, site: str
) -> None:
    site = site.replace("127.0.0.1", "shop.test")
    shop, other = Shop(context, site).open(), Shop(context, site).open()
    assert shop.run("return navigator.locks === undefined && crypto.randomUUID === undefined")
    for number in range(20):
        shop.run(f"cdp.track('left {number}')")
        other.run(f"cdp.track('right {number}')")

    names = {f"{side} {number}" for side in ("left", "right") for number in range(20)}
    await_that(lambda: set(receiver.names) == names | {"page"}, lambda: str(receiver.names))
    shop.wait()
    assert shop.queued() == []


def test_what_another_tab_left_behind_is_sent(receiver: Receiver, shop: Shop, context: Any) -> None:
    other = Shop(context, shop.site).open()
    shop.open()
    receiver.await_events(2)
    receiver.status = 500
    other.run("cdp.track('left behind')")
    other.page.close()
    receiver.await_deliveries(3)
    receiver.status = 200

    shop.run("cdp.track('later')")

    await_that(lambda: "later" in receiver.names, lambda: str(receiver.names))
    # The beacon of the page that closes may arrive late, unheard: then the event comes twice.
    distinct = {event["messageId"]: event for event in receiver.events}.values()
    names = Counter(event.get("event", event["type"]) for event in distinct)
    assert names == {"page": 2, "left behind": 1, "later": 1}


# Privacy

SIGNALS = {
    "do not track": "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
    "privacy control": "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
}


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS.keys())
def test_who_does_not_want_to_be_tracked_is_not(
    receiver: Receiver, shop: Shop, signal: str
) -> None:
    shop.open()
    receiver.await_events(1)
    assert shop.stored()
    receiver.forget()
    shop.page.add_init_script(signal)

    shop.open()
    assert shop.run("return cdp.anonymousId()") is None
    shop.run("cdp.identify('u1', {plan: 'pro'}); cdp.track('no'); cdp.consent(true); cdp.flush()")
    shop.wait()
    shop.open("elsewhere.html")

    assert shop.stored() == {}
    assert receiver.deliveries == []


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS.keys())
def test_the_signal_can_be_left_to_the_site(receiver: Receiver, shop: Shop, signal: str) -> None:
    shop.page.add_init_script(signal)
    shop.open(options={"respectDoNotTrack": False})
    receiver.await_events(1)


@pytest.mark.parametrize("pending", [False, None])
def test_consent_releases_and_deletes(receiver: Receiver, shop: Shop, pending: bool | None) -> None:
    shop.open(options={"consent": pending})
    shop.run("cdp.track('before'); history.pushState({}, '', 'cart')")
    assert shop.run("return cdp.anonymousId()") is None
    shop.wait()
    shop.run("document.dispatchEvent(new Event('visibilitychange')); cdp.flush()")
    assert shop.stored() == {}
    assert receiver.deliveries == []

    shop.run("cdp.consent(true); cdp.track('after')")
    before, after = receiver.await_events(3)[1:]
    assert receiver.names == ["page", "before", "after"]
    assert before["context"]["page"]["path"] == "/shop.html"
    assert before["timestamp"] < after["timestamp"]
    assert shop.stored()

    receiver.status = 500
    shop.run("cdp.track('withdrawn')")
    receiver.await_deliveries(len(receiver.deliveries) + 1)
    receiver.status = 200
    shop.run("cdp.consent(false); cdp.track('never'); cdp.identify('u1')")
    assert shop.stored() == {}
    shop.wait(2.5)
    shop.open("elsewhere.html")
    assert shop.stored() == {}
    assert len(receiver.events) == 3


def test_a_no_before_load_is_heard(receiver: Receiver, shop: Shop) -> None:
    receiver.script_may_go.clear()
    shop.page.goto(f"{shop.site}/shop.html", wait_until="commit")
    shop.page.wait_for_selector("h1")
    shop.run("cdp.unshift(['consent', false])")
    receiver.script_may_go.set()
    shop.page.wait_for_function("cdp.version")
    shop.wait()
    assert shop.stored() == {}
    assert receiver.deliveries == []


def test_a_hundred_calls_are_held_for_consent(receiver: Receiver, shop: Shop) -> None:
    shop.open(options={"consent": False})
    shop.run("""
        for (let number = 0; number < 120; number++) cdp.track(`held ${number}`);
        cdp.consent(true);
    """)
    receiver.await_events(100)
    shop.wait()
    assert receiver.names == [f"held {number}" for number in range(20, 120)]


def test_who_has_consented_before_is_still_known(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    receiver.await_events(1)
    shop.open(options={"consent": False})
    shop.run("cdp.consent(true)")
    first, second = receiver.await_events(2)
    assert first["anonymousId"] == second["anonymousId"]


# Hostile pages


def test_values_that_json_cannot_hold_do_not_cost_the_event(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    shop.run("""
        const cycle = {name: "cycle"};
        cycle.self = cycle;
        const shared = {sku: "a"};
        const revoked = Proxy.revocable({}, {});
        revoked.revoke();
        let deep = {};
        for (let level = 0; level < 1000; level++) deep = {deep};
        cdp.track("odd", {
            big: 12345678901234567890n,
            bytes: new Uint8Array([1, 2]),
            cycle,
            date: new Date(Date.UTC(2026, 0, 2)),
            deep,
            element: document.body,
            endless: {toJSON() { return this; }},
            error: new RangeError("too far"),
            infinite: Infinity,
            invalid: new Date(NaN),
            list: [1, () => 1, undefined, 2n],
            map: new Map([["a", 1], [2, new Map()]]),
            method() {},
            missing: undefined,
            nothing: null,
            proxy: revoked.proxy,
            set: new Set([1, 2]),
            shared: [shared, shared],
            symbol: Symbol("s"),
            surrogate: "\\ud83d",
            get thrower() { throw new Error("no"); },
            window,
        });
        cdp.track("list", [1, 2]);
        cdp.track("text", "text");
        cdp.identify("u1", new Map([["plan", "pro"]]));
        cdp.track("plain", {a: 1});
    """)
    odd, array, text, identify, plain = receiver.await_events(6)[1:]
    properties = odd["properties"]
    for name in ("bytes", "deep", "surrogate"):
        properties.pop(name)
    assert properties == {
        "big": "12345678901234567890",
        "cycle": {"name": "cycle"},
        "date": "2026-01-02T00:00:00.000Z",
        "error": {"name": "RangeError", "message": "too far"},
        "infinite": None,
        "invalid": None,
        "list": [1, None, None, "2"],
        "map": {"a": 1, "2": {}},
        "nothing": None,
        "set": [1, 2],
        "shared": [{"sku": "a"}, {"sku": "a"}],
    }
    assert array["properties"] == text["properties"] == {}
    assert identify["traits"] == {"plan": "pro"}
    assert plain["properties"] == {"a": 1}


def test_a_call_never_throws_into_the_page(receiver: Receiver, shop: Shop) -> None:
    shop.open()
    shop.run("""
        const hostile = {toString() { throw new Error("no"); }};
        const throwing = {get a() { throw null; }, toJSON() { throw new Error("no"); }};
        cdp.track();
        cdp.track(hostile, throwing);
        cdp.track(Symbol("s"), throwing);
        cdp.identify(hostile);
        cdp.identify(null, null);
        cdp.group();
        cdp.alias();
        cdp.page(throwing, throwing);
        cdp.load();
        cdp.consent();
        cdp.consent(true);
        cdp.push(["nothing of ours"], null, 7, [], ["track", "last"]);
        cdp.push();
    """)
    await_that(lambda: "last" in receiver.names, lambda: str(receiver.names))
    assert shop.warnings


def test_changing_the_arguments_later_changes_nothing(receiver: Receiver, shop: Shop) -> None:
    shop.open(options={"consent": False})
    shop.run("const cart = {total: 1}; cdp.track('cart', cart); cart.total = 2; cdp.consent(true)")
    assert receiver.await_events(2)[1]["properties"] == {"total": 1}


def test_where_storage_is_blocked_events_arrive(receiver: Receiver, shop: Shop) -> None:
    shop.open("sandbox.html")
    frame = shop.page.frame("shop")
    frame.wait_for_function("cdp.version")
    blocked = "() => { try { return !localStorage; } catch (error) { return true; } }"
    assert frame.evaluate(blocked)
    frame.evaluate("() => { cdp.track('one'); cdp.track('two'); }")
    receiver.await_events(3)
    shop.wait()
    assert receiver.names == ["page", "one", "two"]
    assert len({event["anonymousId"] for event in receiver.events}) == 1


def test_where_storage_is_full_events_arrive(receiver: Receiver, shop: Shop) -> None:
    shop.page.add_init_script("""
        for (let size = 1 << 22; size; size >>= 1) {
            try {
                for (let n = 0; n < 3; n++) localStorage[`${size} ${n}`] = "x".repeat(size);
            } catch (error) {}
        }
    """)
    shop.open()
    shop.run("cdp.track('one')")
    receiver.await_events(2)
    assert not [name for name in shop.stored() if name.startswith("cdp_")]
    assert receiver.names == ["page", "one"]


def test_what_others_put_into_storage_does_no_harm(receiver: Receiver, shop: Shop) -> None:
    shop.page.add_init_script("""
        localStorage.setItem("cdp_traits", "not JSON");
        localStorage.setItem("cdp_paused_until", "9999999999999999");
        localStorage.setItem("length", "7");
    """)
    shop.open()
    shop.run("cdp.identify('u1', {plan: 'pro'})")
    assert receiver.await_events(2)[1]["traits"] == {"plan": "pro"}
