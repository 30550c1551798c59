"""The demonstration world: its shape, its truth and its segments, read back from the files."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dbt_cdp.demo.world import DEFAULT_AS_OF, WorldFiles, write_world

PEOPLE = 700
Identifier = tuple[str, str]

# The package's identity rules, told a second time and independently of the generator.
TIERS = {
    "user_id": 1,
    "crm_id": 2,
    "billing_id": 2,
    "support_id": 2,
    "email": 3,
    "phone": 4,
    "device_id": 5,
    "anonymous_id": 6,
}
MAX_PER_PERSON = {
    "user_id": 1,
    "crm_id": 5,
    "billing_id": 5,
    "support_id": 5,
    "email": 5,
    "phone": 5,
    "device_id": 10,
    "anonymous_id": 100,
}
BLOCKED = {
    ("user_id", "null"),
    ("user_id", "undefined"),
    ("user_id", "0"),
    ("user_id", "guest"),
    ("anonymous_id", "00000000-0000-0000-0000-000000000000"),
    ("device_id", "00000000-0000-0000-0000-000000000000"),
    ("email", "test@test.com"),
    ("phone", "+00000000"),
    ("phone", "+10000000000"),
}
RECORDS = {
    "salesforce": {"contact_id": "crm_id", "email": "email", "mobile_phone": "phone"},
    "stripe": {"customer_id": "billing_id", "email": "email", "app_user_id": "user_id"},
    "zendesk": {
        "requester_id": "support_id",
        "email": "email",
        "phone": "phone",
        "external_id": "user_id",
    },
}


@dataclass(frozen=True)
class World:
    """The files of one world and what they say."""

    files: WorldFiles
    events: list[dict[str, Any]]  # valid, one an event_id
    observations: list[frozenset[Identifier]]  # usable identifiers seen together
    truth: list[dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return read_world(write_world(tmp_path_factory.mktemp("world"), people=PEOPLE))


def read_world(files: WorldFiles) -> World:
    events = valid_events(files)
    observed = {usable(event_identifiers(event)) for event in events}
    for system, columns in RECORDS.items():
        for row in rows(getattr(files, system)):
            observed.add(usable((kind, row[column]) for column, kind in columns.items()))
    return World(files, events, sorted(observed, key=sorted), rows(files.truth))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines_of(files: WorldFiles) -> list[str]:
    return [
        line for path in files.event_files for line in path.read_text(encoding="utf-8").splitlines()
    ]


def parsed(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return None
    assert isinstance(event, dict)
    return event


def moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None


def event_id(event: dict[str, Any]) -> str:
    return str(event.get("event_id") or event["messageId"])


def event_name(event: dict[str, Any]) -> str:
    return "page_viewed" if event.get("type") == "page" else str(event["event"])


def event_identifiers(event: dict[str, Any]) -> list[Identifier]:
    traits = event.get("traits", {})
    found = {
        "user_id": event.get("user_id"),
        "anonymous_id": event.get("anonymous_id"),
        "email": traits.get("email"),
        "phone": traits.get("phone"),
        "device_id": event.get("context", {}).get("device", {}).get("id"),
    }
    return [(kind, value) for kind, value in found.items() if value]


def is_valid(event: dict[str, Any] | None) -> bool:
    return bool(event and event_identifiers(event) and moment(event["timestamp"]))


def valid_events(files: WorldFiles) -> list[dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {}
    for event in map(parsed, lines_of(files)):
        if event and is_valid(event):
            by_id.setdefault(event_id(event), event)
    return list(by_id.values())


def event_time(event: dict[str, Any]) -> datetime:
    """The time of an event, or of its receipt where the clock was wrong."""
    when, received = moment(event["timestamp"]), moment(event["received_at"])
    assert when and received
    wrong = when.year < 2000 or when > received + timedelta(days=1)
    return received if wrong else when


def normalise(identifier: Identifier) -> Identifier:
    kind, value = identifier[0], identifier[1].strip()
    if kind == "email":
        value = value.lower()
    if kind == "phone":
        digits = "".join(c for c in value.replace("(0)", "") if c.isdigit())
        digits = digits.removeprefix("00") if not value.startswith("+") else digits
        value = f"+{digits}"
    return kind, value


def usable(identifiers: Iterable[Identifier]) -> frozenset[Identifier]:
    normal = {normalise(identifier) for identifier in identifiers if identifier[1].strip()}
    return frozenset(
        (kind, value)
        for kind, value in normal - BLOCKED
        if not value.startswith("noreply@") and not (kind == "phone" and not value.strip("+0"))
    )


class Pieces:
    """Union-find."""

    def __init__(self) -> None:
        self.parents: dict[Identifier, Identifier] = {}

    def root(self, identifier: Identifier) -> Identifier:
        while (parent := self.parents.setdefault(identifier, identifier)) != identifier:
            identifier = parent
        return identifier

    def union(self, one: Identifier, other: Identifier) -> None:
        self.parents[self.root(one)] = self.root(other)

    def members(self) -> set[frozenset[Identifier]]:
        groups = defaultdict(set)
        for identifier in self.parents:
            groups[self.root(identifier)].add(identifier)
        return {frozenset(group) for group in groups.values()}


def truth_groups(world: World) -> dict[str, frozenset[Identifier]]:
    groups = defaultdict(set)
    for row in world.truth:
        groups[row["evidence_group"]].add((row["identifier_type"], row["identifier_value"]))
    return {name: frozenset(group) for name, group in groups.items()}


def resolve(observations: list[frozenset[Identifier]]) -> set[frozenset[Identifier]]:
    """People by the package's rules: walks the tiers, sets shared identifiers aside."""
    neighbours: dict[Identifier, set[Identifier]] = defaultdict(set)
    for together in observations:
        for identifier in together:
            neighbours[identifier] |= together - {identifier}
    shared: set[Identifier] = set()
    pieces = Pieces()
    for tier in sorted(set(TIERS.values())):
        here = [identifier for identifier in neighbours if TIERS[identifier[0]] == tier]
        users, named = describe(pieces)
        marked = {i for i in here if is_shared(i, neighbours[i] - shared, pieces, users, named)}
        shared |= marked
        for identifier in here:
            if identifier in shared:
                continue
            pieces.root(identifier)
            for other in neighbours[identifier] - shared:
                if TIERS[other[0]] <= tier:
                    pieces.union(identifier, other)
    return pieces.members()


