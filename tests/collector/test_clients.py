"""The official clients: what each of them sends arrives, once and as it was meant.

Each runs in a process of its own, `clients/NAME.*`, and makes the calls it is told to make. Every
call is of a user of its own, which tells the events apart whatever message ids a client gives.
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from consumer import Consumer
from dbt_cdp.cli import run
from serving import SOURCE, Collector

CLIENTS = Path(__file__).parent / "clients"
NODE = shutil.which("node")
HAS_PACKAGES = NODE is not None and (CLIENTS / "node_modules").is_dir()

PYTHON_NAMES = ("segment_python", "rudder_python")
NODE_NAMES = ("segment_node", "rudder_node", "jitsu_js")
NAMES = PYTHON_NAMES + (NODE_NAMES if HAS_PACKAGES else ())

# It has no such calls, and sends nothing again.
JITSU = "jitsu_js"
NOT_IN_JITSU = ("screen", "alias")

CALLS = 30
KILLS = 2
CALLS_WHILE_DOWN = 6
PAUSE = 0.03
PATIENCE = 60.0
# A client or the collector may round.
ROUNDING = timedelta(seconds=1)

each_client = pytest.mark.parametrize(
    "name",
    [
        *PYTHON_NAMES,
        *(
            pytest.param(
                name,
                marks=pytest.mark.skipif(
                    not HAS_PACKAGES,
                    reason="there is no Node, or `npm ci --prefix tests/collector/clients` not run",
                ),
            )
            for name in NODE_NAMES
        ),
    ],
)


class Event(NamedTuple):
    """A row of raw_events; `device` is whatever it tells of the person's device."""

    user: str
    event_type: str
    anonymous_id: str
    email: str | None
    group_id: str | None
    page_url: str | None
    properties: dict[str, Any]
    traits: dict[str, Any]
    timestamp: datetime
    received_at: datetime
    device: str | None


@dataclass
class Client:
    """A client in its process.

    Attributes:
        name: of its program.
        made: the calls so far, by user.
        acknowledged: the users whose calls were acknowledged; known at its end.
    """

    name: str
    process: subprocess.Popen[str]
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)

    def call(self, occasion: str) -> None:
        """Make the next call; the kinds take turns."""
        user = f"{occasion}-{self.name}-{len(self.made)}"
        kinds = [
            call
            for call in calls_of(user)
            if self.name != JITSU or call["type"] not in NOT_IN_JITSU
        ]
        self.made[user] = kinds[len(self.made) % len(kinds)]
        assert self.process.stdin
        self.process.stdin.write(json.dumps(self.made[user]) + "\n")
        self.process.stdin.flush()

    def finish(self) -> None:
        """Let it flush and end."""
        output, errors = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, f"{self.name}: {errors}"
        self.acknowledged = [json.loads(line)["acknowledged"] for line in output.splitlines()]


@dataclass
class Occasion:
    """Calls of all clients."""

    clients: dict[str, Client]
    began_at: datetime
    ended_at: datetime


@dataclass
class Outcome:
    """What was sent, and what has become of it."""

    quiet: Occasion
    killed: Occasion
    events: list[Event]
    rejects: list[tuple[Any, ...]]

    def users(self, occasion: str, name: str) -> Counter[str]:
        """How often each user of a client is there."""
        start = f"{occasion}-{name}-"
        return Counter(event.user for event in self.events if event.user.startswith(start))


def calls_of(user: str) -> list[dict[str, Any]]:
    """A call of every kind, as the documents of Segment have them."""
    person = {"userId": user, "anonymousId": f"device of {user}"}
    return [
        {
            "type": "identify",
            "traits": {"email": f"{user}@example.com", "name": 'Zoë "Z" ☃', "age": 41},
            **person,
        },
        {
            "type": "track",
            "event": "Order Completed",
            "properties": {"total": 12.5, "items": [{"sku": "a/1"}, {"sku": "b"}], "gift": True},
            **person,
        },
        {
            "type": "page",
            "properties": {"url": f"https://shop.example.com/{user}?a=1&b=2", "title": "a\tb\nc"},
            **person,
        },
        {
            "type": "group",
            "groupId": f"team of {user}",
            "traits": {"plan": "pro", "seats": 7},
            **person,
        },
        {"type": "screen", "properties": {"depth": 3, "via": {"push": "ü"}}, **person},
        {"type": "alias", "userId": user, "previousId": f"device of {user}"},
    ]


def expected_of(call: dict[str, Any]) -> dict[str, Any]:
    """What is to be in raw_events."""
    kind, properties, traits = call["type"], call.get("properties", {}), call.get("traits", {})
    types = {"track": call.get("event"), "page": "page_viewed", "screen": "screen_viewed"}
    if kind == "group":
        properties, traits = traits, {}
    return {
        "user": call["userId"],
        "event_type": types.get(kind, kind),
        "anonymous_id": call.get("anonymousId") or call["previousId"],
        "email": traits.get("email"),
        "group_id": call.get("groupId"),
        "page_url": properties.get("url"),
        "properties": properties,
        "traits": traits,
        "device": None,
    }


