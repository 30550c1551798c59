"""What a person's profile should say, told a second time from the events and records themselves.

Nothing here is taken from the package's SQL. What a condition or an expression in SQL means is
written beside it in Python.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from histories import AS_OF, CARD_SAYS, SAID, Card, Event

TODAY = AS_OF.date()

WHERE: dict[str, Callable[[Event], bool]] = {
    "page_path like '/pricing%'": lambda event: (event.page_path or "").startswith("/pricing"),
    "user_id is not null and source = 'app'": lambda event: (
        event.source == "app" and "user_id" in dict(event.identifiers)
    ),
    "properties.feature = 'export' or traits.plan is not null": lambda event: (
        text_of(event.properties.get("feature")) == "export" or event.traits.get("plan") is not None
    ),
}
SQL: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "revenue > 40 and page_views > 1": lambda profile: (
        profile["revenue"] > 40 and profile["page_views"] > 1
    ),
    "case when is_big then plans_seen else -active_days end": lambda profile: (
        profile["plans_seen"] if profile["is_big"] else -profile["active_days"]
    ),
}
ORDERS = {"event": "order_completed"}
TRAITS: list[dict[str, Any]] = [
    {"name": "page_views", "count": "events", "event": "page_viewed"},
    {"name": "events_7d", "count": "events", "last_days": 7},
    {"name": "events_prev_7d", "count": "events", "last_days": 7, "offset_days": 7},
    {
        "name": "pricing_30d",
        "count": "events",
        "where": "page_path like '/pricing%'",
        "last_days": 30,
    },
    {"name": "app_events", "count": "events", "where": "user_id is not null and source = 'app'"},
    {
        "name": "exports",
        "count": "events",
        "event": ["feature_used", "identify"],
        "where": "properties.feature = 'export' or traits.plan is not null",
    },
    {"name": "active_days", "count": "days"},
    {
        "name": "active_days_7d",
        "count": "days",
        "event": ["page_viewed", "feature_used"],
        "last_days": 7,
    },
    {"name": "days_in_a_row", "streak": "days"},
    {"name": "views_in_a_row_3d", "streak": "days", "event": "page_viewed", "last_days": 3},
    {"name": "days_in_a_row_before", "streak": "days", "last_days": 5, "offset_days": 3},
    {"name": "revenue", "sum": "amount", **ORDERS},
    {"name": "revenue_30d", "sum": "properties.amount", **ORDERS, "last_days": 30},
    {"name": "average_order", "average": "amount", **ORDERS},
    {"name": "smallest_order", "min": "amount", **ORDERS},
    {"name": "largest_order_7d", "max": "amount", **ORDERS, "last_days": 7},
    {"name": "interest", "count": "events", "event": "page_viewed", "half_life_days": 7},
    {"name": "spending", "sum": "amount", **ORDERS, "half_life_days": 14, "last_days": 30},
    {"name": "first_order_at", "earliest": "timestamp", **ORDERS},
    {"name": "last_order_at", "latest": "timestamp", **ORDERS, "last_days": 30, "offset_days": 1},
    {"name": "plans_seen", "count_distinct": "traits.plan"},
    {"name": "pages_7d", "count_distinct": "page_path", "last_days": 7},
    {"name": "favourite_feature", "most_frequent": "feature"},
    {"name": "favourite_page_7d", "most_frequent": "page_path", "last_days": 7, "offset_days": 1},
    {"name": "first_page", "first": "page_path", "event": "page_viewed"},
    {"name": "last_page", "last": "page_path", "event": "page_viewed"},
    {"name": "first_feature_30d", "first": "properties.feature", "last_days": 30},
    {"name": "last_features", "recent": "feature"},
    {"name": "last_pages", "recent": "page_path", "limit": 2, "last_days": 30},
    {"name": "is_big", "sql": "revenue > 40 and page_views > 1"},
    {"name": "of_big", "sql": "case when is_big then plans_seen else -active_days end"},
]
ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "company", "survivorship": "source_priority", "sources": ["crm", "app"]},
    {"name": "job_title", "survivorship": "longest"},
    {"name": "country", "survivorship": "most_frequent"},
    {"name": "plan", "survivorship": "first"},
    {"name": "tier", "trait": "customerTier"},
]
SEGMENTS: list[dict[str, Any]] = [
    {"name": "quiet_buyers", "where": "in_segment('buyers') and events_7d = 0"},
    {"name": "buyers", "where": "revenue > 0"},
    {"name": "readers", "where": "page_views > 1 or pricing_30d > 0"},
    {"name": "contradicted", "where": "attribute_conflicts > 0 and not in_segment('readers')"},
    {"name": "small_buyers", "where": "not (average_order > 20)"},
    {"name": "teams", "entity": "account", "where": "people > 1"},
    {"name": "quiet_teams", "entity": "account", "where": "in_segment('teams') and events_7d = 0"},
]
# The attribute's name where it is not that of the trait.
ATTRIBUTE_NAMES = {name: name for name in SAID} | {"customerTier": "tier"}


def text_of(value: Any) -> str | None:
    """A value of a JSON document as the text that a database makes of it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Segments