def describe(
    pieces: Pieces,
) -> tuple[dict[Identifier, Identifier], set[Identifier]]:
    """The user_id of each piece that has one, and the pieces that are named."""
    users, named = {}, set()
    for identifier in list(pieces.parents):
        if identifier[0] in ("user_id", "email"):
            named.add(pieces.root(identifier))
        if identifier[0] == "user_id":
            users[pieces.root(identifier)] = identifier
    return users, named


def is_shared(
    identifier: Identifier,
    neighbours: set[Identifier],
    pieces: Pieces,
    users: dict[Identifier, Identifier],
    named: set[Identifier],
) -> bool:
    kind = identifier[0]
    counts = Counter(other[0] for other in neighbours if TIERS[other[0]] < TIERS[kind])
    if any(count > MAX_PER_PERSON[other] for other, count in counts.items()):
        return True
    touched = {pieces.root(o) for o in neighbours if TIERS[o[0]] < TIERS[kind]}
    if kind in ("crm_id", "billing_id", "support_id"):
        return len(touched) > 1
    if kind == "email":
        return len({users[piece] for piece in touched if piece in users}) > 1
    return len(touched & named) > (2 if kind == "phone" else 1)


def feature_uses(world: World, first: int, end: int) -> Counter[str]:
    """feature_used a user in the days [first, end) before as_of, counted backwards."""
    return Counter(
        event["user_id"]
        for event in world.events
        if event_name(event) == "feature_used"
        and first <= (DEFAULT_AS_OF - event_time(event).date()).days - 1 < end
    )


def test_same_seed_gives_same_bytes(tmp_path: Path) -> None:
    one = write_world(tmp_path / "one", people=120, seed=3)
    two = write_world(tmp_path / "two", people=120, seed=3)
    other = write_world(tmp_path / "other", people=120, seed=4)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert one.events == two.events
    assert one.event_files[0].read_bytes() != other.event_files[0].read_bytes()


def test_batches_hold_the_same_lines(tmp_path: Path) -> None:
    whole = lines_of(write_world(tmp_path / "world", people=120))
    files = write_world(tmp_path / "world", people=120, batches=3)
    assert [path.name for path in files.event_files] == [f"events_{n}.ndjson" for n in (1, 2, 3)]
    assert not (tmp_path / "world" / "events.ndjson").exists()
    assert lines_of(files) == whole


def test_other_reference_day_moves_the_history(tmp_path: Path) -> None:
    files = write_world(tmp_path, people=60, as_of=date(2024, 3, 1))
    times = [event_time(event) for event in valid_events(files)]
    assert datetime(2023, 3, 1, tzinfo=UTC) <= min(times)
    assert max(times) < datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("people", "batches"), [(0, 1), (10, 0)])
