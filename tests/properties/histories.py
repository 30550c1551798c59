"""Small random histories of people: events, records of business systems, and decisions.

A history's number is in all of its identifiers. What happens in it has no order: whoever builds it
chooses which fact is given when.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import duckdb

from harness import insert
from reference import Decision, Identifier, ImpossibleError, Rulings, Sighting
from worlds import spelled_otherwise

AS_OF = datetime(2024, 3, 3, 8)
# The ends of windows and their neighbours, most of them close together so that days come in a row.
DAYS = [
    datetime(2020, 2, 29),
    *(datetime(2024, 2, day) for day in (1, 2, 11, 12, 17, 18, 24, 25)),
    *(datetime(2024, 2, day) for day in (26, 27, 28, 29)),
    *(datetime(2024, 3, day) for day in (1, 2, 3, 4)),
]
HOURS = [
    timedelta(),
    timedelta(hours=9, minutes=30),
    timedelta(hours=12),
    timedelta(hours=23, minutes=59, seconds=59, microseconds=999999),
]
EVENT_SOURCES, CARD_SOURCES = ("web", "app"), {"crm": "crm_id", "billing": "billing_id"}

EVENT_TYPES = [
    *("page_viewed", "page_viewed", "page_viewed", "feature_used", "feature_used"),
    *("order_completed", "order_completed", "identify", "email_opened", "group"),
]
PAGES = ["/", "/pricing", "/pricing/eu", "/docs", None]
FEATURES = ["export", "Import", "Über", "", None, 7, True, {"name": "export"}]
AMOUNTS = [1, 20, 49.5, "12", "0.000000001", -3.25, 0, "n/a", "12,50", "", None, True, [4]]
NAMES = ["Ada", "Bob", "", "  ", None]
SAID = {
    "name": ["Ada L", "Bob", None],
    "first_name": NAMES,
    "last_name": ["Lovelace", "Byron", "", None],
    "company": ["Acme", "Bolt", "acme", "", None],
    "job_title": ["CTO", "Head of Data", "Head", " ", None],
    "country": ["DE", "FR", None],
    "industry": ["Software", "Retail"],
    "company_size": [50, "1,001-5,000"],
    "plan": ["free", "pro", "team", 7, None],
    "customerTier": ["gold", "tin", None],
}
CARD_SAYS = {
    "first_name": NAMES,
    "company": ["Acme", "Bolt", "Crm Inc", " ", None],
    "country": ["DE", "IT", None],
    "owner": ["Eve", "Finn", "", None],
}

GIVEN = {
    "events": """
        source text, event_id text, received_at timestamp, timestamp timestamp, event_type text,
        page_path text, group_id text, properties text, traits text, user_id text,
        anonymous_id text, device_id text, email text
    """,
    "cards": """
        source text, record_id text, changed_at timestamp, email text, user_id text,
        first_name text, company text, country text, owner text
    """,
    "decisions": """
        decision_id text, decision text, identifier_type_a text, identifier_value_a text,
        identifier_type_b text, identifier_value_b text, decided_at timestamp
    """,
}
EVENT_IDENTIFIERS = ("user_id", "anonymous_id", "device_id", "email")


class Event(NamedTuple):
    """One version of an event: of those with its id the one received first counts."""

    source: str
    event_id: str
    received_at: datetime | None
    timestamp: datetime
    event_type: str
    page_path: str | None
    group_id: str | None
    properties: dict[str, Any]
    traits: dict[str, Any]
    identifiers: tuple[Identifier, ...]
    is_spelled_otherwise: bool

    @property
    def key(self) -> tuple[str, str]:
        """What the versions of one event have in common."""
        return self.source, self.event_id

    @property
    def happened_at(self) -> datetime:
        """When it was: a clock that cannot be right is not believed."""
        latest = (self.received_at or AS_OF) + timedelta(days=1)
        is_credible = datetime(2000, 1, 1) <= self.timestamp <= latest
        return self.timestamp if is_credible else self.received_at

    def row(self) -> tuple[Any, ...]:
        """Its row of the given table."""
        spelled = {
            one[0]: spelled_otherwise(one) if self.is_spelled_otherwise else one[1]
            for one in self.identifiers
        }
        documents = [json.dumps(said, ensure_ascii=False) if said else None for said in self[7:9]]
        return (*self[:7], *documents, *(spelled.get(kind) for kind in EVENT_IDENTIFIERS))


class Card(NamedTuple):
    """One version of a record: the one changed last counts."""

    source: str
    record_id: str
    changed_at: datetime | None
    email: str | None
    user_id: str | None
    says: dict[str, str | None]

    @property
    def key(self) -> tuple[str, str]:
        """What the versions of one record have in common."""
        return self.source, self.record_id

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """Whom it names."""
        named = {CARD_SOURCES[self.source]: self.record_id}
        named |= {"email": self.email, "user_id": self.user_id}
        return tuple((kind, value) for kind, value in named.items() if value)

    def row(self) -> tuple[Any, ...]:
        """Its row of the given table."""
        return (*self[:5], *(self.says[name] for name in CARD_SAYS))


Fact = Event | Card | Decision


class History(NamedTuple):
    """What there is in the end, and records that there were for a while."""

    number: int
    facts: tuple[Fact, ...]
    passing: tuple[Card, ...]


# Drawing


def random_history(rng: Random, number: int) -> History:
    """A few people who share little, and sometimes more than they should."""
    people = [_random_person(rng, number, n) for n in range(rng.choice([1, 2, 2, 3]))]
    # Often but a few days, so that much is of one day.
    days = rng.choice([3, 6, len(DAYS)])
    first = rng.randint(0, len(DAYS) - days)
    events = [
        version
        for n in range(rng.choice([2, 8, 20, 35]))
        for version in _random_versions(rng, f"w{number}-{n}", people, DAYS[first : first + days])
    ]
    cards = [
        card
        for n in range(rng.randrange(3))
        for card in _random_cards(rng, (number, n), people, rng.randint(1, 3))
    ]
    passing = _random_cards(rng, (number, 9), people, rng.randrange(2))
    facts = [*events, *cards, *_random_decisions(rng, number, people)]
    return History(number, tuple(facts), tuple(passing))


def _random_person(rng: Random, number: int, n: int) -> list[Identifier]:
    names = [
        ("user_id", f"w{number}-u{n}"),
        ("email", f"e{n}@w{number}.example"),
        ("email", f"e{n}{n}@w{number}.example"),
        ("anonymous_id", f"w{number}-a{n}"),
        ("anonymous_id", f"w{number}-b{n}"),
        ("device_id", f"w{number}-d{n}"),
    ]
    return rng.sample(names, rng.randint(2, len(names)))


def _random_versions(
    rng: Random, event_id: str, people: list[list[Identifier]], days: Sequence[datetime]
) -> Iterator[Event]:
    """An event; some are sent again, with another content or the very same one."""
    first = _random_event(rng, event_id, people, days)
    yield first
    copies = rng.choice([0, 0, 0, 0, 1, 2, 3]) if first.received_at else 0
    # No two versions are received at one time, so that it is plain which one counts.
    for seconds in rng.sample(range(1, 1_000_000), copies):
        received = first.received_at + rng.choice([-1, 1]) * timedelta(seconds=seconds)
        again = _random_event(rng, event_id, people, days)
        other = again._replace(source=first.source, received_at=received)
        yield rng.choice([first, other, other])


def _random_event(
    rng: Random, event_id: str, people: list[list[Identifier]], days: Sequence[datetime]
) -> Event:
    happened = rng.choice(days) + rng.choice(HOURS)
    received = happened + timedelta(
        seconds=rng.choice([0, 0, 90, 9_000, 2_000_000]), milliseconds=1
    )
    # A clock far ahead of the time of receipt, or one that was never set.
    told = rng.choices([happened, received + timedelta(days=3), datetime(1999, 12, 31)], [30, 1, 1])
    event_type, group = rng.choice(EVENT_TYPES), None
    properties = {"feature": rng.choice(FEATURES), "amount": rng.choice(AMOUNTS)}
    if event_type == "group":
        group = f"g{event_id}"[:-1]
        properties["domain"] = rng.choice([f"{group}.example", None])
    names = rng.sample(sorted(SAID), rng.choice([0, 0, 0, 2, 5]))
    is_receipt_known = told != [happened] or happened > AS_OF or rng.random() < 0.9
    return Event(
        rng.choice(EVENT_SOURCES),
        event_id,
        received if is_receipt_known else None,
        *told,
        event_type,
        rng.choice(PAGES),
        group,
        properties if rng.random() < 0.9 else {},
        {name: rng.choice(SAID[name]) for name in names},
        _random_identifiers(rng, people),
        rng.random() < 0.1,
    )


def _random_identifiers(rng: Random, people: list[list[Identifier]]) -> tuple[Identifier, ...]:
    """One person's, one of a type; now and then another person is named too."""
    pool = list(rng.choice(people))
    if rng.random() < 0.08:
        pool += rng.choice(people)
    chosen = rng.sample(pool, min(len(pool), rng.choice([1, 1, 1, 2, 2, 3])))
    return tuple(sorted(dict(chosen).items()))