def segments_of(profile: Mapping[str, Any]) -> list[str]:
    """The segments of the person who has these traits and attributes, in order."""
    is_buyer = profile["revenue"] > 0
    is_reader = profile["page_views"] > 1 or profile["pricing_30d"] > 0
    average = profile["average_order"]
    members = {
        "buyers": is_buyer,
        "contradicted": profile["attribute_conflicts"] > 0 and not is_reader,
        "quiet_buyers": is_buyer and profile["events_7d"] == 0,
        "readers": is_reader,
        # Of nobody without an order can it be said.
        "small_buyers": average is not None and average <= 20,
    }
    return [name for name, is_member in members.items() if is_member]


# Traits


def traits_of(events: Sequence[Event]) -> dict[str, Any]:
    """The traits of the person whose events these are."""
    told: dict[str, Any] = {}
    for trait in TRAITS:
        if "sql" in trait:
            told[trait["name"]] = SQL[trait["sql"]](told)
        else:
            told[trait["name"]] = _trait(trait, [one for one in events if _counts(trait, one)])
    return told


def _counts(trait: Mapping[str, Any], event: Event) -> bool:
    names = trait.get("event", event.event_type)
    is_named = event.event_type in ([names] if isinstance(names, str) else names)
    return is_named and WHERE.get(trait.get("where"), bool)(event) and _is_in_window(trait, event)


def _is_in_window(trait: Mapping[str, Any], event: Event) -> bool:
    days_ago = (TODAY - event.happened_at.date()).days
    if "last_days" not in trait:
        return days_ago >= 0
    end = 1 + trait.get("offset_days", 0)
    return end <= days_ago < end + trait["last_days"]


def _trait(trait: Mapping[str, Any], events: Sequence[Event]) -> Any:
    days = {event.happened_at.date() for event in events}
    times = [event.happened_at for event in events]
    match trait:
        case {"count": "days"}:
            return len(days)
        case {"count": "events", "half_life_days": half_life}:
            return sum(_weight(event, half_life) for event in events)
        case {"count": "events"}:
            return len(events)
        case {"streak": "days"}:
            return _streak(days, trait.get("offset_days", 0))
        case {"earliest": "timestamp"}:
            return min(times, default=None)
        case {"latest": "timestamp"}:
            return max(times, default=None)
        case {"sum": field, "half_life_days": half_life}:
            numbers = _numbers(field, events)
            return sum(float(number) * _weight(event, half_life) for number, event in numbers)
        case {"sum": field} | {"average": field} | {"min": field} | {"max": field}:
            return _of_numbers(trait, [number for number, _ in _numbers(field, events)])
        case {"recent": field}:
            last = {value: max(seen) for value, seen in _seen(field, events).items()}
            newest = sorted(sorted(last), key=lambda value: last[value], reverse=True)
            listed = newest[: trait.get("limit", 10)]
            return text_of(listed or None)
        case {"count_distinct": field}:
            return len(_seen(field, events))
        case {"most_frequent": field} | {"first": field} | {"last": field}:
            return _of_values(trait, _seen(field, events))
    raise ValueError(trait)


def _weight(event: Event, half_life: int) -> float:
    return 0.5 ** ((TODAY - event.happened_at.date()).days / half_life)


