"""How the demonstration world reaches the disk: a calendar, the event log, tables, the truth."""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from . import world_names as names
from .world_people import HISTORY_DAYS, Identifier

DAY = 86_400_000  # milliseconds
MINUTE = 60_000
HORIZON = HISTORY_DAYS * DAY  # as_of, in milliseconds since the start of the history

_DUPLICATE_SHARE = 0.01
_CLOCK_ERROR_SHARE = 0.0005
_INVALID_SHARE = 0.0002
_BROKEN_LINES = 5
_KEY_DIGITS = 13

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
Event = dict[str, Any]


class Calendar:
    """Turns milliseconds since the start of the history into text, and prefers working days."""

    def __init__(self, as_of: date) -> None:
        first = as_of - timedelta(days=HISTORY_DAYS)
        days = [first + timedelta(days=day) for day in range(-1, HISTORY_DAYS + 1)]
        self._texts = [day.isoformat() for day in days]
        self._busy: list[int] = []  # days in order; a working day counts six times
        self._busy_from: list[int] = []
        for number, day in enumerate(days[1:]):
            self._busy_from.append(len(self._busy))
            self._busy.extend([number] * (6 if day.weekday() < 5 else 1))

    def text(self, at: int, offset: int = 0) -> str:
        """ISO 8601 with milliseconds; ``offset`` in minutes east of UTC, 0 is written Z."""
        day, rest = divmod(at + offset * MINUTE, DAY)
        seconds, milliseconds = divmod(rest, 1000)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        zone = "Z"
        if offset:
            sign = "-" if offset < 0 else "+"
            zone = f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
        day_text = self._texts[day + 1]
        return f"{day_text}T{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}{zone}"

    def busy_day(self, rng: random.Random, first: int, end: int) -> int:
        """A day in [first, end), mostly a working day; ``first`` where the range is empty."""
        if end <= first:
            return first
        low, high = self._busy_from[first], self._busy_from[end]
        return self._busy[low + int(rng.random() * (high - low))]


class EventLog:
    """Collects events in any order and writes them by the time they were received.

    Lines wait in one file a week, so that sorting needs the memory of one week.
    """

    def __init__(self, folder: Path, calendar: Calendar) -> None:
        self._calendar = calendar
        self._scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".world-")
        self._weeks: dict[int, IO[str]] = {}
        self.events = 0
        self.duplicates = 0
        self.invalid_events = 0
        self.bad_lines = 0

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for week in self._weeks.values():
            week.close()
        self._scratch.cleanup()

    def add(self, rng: random.Random, at: int, event: Event, offset: int = 0) -> None:
        """Adds an event that happened at ``at``: it gets its id, its times, maybe a duplicate."""
        received = min(at + _delay(rng), HORIZON - 1)
        draw = rng.random()
        when = self._calendar.text(at, offset)
        if draw < _CLOCK_ERROR_SHARE:
            when = _wrong_clock(rng, when)
        identity = "event_id" if rng.random() < 0.95 else "messageId"
        full: Event = {
            identity: f"evt_{rng.getrandbits(96):024x}",
            **event,
            "timestamp": when,
            "received_at": self._calendar.text(received),
        }
        self._store(received, _encode(full))
        self.events += 1
        if draw > 1 - _DUPLICATE_SHARE:
            again = received + rng.randint(1, DAY)
            if again < HORIZON:
                full["received_at"] = self._calendar.text(again)
                self._store(again, _encode(full))
                self.duplicates += 1

    def add_damage(self, rng: random.Random) -> None:
        """Adds what every collector meets: events that are invalid, lines that are cut off."""
        for number in range(max(2, round(self.events * _INVALID_SHARE))):
            received = rng.randrange(HORIZON)
            event = _damaged_event(rng, self._calendar.text(received))
            if number % 2:
                event["timestamp"] = rng.choice(("yesterday", "2026-13-45T99:00:00Z", ""))
            else:
                del event["anonymous_id"]
            self._store(received, _encode(event))
            self.invalid_events += 1
        for _ in range(_BROKEN_LINES):
            received = rng.randrange(HORIZON)
            line = _encode(_damaged_event(rng, self._calendar.text(received)))
            self._store(received, line[: rng.randint(20, len(line) - 2)])
            self.bad_lines += 1

    def write(self, files: list[Path]) -> None:
        """Writes all lines by received time, in equal parts to the files."""
        lines = self.events + self.duplicates + self.invalid_events + self.bad_lines
        ordered = self._ordered()
        written = 0
        for number, path in enumerate(files, start=1):
            end = lines * number // len(files)
            with path.open("w", encoding="utf-8", newline="\n") as file:
                while written < end:
                    file.write(next(ordered))
                    written += 1

    def _store(self, received: int, line: str) -> None:
        week = received // (7 * DAY)
        file = self._weeks.get(week)
        if file is None:
            path = Path(self._scratch.name) / f"{week:03d}"
            file = self._weeks[week] = path.open("w+", encoding="utf-8", newline="\n")
        file.write(f"{received:0{_KEY_DIGITS}d}{line}\n")

    def _ordered(self) -> Iterator[str]:
        for week in sorted(self._weeks):
            file = self._weeks[week]
            file.seek(0)
            for line in sorted(file):
                yield line[_KEY_DIGITS:]


