"""What the report tells, read from the tables that builds and runs have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from dbt_cdp.activation.states import SyncState, read_sync_states
from dbt_cdp.audit import Audit, read_audit
from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.decisions import Identifier
from dbt_cdp.ledger import RunEntry, read_runs
from dbt_cdp.privacy.ledger import Request
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.project import Project
from dbt_cdp.segments import ENTITIES, Overlap, Segment, open_segments
from dbt_cdp.sources import SourceState, read_sources
from dbt_cdp.warehouse import Warehouse, open_tables

# So far back the charts go; sizes of segments are told a day, or a build while they are this young.
DAYS = 90
_YOUNG = timedelta(days=3)

_RUNS = 60
_TOP = 10

_PROFILES = "cdp__user_profiles"

# Columns of user_profiles that everybody has, or that hold what other columns tell.
_TECHNICAL = {
    "canonical_id",
    "first_seen",
    "last_active",
    "is_identified",
    "attributes",
    "attribute_sources",
    "attribute_conflicts",
    "traits",
    "scores",
    "data_batch_id",
    "definition_hash",
    "batch_id",
}

_COUNTS = """
select
    (select count(*) from {cdp__raw_events}),
    count(*),
    count(case when is_shared then 1 end),
    (select count(*) from {cdp__account_profiles})
from {cdp__identity_graph}
"""

_EVENT_DAYS = """
select source, cast(timestamp as date) as event_date, count(*) as events
from {cdp__raw_events}
where timestamp >= ? and timestamp < ?
group by source, cast(timestamp as date)
order by event_date, source
"""

_SHARED = """
with

refused as (

    select
        case when canonical_id_a is null then identifier_type_a else identifier_type_b end
            as identifier_type,
        case when canonical_id_a is null then identifier_value_a else identifier_value_b end
            as identifier_value,
        case when canonical_id_a is null then canonical_id_b else canonical_id_a end
            as canonical_id

    from {cdp__identity_conflicts}

    where
        reason = 'shared'
        and (canonical_id_a is null or canonical_id_b is null)

)

select identifier_type, identifier_value, count(distinct canonical_id) as people
from refused
group by identifier_type, identifier_value
order by people desc, identifier_type, identifier_value
limit ?
"""

_LAST_BUILD = "select max(measured_at) from {cdp__segment_sizes}"

_FIRST_BUILD = "select min(measured_at) from {cdp__segment_sizes} where measured_at >= ?"

_SIZES = """
with

sizes as (

    select
        coalesce(entity, 'person') as entity,
        segment_name,
        {moment} as moment,
        measured_at,
        members

    from {cdp__segment_sizes}

    where measured_at >= ?

),

ranked as (

    select
        *,
        row_number() over (
            partition by entity, segment_name, moment
            order by measured_at desc
        ) as place

    from sizes

)

select entity, segment_name, moment, members
from ranked
where place = 1
order by moment, segment_name
"""

_SYNC_DAYS = """
select
    sync_name,
    cast(started_at as date) as sync_date,
    sum(acknowledged) as acknowledged,
    sum(rejected) as rejected
from {cdp__sync_runs}
where started_at >= ?
group by sync_name, cast(started_at as date)
order by sync_date, sync_name
"""


@dataclass(frozen=True)
class Counts:
    """How much there is.

    Attributes:
        events: in raw_events.
        identifiers: in identity_graph, shared ones among them.
        shared: those that lead to several people, and so belong to nobody.
        accounts: in account_profiles.
        people: in user_profiles.
        identified: people that are known by more than browsers and devices.
    """

    events: int
    identifiers: int
    shared: int
    accounts: int
    people: int
    identified: int


@dataclass(frozen=True)
class EventDay:
    """How many events of a source happened on a day (UTC)."""

    source: str
    day: date
    events: int


@dataclass(frozen=True)
class Shared:
    """An identifier that belongs to nobody, and how many people it would have joined."""

    identifier: Identifier
    people: int


@dataclass(frozen=True)
class Filled:
    """How many people have a value in a column of user_profiles.

    Attributes:
        column: the column's name.
        people: how many of all.
        identified: how many of those that are identified.
    """

    column: str
    people: int
    identified: int


@dataclass(frozen=True)
class Size:
    """How many were in a segment after the last build of a day, or after a build (UTC)."""

    entity: str
    segment: str
    moment: date | datetime
    members: int


@dataclass(frozen=True)
class SyncDay:
    """What a sync's runs of a day (UTC) have come to, in rows."""

    sync: str
    day: date
    acknowledged: int
    rejected: int


