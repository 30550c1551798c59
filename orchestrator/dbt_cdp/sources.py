"""How the entries of `cdp_sources` are doing: what came of each, how fresh, what was rejected."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.project import Project, Source
from dbt_cdp.warehouse import Warehouse, open_tables

EVENTS, RECORDS = "events", "records"

# The columns of an event that name its person.
_EVENT_IDENTIFIERS = (
    "user_id",
    "crm_id",
    "billing_id",
    "support_id",
    "email",
    "phone",
    "device_id",
    "anonymous_id",
)

# The columns of a record that are no identifiers, besides its attributes.
_RECORD_COLUMNS = {
    "source",
    "record_id",
    "merged_into",
    "identifier_type",
    "updated_at",
    "loaded_at",
}
_ATTRIBUTE = "attribute_"

_TABLES = {EVENTS: "cdp__raw_events", RECORDS: "stg_cdp__records"}
_REJECTS = {EVENTS: "stg_cdp__rejected_events", RECORDS: "stg_cdp__rejected_records"}
_FILE_REJECTS = "cdp__landing_rejects"

# First and last time of what rows tell of, and when the newest one came.
_TIMES = {
    EVENTS: "min(timestamp), max(timestamp), max(coalesce(loaded_at, received_at))",
    RECORDS: "min(updated_at), max(updated_at), max(coalesce(loaded_at, updated_at))",
}


@dataclass(frozen=True)
class SourceState:
    """What the events, or the records, of one source are like. Times are UTC.

    Attributes:
        name: the entry's name in `cdp_sources`.
        origin: where its rows come from, in words.
        kind: `events` or `records`.
        rows: how many are in raw_events, or are present records.
        first_at: the earliest time that a row tells of; None without rows or times.
        last_at: the latest.
        arrived_at: when the newest row came: was loaded; where a row does not say when, was
            received (events) or changed (records).
        age: how long ago that was.
        identifiers: the share of the rows (0 to 1) that carry an identifier, by its type.
        rejects: how many rows could not be used, by reason.
    """

    name: str
    origin: str
    kind: str
    rows: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    arrived_at: datetime | None = None
    age: timedelta | None = None
    identifiers: Mapping[str, float] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)


def read_sources(project: Project) -> list[SourceState]:
    """Read how every entry of `cdp_sources` is doing, as the last build left it.

    Returns:
        One or two for each entry, in their order: of its events and of its records.

    Raises:
        ConfigurationError: the project has not been built.
        DbtError: the project cannot be parsed.
        WarehouseError: the warehouse cannot be opened or read.
    """
    manifest = Dbt(project).manifest()
    models = (*_TABLES.values(), *_REJECTS.values(), _FILE_REJECTS)
    with open_tables(project, models) as warehouse:
        reader = _Reader(warehouse, manifest)
        states = {kind: reader.states(kind) for kind in _TABLES}
        rejects = {kind: reader.rejects(kind) for kind in _TABLES}
    now = utc_now()
    return [
        _state(source, kind, states[kind].get(source.name), rejects[kind].get(source.name, {}), now)
        for source in project.sources()
        for kind in kinds_of(source, manifest)
    ]


def kinds_of(source: Source, manifest: Manifest) -> list[str]:
    """What an entry gives: events, records or both."""
    if source.collector is None or source.is_loaded:
        return [source.kind]
    models = {node["name"] for node in manifest.content["nodes"].values()}
    return [kind for kind in _TABLES if f"stg_cdp__{source.collector}_{kind}" in models]


class _Reader:
    """Reads one aggregate a table."""

    def __init__(self, warehouse: Warehouse, manifest: Manifest) -> None:
        self._warehouse = warehouse
        self._manifest = manifest

    def states(self, kind: str) -> dict[str, tuple[Any, ...]]:
        """By source: rows, three times, and how many rows carry each identifier."""
        types = self._identifiers(kind)
        counts = ", ".join(f"count({self._warehouse.quote(name)})" for name in types)
        rows = self._query(
            f"select source, count(*), {_TIMES[kind]}, {counts} from {{{_TABLES[kind]}}}"  # noqa: S608
            " group by source"
        )
        return {row[0]: (*row[1:5], dict(zip(types, row[5:], strict=True))) for row in rows}

    def rejects(self, kind: str) -> dict[str, dict[str, int]]:
        """By source: how many rows were rejected, by reason; files' lines among them."""
        found: dict[str, Counter[str]] = {}
        rows = self._query(
            f"select source, reject_reason, count(*) from {{{_REJECTS[kind]}}}"  # noqa: S608
            " group by source, reject_reason"
        )
        lines = self._query(
            f"select source, reason, count(*) from {{{_FILE_REJECTS}}}"  # noqa: S608
            f" where kind = '{kind}' group by source, reason"
        )
        # A line of a file and a row of a model may be rejected for one reason.
        for source, reason, count in [*rows, *lines]:
            found.setdefault(source, Counter())[reason] += count
        return {
            source: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
            for source, counts in found.items()
        }

    def _identifiers(self, kind: str) -> Sequence[str]:
        if kind == EVENTS:
            return _EVENT_IDENTIFIERS
        columns = self._warehouse.columns(self._manifest.relation(_TABLES[RECORDS]))
        return [
            name
            for name in columns
            if name not in _RECORD_COLUMNS and not name.startswith(_ATTRIBUTE)
        ]

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        return self._warehouse.query(self._manifest.with_tables(sql))


def _state(
    source: Source,
    kind: str,
    read: tuple[Any, ...] | None,
    rejects: Mapping[str, int],
    now: datetime,
) -> SourceState:
    if read is None:
        return SourceState(source.name, _origin(source), kind, rejects=rejects)
    rows, first_at, last_at, arrived_at, counts = read
    return SourceState(
        name=source.name,
        origin=_origin(source),
        kind=kind,
        rows=rows,
        first_at=first_at,
        last_at=last_at,
        arrived_at=arrived_at,
        age=now - arrived_at if arrived_at else None,
        identifiers={name: count / rows for name, count in counts.items() if count},
        rejects=rejects,
    )


def _origin(source: Source) -> str:
    if source.is_loaded:
        return "cdp load"
    return source.collector or f"model {source.events or source.records}"
