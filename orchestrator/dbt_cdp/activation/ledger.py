"""What was delivered, what was rejected, and how the syncs went.

`deliveries` is a log: what was acknowledged is added, and the last entry of a record is what its
destination holds. When a run of a sync has ended, entries with a later one are deleted. Entries are
written some thousands at once.

Before anything is sent, `sync_attempts` gets what is to be sent; entries go from there when it is
known what became of them. So after a kill, or where a destination has not answered, what it may
hold is known: it is sent again with the same id, or removed where the row has gone meanwhile.
"""

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dbt_cdp.activation.definition import Definition, read_syncs
from dbt_cdp.activation.difference import DOUBLED, Change, Counts
from dbt_cdp.activation.sender import batches
from dbt_cdp.clock import SKEW, utc_now
from dbt_cdp.dbt import Dbt
from dbt_cdp.destinations.base import Action, Outcome, Status
from dbt_cdp.destinations.values import json_value
from dbt_cdp.errors import ClockError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.ledger import INTERRUPTED, OK, RUNNING
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_tables, open_when_free

DELIVERIES, SYNC_RUNS = "cdp__deliveries", "cdp__sync_runs"
REJECTS, PAUSES = "cdp__sync_rejects", "cdp__sync_pauses"
ATTEMPTS = "cdp__sync_attempts"

# What a run of a sync may be besides what any run may.
PARTIAL, HELD = "partial", "held"

# So many entries are written at once, or those of so many seconds.
_FLUSHED_ROWS, _FLUSHED_SECONDS = 10_000, 15.0

