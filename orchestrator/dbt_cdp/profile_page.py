"""The page of a person: one file without scripts that loads nothing, for any browser.

The text of a page comes from the template beside this file, which escapes whatever is data. Drawn
here are the identity tree, one row an identifier, and a calendar of the person's days.
"""

from bisect import bisect_left
from calendar import Calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from dbt_cdp.decisions import Identifier
from dbt_cdp.pages import render
from dbt_cdp.person import ActiveDay, KnownIdentifier, Person, PersonLink

_TEMPLATE = "profile_page.html"

# Of more identifiers of one type that hang on the same one, and that nothing else hangs on, the
# first few are shown and the others folded.
_MOST_ALIKE = 6
_SHOWN_ALIKE = 4
# What is deeper stands below what it hangs on: a narrow screen would have no room for its text.
_DEEPEST_LEVEL = 5

# What the way to a row becomes before the rows that hang on it.
_PASSED = {"tee": "line", "elbow": "gap"}

# Months that the calendar shows, at most.
_MOST_MONTHS = 24
_SHADES = 4

# What is drawn in one colour.
_KINDS = {
    "email": "contact",
    "phone": "contact",
    "device_id": "device",
    "anonymous_id": "device",
}


# Identifiers that are drawn next, one or a fold of them, and their guides.
_Waiting: TypeAlias = tuple[Sequence[Identifier], Sequence[str]]


@dataclass(frozen=True)
class Row:
    """An identifier in the tree.

    Attributes:
        known: the identifier.
        link: what joins it to the one above that it hangs on; None where a tree begins.
        others: what it is linked to besides, of those above.
        guides: what is drawn before it, one for each level: a `line` that goes on to a row below, a
            `gap`, and last the `tee` or, where it is the last below its line, the `elbow` that
            leads to it.
        has_below: whether a line begins at it.
    """

    known: KnownIdentifier
    link: PersonLink | None
    others: Sequence[Identifier]
    guides: Sequence[str]
    has_below: bool

    @property
    def kind(self) -> str:
        """What it is drawn as."""
        return _KINDS.get(self.known.identifier.type, "account")


@dataclass(frozen=True)
class Fold:
    """Identifiers of one type that hang on the same one; its guides are as those of a row."""

    type: str
    rows: Sequence[Row]
    guides: Sequence[str]


@dataclass(frozen=True)
class Cell:
    """A day of the calendar.

    Attributes:
        column, line: week of the month and day of the week, from 0.
        shade: how much went on, from 0 for nothing to 4.
        news: identifiers that were seen first on the day.
    """

    day: date
    column: int
    line: int
    events: int
    shade: int
    news: Sequence[Identifier]

    @property
    def title(self) -> str:
        """The day in words."""
        events = "1 event" if self.events == 1 else f"{self.events:,} events"
        return ", ".join([f"{self.day}: {events}", *(f"first {one}" for one in self.news)])


@dataclass(frozen=True)
class Month:
    """A month of the calendar."""

    name: str
    cells: Sequence[Cell]


def page(person: Person) -> str:
    """The page, as HTML."""
    months = draw_months(person.days, person.identifiers)
    return render(
        _TEMPLATE,
        person=person,
        tree=draw_tree(person.identifiers, person.links),
        months=months,
        earlier_days=_earlier(person.days, months),
        written_at=datetime.now(UTC),
    )


def draw_tree(
    identifiers: Sequence[KnownIdentifier], links: Sequence[PersonLink]
) -> list[Row | Fold]:
    """Draw how the identifiers came together, from the top.

    The tree begins with what was seen first, and every other identifier hangs on what it was first
    linked to.

    Args:
        identifiers: the person's.
        links: those between them, the stronger first.
    """
    return _Drawing(identifiers, links).parts()


