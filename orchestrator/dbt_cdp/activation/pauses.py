"""Which syncs rest: the table sync_pauses."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt
from dbt_cdp.landing import ensure_tables
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables, open_when_free

PAUSES = "cdp__sync_pauses"

_PAUSED = """
select sync_name, reason, decided_by, decided_at
from (
    select
        *,
        row_number() over (partition by sync_name order by decided_at desc) as age
    from {cdp__sync_pauses}
) as numbered
where age = 1 and is_paused
"""


@dataclass(frozen=True)
class Pause:
    """A sync that is paused.

    Attributes:
        reason: why.
        decided_by: who has paused it.
        decided_at: when (UTC).
    """

    reason: str | None
    decided_by: str | None
    decided_at: datetime


def read_pauses(project: Project) -> Mapping[str, Pause]:
    """The syncs that are paused, by name."""
    ensure_tables(project, [PAUSES])
    manifest = Dbt(project).manifest()
    with open_tables(project, [PAUSES]) as warehouse:
        rows = warehouse.query(manifest.with_tables(_PAUSED))
    return {name: Pause(*row) for name, *row in rows}


def write_pause(
    project: Project, name: str, reason: str | None, decided_by: str | None, *, is_paused: bool
) -> None:
    """Enter that a sync is paused, or goes on."""
    (table,) = ensure_tables(project, [PAUSES])
    with open_when_free(project) as warehouse:
        warehouse.insert_row(
            table,
            {
                "pause_id": uuid.uuid4().hex,
                "sync_name": name,
                "is_paused": is_paused,
                "reason": reason,
                "decided_by": decided_by,
                "decided_at": utc_now(),
            },
        )