def _random_cards(
    rng: Random, place: tuple[int, int], people: list[list[Identifier]], versions: int
) -> list[Card]:
    number, n = place
    source = rng.choice(list(CARD_SOURCES))
    times: list[datetime | None] = [day + HOURS[2] for day in DAYS]
    cards = []
    for changed_at in rng.sample([*times, None], versions):
        named = dict(_random_identifiers(rng, people))
        says = {name: rng.choice(values) for name, values in CARD_SAYS.items()}
        email, user = named.get("email"), named.get("user_id")
        cards.append(Card(source, f"w{number}-c{n}", changed_at, email, user, says))
    return cards


def _random_decisions(
    rng: Random, number: int, people: list[list[Identifier]]
) -> Iterator[Decision]:
    """At most one on a pair, and such that all can be kept, whichever come first."""
    names = sorted({one for person in people for one in person})
    made: dict[tuple[Identifier, ...], Decision] = {}
    for n in range(rng.choice([0, 0, 0, 1, 2, 3])):
        kind = rng.choice(["link", "never_link", "never_link", "shared", "not_shared"])
        subject = sorted(rng.sample(names, 1 if kind.endswith("shared") else 2))
        one, other = subject[0], subject[1] if len(subject) > 1 else None
        if tuple(subject) not in made:
            decision = Decision(f"w{number}-{n}", kind, one, other, DAYS[n + 1])
            try:
                Rulings([*made.values(), decision])
            except ImpossibleError:
                continue
            made[tuple(subject)] = decision
    yield from made.values()