class _Drawing:
    """The tree while it is drawn."""

    def __init__(self, identifiers: Sequence[KnownIdentifier], links: Sequence[PersonLink]) -> None:
        self._known = {known.identifier: known for known in identifiers}
        self._parents = _parents(identifiers, links)
        self._children: dict[Identifier | None, list[Identifier]] = {}
        for identifier, parent in self._parents.items():
            above = _other(parent, identifier) if parent else None
            self._children.setdefault(above, []).append(identifier)
        self._linked: dict[Identifier, list[Identifier]] = {}
        for link in links:
            for side in (link.identifier_a, link.identifier_b):
                self._linked.setdefault(side, []).append(_other(link, side))
        self._drawn: set[Identifier] = set()

    def parts(self) -> list[Row | Fold]:
        """All rows, as far as they are not folded."""
        parts: list[Row | Fold] = []
        waiting: list[_Waiting] = [([root], []) for root in reversed(self._children.get(None, []))]
        while waiting:
            members, guides = waiting.pop()
            if len(members) > 1:
                parts.append(self._fold(members, guides))
            else:
                parts.append(self._row(members[0], guides))
                waiting += reversed(self._below(members[0], guides))
        return parts

    def _below(self, identifier: Identifier, guides: Sequence[str]) -> list[_Waiting]:
        """What hangs on an identifier, each with its guides."""
        groups = self._groups(identifier)
        is_deepest = len(guides) == _DEEPEST_LEVEL
        if is_deepest:
            before, last = guides[:-1], guides[-1]
        else:
            before, last = [_PASSED.get(guide, guide) for guide in guides], "elbow"
        return [(group, [*before, last if group is groups[-1] else "tee"]) for group in groups]

    def _groups(self, identifier: Identifier) -> list[list[Identifier]]:
        """What hangs on an identifier, each alone; those that are folded together come last."""
        children = self._children.get(identifier, [])
        alike: dict[str, list[Identifier]] = {}
        for child in children:
            if child not in self._children:
                alike.setdefault(child.type, []).append(child)
        folds = [same[_SHOWN_ALIKE:] for same in alike.values() if len(same) > _MOST_ALIKE]
        folded = {child for fold in folds for child in fold}
        return [*([child] for child in children if child not in folded), *folds]

    def _fold(self, members: Sequence[Identifier], guides: Sequence[str]) -> Fold:
        above = [*guides[:-1], "tee"]
        rows = [self._row(member, above) for member in members[:-1]]
        return Fold(members[0].type, [*rows, self._row(members[-1], guides)], guides)

    def _row(self, identifier: Identifier, guides: Sequence[str]) -> Row:
        link = self._parents[identifier]
        above = _other(link, identifier) if link else None
        linked = dict.fromkeys(self._linked.get(identifier, []))
        others = [other for other in linked if other in self._drawn and other != above]
        self._drawn.add(identifier)
        has_below = identifier in self._children
        if has_below and len(guides) == _DEEPEST_LEVEL:
            guides, has_below = [*guides[:-1], "tee"], False
        return Row(self._known[identifier], link, others, guides, has_below)


def draw_months(days: Sequence[ActiveDay], identifiers: Iterable[KnownIdentifier]) -> list[Month]:
    """Draw a calendar from the first day with events to the last, or the last months of it."""
    if not days:
        return []
    events = {day.active_date: day.events for day in days}
    news: dict[date, list[Identifier]] = {}
    for known in identifiers:
        if known.first_seen:
            news.setdefault(known.first_seen.date(), []).append(known.identifier)
    counts = sorted(events.values())
    bounds = [counts[(len(counts) * part - 1) // _SHADES] for part in range(1, _SHADES)]
    first, last = (12 * day.year + day.month - 1 for day in (min(events), max(events)))
    numbers = range(max(first, last - _MOST_MONTHS + 1), last + 1)
    return [_month(number // 12, number % 12 + 1, events, bounds, news) for number in numbers]


def _month(
    year: int,
    month: int,
    events: Mapping[date, int],
    bounds: Sequence[int],
    news: Mapping[date, Sequence[Identifier]],
) -> Month:
    cells = []
    for column, week in enumerate(Calendar().monthdatescalendar(year, month)):
        for line, day in enumerate(week):
            if day.month == month:
                count = events.get(day, 0)
                shade = 1 + bisect_left(bounds, count) if count else 0
                cells.append(Cell(day, column, line, count, shade, news.get(day, ())))
    return Month(f"{date(year, month, 1):%b %Y}", cells)


def _earlier(days: Sequence[ActiveDay], months: Sequence[Month]) -> list[ActiveDay]:
    """The days before those of the calendar."""
    return [day for day in days if months and day.active_date < months[0].cells[0].day]


def _parents(
    identifiers: Sequence[KnownIdentifier], links: Sequence[PersonLink]
) -> dict[Identifier, PersonLink | None]:
    """What each identifier hangs on, in the order in which they came together."""
    waiting: dict[Identifier, list[tuple[bool, datetime, int]]] = {}
    for place, link in enumerate(links):
        # Of one time is all that a record shows: then the stronger link goes first.
        for identifier in (link.identifier_a, link.identifier_b):
            waiting.setdefault(identifier, []).append((*_time_order(link.first_seen), place))
    parents: dict[Identifier, PersonLink | None] = {}
    for root in sorted(identifiers, key=lambda known: _time_order(known.first_seen)):
        if root.identifier in parents:
            continue
        parents[root.identifier] = None
        nearest = list(waiting.get(root.identifier, []))
        heapify(nearest)
        while nearest:
            *_, place = heappop(nearest)
            link = links[place]
            for identifier in (link.identifier_a, link.identifier_b):
                if identifier not in parents:
                    parents[identifier] = link
                    for order in waiting[identifier]:
                        heappush(nearest, order)
    return parents


def _time_order(time: datetime | None) -> tuple[bool, datetime]:
    """Sorts by time; what has none comes last."""
    return time is None, time or datetime.max


def _other(link: PersonLink, identifier: Identifier) -> Identifier:
    return link.identifier_b if link.identifier_a == identifier else link.identifier_a
