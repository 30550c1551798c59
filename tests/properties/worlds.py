"""Small random worlds: what is seen, blocked and decided in them, batch by batch."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from reference import (
    Candidate,
    Decision,
    Identifier,
    ImpossibleError,
    Pair,
    Rulings,
    Sighting,
    priority,
)

BATCHES = 6

# Two differ in case alone, two have one text under different types, one is blocked by a rule.
NAMES = [
    ("user_id", "w{n}-u0"),
    ("user_id", "w{n}-u1"),
    ("user_id", "w{n}-u2"),
    ("crm_id", "w{n}-c"),
    ("crm_id", "W{n}-C"),
    ("crm_id", "w{n}-c2"),
    ("billing_id", "w{n}-b0"),
    ("billing_id", "w{n}-b1"),
    ("email", "e0@w{n}.example"),
    ("email", "e1@w{n}.example"),
    ("email", "e2@w{n}.example"),
    ("email", "noreply@w{n}.example"),
    ("phone", "+4930{n}0"),
    ("phone", "+4930{n}1"),
    ("device_id", "w{n}-x"),
    ("device_id", "w{n}-d0"),
    ("device_id", "w{n}-d1"),
    ("anonymous_id", "w{n}-x"),
    ("anonymous_id", "w{n}-a0"),
    ("anonymous_id", "w{n}-a1"),
]
SOURCES = [("app", "event"), ("crm", "record")]
OFTEN = ["link", "link", "link", "never_link", "not_shared", "lift"]
DECISIONS = [*OFTEN, *OFTEN, "shared"]
DAYS = [1, 2, None, 3]


class See(NamedTuple):
    """Identifiers are seen together."""

    who: tuple[int, ...]
    source: int
    count: int
    day: int | None
    is_spelled_otherwise: bool


class Change(NamedTuple):
    """Something seen before has another count (0: it is taken away) or another time."""

    which: int
    count: int
    day: int | None


class Block(NamedTuple):
    """A value is put on the block list, or taken off."""

    who: int
    is_for_all_types: bool


class Decide(NamedTuple):
    """Somebody decides on one identifier or two."""

    decision: str
    one: int
    other: int
    day: int | None
    is_spelled_otherwise: bool


class Retract(NamedTuple):
    """A decision is taken out of its list."""

    which: int


class Match(NamedTuple):
    """A match rule takes two identifiers for one person's, or does so no more (score 0)."""

    one: int
    other: int
    score: float
    is_merge: bool


Act = See | Change | Block | Decide | Retract | Match

Life = list[list[Act]]


# How often things happen, by kind of world: See, Change, Block, Decide, Retract, Match.
MOODS = [
    (10, 3, 1, 1, 0, 0),
    (4, 12, 0, 0, 0, 0),
    (4, 8, 1, 0, 0, 1),
    (6, 4, 1, 4, 2, 0),
    (5, 2, 4, 1, 0, 1),
    (6, 2, 1, 1, 0, 6),
]


def random_life(rng: Random) -> Life:
    """What happens to a world in every batch: to few identifiers, so that they meet often."""
    names = rng.sample(range(len(NAMES)), rng.randint(4, 12))
    mood = rng.choice(MOODS)
    life: Life = [[] for _ in range(BATCHES)]
    for _ in range(rng.randint(3, 40)):
        life[rng.randrange(BATCHES)].append(_random_act(rng, names, mood))
    return life


def _random_act(rng: Random, names: list[int], mood: tuple[int, ...]) -> Act:
    [kind] = rng.choices([See, Change, Block, Decide, Retract, Match], mood)
    day = rng.choice(DAYS)
    if kind is See:
        who = rng.sample(names, rng.choice([1, 2, 2, 2, 3, 4]))
        return See(tuple(who), rng.randrange(2), rng.choice([1, 1, 2]), day, rng.random() < 0.2)
    if kind is Change:
        return Change(rng.randrange(100), rng.choice([0, 0, 0, 1, 2]), day)
    if kind is Block:
        return Block(rng.choice(names), rng.random() < 0.3)
    if kind is Decide:
        one, other = rng.choice(names), rng.choice(names)
        return Decide(rng.choice(DECISIONS), one, other, day, rng.random() < 0.2)
    if kind is Match:
        one, other = rng.sample(names, 2)
        return Match(one, other, rng.choice([0, 0.5, 0.5, 0.9, 0.97]), rng.random() < 0.8)
    return Retract(rng.randrange(100))