# What there is in the end


def counted_events(facts: Iterable[Fact]) -> list[Event]:
    """Of the versions of every event the one received first."""
    found: dict[tuple[str, str], Event] = {}
    for fact in facts:
        if isinstance(fact, Event):
            known = found.setdefault(fact.key, fact)
            if fact.received_at and known.received_at and fact.received_at < known.received_at:
                found[fact.key] = fact
    return list(found.values())


def present_cards(facts: Iterable[Fact]) -> list[Card]:
    """The newest version of every record."""
    found: dict[tuple[str, str], Card] = {}
    for fact in facts:
        if isinstance(fact, Card):
            known = found.setdefault(fact.key, fact)
            if fact.changed_at and (not known.changed_at or fact.changed_at > known.changed_at):
                found[fact.key] = fact
    return list(found.values())


def sightings_of(facts: Sequence[Fact]) -> Iterator[Sighting]:
    """What the rules of identity are told."""
    for event in counted_events(facts):
        yield _sighting(event, "event", event.happened_at)
    for card in present_cards(facts):
        yield _sighting(card, "record", card.changed_at)


def _sighting(fact: Event | Card, origin: str, time: datetime | None) -> Sighting:
    key = f"{fact.source} {fact.key[1]}"
    return Sighting(key, frozenset(fact.identifiers), fact.source, origin, key, 1, time, time)


# Giving


def give(connection: duckdb.DuckDBPyConnection, facts: Sequence[Fact]) -> None:
    """Add facts to the given tables."""
    insert(connection, "given.events", [fact.row() for fact in facts if isinstance(fact, Event)])
    insert(connection, "given.cards", [fact.row() for fact in facts if isinstance(fact, Card)])
    decisions = [fact for fact in facts if isinstance(fact, Decision)]
    rows = [(d[0], d[1], *d.one, *(d.other or (None, None)), d.decided_at) for d in decisions]
    insert(connection, "given.decisions", rows)


def take_back(connection: duckdb.DuckDBPyConnection, cards: Sequence[Card]) -> None:
    """Remove records, with all their versions."""
    for source, record_id in {card.key for card in cards}:
        connection.execute(
            "delete from given.cards where source = ? and record_id = ?", [source, record_id]
        )


def expire(connection: duckdb.DuckDBPyConnection, cut: datetime) -> None:
    """Delete the raw events from before a day, also where they came from."""
    expired = f"select source, event_id from raw_events where timestamp < '{cut}'"
    connection.execute(f"delete from given.events where (source, event_id) in ({expired})")
    connection.execute(f"delete from raw_events where timestamp < '{cut}'")


def is_too_late(fact: Fact, early: Iterable[Fact], cut: datetime) -> bool:
    """Whether it is of a day that has expired, or a version of an event that was of such a day."""
    if not isinstance(fact, Event):
        return False
    expired = {other.key for other in early if isinstance(other, Event) and other.happened_at < cut}
    return fact.happened_at < cut or fact.key in expired
