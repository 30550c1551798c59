"""What an erasure leaves, told plainly: facts go or lose identifiers, and people are found anew."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from erasure_worlds import Fact, marks, normal
from reference import (
    Decision,
    Edge,
    Identifier,
    Partition,
    Person,
    Rulings,
    Sighting,
    edges_of,
    priority,
)


def is_usable(identifier: Identifier) -> bool:
    """Whether a value can name somebody."""
    return not identifier[1].startswith("noreply@")


def strength(spelling: tuple[str, str]) -> tuple[int, str, str]:
    """The stronger of two identifiers of a fact has the lesser one."""
    return priority(spelling), *spelling


@dataclass
class People:
    """Who is who.

    Attributes:
        person_of: everybody by what they are known by.
        shared: identifiers that are nobody's alone.
        edges: what was seen together, see `edges_of`.
    """

    person_of: dict[Identifier, Person]
    shared: set[Identifier]
    edges: dict[tuple[Identifier, Identifier], Edge]

    def owner(self, fact: Fact) -> Person | None:
        """Whose a fact is: of the strongest identifier that is somebody's."""
        return self._strongest(fact.said.items())

    def attributed(self, fact: Fact) -> Person | None:
        """Who has in their profile what a fact says; a record's own id and that of the one it was
        merged into are equals."""
        return self._strongest(fact.spellings)

    def _strongest(self, spellings: Iterable[tuple[str, str]]) -> Person | None:
        known = [one for one in spellings if normal(one) in self.person_of]
        return self.person_of[normal(min(known, key=strength))] if known else None


@dataclass
class PlainWorld:
    """What is known of one world."""

    number: int
    facts: list[Fact] = field(default_factory=list)
    suppressed: set[Identifier] = field(default_factory=set)
    decided: set[Identifier] = field(default_factory=set)
    unread: list[Fact] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    story: Counter[str] = field(default_factory=Counter)

    def take(self, facts: Iterable[Fact]) -> None:
        """Read facts, as far as they are not of somebody who is suppressed."""
        for fact in facts:
            self.told.append(f"{fact.source} {fact.key} {fact.at:%d %H:%M:%S} {fact.spellings}")
            known = {one.secret for one in self.facts}
            if fact.secret in known:
                continue
            named = [one for one in fact.said.items() if normal(one) in self.suppressed]
            others = [
                one
                for one in fact.said.items()
                if one not in named and is_usable(normal(one)) and normal(one) not in self.decided
            ]
            is_own = fact.own in dict(named)
            if named and (
                is_own or not others or min(map(strength, named)) < min(map(strength, others))
            ):
                self.story["dropped"] += 1
                self.unread.append(fact)
                continue
            stripped = fact.without(self.suppressed)
            self.facts.append(stripped)
            if stripped != fact:
                self.unread.append(fact)
                self.story["stripped when read"] += 1

    def lift(self) -> None:
        """Suppress nobody any more. Records that came since are read anew with each build."""
        self.told.append("lifted")
        self.suppressed.clear()
        back = {one.secret: one for one in self.unread if one.own}
        self.facts = [one for one in self.facts if one.secret not in back] + [*back.values()]
        self.unread = [one for one in self.unread if not one.own]

    def events(self) -> list[Fact]:
        """All events."""
        return [one for one in self.facts if not one.own]

    def records(self) -> list[Fact]:
        """The present versions; of somebody who is suppressed there is none, nor an earlier one."""
        newest: dict[str, Fact] = {}
        for one in (*self.facts, *self.unread):
            if one.own:
                newest[one.key] = max(newest.get(one.key, one), one, key=lambda each: each.at)
        return [one for one in newest.values() if one in self.facts]

    def people(self) -> People:
        """Who is who by now."""
        groups: dict[tuple[Any, ...], list[Fact]] = defaultdict(list)
        for one in self.events():
            groups[one.source, one.at.date(), *sorted(one.said.items())].append(one)
        sightings = [_sighting(some) for some in groups.values()]
        sightings += [_sighting([one]) for one in self.records()]
        edges = edges_of(sightings, is_usable)
        date = datetime(2026, 1, 1)
        shared = [Decision(f"{one}", "shared", one, None, date) for one in self.decided]
        partition = Partition(edges, Rulings(shared))
        person_of = {one: person for person in partition.people for one in person}
        return People(person_of, partition.shared, edges)

    def erase(self, asked: Sequence[Sequence[Identifier]]) -> set[Identifier]:
        """Erase whom requests mean; what they were known by."""
        now = self.people()
        gone = {
            one
            for one in map(normal, (one for some in asked for one in some))
            if is_usable(one) and one not in now.shared
        }
        people = {now.person_of[one] for one in gone if one in now.person_of}
        of_people = {one for person in people for one in person}
        stay = {one for one in now.person_of if one not in of_people}
        for one in now.shared:
            neighbours = _neighbours(now, one)
            if neighbours & stay and neighbours & of_people:
                self.decided.add(one)
                self.story["stays shared"] += 1
            elif neighbours & of_people:
                gone.add(one)
                self.story["shared and gone"] += 1
        gone |= of_people
        self.facts = list(self._left(self.facts, now, gone))
        self.unread = list(self._left(self.unread, now, gone))
        self.decided -= gone
        self.suppressed |= gone
        self.told.append(f"erased: {sorted(gone)}, shared: {sorted(self.decided)}")
        self.story["erased people"] += len(people)
        return gone

    def _left(self, facts: Iterable[Fact], now: People, gone: set[Identifier]) -> Iterator[Fact]:
        """What an erasure leaves of facts: those of others, without what names the people."""
        for fact in facts:
            known = [
                one
                for one in fact.said.items()
                if normal(one) in gone or normal(one) in now.person_of
            ]
            is_theirs = bool(known) and normal(min(known, key=strength)) in gone
            is_own = fact.own and normal((fact.own, fact.said[fact.own])) in gone
            if not (is_theirs or is_own):
                stripped = fact.without(gone)
                self.story["stripped"] += stripped != fact
                yield stripped

    def marks(self) -> set[str]:
        """What may still stand somewhere."""
        return marks_of(self.facts) | marks("\n".join(text for _, text in self.decided))

    def unread_marks(self) -> set[str]:
        """What may stand in landing tables: nobody reads it."""
        return marks_of(self.unread)


def marks_of(facts: Iterable[Fact]) -> set[str]:
    """What can be found of facts, in any spelling of an identifier."""
    texts = [one.secret for one in facts]
    for one in facts:
        texts += [text for pair in one.spellings for _, text in (pair, normal(pair))]
    return marks("\n".join(texts))


def _neighbours(now: People, one: Identifier) -> set[Identifier]:
    return {side for pair in now.edges if one in pair for side in pair if side != one}


def _sighting(facts: Sequence[Fact]) -> Sighting:
    first = facts[0]
    times = [one.at for one in facts]
    return Sighting(
        f"{first.source} {first.at:%d} {sorted(first.spellings)} {first.key if first.own else ''}",
        frozenset(map(normal, first.spellings)),
        first.source,
        "record" if first.own else "event",
        "",
        len(facts),
        min(times),
        max(times),
    )