@dataclass
class World:
    """What is known of one world. Its number is in all its values."""

    number: int
    tuples: dict[str, dict[Identifier, str]] = field(default_factory=dict)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    tuple_of: dict[str, str] = field(default_factory=dict)
    blocked: set[Identifier] = field(default_factory=set)
    decisions: list[Decision] = field(default_factory=list)
    rulings: Rulings = field(default_factory=Rulings)
    candidates: dict[Pair, Candidate] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def identifier(self, name: int) -> Identifier:
        kind, pattern = NAMES[name]
        return kind, pattern.format(n=self.number)

    def live(self, acts: list[Act], when: str) -> None:
        """What happens in one batch."""
        self.told.append(f"-- {when}")
        for act in acts:
            self.act(act)

    def act(self, act: Act) -> None:
        """One thing happens, if it can."""
        match act:
            case See():
                self._see(act)
            case Change() if self.sightings:
                seen = sorted(self.sightings)[act.which % len(self.sightings)]
                self._count(self.sightings[seen], act.count, act.day)
            case Block():
                kind, value = self.identifier(act.who)
                listed = ("*" if act.is_for_all_types else kind, value.upper())
                self.blocked ^= {listed}
                is_on = "block" if listed in self.blocked else "unblock"
                self.told.append(f"{is_on} {listed}")
            case Decide():
                self._decide(act)
            case Retract() if self.decisions:
                left = list(self.decisions)
                gone = left.pop(act.which % len(left))
                self._set_decisions(left, f"retract {gone.decision_id}")
            case Match():
                self._match(act)

    def _see(self, act: See) -> None:
        source, origin = SOURCES[act.source]
        # One value a type; of a record that was merged into another also the other's id.
        chosen: list[Identifier] = []
        for identifier in map(self.identifier, act.who):
            same = [kind for kind, _ in chosen if kind == identifier[0]]
            is_merged = origin == "record" and identifier[0] in ("crm_id", "billing_id")
            if len(same) < (2 if is_merged else 1):
                chosen.append(identifier)
        raw = {
            (kind, value): spelled_otherwise((kind, value)) if act.is_spelled_otherwise else value
            for kind, value in sorted(chosen)
        }
        key = " ".join(f"{kind}={text}" for (kind, _), text in raw.items())
        group = f"{key} {source}"
        self.tuples[key], self.tuple_of[group] = raw, key
        fresh = Sighting(group, frozenset(raw), source, origin, "", 0, None, None)
        self._count(self.sightings.get(group, fresh), act.count, act.day)

    def _count(self, seen: Sighting, count: int, day: int | None) -> None:
        first = None if day is None else datetime(2026, 1, day)
        self.sightings[seen.group_key] = seen._replace(
            count=count,
            first_seen=first,
            last_seen=first and first + timedelta(hours=count),
            evidence="7" if seen.origin == "record" else f"{seen.group_key} {day}",
        )
        self.told.append(f"{sorted(seen.identifiers)} by {seen.source}: {count} on day {day}")

    def _decide(self, act: Decide) -> None:
        one, other = self.identifier(act.one), self.identifier(act.other)
        if act.decision == "never_link" and one == other:
            return
        is_pair = act.decision in ("link", "never_link") or (
            act.decision == "lift" and one != other
        )
        number = 1 + max((int(d.decision_id.split("-")[1]) for d in self.decisions), default=0)
        made = Decision(
            f"w{self.number}-{number}",
            act.decision,
            one,
            other if is_pair else None,
            None if act.day is None else datetime(2026, 2, act.day),
            act.is_spelled_otherwise,
        )
        self._set_decisions([*self.decisions, made], " ".join(map(str, made)))

    def _match(self, act: Match) -> None:
        """A rule finds what has been seen and is usable, or gives up what it has found."""
        sides = self.identifier(act.one), self.identifier(act.other)
        one, other = sorted(sides, key=lambda side: (priority(side), side))
        seen = {member for members in self.tuples.values() for member in members}
        old = self.candidates.get((one, other))
        if act.score and {one, other} <= seen and all(map(self.is_usable, sides)):
            has_been = act.is_merge or bool(old and old.has_been_merge)
            found = Candidate(act.score, act.is_merge, True, has_been)
        elif not act.score and old:
            found = old._replace(is_live=False)
        else:
            return
        self.candidates[one, other] = found
        self.told.append(f"match {one} {other}: {found}")

    def _set_decisions(self, decisions: list[Decision], words: str) -> None:
        """Decisions that cannot all be kept are not made."""
        try:
            self.rulings = Rulings(decisions)
        except ImpossibleError:
            return
        self.decisions = decisions
        self.told.append(words)

    def present(self) -> "World":
        """The world as if what is not there any more had never been."""
        seen = {key: one for key, one in self.sightings.items() if one.count > 0}
        keys = {self.tuple_of[key] for key in seen}
        tuples = {key: members for key, members in self.tuples.items() if key in keys}
        return replace(self, sightings=seen, tuples=tuples)

    def is_usable(self, identifier: Identifier) -> bool:
        """Whether a value is not blocked, or somebody has said that it is one person's."""
        kind, value = identifier
        listed = {(kind, value.upper()), ("*", value.upper())}
        is_blocked = value.startswith("noreply@") or self.blocked & listed
        return not is_blocked or identifier in self.rulings.not_shared


def spelled_otherwise(identifier: Identifier) -> str:
    """Another text of the same identifier."""
    kind, value = identifier
    if kind == "email":
        return f" {value.upper()}"
    return f"00{value[1:4]} {value[4:]}" if kind == "phone" else f"{value} "


def number_of(about: Identifier | tuple[Identifier, Identifier]) -> int:
    """The number of the world that an identifier or a pair of them is of."""
    kind, value = about if isinstance(about[0], str) else about[0]
    if kind == "phone":
        return int(value.removeprefix("+4930")[:-1])
    return int(value.split("@w")[1].split(".")[0] if kind == "email" else value[1:].split("-")[0])
