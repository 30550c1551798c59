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
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import DOUBLED, Change, Counts
from dbt_cdp.batches import batches
from dbt_cdp.clock import SKEW, utc_now
from dbt_cdp.dbt import Relation
from dbt_cdp.destinations.base import Action, Outcome, Status
from dbt_cdp.destinations.hand_over import ToolRun
from dbt_cdp.destinations.values import json_value
from dbt_cdp.errors import ClockError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.ledger import INTERRUPTED, RUNNING
from dbt_cdp.privacy.suppressions import KEYS, SUPPRESSIONS
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_when_free

DELIVERIES, SYNC_RUNS = "cdp__deliveries", "cdp__sync_runs"
REJECTS, ATTEMPTS = "cdp__sync_rejects", "cdp__sync_attempts"

# What a run of a sync may be besides what any run may.
PARTIAL, HELD = "partial", "held"

# What was entered of a run when it began.
_FIXED = ("sync_run_id", "sync", "destination")

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


@dataclass
class Report:
    """How a run of a sync went: what it found, and what became of it.

    Attributes:
        status: ok; partial, where rows were rejected; held, by a guard; failed; stopped.
        source_rows: rows that it read.
        without_key: of them, those without a key.
        withheld: of them, those of people who have not consented, or are suppressed.
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


def make_tables(project: Project) -> list[Relation]:
    """Make the tables that a sync reads and writes, where they are missing.

    Returns:
        The tables of deliveries, of runs, of rejects and of attempts.

    Raises:
        DbtError: the project cannot be parsed, or the tables cannot be made.
    """
    own = [DELIVERIES, SYNC_RUNS, REJECTS, ATTEMPTS]
    return ensure_tables(project, [*own, KEYS, SUPPRESSIONS])[: len(own)]


class SyncLedger:
    """The entries of one run of a sync."""

    def __init__(self, project: Project, sync: Definition, run_id: str | None) -> None:
        self._project, self._sync, self._run_id = project, sync, run_id
        self._deliveries, self._runs, self._rejects, self._attempts = make_tables(project)
        self.report = Report(uuid.uuid4().hex, sync.name, sync.destination)
        self._new: dict[str, dict[str, Any]] = {}
        self._refused: dict[str, dict[str, Any]] = {}
        self._written_at = time.monotonic()
        self._offset = timedelta()
        self._answered = 0

    def begin(self) -> Mapping[str, frozenset[str]]:
        """Enter that the sync runs.

        Returns:
            Its runs that ended without a word, by their ids: the remote ids that they have
            recorded.

        Raises:
            ClockError: this machine's clock is behind the last run.
        """
        now, name = utc_now(), self._sync.name
        with open_when_free(self._project) as warehouse:
            ((last,),) = warehouse.query(
                f"select max(started_at) from {self._runs} where sync_name = ?",  # noqa: S608
                [name],
            )
            if last and last - now > SKEW:
                raise ClockError(now, last, of="the last run of this sync", work="sent")
            runs = warehouse.query(
                f"select sync_run_id from {self._runs} where sync_name = ? and status = ?",  # noqa: S608
                [name, RUNNING],
            )
            lost = {run: self._remote_ids(warehouse, run) for (run,) in runs}
            ((latest,),) = warehouse.query(
                f"select max(acknowledged_at) from {self._deliveries} where sync_name = ?",  # noqa: S608
                [name],
            )
            # What comes later is entered as later, whatever the clock says.
            if latest and latest >= now:
                self._offset = latest - now + timedelta(microseconds=1)
            # A run that was killed may have recorded more than it has settled.
            self._settle(warehouse)
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
        return lost

    def _remote_ids(self, warehouse: Warehouse, sync_run_id: str) -> frozenset[str]:
        rows = warehouse.query(
            f"select distinct remote_id from {self._deliveries}"  # noqa: S608
            " where sync_run_id = ? and remote_id is not null",
            [sync_run_id],
        )
        return frozenset(remote for (remote,) in rows)

    def give_up(self, lost: Iterable[str]) -> None:
        """Enter that runs were interrupted, of which all has been taken back that was to be."""
        for run in lost:
            with open_when_free(self._project) as warehouse:
                warehouse.execute(
                    f"update {self._runs} set status = ?, ended_at = ? where sync_run_id = ?",  # noqa: S608
                    [INTERRUPTED, utc_now(), run],
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

    def adopt(self, run: ToolRun) -> None:
        """Take note of what another tool has done."""
        report = self.report
        report.source_rows = run.source_rows
        report.to_add, report.to_change, report.to_remove = run.to_add, run.to_change, run.to_remove
        report.acknowledged, report.rejected = run.acknowledged, run.rejected
        self._answered = run.acknowledged + run.rejected

    def attempt(self, changes: Iterable[Change]) -> None:
        """Enter what is about to be sent."""
        now = utc_now() + self._offset
        with open_when_free(self._project) as warehouse:
            for chunk in batches(changes, _FLUSHED_ROWS):
                rows = [self._attempt(change, now) for change in chunk]
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
        # Another tool may count otherwise.
        report.pending = max(report.to_do - self._answered, 0)
        self.flush()
        found = {name: value for name, value in asdict(report).items() if name not in _FIXED}
        values = {"ended_at": utc_now(), **found}
        if error is None:
            del values["error"]
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
            **self._values(change, outcome.sent),
            "remote_id": outcome.remote_id,
            "state": "removed" if is_gone else "present",
            "acknowledged_at": utc_now() + self._offset,
        }

    def _attempt(self, change: Change, now: datetime) -> dict[str, Any]:
        return {
            **self._values(change, None),
            "remote_id": change.row.remote_id,
            "attempt_id": f"{change.row.delivery_id}-{self.report.sync_run_id}",
            "attempted_at": now,
        }

    def _reject(self, change: Change, outcome: Outcome) -> dict[str, Any]:
        attempt = change.attempts + 1
        return {
            **self._entry(change),
            "reject_id": f"{change.row.delivery_id}-{attempt}",
            "attempt": attempt,
            "is_retryable": outcome.status is Status.RETRY,
            "reason": outcome.reason or "no reason was given",
            "rejected_at": utc_now() + self._offset,
        }

    def _values(self, change: Change, sent: Mapping[str, Any] | None) -> dict[str, Any]:
        """An entry with the values as they are sent."""
        if sent is None:
            # Fields that were left out keep what was sent before.
            sent = {**change.row.sent, **change.row.fields}
        return {
            **self._entry(change),
            "row_hash": change.row_hash,
            "sent": json.dumps(sent, ensure_ascii=False, sort_keys=True, default=json_value),
        }

    def _entry(self, change: Change) -> dict[str, Any]:
        """What all entries on a row have."""
        return {
            "delivery_id": change.row.delivery_id,
            "sync_name": self._sync.name,
            "destination": self._sync.destination,
            "object": self._sync.target,
            "record_id": change.record_id,
            "row_id": change.row_id,
            "key_value": change.row.key or None,
            "action": change.action,
            "sync_run_id": self.report.sync_run_id,
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


def forget_deliveries(project: Project, name: str) -> int:
    """Let the next run send all of a sync's rows again; how many there are.

    What was delivered stays on record: whoever is to be erased is erased there too.
    """
    deliveries, _, rejects, _ = make_tables(project)
    with open_when_free(project) as warehouse:
        warehouse.execute(f"delete from {rejects} where sync_name = ?", [name])  # noqa: S608
        return warehouse.execute(
            f"update {deliveries} set row_hash = null where sync_name = ? and state = 'present'",  # noqa: S608
            [name],
        )