@pytest.fixture(scope="module")
def outcome(built_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All clients send, first in peace and then while the collector is killed; one build."""
    folder = tmp_path_factory.mktemp("clients")
    collector = Collector(folder / "spool")
    try:
        collector.start()
        quiet = send_in_peace(collector)
        killed = send_while_it_is_killed(collector)
        collector.stop()
    finally:
        if collector.process and collector.process.poll() is None:
            collector.kill()
    project = folder / "shop"
    shutil.copytree(built_project, project, symlinks=True)
    with contextlib.chdir(project):
        assert run(["load", "--json", "--spool", str(collector.spool)]) == 0
    shop = Consumer(project, "shop.duckdb")
    shop.runs("build", "--select", "+cdp__raw_events", "--exclude-resource-type", "unit_test")
    return Outcome(quiet, killed, events_in(shop), shop.query("select * from landing_rejects"))


def send_in_peace(collector: Collector) -> Occasion:
    with sending(collector) as occasion:
        for _ in range(CALLS):
            for client in occasion.clients.values():
                client.call("quiet")
    return occasion


def send_while_it_is_killed(collector: Collector) -> Occasion:
    """Every client has sent something before each kill, and something after the last."""
    with sending(collector) as occasion:
        clients = occasion.clients.values()

        def call() -> None:
            for client in clients:
                client.call("killed")
            time.sleep(PAUSE)

        def call_until_all_have_arrived() -> None:
            first = max(len(client.made) for client in clients)
            deadline = time.monotonic() + PATIENCE
            while not all(last_of(collector, client.name) >= first for client in clients):
                assert time.monotonic() < deadline, "a client does not send"
                call()

        for _ in range(KILLS):
            call_until_all_have_arrived()
            collector.kill()
            for _ in range(CALLS_WHILE_DOWN):
                call()
            collector.start()
        call_until_all_have_arrived()
    return occasion


@contextlib.contextmanager
def sending(collector: Collector) -> Iterator[Occasion]:
    """All clients, until they have flushed."""
    clients = {name: Client(name, started(name, collector.url, collector.key)) for name in NAMES}
    occasion = Occasion(clients, now(), now())
    try:
        yield occasion
        for client in clients.values():
            client.finish()
    finally:
        for client in clients.values():
            client.process.kill()
            client.process.wait()
    occasion.ended_at = now()


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def started(name: str, url: str, key: str) -> subprocess.Popen[str]:
    program = [sys.executable, f"{name}.py"]
    if name in NODE_NAMES:
        program = [str(NODE), f"{name}.mjs"]
    return subprocess.Popen(
        [*program, url, key],
        cwd=CLIENTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def last_of(collector: Collector, name: str) -> int:
    """Number of a client's last call that is in the spool, be it in a segment that is open."""
    number = re.compile(rf"killed-{name}-(\d+)\b".encode())
    segments = [path.read_bytes() for path in collector.spool.glob("*.*")]
    return max((int(found) for data in segments for found in number.findall(data)), default=-1)


def events_in(shop: Consumer) -> list[Event]:
    rows = shop.query(f"""
        select
            user_id, event_type, anonymous_id, email, group_id, page_url,
            coalesce(properties, '{{}}'), coalesce(traits, '{{}}'), timestamp, received_at,
            coalesce(ip, user_agent, browser, device_type, device_id, session_id)
        from raw_events
        where source = '{SOURCE}'
    """)
    events = [Event(*row) for row in rows]
    return [
        event._replace(properties=json.loads(row[6]), traits=json.loads(row[7]))
        for event, row in zip(events, rows, strict=True)
    ]


def difference(call: dict[str, Any], event: Event) -> dict[str, Any]:
    """The fields that are not as expected; clients may add properties, such as a page's path."""
    found = event._asdict()
    expected = expected_of(call)
    for name in ("properties", "traits"):
        found[name] = {key: found[name].get(key) for key in expected[name]}
    return {name: found[name] for name in expected if found[name] != expected[name]}


def test_there_is_nothing_else_and_nothing_is_rejected(outcome: Outcome) -> None:
    clients = [*outcome.quiet.clients.values(), *outcome.killed.clients.values()]
    made = {user for client in clients for user in client.made}
    assert {event.user for event in outcome.events} <= made
    assert outcome.rejects == []


@each_client
def test_every_event_arrives_once(outcome: Outcome, name: str) -> None:
    client = outcome.quiet.clients[name]
    assert outcome.users("quiet", name) == dict.fromkeys(client.made, 1)
    assert Counter(client.acknowledged) == dict.fromkeys(client.made, 1)


@each_client
def test_an_event_is_as_it_was_meant(outcome: Outcome, name: str) -> None:
    for occasion in (outcome.quiet, outcome.killed):
        made = occasion.clients[name].made
        events = [event for event in outcome.events if event.user in made]
        differences = {event.user: difference(made[event.user], event) for event in events}
        assert {user: found for user, found in differences.items() if found} == {}
        for event in events:
            assert occasion.began_at - ROUNDING <= event.timestamp <= event.received_at
            assert event.received_at <= occasion.ended_at


@each_client
def test_every_acknowledged_event_survives_a_kill(outcome: Outcome, name: str) -> None:
    client = outcome.killed.clients[name]
    arrived = outcome.users("killed", name)
    assert set(arrived.values()) == {1}
    assert set(client.acknowledged) <= set(arrived)
    if name == JITSU:
        assert client.acknowledged
    else:
        # They try again until it is acknowledged.
        assert set(client.acknowledged) == set(arrived) == set(client.made)