def _streak(days: set[date], offset: int) -> int:
    """Without a day today it may end yesterday, with a window at the window's end."""
    day = TODAY - timedelta(days=offset)
    if day not in days:
        day -= timedelta(days=1)
    count = 0
    while day - timedelta(days=count) in days:
        count += 1
    return count


def _of_numbers(trait: Mapping[str, Any], numbers: Sequence[Decimal]) -> Decimal | None:
    if "sum" in trait:
        return sum(numbers, Decimal())
    if "average" in trait:
        return sum(numbers) / len(numbers) if numbers else None
    return (min if "min" in trait else max)(numbers, default=None)


def _of_values(trait: Mapping[str, Any], seen: Mapping[str, list[datetime]]) -> str | None:
    """Of equals the least text."""
    ranks: dict[str, Callable[[str], Any]] = {
        "most_frequent": lambda value: (len(seen[value]), max(seen[value])),
        "first": lambda value: -min(seen[value]).timestamp(),
        "last": lambda value: max(seen[value]),
    }
    [rank] = [ranks[aggregate] for aggregate in trait if aggregate in ranks]
    return max(sorted(seen), key=rank, default=None)


def _field(field: str, event: Event) -> str | None:
    if field == "page_path":
        return event.page_path
    document, _, name = field.rpartition(".")
    return text_of((event.traits if document == "traits" else event.properties).get(name))


def _seen(field: str, events: Iterable[Event]) -> dict[str, list[datetime]]:
    """The times at which each value was seen."""
    seen = defaultdict(list)
    for event in events:
        value = _field(field, event)
        if value is not None:
            seen[value].append(event.happened_at)
    return seen


def _numbers(field: str, events: Iterable[Event]) -> list[tuple[Decimal, Event]]:
    numbers = []
    for event in events:
        try:
            numbers.append((Decimal(_field(field, event) or ""), event))
        except InvalidOperation:
            continue
    return numbers


# Attributes


class Statement(NamedTuple):
    """Somebody says what an attribute's value is."""

    value: str
    source: str
    said_at: datetime | None


class Attribute(NamedTuple):
    """The value that survives, where it comes from, and how many there were.

    It is open which one survives where several were the first at one time.
    """

    value: str | None
    source: str | None
    values: int
    is_open: bool = False


def attributes_of(events: Iterable[Event], cards: Iterable[Card]) -> dict[str, Attribute]:
    """The attributes of the person whose events and records these are."""
    said: dict[str, list[Statement]] = defaultdict(list)
    for event in events:
        for trait, value in event.traits.items():
            text = text_of(value)
            if text and text.strip():
                named = Statement(text, event.source, event.happened_at)
                said[ATTRIBUTE_NAMES[trait]].append(named)
    for card in cards:
        for name, text in card.says.items():
            if text and text.strip():
                said[name].append(Statement(text, card.source, card.changed_at))
    chosen = {entry["name"]: entry for entry in ATTRIBUTES}
    names = [*ATTRIBUTE_NAMES.values(), *CARD_SAYS]
    return {name: _surviving(said[name], chosen.get(name, {})) for name in names}


def _surviving(said: Sequence[Statement], entry: Mapping[str, Any]) -> Attribute:
    if not said:
        return Attribute(None, None, 0)
    counts = Counter(one.value for one in said)
    sources = entry.get("sources", [])
    ranks: dict[str, Callable[[Statement], Any]] = {
        "most_recent": lambda one: 0,
        "first": lambda one: one.said_at or datetime.max,
        "most_frequent": lambda one: -counts[one.value],
        "longest": lambda one: -len(one.value),
        "source_priority": lambda one: [*sources, one.source].index(one.source),
    }
    rank = ranks[entry.get("survivorship", "most_recent")]
    best = min(map(rank, said))
    equals = {(one.value, one.source) for one in said if rank(one) == best}
    # Ties go to what was said last, then by the alphabet.
    last = dict.fromkeys(equals, datetime.min)
    for one in said:
        about = one.value, one.source
        if about in equals:
            last[about] = max(last[about], one.said_at or datetime.min)
    newest = max(last.values())
    source, value = min((source, value) for (value, source), at in last.items() if at == newest)
    is_open = entry.get("survivorship") == "first" and len(equals) > 1
    return Attribute(value, source, len(counts), is_open)
