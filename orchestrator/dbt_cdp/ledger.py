"""What runs have done: the tables runs and run_steps, written as they go and read by `cdp status`.

A DuckDB file is open for one process at a time, so each entry is written by itself, before dbt
starts and after it has ended.
"""

import os
import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dbt_cdp import __version__
from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import ClockError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables, open_when_free

RUNS, RUN_STEPS = "cdp__runs", "cdp__run_steps"

RUNNING, OK, SKIPPED, FAILED, STOPPED, INTERRUPTED = (
    "running",
    "ok",
    "skipped",
    "failed",
    "stopped",
    "interrupted",
)

# The clock may have been set back since it began. Its parameters are now, twice.
_ENDED = "ended_at = case when started_at > ? then started_at else ? end"

_READ_RUNS = """
select run_id, started_at, ended_at, status, error from {cdp__runs}
order by started_at desc limit %d
"""
_READ_STEPS = """
select steps.run_id, steps.step, steps.started_at, steps.ended_at, steps.status, steps.summary
from {cdp__run_steps} as steps
where steps.run_id in (select run_id from {cdp__runs} order by started_at desc limit %d)
order by steps.run_id, steps.position
"""


@dataclass(frozen=True)
class StepEntry:
    """A step of a run (times in UTC; seconds are None while it runs)."""

    step: str
    started_at: datetime
    seconds: float | None
    status: str
    summary: str | None


@dataclass(frozen=True)
class RunEntry:
    """A run, with its steps in order (times in UTC).

    Attributes:
        status: running, ok, failed, stopped or interrupted.
        error: what went wrong; None where nothing did.
    """

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    status: str
    error: str | None
    steps: Sequence[StepEntry]

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True)
class Span:
    """What lies between a run and those before it (times in UTC).

    Attributes:
        before: the status of the run before; None where there was none.
        told_at: when the last one began that came to its end; None where none did.
        began_at: when this one began.
    """

    before: str | None
    told_at: datetime | None
    began_at: datetime


class Ledger:
    """Writes what one run does.

    Attributes:
        run_id: names the run.
    """

    def __init__(self, project: Project, run_id: str) -> None:
        self._project, self.run_id = project, run_id
        self._runs, self._steps = ensure_tables(project, [RUNS, RUN_STEPS])
        self._position = 0

    def begin(self) -> Span:
        """Enter the run. What still counts as running was interrupted, for this has the lock.

        Returns:
            What the run before has come to, and since when nobody was told anything.

        Raises:
            ClockError: the last run began later than now. The entries' order, and what dbt takes
                for worked off already, would be wrong.
        """
        now = utc_now()
        with open_when_free(self._project) as warehouse:
            last = warehouse.query(
                f"select status, started_at from {self._runs} order by started_at desc limit 1"  # noqa: S608
            )
            ((told_at,),) = warehouse.query(
                f"select max(started_at) from {self._runs} where status in (?, ?, ?)",  # noqa: S608
                [OK, FAILED, STOPPED],
            )
            if last and last[0][1] > now:
                raise ClockError(now, last[0][1], of="the last run", work="loaded or built")
            for table in (self._runs, self._steps):
                warehouse.execute(
                    f"update {table} set status = ?, {_ENDED} where status = ?",  # noqa: S608
                    [INTERRUPTED, now, now, RUNNING],
                )
        self._insert(
            self._runs,
            {
                "started_at": now,
                "status": RUNNING,
                "version": __version__,
                "host": platform.node(),
                "process_id": os.getpid(),
            },
        )
        before = last[0][0] if last else None
        return Span(INTERRUPTED if before == RUNNING else before, told_at, now)

    def end(self, status: str, error: str | None) -> None:
        """Enter how the run ended."""
        self._update(self._runs, {"status": status, "error": error}, {})

    def begin_step(self, step: str) -> None:
        """Enter a step."""
        self._position += 1
        self._insert(
            self._steps,
            {
                "position": self._position,
                "step": step,
                "started_at": utc_now(),
                "status": RUNNING,
            },
        )

    def end_step(self, status: str, summary: str) -> None:
        """Enter how the step ended that was begun last."""
        values = {"status": status, "summary": summary}
        self._update(self._steps, values, {"position": self._position})

    def _insert(self, table: Relation, values: Mapping[str, Any]) -> None:
        with open_when_free(self._project) as warehouse:
            warehouse.insert_row(table, {"run_id": self.run_id, **values})

    def _update(self, table: Relation, values: Mapping[str, Any], key: Mapping[str, Any]) -> None:
        now = utc_now()
        where = {"run_id": self.run_id, **key}
        set_ = ", ".join([_ENDED, *(f"{name} = ?" for name in values)])
        same = " and ".join(f"{name} = ?" for name in where)
        with open_when_free(self._project) as warehouse:
            warehouse.execute(
                f"update {table} set {set_} where {same}",  # noqa: S608
                [now, now, *values.values(), *where.values()],
            )


def read_runs(project: Project, count: int) -> list[RunEntry]:
    """The last runs, the newest first.

    Raises:
        ConfigurationError: the project has not been built.
        WarehouseError: the warehouse cannot be opened or read.
    """
    manifest = Dbt(project).manifest()
    with open_tables(project, [RUNS, RUN_STEPS]) as warehouse:
        runs = warehouse.query(manifest.with_tables(_READ_RUNS % count))
        rows = warehouse.query(manifest.with_tables(_READ_STEPS % count))
    steps: dict[str, list[StepEntry]] = defaultdict(list)
    for run_id, step, started_at, ended_at, status, summary in rows:
        seconds = (ended_at - started_at).total_seconds() if ended_at else None
        steps[run_id].append(StepEntry(step, started_at, seconds, status, summary))
    return [
        RunEntry(run_id, started_at, ended_at, status, error, steps[run_id])
        for run_id, started_at, ended_at, status, error in runs
    ]