@dataclass(frozen=True)
class Report:
    """How everything is doing. Times are UTC.

    Attributes:
        project: the dbt project's name.
        target: the target's name, and the kind of warehouse it is on.
        made_at: when it was read.
        as_of: the moment that the last build told of (var `cdp_as_of`); when it was read where no
            build has been.
        is_built: whether one has.
        event_days: of the 90 days before that moment, in order; days without events are left out.
        audit: the health of the identity graph, without connecting and shared identifiers.
        shared: the ten shared identifiers that would have joined the most people.
        filled: columns of user_profiles, in the table's order.
        sizes: of segments, of the same 90 days, in order.
        overlaps: what any two segments of people share.
        sync_days: of the 90 days before it was read, in order.
        requests: for erasure, open and ended.
        runs: of `cdp run`, the last 60, the newest first.
    """

    project: str
    target: str
    made_at: datetime
    as_of: datetime
    is_built: bool
    counts: Counts
    event_days: Sequence[EventDay]
    sources: Sequence[SourceState]
    audit: Audit
    shared: Sequence[Shared]
    filled: Sequence[Filled]
    segments: Sequence[Segment]
    sizes: Sequence[Size]
    overlaps: Sequence[Overlap]
    syncs: Sequence[SyncState]
    sync_days: Sequence[SyncDay]
    requests: Sequence[Request]
    runs: Sequence[RunEntry]


def read_report(project: Project) -> Report:
    """Read how everything is doing, as builds and runs have left it.

    Raises:
        ConfigurationError: the project has not been built, or a sync is not as it must be.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse cannot be opened or read.
    """
    with open_segments(project) as segments:
        defined = [one for one in segments.all() if one.is_defined]
        overlaps = segments.overlaps(ENTITIES[0])
    audit = read_audit(project, _TOP, days=DAYS, with_hubs=False)
    sources = read_sources(project)
    syncs, (requests, _), runs = (
        read_sync_states(project),
        read_requests(project),
        read_runs(project, _RUNS),
    )
    now = utc_now()
    manifest = Dbt(project).manifest()
    with open_tables(project, [_PROFILES]) as warehouse:
        tables = _Tables(warehouse, manifest)
        built_at = tables.built_at()
        as_of = built_at or now
        people, filled = tables.filled()
        return Report(
            project=project.name,
            target=f"{project.target.name} ({project.target.type})",
            made_at=now,
            as_of=as_of,
            is_built=built_at is not None,
            counts=Counts(**tables.counts(), **people),
            event_days=tables.event_days(as_of),
            sources=sources,
            audit=audit,
            shared=tables.shared(),
            filled=filled,
            segments=defined,
            sizes=tables.sizes(as_of),
            overlaps=overlaps,
            syncs=syncs,
            sync_days=tables.sync_days(now),
            requests=requests,
            runs=runs,
        )


class _Tables:
    """Reads what no other command asks for, a query each."""

    def __init__(self, warehouse: Warehouse, manifest: Manifest) -> None:
        self._warehouse, self._manifest = warehouse, manifest

    def _query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._warehouse.query(self._manifest.with_tables(sql), parameters)

    def counts(self) -> dict[str, int]:
        ((events, identifiers, shared, accounts),) = self._query(_COUNTS)
        return {
            "events": events,
            "identifiers": identifiers,
            "shared": shared,
            "accounts": accounts,
        }

    def built_at(self) -> datetime | None:
        ((moment,),) = self._query(_LAST_BUILD)
        return moment  # type: ignore[no-any-return]

    def event_days(self, until: datetime) -> list[EventDay]:
        rows = self._query(_EVENT_DAYS, _since(until), _since(until) + timedelta(days=DAYS))
        return [EventDay(*row) for row in rows]

    def shared(self) -> list[Shared]:
        rows = self._query(_SHARED, _TOP)
        return [Shared(Identifier(kind, value), people) for kind, value, people in rows]

    def filled(self) -> tuple[dict[str, int], list[Filled]]:
        """How many people there are, and are identified; and of how many what is known."""
        relation = self._manifest.relation(_PROFILES)
        names = [
            name for name in self._warehouse.columns(relation) if name.lower() not in _TECHNICAL
        ]
        columns = ["*", *map(self._warehouse.quote, names)]
        counts = ", ".join(f"count({one})" for one in columns)
        ((people, *all_people),) = self._query(f"select {counts} from {relation}")  # noqa: S608
        ((identified, *of_identified),) = self._query(
            f"select {counts} from {relation} where is_identified"  # noqa: S608
        )
        rows = zip(names, all_people, of_identified, strict=True)
        return {"people": people, "identified": identified}, [Filled(*row) for row in rows]

    def sizes(self, until: datetime) -> list[Size]:
        """The sizes of segments, one a day; of a young project, one a build."""
        ((first,),) = self._query(_FIRST_BUILD, _since(until))
        is_young = first is None or until - first < _YOUNG
        moment = "measured_at" if is_young else "cast(measured_at as date)"
        rows = self._query(_SIZES.replace("{moment}", moment), _since(until))
        return [Size(*row) for row in rows]

    def sync_days(self, until: datetime) -> list[SyncDay]:
        return [SyncDay(*row) for row in self._query(_SYNC_DAYS, _since(until))]


def _since(until: datetime) -> datetime:
    """The beginning of the first of the days that end with the one of this moment."""
    return datetime(until.year, until.month, until.day) - timedelta(days=DAYS - 1)
