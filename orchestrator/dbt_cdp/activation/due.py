"""Which syncs are to run now."""

from collections.abc import Sequence
from datetime import UTC, datetime

from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]

from dbt_cdp.activation.definition import Definition, read_syncs
from dbt_cdp.activation.pauses import read_pauses
from dbt_cdp.activation.states import read_sync_runs
from dbt_cdp.clock import utc_now
from dbt_cdp.output import talk
from dbt_cdp.project import Project


def without_paused(project: Project, syncs: Sequence[Definition]) -> list[Definition]:
    """The syncs that are not paused; of the others it is said that they are."""
    pauses = read_pauses(project) if syncs else {}
    for sync in syncs:
        if sync.name in pauses:
            pause = pauses[sync.name]
            by = f" by {pause.decided_by}" if pause.decided_by else ""
            why = f": {pause.reason}" if pause.reason else ""
            talk(f"{sync.name} is paused since {pause.decided_at:%Y-%m-%d %H:%M} UTC{by}{why}.")
    return [sync for sync in syncs if sync.name not in pauses]


def due_syncs(project: Project) -> list[Definition]:
    """The syncs that a run has to do: those of every run, and those whose time has come since they
    began last."""
    syncs = read_syncs(project)
    if not syncs:
        return []
    last = {one["sync_name"]: one["started_at"] for one in read_sync_runs(project, 1)}
    return [
        sync
        for sync in without_paused(project, syncs)
        if is_due(sync.schedule, last.get(sync.name))
    ]


def is_due(schedule: str, last: datetime | None) -> bool:
    """Whether a time of a schedule has come since a sync began last (UTC); None for never."""
    if schedule == "every_run" or last is None:
        return True
    began = last.replace(tzinfo=UTC)
    following: datetime | None = CronTrigger.from_crontab(schedule, "UTC").get_next_fire_time(
        began, began
    )
    return following is not None and following <= utc_now().replace(tzinfo=UTC)
