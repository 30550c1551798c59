"""How syncs went, and how they are doing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.ledger import PARTIAL, SYNC_RUNS, make_tables
from dbt_cdp.activation.pauses import read_pauses
from dbt_cdp.dbt import Dbt
from dbt_cdp.ledger import OK, RUNNING
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables

_STATES = """
with runs as (
    select
        *,
        row_number() over (partition by sync_name order by started_at desc) as age
    from {cdp__sync_runs}
),
records as (
    select sync_name, count(*) as records
    from {cdp__deliveries}
    where state = 'present'
    group by sync_name
),
open_rejects as (
    select rejects.sync_name, count(distinct rejects.delivery_id) as open_rows
    from {cdp__sync_rejects} as rejects
    left join {cdp__deliveries} as later
        on
            rejects.record_id = later.record_id
            and rejects.rejected_at < later.acknowledged_at
    where later.record_id is null
    group by rejects.sync_name
)
select
    runs.sync_name,
    runs.started_at,
    runs.status,
    runs.error,
    coalesce(records.records, 0),
    coalesce(open_rejects.open_rows, 0)
from runs
left join records on runs.sync_name = records.sync_name
left join open_rejects on runs.sync_name = open_rejects.sync_name
where runs.age = 1
order by runs.sync_name
"""
_LAST_RUNS = """
select * from (
    select
        *,
        row_number() over (partition by sync_name order by started_at desc) as age
    from {cdp__sync_runs}
) as numbered
where age <= ?
order by started_at desc
"""


def read_sync_runs(project: Project, count: int) -> list[dict[str, Any]]:
    """The last runs of each sync, the newest first, as the table has them."""
    make_tables(project)
    manifest = Dbt(project).manifest()
    with open_tables(project, [SYNC_RUNS]) as warehouse:
        names = warehouse.columns(manifest.relation(SYNC_RUNS))
        rows = warehouse.query(manifest.with_tables(_LAST_RUNS), [count])
    return [dict(zip(names, row, strict=False)) for row in rows]


@dataclass(frozen=True)
class SyncState:
    """How a sync is doing.

    Attributes:
        sync: the exposure's name.
        started_at: when it ran last (UTC).
        status: how that ended.
        error: what went wrong; None where nothing did.
        records: how many records its destinations hold, as far as was acknowledged.
        rejects: how many rows were rejected and not taken since.
        is_paused: whether it rests.
    """

    sync: str
    started_at: datetime
    status: str
    error: str | None
    records: int
    rejects: int
    is_paused: bool = False

    @property
    def is_well(self) -> bool:
        """Whether its last run has done all that it could, though rows may have been rejected."""
        return self.is_paused or self.status in (OK, PARTIAL, RUNNING)


def read_sync_states(project: Project) -> list[SyncState]:
    """How the syncs are doing that have run and that there still are, by name.

    Raises:
        ConfigurationError: a sync is not as it must be.
        DbtError: the project cannot be parsed.
        WarehouseError: the warehouse cannot be opened or read.
    """
    names = {one.name for one in read_syncs(project)}
    if not names:
        return []
    make_tables(project)
    manifest = Dbt(project).manifest()
    with open_tables(project, [SYNC_RUNS]) as warehouse:
        states = [SyncState(*row) for row in warehouse.query(manifest.with_tables(_STATES))]
    pauses = read_pauses(project)
    return [replace(one, is_paused=one.sync in pauses) for one in states if one.sync in names]