def test_impossible_sizes_are_refused(tmp_path: Path, people: int, batches: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        write_world(tmp_path, people=people, batches=batches)


def test_smallest_world_is_written(tmp_path: Path) -> None:
    assert write_world(tmp_path, people=1).showcase_email.endswith(".example")


def test_counts_are_those_of_the_files(world: World) -> None:
    files = world.files
    events = [parsed(line) for line in lines_of(files)]
    assert events.count(None) == files.bad_lines == 5
    readable = [event for event in events if event]
    assert sum(not is_valid(event) for event in readable) == files.invalid_events
    assert len(world.events) == files.events
    assert len(events) == (files.events + files.duplicates + files.invalid_events + files.bad_lines)
    assert 0.005 < files.duplicates / files.events < 0.015
    assert 25 * PEOPLE < files.events < 36 * PEOPLE
    persons = {row["person"] for row in world.truth}
    assert files.people == PEOPLE
    assert 0.98 * PEOPLE <= len(persons) <= PEOPLE


def test_lines_are_ordered_by_receipt_before_as_of(world: World) -> None:
    events = [event for line in lines_of(world.files) if (event := parsed(line))]
    received = [event["received_at"] for event in events]
    assert received == sorted(received)
    assert received[-1] < DEFAULT_AS_OF.isoformat()


def test_duplicates_differ_in_receipt_only(world: World) -> None:
    first: dict[str, dict[str, Any]] = {}
    for line in lines_of(world.files):
        event = parsed(line)
        if not event:
            continue
        earlier = first.setdefault(event_id(event), event)
        if earlier is not event:
            assert earlier["received_at"] < event["received_at"]
            assert {**earlier, "received_at": ""} == {**event, "received_at": ""}


def test_events_cover_the_three_families(world: World) -> None:
    names = Counter(event_name(event) for event in world.events)
    assert set(names) == {
        "page_viewed",
        "form_submitted",
        "demo_requested",
        "signed_up",
        "trial_started",
        "logged_in",
        "feature_used",
        "report_exported",
        "invited_teammate",
        "order_completed",
        "profile_updated",
        "email_opened",
        "email_clicked",
    }
    keys = {
        "event_id",
        "messageId",
        "event",
        "type",
        "user_id",
        "anonymous_id",
        "properties",
        "traits",
        "context",
        "timestamp",
        "received_at",
    }
    assert all(set(event) <= keys for event in world.events)
    assert any(event.get("type") == "page" for event in world.events)
    assert any("messageId" in event for event in world.events)
    assert any(not event["timestamp"].endswith("Z") for event in world.events)


def test_population_has_the_promised_shares(world: World) -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in world.truth:
        kinds[row["person"]].add(row["identifier_type"])
    users = sum("user_id" in kind for kind in kinds.values())
    anonymous = sum(not kind & {"user_id", "email", "crm_id"} for kind in kinds.values())
    assert 0.33 < users / PEOPLE < 0.47
    assert 0.37 < anonymous / PEOPLE < 0.53
    addresses = Counter(row["person"] for row in world.truth if row["identifier_type"] == "email")
    assert 0.07 < sum(count > 1 for count in addresses.values()) / users < 0.2


def test_truth_values_occur_and_belong_to_one_person(world: World) -> None:
    seen = set().union(*world.observations)
    identifiers = [(row["identifier_type"], row["identifier_value"]) for row in world.truth]
    assert len(identifiers) == len(set(identifiers))
    assert set(identifiers) <= seen
    assert {normalise(identifier) for identifier in identifiers} == set(identifiers)


def test_truth_groups_are_connected_and_apart(world: World) -> None:
    groups = truth_groups(world)
    known = frozenset().union(*groups.values())
    pieces = Pieces()
    for together in world.observations:
        inside = sorted(together & known)
        for identifier in inside:
            pieces.union(identifier, inside[0])
    assert pieces.members() == set(groups.values())


@pytest.mark.parametrize("seed", [7, 11])
def test_truth_is_what_the_identity_rules_find(tmp_path: Path, seed: int) -> None:
    world = read_world(write_world(tmp_path, people=400, seed=seed))
    assert resolve(world.observations) == set(truth_groups(world).values())


def test_shared_identifiers_exist_and_are_not_in_the_truth(world: World) -> None:
    known = frozenset().union(*truth_groups(world).values())
    around: dict[Identifier, set[Identifier]] = defaultdict(set)
    for together in world.observations:
        for identifier in together:
            around[identifier] |= together
    shared = set(around) - known

    def with_neighbours(kind: str, neighbour: str, least: int, most: int) -> list[Identifier]:
        return [
            identifier
            for identifier in shared
            if identifier[0] == kind
            and least <= sum(other[0] == neighbour for other in around[identifier]) <= most
        ]

    assert with_neighbours("anonymous_id", "user_id", 3, 8), "kiosk"
    assert with_neighbours("device_id", "user_id", 3, 8), "kiosk's device"
    assert with_neighbours("anonymous_id", "user_id", 2, 2), "laptop handed on"
    assert with_neighbours("email", "user_id", 2, 4), "role mailbox in forms"
    assert with_neighbours("email", "crm_id", 6, 99), "role mailbox in the CRM"
    assert with_neighbours("phone", "crm_id", 4, 99), "switchboard"
    for (kind, value), others in around.items():
        limit = sum(other[0] == "user_id" for other in others)
        assert limit <= 1 or kind == "user_id" or (kind, value) in shared


def test_clues_are_pairs_of_one_person_that_nothing_connects(world: World) -> None:
    person = {(row["identifier_type"], row["identifier_value"]): row for row in world.truth}
    counts: Counter[str] = Counter()
    for clue in rows(world.files.clues):
        one, other = (
            person[clue[f"identifier_type_{side}"], clue[f"identifier_value_{side}"]]
            for side in ("a", "b")
        )
        assert one["person"] == other["person"]
        assert one["evidence_group"] != other["evidence_group"]
        counts[clue["rule"]] += 1
    assert counts.keys() == {"same_device", "same_name_and_title", "continued_visit"}
    assert 0.03 < (counts["same_device"] + counts["continued_visit"]) / PEOPLE < 0.08


def test_junk_and_spellings_occur(world: World) -> None:
    raw = {pair for event in world.events for pair in event_identifiers(event)}
    for system, columns in RECORDS.items():
        for row in rows(getattr(world.files, system)):
            raw |= {(kind, row[column]) for column, kind in columns.items()}
    junk = {normalise(pair) for pair in raw if pair[1].strip()} & BLOCKED
    assert {kind for kind, _ in junk} >= {"user_id", "anonymous_id", "email", "phone"}
    emails = [value for kind, value in raw if kind == "email"]
    assert any(value != value.strip() for value in emails)
    assert any(value != value.lower() for value in emails)
    phones = [value for kind, value in raw if kind == "phone"]
    for form in ("(0)", "-", "00", "+"):
        assert any(form in value for value in phones)
    years = {event["timestamp"][:4] for event in world.events}
    assert any(year == "1970" or year > "2030" for year in years)


def test_everything_is_invented(world: World) -> None:
    emails = {
        value for together in world.observations for kind, value in together if kind == "email"
    }
    assert all(email.endswith(".example") for email in emails)
    addresses = {ip for event in world.events if (ip := event.get("context", {}).get("ip"))}
    assert all(ip.startswith(("198.18.", "198.19.", "100.", "2001:db8:")) for ip in addresses)


def test_showcase_has_a_rich_tree(world: World) -> None:
    group = next(
        g for g in truth_groups(world).values() if ("email", world.files.showcase_email) in g
    )
    kinds = Counter(kind for kind, _ in group)
    assert {kind: kinds[kind] for kind in ("user_id", "crm_id", "billing_id", "support_id")} == {
        "user_id": 1,
        "crm_id": 1,
        "billing_id": 1,
        "support_id": 1,
    }
    assert kinds["anonymous_id"] >= 2
    assert kinds["email"] == 2
    assert kinds["device_id"] >= 1
    assert kinds["phone"] == 1


def test_pricing_no_trial_is_two_to_five_percent(world: World) -> None:
    people = {i: name for name, group in truth_groups(world).items() for i in group}
    trial, pricing = set(), set()
    for event in world.events:
        found = sorted(usable(event_identifiers(event)), key=lambda i: TIERS[i[0]])
        person = next((people[i] for i in found if i in people), "")
        page = event.get("context", {}).get("page", {}).get("path")
        days = (DEFAULT_AS_OF - event_time(event).date()).days
        if event_name(event) == "trial_started":
            trial.add(person)
        if event_name(event) == "page_viewed" and page == "/pricing" and days <= 7:
            pricing.add(person)
    assert 0.02 <= len(pricing - trial - {""}) / PEOPLE <= 0.05


def test_churning_is_three_to_six_percent(world: World) -> None:
    before, last = feature_uses(world, 30, 60), feature_uses(world, 0, 30)
    churning = [u for u, uses in before.items() if uses >= 5 and last[u] < uses / 2]
    assert 0.03 <= len(churning) / PEOPLE <= 0.06


def test_expansion_ready_is_two_to_five_percent(world: World) -> None:
    uses = feature_uses(world, 0, 30)
    invited = {
        event["user_id"]
        for event in world.events
        if event_name(event) == "invited_teammate"
        and (DEFAULT_AS_OF - event_time(event).date()).days <= 30
    }
    of_email = {
        email: event["user_id"]
        for event in world.events
        if event_name(event) == "signed_up"
        for kind, email in map(normalise, event_identifiers(event))
        if kind == "email"
    }
    plans = {
        row["app_user_id"] or of_email.get(normalise(("email", row["email"]))[1], ""): row["plan"]
        for row in rows(world.files.stripe)
    }
    ready = [u for u in invited if uses[u] >= 20 and plans.get(u) in ("starter", "team")]
    assert 0.02 <= len(ready) / PEOPLE <= 0.05
