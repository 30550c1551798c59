"""What each run has found of the sources of events: the table run_sources.

A run enters it after a build that has counted all events, so that whoever watches need not look
through all of them, and events do not expire before they were counted.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.landing import ensure_tables
from dbt_cdp.project import Project
from dbt_cdp.sources import EVENTS, kinds_of
from dbt_cdp.warehouse import Warehouse, open_tables, open_when_free

RUN_SOURCES = "cdp__run_sources"

_FOUND = """
select
    source,
    count(case when batch_id > ? then 1 end) as new_events,
    max(coalesce(loaded_at, received_at)) as arrived_at
from {cdp__raw_events}
where batch_id > ?
group by source
"""
_LAST = """
select source, entered_at, new_events, arrived_at
from {cdp__run_sources}
where entered_at = (select max(entered_at) from {cdp__run_sources})
order by source
"""


@dataclass(frozen=True)
class SourceEntry:
    """What a run has found of a source of events. Times are UTC.

    Attributes:
        source: name of the entry in `cdp_sources`.
        entered_at: when the run looked.
        new_events: how many events have been added since the run before looked.
        arrived_at: when the newest event came, as in `cdp sources`; None where none ever has.
    """

    source: str
    entered_at: datetime
    new_events: int
    arrived_at: datetime | None

    def is_silent(self, length: timedelta) -> bool:
        """Whether nothing had come for so long; not where nothing ever has."""
        return self.arrived_at is not None and self.entered_at - self.arrived_at > length


def enter_sources(
    project: Project, run_id: str
) -> tuple[Mapping[str, SourceEntry], Mapping[str, SourceEntry]]:
    """Enter how the sources of events are doing.

    Args:
        project: the project, which has just been built.
        run_id: the run that has built it.

    Returns:
        By source, what was entered, and what the run before had.

    Raises:
        ConfigurationError: the project has no raw_events.
        WarehouseError: the warehouse cannot be opened, read or written.
    """
    (table,) = ensure_tables(project, [RUN_SOURCES])
    manifest = Dbt(project).manifest()
    names = [one.name for one in project.sources() if EVENTS in kinds_of(one, manifest)]
    with open_when_free(project) as warehouse:
        before = _last(warehouse, manifest)
        last = batch_at(next(iter(before.values())).entered_at) if before else 0
        # Of a source that is new all events are looked at.
        since = last if before.keys() >= set(names) else 0
        rows = warehouse.query(manifest.with_tables(_FOUND), [last, since])
        found = {source: (new, arrived_at) for source, new, arrived_at in rows}
        now = utc_now()
        entries = {}
        for name in names:
            new, arrived_at = found.get(name, (0, None))
            known = before[name].arrived_at if name in before else None
            times = [time for time in (arrived_at, known) if time]
            entries[name] = SourceEntry(name, now, new, max(times, default=None))
            warehouse.insert_row(table, {"run_id": run_id, **asdict(entries[name])})
    return entries, before


def batch_at(time: datetime) -> int:
    """The number of a build that begins at that time (UTC): microseconds since 1970."""
    return round((time - datetime(1970, 1, 1)).total_seconds() * 1_000_000)


def read_sources(project: Project) -> Mapping[str, SourceEntry]:
    """What the last run has found, by source.

    Raises:
        ConfigurationError: the project has not been built.
        WarehouseError: the warehouse cannot be opened or read.
    """
    manifest = Dbt(project).manifest()
    with open_tables(project, [RUN_SOURCES]) as warehouse:
        return _last(warehouse, manifest)


def _last(warehouse: Warehouse, manifest: Manifest) -> Mapping[str, SourceEntry]:
    rows = warehouse.query(manifest.with_tables(_LAST))
    return {source: SourceEntry(source, *row) for source, *row in rows}
