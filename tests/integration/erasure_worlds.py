"""Small random worlds whose people ask to be erased.

All that is said in a world holds a mark, a text that stands nowhere else, so that it is found
wherever it is left.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dbt_cdp.collector.suppression import normalized
from reference import Identifier

# What people are known by. Two differ in case alone, one has two types, one is a number that stands
# in everybody's events, one is blocked, and some are written so as to break SQL and patterns.
NAMES = [
    ("user_id", "zq{n}x0z"),
    ("user_id", "zq{n}x1z'; drop table raw_events; --"),
    ("user_id", "{n}"),
    ("crm_id", "zq{n}x3a"),
    ("crm_id", "zq{n}x3A"),
    ("crm_id", "zq{n}x4z"),
    ("billing_id", "zq{n}x5z"),
    ("billing_id", "zq{n}x6z"),
    ("email", "zq{n}x7z@gone.example"),
    ("email", "zq{n}x8z%_@w{n}.example"),
    ("email", "zq{n}x9zü@w{n}.example"),
    ("email", "noreply@zq{n}x10z.example"),
    ("phone", "+49307300{n}11"),
    ("phone", "+49307300{n}12"),
    ("device_id", 'zq{n}x13z"\\'),
    ("device_id", "zq{n}x14z 🙂"),
    ("device_id", "zq{n}x15z"),
    ("anonymous_id", 'zq{n}x13z"\\'),
    ("anonymous_id", "zq{n}x17z_%"),
    ("anonymous_id", "zq{n}x18z"),
    ("anonymous_id", "zq{n}x19z"),
]
BLOCKED, NEVER_SEEN = ("email", "noreply@zq{n}x10z.example"), ("user_id", "zq{n}x20z")
# The worlds have numbers of four digits.
_MARK = re.compile(r"(?i)zq\d{4}[xs]\d+[az]|7300\d{4}1[12]")
# The same in full width.
_FULL_WIDTH = "".join(chr(ord(one) + 0xFEE0) for one in "example")

_START = datetime(2026, 6, 1)
# The systems with records, and the type of their ids.
SYSTEMS = {"crm": "crm_id", "billing": "billing_id"}


def marks(text: str) -> set[str]:
    """The marks in a text, in whatever case; only of ids case tells one from another."""
    return {one[:-1].lower() + one[-1].replace("Z", "z") for one in _MARK.findall(text)}


def normal(identifier: tuple[str, str]) -> Identifier:
    """An identifier in its normal form."""
    kind, text = identifier
    return kind, normalized(kind, text)


@dataclass(frozen=True)
class Fact:
    """An event, or a version of a record.

    Attributes:
        key: of the event or the record.
        said: identifiers as they are spelled, by type.
        secret: a mark in what else it says.
        form: where an event says it.
        merged_into: the id of the record that this one was merged into.
    """

    key: str
    world: int
    source: str
    at: datetime
    said: Mapping[str, str]
    secret: str
    form: int
    merged_into: str | None = None

    @property
    def own(self) -> str | None:
        """The type of a record's own id; None for an event."""
        return SYSTEMS.get(self.source)

    @property
    def spellings(self) -> list[tuple[str, str]]:
        """All identifiers that it says."""
        merged = [(self.own, self.merged_into)] if self.own and self.merged_into else []
        return [*self.said.items(), *merged]

    def without(self, gone: Iterable[Identifier]) -> "Fact":
        """The fact without what names somebody."""
        left = [one for one in self.spellings if normal(one) not in gone]
        merged = self.merged_into if (self.own, self.merged_into) in left else None
        said = {kind: text for kind, text in self.said.items() if (kind, text) in left}
        return replace(self, said=said, merged_into=merged)

    def payload(self) -> dict[str, Any]:
        """What is loaded."""
        time, said = f"{self.at.isoformat()}Z", dict[str, Any](self.said)
        if self.own:
            record = {"id": said.pop(self.own), "updated_at": time, **said}
            merged = {"merged_into": self.merged_into} if self.merged_into else {}
            return record | merged | {"company": f"Company {self.secret}"}
        payload: dict[str, Any] = {
            "messageId": self.key,
            "event": "ordered" if self.form % 2 else "looked",
            "timestamp": time,
            "receivedAt": time,
            "properties": self.properties,
            "traits": {"name": f"Name {self.secret}"},
        }
        if said.get("user_id", "").isdecimal():
            said["user_id"] = int(said["user_id"])
        for name, other in (("user_id", "userId"), ("anonymous_id", "anonymousId")):
            if name in said and self.form % 5:
                payload[other] = said.pop(name)
        if "device_id" in said and self.form % 3:
            payload["context"] = {"device": {"id": said.pop("device_id")}}
        if self.form % 4:
            payload["traits"] |= {n: said.pop(n) for n in ("email", "phone") if n in said}
        return payload | said

    @property
    def properties(self) -> dict[str, Any]:
        """Of an event. The amount is a number that somebody has as user_id."""
        return {"amount": self.world, "note": self.secret}


