"""Profiles of a million people: hundreds of traits against those that are there already.

The events are few a person and of 20 types; their properties are numbers and texts. The traits are
made from what an analyst would ask of each type: how many, how much and what, in several windows,
and formulas over the answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from project import BenchProject, DbtRun, connect, in_child

ACTIVITY = "int_cdp__daily_activity"
PROFILES = "cdp__user_profiles"

EVENT_TYPES = (
    "page_viewed",
    "feature_used",
    "product_viewed",
    "search_performed",
    "session_started",
    "product_added",
    "email_opened",
    "email_clicked",
    "article_read",
    "video_played",
    "checkout_started",
    "order_completed",
    "coupon_applied",
    "review_written",
    "order_refunded",
    "ticket_opened",
    "form_submitted",
    "seat_added",
    "invoice_paid",
    "trial_started",
)
# What most events have in their properties; the texts are of a few and of a thousand values.
_NUMBERS = ("amount", "seconds")
_TEXTS = ("category", "item")

_WINDOWS: dict[str, dict[str, int]] = {
    "ever": {},
    "7d": {"last_days": 7},
    "30d": {"last_days": 30},
    "90d": {"last_days": 90},
    "prev_7d": {"last_days": 7, "offset_days": 7},
    "prev_30d": {"last_days": 30, "offset_days": 30},
}

# The day of the last events is the one before the project's cdp_as_of.
_MAKE_EVENTS = """
create schema if not exists bench;

create or replace temp macro draw(salt, key) as (hash(salt, key) % 1000003) / 1000003.0;