_COMPACT = """
delete from {table}
where
    sync_name = ?
    and delivery_id in (
        select delivery_id
        from (
            select
                delivery_id,
                row_number() over (
                    partition by record_id
                    order by acknowledged_at desc, delivery_id desc
                ) as age
            from {table}
            where sync_name = ?
        ) as numbered
        where age > 1
    )
"""
# What was answered for is known, and so is what was tried before something that was acknowledged.
_SETTLE = """
delete from {attempts}
where
    sync_name = ?
    and (
        delivery_id in (select delivery_id from {deliveries} where sync_name = ?)
        or delivery_id in (select delivery_id from {rejects} where sync_name = ?)
        or record_id in (select record_id from {deliveries} where sync_run_id = ?)
    )
"""
_STATES = """
select
    runs.sync_name,
    runs.started_at,
    runs.status,
    runs.error,
    (
        select count(*) from {cdp__deliveries} as deliveries
        where deliveries.sync_name = runs.sync_name and deliveries.state = 'present'
    ) as records,
    (
        select count(distinct rejects.delivery_id) from {cdp__sync_rejects} as rejects
        where
            rejects.sync_name = runs.sync_name
            and not exists (
                select 1 from {cdp__deliveries} as later
                where
                    later.record_id = rejects.record_id
                    and later.acknowledged_at > rejects.rejected_at
            )
    ) as rejects
from (
    select
        *,
        row_number() over (partition by sync_name order by started_at desc) as age
    from {cdp__sync_runs}
) as runs
where age = 1
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


@dataclass
class Report:
    """How a run of a sync went: what it found, and what became of it.

    Attributes:
        status: ok; partial, where rows were rejected; held, by a guard; failed; stopped.
        source_rows: rows that it read.
        without_key: of them, those without a key.
        withheld: of them, those of people without consent.
        to_add: rows to be sent as new.
        to_change: rows to be sent as changed.
        to_remove: records to be removed, or merged.
        acknowledged: rows that the destination has taken.
        rejected: rows that it has not.
        pending: rows that it was not asked for, or has not answered for.
        error: what went wrong, without what any row holds.
    """

    sync_run_id: str
    sync: str
    destination: str
    status: str = RUNNING
    source_rows: int = 0
    without_key: int = 0
    withheld: int = 0
    to_add: int = 0
    to_change: int = 0
    to_remove: int = 0
    acknowledged: int = 0
    rejected: int = 0
    pending: int = 0
    error: str | None = None

    @property
    def to_do(self) -> int:
        """How many rows are to be sent."""
        return self.to_add + self.to_change + self.to_remove


def make_tables(project: Project) -> None:
    """Make the tables that a sync reads and writes, where they are missing.

    Raises:
        DbtError: the project cannot be parsed, or the tables cannot be made.
    """
    ensure_tables(project, [DELIVERIES, SYNC_RUNS, REJECTS, ATTEMPTS, PAUSES])


class SyncLedger:
    """The entries of one run of a sync."""

    def __init__(self, project: Project, sync: Definition, run_id: str | None) -> None:
        self._project, self._sync, self._run_id = project, sync, run_id
        self._deliveries, self._runs, self._rejects, self._attempts = ensure_tables(
            project, [DELIVERIES, SYNC_RUNS, REJECTS, ATTEMPTS]
        )
        self.report = Report(uuid.uuid4().hex, sync.name, sync.destination)
        self._new: dict[str, dict[str, Any]] = {}
        self._refused: dict[str, dict[str, Any]] = {}
        self._written_at = time.monotonic()
        self._offset = timedelta()
        self._answered = 0

    def lost_runs(self) -> list[tuple[str, frozenset[str]]]:
        """The runs of the sync that ended without a word: their ids, and the remote ids that they
        have recorded.

        Raises:
            ClockError: this machine's clock is behind the last run.
        """
        name = self._sync.name
        with open_when_free(self._project) as warehouse:
            ((last,),) = warehouse.query(
                f"select max(started_at) from {self._runs} where sync_name = ?",  # noqa: S608
                [name],
            )
            now = utc_now()
            if last and last - now > SKEW:
                raise ClockError(now, last, of="the last run of this sync", work="sent")
            runs = warehouse.query(
                f"select sync_run_id from {self._runs} where sync_name = ? and status = ?",  # noqa: S608
                [name, RUNNING],
            )
            return [(run, self._remote_ids(warehouse, run)) for (run,) in runs]

    def _remote_ids(self, warehouse: Warehouse, sync_run_id: str) -> frozenset[str]:
        rows = warehouse.query(
            f"select distinct remote_id from {self._deliveries}"  # noqa: S608
            " where sync_run_id = ? and remote_id is not null",
            [sync_run_id],
        )
        return frozenset(remote for (remote,) in rows)

    def begin(self) -> None:
        """Enter that the sync runs, and that those before it which ended without a word do not."""
        now, name = utc_now(), self._sync.name
        with open_when_free(self._project) as warehouse:
            warehouse.execute(
                f"update {self._runs} set status = ?, ended_at = ?"  # noqa: S608
                " where sync_name = ? and status = ?",
                [INTERRUPTED, now, name, RUNNING],
            )
            ((latest,),) = warehouse.query(
                f"select max(acknowledged_at) from {self._deliveries} where sync_name = ?",  # noqa: S608
                [name],
            )
            # A run that was killed may have recorded more than it has settled.
            self._settle(warehouse)
            # What comes later is entered as later, whatever the clock says.
            if latest and latest >= now:
                self._offset = latest - now + timedelta(microseconds=1)
            warehouse.insert_row(
                self._runs,
                {
                    "sync_run_id": self.report.sync_run_id,
                    "run_id": self._run_id,
                    "sync_name": name,
                    "destination": self._sync.destination,
                    "object": self._sync.target,
                    "mode": str(self._sync.mode),
                    "started_at": now,
                    "status": RUNNING,
                },
            )

    def _settle(self, warehouse: Warehouse) -> None:
        sql = _SETTLE.format(
            attempts=self._attempts, deliveries=self._deliveries, rejects=self._rejects
        )
        warehouse.execute(sql, [*[self._sync.name] * 3, self.report.sync_run_id])

    def count(self, counts: Counts, numbers: Mapping[Action, int]) -> None:
        """Take note of what is to be done."""
        report = self.report
        report.source_rows = counts.source_rows
        report.without_key, report.withheld = counts.without_key, counts.withheld
        report.to_add = numbers[Action.ADD]
        report.to_change = numbers[Action.CHANGE]
        report.to_remove = numbers[Action.REMOVE] + numbers[Action.MERGE]

    def attempt(self, changes: Iterable[Change]) -> None:
        """Enter what is about to be sent."""
        now = utc_now() + self._offset
        for chunk in batches(changes, _FLUSHED_ROWS):
            rows = [self._attempt(change, now) for change in chunk]
            with open_when_free(self._project) as warehouse:
                warehouse.insert_new(self._attempts, _columns(rows), "attempt_id")

    def enter(self, change: Change, outcome: Outcome) -> None:
        """Take note of what became of a row; written when there are many, or by `flush`."""
        self._answered += change.action != DOUBLED
        if outcome.status is Status.ACKNOWLEDGED:
            self.report.acknowledged += 1
            self._new[outcome.delivery_id] = self._delivery(change, outcome)
        else:
            self.report.rejected += 1
            reject = self._reject(change, outcome)
            self._refused[reject["reject_id"]] = reject
        if (
            len(self._new) + len(self._refused) >= _FLUSHED_ROWS
            or time.monotonic() - self._written_at > _FLUSHED_SECONDS
        ):
            self.flush()

    def flush(self) -> None:
        """Write what was taken note of."""
        if self._new or self._refused:
            with open_when_free(self._project) as warehouse:
                for table, rows, key in (
                    (self._deliveries, self._new, "delivery_id"),
                    (self._rejects, self._refused, "reject_id"),
                ):
                    if rows:
                        warehouse.insert_new(table, _columns(list(rows.values())), key)
            self._new, self._refused = {}, {}
        self._written_at = time.monotonic()

    def end(self, status: str, error: str | None = None) -> Report:
        """Enter how the run ended, and delete what has a later entry."""
        report = self.report
        report.status, report.error = status, error
        report.pending = report.to_do - self._answered
        self.flush()
        values: dict[str, Any] = {
            "ended_at": utc_now(),
            "status": status,
            "source_rows": report.source_rows,
            "without_key": report.without_key,
            "withheld": report.withheld,
            "to_add": report.to_add,
            "to_change": report.to_change,
            "to_remove": report.to_remove,
            "acknowledged": report.acknowledged,
            "rejected": report.rejected,
            "pending": report.pending,
        }
        if error is not None:
            values["error"] = error
        set_ = ", ".join(f"{name} = ?" for name in values)
        with open_when_free(self._project) as warehouse:
            if self._answered:
                self._settle(warehouse)
            if report.acknowledged:
                warehouse.execute(
                    _COMPACT.format(table=self._deliveries), [self._sync.name, self._sync.name]
                )
            warehouse.execute(
                f"update {self._runs} set {set_} where sync_run_id = ?",  # noqa: S608
                [*values.values(), report.sync_run_id],
            )
        return report

    def _delivery(self, change: Change, outcome: Outcome) -> dict[str, Any]:
        is_gone = change.action in (Action.REMOVE, Action.MERGE)
        return {
            **self._entry(change, outcome.sent),
            "remote_id": outcome.remote_id,
            "state": "removed" if is_gone else "present",
            "acknowledged_at": utc_now() + self._offset,
        }

    def _attempt(self, change: Change, now: datetime) -> dict[str, Any]:
        return {
            **self._entry(change, None),
            "attempt_id": f"{change.row.delivery_id}-{self.report.sync_run_id}",
            "attempted_at": now,
        }

    def _entry(self, change: Change, sent: Mapping[str, Any] | None) -> dict[str, Any]:
        """What deliveries and attempts have in common."""
        if sent is None:
            # Fields that were left out keep what was sent before.
            sent = {**change.row.sent, **change.row.fields}
        return {
            "delivery_id": change.row.delivery_id,
            "sync_name": self._sync.name,
            "destination": self._sync.destination,
            "object": self._sync.target,
            "record_id": change.record_id,
            "row_id": change.row_id,
            "key_value": change.row.key,
            "remote_id": change.row.remote_id,
            "action": change.action,
            "row_hash": change.row_hash,
            "sent": json.dumps(sent, ensure_ascii=False, sort_keys=True, default=json_value),
            "sync_run_id": self.report.sync_run_id,
        }

    def _reject(self, change: Change, outcome: Outcome) -> dict[str, Any]:
        attempt = change.attempts + 1
        return {
            "reject_id": f"{change.row.delivery_id}-{attempt}",
            "delivery_id": change.row.delivery_id,
            "sync_name": self._sync.name,
            "destination": self._sync.destination,
            "object": self._sync.target,
            "record_id": change.record_id,
            "row_id": change.row_id,
            "key_value": change.row.key or None,
            "action": change.action,
            "attempt": attempt,
            "is_retryable": outcome.status is Status.RETRY,
            "reason": outcome.reason or "no reason was given",
            "sync_run_id": self.report.sync_run_id,
            "rejected_at": utc_now() + self._offset,
        }


def doubled(change: Change) -> Outcome:
    """What becomes of a row that is not alone with its id or its key."""
    return Outcome(
        change.row.delivery_id,
        Status.REJECTED,
        "another row has the same id or key, or the id is missing; which of them is meant is not"
        " guessed",
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


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


def read_sync_runs(project: Project, count: int) -> list[dict[str, Any]]:
    """The last runs of each sync, the newest first, as the table has them."""
    ensure_tables(project, [SYNC_RUNS])
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


def forget_deliveries(project: Project, name: str) -> int:
    """Let the next run send all of a sync's rows again; how many there are.

    What was delivered stays on record: whoever is to be erased is erased there too.
    """
    deliveries, rejects = ensure_tables(project, [DELIVERIES, REJECTS])
    with open_when_free(project) as warehouse:
        warehouse.execute(f"delete from {rejects} where sync_name = ?", [name])  # noqa: S608
        return warehouse.execute(
            f"update {deliveries} set row_hash = null where sync_name = ? and state = 'present'",  # noqa: S608
            [name],
        )
