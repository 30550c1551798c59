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
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dbt_cdp.decisions import Identifier
from dbt_cdp.person import ActiveDay, KnownIdentifier, Person, PersonLink, in_words, shortened

_TEMPLATE = "profile_page.html"

# Sizes of the drawn tree, in CSS pixels.
ROW_HEIGHT = 48
_LEVEL_WIDTH = 18
_MARGIN = 14
# Deeper than this the rows of a narrow screen would have no room for text.
_DEEPEST_LEVEL = 5
# How far a link beside the tree bulges to the left.
_LEAST_BULGE, _BULGE_A_ROW, _LARGEST_BULGE = 8, 4, 28
# More links beside the tree would be a tangle; all of them are in the table below it.
_MOST_SIDE_LINKS = 24

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


@dataclass(frozen=True)
class Row:
    """An identifier in the tree.

    Attributes:
        known: the identifier.
        link: what joins it to the one above that it hangs on; None for the first of a tree.
        kind: what it is drawn as.
        x, y: where its dot is.
    """

    known: KnownIdentifier
    link: PersonLink | None
    kind: str
    x: float
    y: float

    @property
    def text_start(self) -> float:
        """Where its text begins."""
        return self.x + _MARGIN


@dataclass(frozen=True)
class Curve:
    """A link as it is drawn; `path` as SVG has it, `title` in words."""

    path: str
    title: str
    is_branch: bool


@dataclass(frozen=True)
class Tree:
    """The identity tree: rows from the top, and the links between their dots."""

    rows: Sequence[Row]
    curves: Sequence[Curve]
    hidden_links: int

    @property
    def width(self) -> float:
        """Width of what is drawn, without the text."""
        return max((row.text_start for row in self.rows), default=0)

    @property
    def height(self) -> float:
        """Height of all rows."""
        return len(self.rows) * ROW_HEIGHT


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
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "words": in_words,
        "shortened": shortened,
        "day": lambda time: f"{time:%Y-%m-%d}" if time else "unknown",
        "minute": lambda time: f"{time:%Y-%m-%d %H:%M}",
    }
    months = draw_months(person.days, person.identifiers)
    return environment.get_template(_TEMPLATE).render(
        person=person,
        tree=draw_tree(person.identifiers, person.links),
        months=months,
        earlier_days=_earlier(person.days, months),
        row_height=ROW_HEIGHT,
        written_at=datetime.now(UTC),
    )


def draw_tree(identifiers: Sequence[KnownIdentifier], links: Sequence[PersonLink]) -> Tree:
    """Draw how the identifiers came together.

    The tree begins with what was seen first, and every other identifier hangs on what it was first
    linked to. The links that this leaves over are drawn beside it, as far as there are few.

    Args:
        identifiers: the person's.
        links: those between them, the stronger first.
    """
    parents = _parents(identifiers, links)
    children: dict[Identifier | None, list[KnownIdentifier]] = {}
    known = {one.identifier: one for one in identifiers}
    for identifier, link in parents.items():
        parent = _other(link, identifier) if link else None
        children.setdefault(parent, []).append(known[identifier])
    branch_links = {id(link) for link in parents.values()}
    side_links = [link for link in links if id(link) not in branch_links]
    shown_links = side_links[:_MOST_SIDE_LINKS]
    gutter = _bulge(len(identifiers)) if shown_links else 0
    rows: list[Row] = []
    waiting = [(one, 0) for one in reversed(children.get(None, []))]
    while waiting:
        one, depth = waiting.pop()
        x = gutter + _MARGIN + min(depth, _DEEPEST_LEVEL) * _LEVEL_WIDTH
        y = (len(rows) + 0.5) * ROW_HEIGHT
        kind = _KINDS.get(one.identifier.type, "account")
        rows.append(Row(one, parents[one.identifier], kind, x, y))
        waiting += [(child, depth + 1) for child in reversed(children.get(one.identifier, []))]
    places = {row.known.identifier: row for row in rows}
    branches = [
        _branch(places[_other(row.link, row.known.identifier)], row, row.link)
        for row in rows
        if row.link
    ]
    beside = [
        _beside(places[link.identifier_a], places[link.identifier_b], link) for link in shown_links
    ]
    return Tree(rows, [*beside, *branches], len(side_links) - len(shown_links))


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


def _branch(parent: Row, child: Row, link: PersonLink) -> Curve:
    """From a dot down and around the corner to one below it."""
    corner = min(10.0, child.x - parent.x)
    bend = f"V{child.y - corner}Q{parent.x} {child.y} {parent.x + corner} {child.y}"
    path = f"M{parent.x} {parent.y}{bend}H{child.x}"
    return Curve(path, _title(link), is_branch=True)


def _beside(one: Row, other: Row, link: PersonLink) -> Curve:
    """From a dot to another one in a bow to the left."""
    rows = round(abs(one.y - other.y) / ROW_HEIGHT)
    turn = min(one.x, other.x) - _bulge(rows)
    path = f"M{one.x} {one.y}C{turn} {one.y} {turn} {other.y} {other.x} {other.y}"
    return Curve(path, _title(link), is_branch=False)


def _bulge(rows: int) -> int:
    return min(_LEAST_BULGE + _BULGE_A_ROW * rows, _LARGEST_BULGE)


def _title(link: PersonLink) -> str:
    since = f", {link.first_seen:%Y-%m-%d %H:%M}" if link.first_seen else ""
    return f"{link.identifier_a} and {link.identifier_b}: {link.evidence}{since}"