@dataclass(frozen=True)
class Life:
    """What happens in a world: round by round facts, and requests of some identifiers each."""

    facts: Sequence[Sequence[Fact]]
    requests: Sequence[Sequence[Sequence[tuple[str, str]]]]


def random_life(rng: Random, world: int, rounds: int) -> Life:
    """A world of two to six people. They are known by few things, so that these meet often."""
    known = rng.sample(
        [(kind, text.format(n=world)) for kind, text in NAMES], rng.randint(5, len(NAMES))
    )
    # Who has more of a kind than a person may have is two.
    sizes = [min(len(known), rng.choice([2, 3, 4, 5, 9, 14])) for _ in range(rng.randint(2, 6))]
    people = [rng.sample(known, size) for size in sizes]
    facts, requests, number = [], [], 0
    for _ in range(rounds):
        some = []
        for _ in range(rng.randint(1, 14)):
            number += 1
            some.append(_fact(rng, world, number, known, rng.choice(people)))
        facts.append(some)
        requests.append([_asked(rng, world, known) for _ in range(rng.choice([0, 1, 1, 2, 3]))])
    return Life(facts, requests)


def _asked(rng: Random, world: int, known: Sequence[Identifier]) -> list[tuple[str, str]]:
    asked = rng.sample(known, rng.choice([1, 1, 1, 2]))
    more = rng.choices([(), (NEVER_SEEN,), (BLOCKED,)], [8, 1, 1])[0]
    asked += [(kind, text.format(n=world)) for kind, text in more]
    return [(kind, _spelled(rng, kind, text).strip()) for kind, text in asked]


def _fact(
    rng: Random, world: int, number: int, known: Sequence[Identifier], person: Sequence[Identifier]
) -> Fact:
    who = dict(rng.sample(person, min(len(person), rng.choice([1, 2, 2, 3]))))
    if rng.random() < 0.25:
        who |= dict([rng.choice(known)])
    records = [one for one in person if one[0] in SYSTEMS.values()]
    key, source, merged = f"m{world}-{number}", "web", None
    at = _START + timedelta(days=rng.randrange(3), seconds=number)
    said = {kind: _spelled(rng, kind, text) for kind, text in who.items()}
    if records and rng.random() < 0.5:
        kind, text = rng.choice(records)
        (source,) = [name for name, own in SYSTEMS.items() if own == kind]
        # The newest version of a record is the last one.
        key, at, said = f"{source} {text}", _START + timedelta(hours=number), said | {kind: text}
        others = [one for one in known if one[0] == kind and one[1] != text]
        if others and rng.random() < 0.2:
            merged = rng.choice(others)[1]
    return Fact(key, world, source, at, said, f"zq{world}s{number}z", rng.randrange(60), merged)


def _spelled(rng: Random, kind: str, text: str) -> str:
    """A text of the same identifier."""
    if rng.random() < 0.6:
        return text
    if kind == "email":
        return rng.choice([f" {text.upper()}", text.replace("example", _FULL_WIDTH)])
    return f"0049 30 {text[5:]}" if kind == "phone" else f"{text} "


def lines(facts: Iterable[Fact], source: str) -> Iterator[str]:
    """The lines of a source's file."""
    for one in facts:
        if one.source == source:
            yield json.dumps(one.payload(), ensure_ascii=False) + "\n"