create or replace table bench.{table} as
with drawn as (
    select
        number,
        -- Everybody has one event; of the others the first people have the most.
        case
            when number < getvariable('people') then number
            else cast(floor(pow(draw('person', number), 2) * getvariable('people')) as bigint)
        end as person,
        {types}[1 + cast(floor(pow(draw('type', number), 2) * {type_count}) as integer)]
            as event_name,
        timestamp '2026-06-29 00:00:00'
        - to_days(cast(floor(draw('day', number) * {days}) as integer))
        + to_seconds(cast(floor(draw('time', number) * 86400) as bigint)) as occurred_at
    from range({first}, {first} + {events}) as numbers (number)
)
select
    md5('event ' || number) as event_id,
    event_name,
    occurred_at,
    timestamp '2026-06-30 00:00:00' + to_hours({batch}) as received_at,
    received_at as loaded_at,
    'u' || person as user_id,
    case
        when draw('has cookie', person) < 0.3 and draw('on the web', number) < 0.5
            then md5('cookie ' || person)
    end as anonymous_id,
    '/page/' || cast(floor(pow(draw('page', number), 3) * 500) as integer) as page_path,
    cast(
        json_object(
            'amount', cast(floor(draw('amount', number) * 50000) / 100 as decimal(9, 2)),
            'seconds', cast(floor(draw('seconds', number) * 600) as integer),
            'category', 'category ' || cast(floor(draw('category', number) * 12) as integer),
            'item', 'item ' || cast(floor(draw('item', number) * 1000) as integer)
        ) as varchar
    ) as properties,
    case
        when draw('says', number) < 0.05
            then cast(json_object('company', 'Company ' || person // 12) as varchar)
    end as traits
from drawn
order by occurred_at, event_id;
"""

_MAKE_CONTACTS = """
create or replace table bench.contacts as
select
    'c' || person as contact_id,
    'u' || person as user_id,
    'person' || person || '@company' || person // 12 || '.example' as email,
    'Company ' || person // 12 as account_name,
    timestamp '2026-06-01 12:00:00' as updated_at
from range(0, getvariable('people'), 50) as numbers (person);
"""

_SOURCES = [
    {
        "name": "app",
        "events": "stg_bench__events",
        "columns": {
            "event_id": "event_id",
            "event_type": "event_name",
            "timestamp": "occurred_at",
            "received_at": "received_at",
            "loaded_at": "loaded_at",
            "user_id": "user_id",
            "anonymous_id": "anonymous_id",
            "page_path": "page_path",
            "properties": "properties",
            "traits": "traits",
        },
    },
    {
        "name": "crm",
        "records": "stg_bench__contacts",
        "record_id": "contact_id",
        "identifier_type": "crm_id",
        "updated_at": "updated_at",
        "identifiers": {"user_id": "user_id", "email": "email"},
        "attributes": {"company": "account_name"},
    },
]

_COUNTS = """
select
    (select count(*) from main_cdp.raw_events) as events,
    (select count(*) from main_cdp.user_profiles) as people,
    (select count(*) from main_cdp.int_cdp__daily_activity) as activity_rows,
    (select count(distinct measure) from main_cdp.int_cdp__daily_activity) as measures
"""


@dataclass(frozen=True)
class ProfileBuilds:
    """What profiles with some number of traits took; each figure is of a dbt process of its own."""

    traits: int
    counts: dict[str, int]
    build: DbtRun
    activity: DbtRun
    profiles: DbtRun
    next_build: DbtRun


def measure_profiles(folder: Path, people: int, events: int, traits: int) -> ProfileBuilds:
    """Build profiles that have `traits` traits besides the default ones."""
    project = BenchProject(folder)
    build = make_profiles(project, people, events, traits)
    counts = in_child(_count, project.database)
    in_child(_drop_activity, project.database)
    activity = project.dbt("run", "--select", ACTIVITY)
    profiles = project.dbt("run", "--full-refresh", "--select", PROFILES)
    in_child(_add_events, project.database)
    next_build = project.dbt("build", "--exclude", "bench_components")
    project.database.unlink()
    return ProfileBuilds(traits, counts, build, activity, profiles, next_build)


def make_profiles(project: BenchProject, people: int, events: int, traits: int) -> DbtRun:
    """Make the world and build its profiles."""
    own_traits = list(islice(_traits(), traits))
    project.set_vars(cdp_sources=_SOURCES, cdp_traits=own_traits, cdp_segments=[])
    in_child(_make_world, project.database, people, events)
    return project.dbt("build", "--exclude", "bench_components")


def _traits() -> Iterator[dict[str, Any]]:
    """500 traits: 300 that are one number or time, 60 that need the values or days, 140 in SQL."""
    names = [trait["name"] for trait in _number_traits()]
    yield from _number_traits()
    yield from _value_traits()
    yield from _formula_traits(names)


def _number_traits() -> Iterator[dict[str, Any]]:
    for event in EVENT_TYPES:
        for name, window in _WINDOWS.items():
            yield {"name": f"{event}_{name}", "count": "events", "event": event, **window}
    for number, event in enumerate(EVENT_TYPES[:10]):
        where = f"properties.category = 'category {number}'"
        for name, window in _WINDOWS.items():
            yield {
                "name": f"{event}_category_{name}",
                "count": "events",
                "event": event,
                "where": where,
                **window,
            }
    for field in _NUMBERS:
        for event in EVENT_TYPES[:5]:
            for aggregate in ("sum", "average", "min", "max"):
                for name in ("ever", "30d", "90d"):
                    yield {
                        "name": f"{event}_{field}_{aggregate}_{name}",
                        aggregate: field,
                        "event": event,
                        **_WINDOWS[name],
                    }


def _value_traits() -> Iterator[dict[str, Any]]:
    aggregates = ("count_distinct", "most_frequent", "first", "last", "recent")
    for field in _TEXTS:
        for event in EVENT_TYPES[:5]:
            for aggregate in aggregates:
                yield {"name": f"{event}_{field}_{aggregate}", aggregate: field, "event": event}
    for event in EVENT_TYPES[:5]:
        yield {"name": f"{event}_streak", "streak": "days", "event": event}
        yield {"name": f"{event}_last_at", "latest": "timestamp", "event": event}


def _formula_traits(names: list[str]) -> Iterator[dict[str, Any]]:
    """Of each event type five formulas over its counts and two over those."""
    for event in EVENT_TYPES:
        formulas = {
            "change_7d": f"{event}_7d / nullif({event}_prev_7d, 0) - 1",
            "change_30d": f"{event}_30d / nullif({event}_prev_30d, 0) - 1",
            "share_7d": f"{event}_7d / nullif({event}_ever, 0)",
            "share_30d": f"{event}_30d / nullif({event}_ever, 0)",
            "is_regular": f"{event}_7d > 0 and {event}_prev_7d > 0",
            "is_falling": f"{event}_change_7d < 0 and {event}_change_30d < 0",
            "state": f"case when {event}_is_falling then 'falling' when {event}_is_regular"
            " then 'regular' else 'other' end",
        }
        for name, sql in formulas.items():
            yield {"name": f"{event}_{name}", "sql": sql}


def _make_world(database: Path, people: int, events: int) -> None:
    """Write bench.events and bench.contacts, and the events of the next batch beside them."""
    types = {"types": list(EVENT_TYPES), "type_count": len(EVENT_TYPES)}
    batches = [
        {"table": "events", "first": 0, "events": events, "days": 120, "batch": 0},
        {"table": "next_events", "first": events, "events": events // 100, "days": 1, "batch": 1},
    ]
    with connect(database) as connection:
        connection.execute(f"set variable people = {people}")
        for batch in batches:
            connection.execute(_MAKE_EVENTS.format(**types, **batch))
        connection.execute(_MAKE_CONTACTS)


def _drop_activity(database: Path) -> None:
    with connect(database) as connection:
        connection.execute(f"drop table main_cdp.{ACTIVITY}")


def _add_events(database: Path) -> None:
    with connect(database) as connection:
        connection.execute("insert into bench.events select * from bench.next_events")


def _count(database: Path) -> dict[str, int]:
    with connect(database) as connection:
        result = connection.execute(_COUNTS)
        names = [column[0] for column in result.description]
        return dict(zip(names, result.fetchone() or (), strict=True))