def _delay(rng: random.Random) -> int:
    """Milliseconds on the way: mostly seconds, sometimes a phone without a network."""
    draw = rng.random()
    if draw < 0.97:
        return 150 + int(draw * 4000)
    if draw < 0.995:
        return rng.randint(1, 90) * MINUTE
    return rng.randint(2, 48) * 60 * MINUTE


def _wrong_clock(rng: random.Random, when: str) -> str:
    if rng.random() < 0.5:
        return f"1970-01-01T00:{rng.randrange(60):02d}:{rng.randrange(60):02d}Z"
    return f"{rng.randint(2036, 2099)}{when[4:8]}01{when[10:]}"


def _damaged_event(rng: random.Random, when: str) -> Event:
    return {
        "event_id": f"evt_{rng.getrandbits(96):024x}",
        "type": "page",
        "anonymous_id": names.uuid_text(rng),
        "timestamp": when,
        "received_at": when,
        "properties": {"path": "/"},
        "context": {"page": {"path": "/"}},
    }


class Clue(NamedTuple):
    """Two identifiers of one person that no data connects, and the rule that may find them."""

    rule: str
    one: Identifier
    other: Identifier


class Table:
    """A CSV file with a header, written row by row."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(columns)

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def row(self, *values: object) -> None:
        """Writes one row; None becomes an empty field."""
        self._writer.writerow(values)


class Evidence:
    """Which identifiers of one person were seen together on an event or a record."""

    _EVENT_TYPES = ("user_id", "email", "phone", "device_id", "anonymous_id")

    def __init__(self) -> None:
        self._events: set[tuple[str | None, ...]] = set()
        self._records: list[list[Identifier]] = []

    def event(
        self,
        user_id: str | None,
        email: str | None,
        phone: str | None,
        device_id: str | None,
        anonymous_id: str | None,
    ) -> None:
        """Notes an event's normalised identifiers; leave out values that are junk."""
        self._events.add((user_id, email, phone, device_id, anonymous_id))

    def record(self, identifiers: Iterable[Identifier]) -> None:
        """Notes a business record's normalised identifiers; leave out values that are junk."""
        self._records.append(list(identifiers))

    def groups(self, refused: set[Identifier]) -> list[list[Identifier]]:
        """The identifiers that are not refused, in sorted groups that observations connect."""
        parents: dict[Identifier, Identifier] = {}

        def root(identifier: Identifier) -> Identifier:
            while (parent := parents.setdefault(identifier, identifier)) != identifier:
                identifier = parent
            return identifier

        for together in self._observations():
            usable = [identifier for identifier in together if identifier not in refused]
            for identifier in usable:
                parents[root(identifier)] = root(usable[0])
        groups = defaultdict(list)
        for identifier in sorted(parents):
            groups[root(identifier)].append(identifier)
        return sorted(groups.values())

    def _observations(self) -> Iterator[list[Identifier]]:
        for values in self._events:
            yield [(t, value) for t, value in zip(self._EVENT_TYPES, values, strict=True) if value]
        yield from self._records
