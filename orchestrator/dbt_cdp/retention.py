"""Retention: events older than `cdp_retention` keeps them are archived, or not, and deleted.

What was counted of them stays in profiles and segments. Every deletion states anew which rows have
expired, and the row in the ledger by which a day is closed comes last: after a kill the next
retention does the rest. A day is archived as one file whose name follows from its rows, so that one
that was written already is written over.
"""

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import CdpError, ConfigurationError, WarehouseError
from dbt_cdp.freshness import RUN_SOURCES, batch_at
from dbt_cdp.landing import ensure_tables
from dbt_cdp.output import talk
from dbt_cdp.project import PROJECT_FILE, Project
from dbt_cdp.queries import Queries, open_queries
from dbt_cdp.storage import open_storage
from dbt_cdp.warehouse import forget_deleted

_LEDGER = "cdp__retention_runs"
_RAW_EVENTS = "cdp__raw_events"

# How the ledger names it, whatever a user's own model in its place is called.
_EVENTS = "raw_events"

# More than this share of all events does not expire from one day to the next.
_USUAL_SHARE = 0.2


class UnusualRetentionError(CdpError):
    """So much would be deleted that a person has to say yes."""


@dataclass(frozen=True)
class Expired:
    """Rows of one table and source that have expired.

    Attributes:
        source: name of the entry in `cdp_sources`, or of a former one.
        table: the table's name.
        kept_since: the first day (UTC) that is kept.
        rows: how many rows of before that there are, or were.
        archive: where they are written before they are deleted; None for nowhere.
    """

    source: str
    table: str
    kept_since: date
    rows: int
    archive: str | None


@dataclass(frozen=True)
class Retention:
    """What a retention has done, or would do.

    Attributes:
        expired: by source and table, those with rows.
        events: how many events there were in raw_events; 0 where it is not due.
        is_due: whether days have ended since the last one.
    """

    expired: Sequence[Expired]
    events: int
    is_due: bool


class _Window(NamedTuple):
    """A source and the first day (UTC) of it that is kept."""

    source: str
    kept_since: date

    @property
    def moment(self) -> datetime:
        """The beginning of that day."""
        return datetime.combine(self.kept_since, time())


class _Condition(NamedTuple):
    """Which rows of a source have expired in one table, and where they are archived."""

    window: _Window
    relation: Relation
    table: str
    sql: str
    parameters: Sequence[Any]
    archive: str | None = None

    def told(self, rows: int) -> Expired:
        """How many rows they are."""
        return Expired(self.window.source, self.table, self.window.kept_since, rows, self.archive)


def is_set(project: Project) -> bool:
    """Whether anything expires at all."""
    return bool(project.var("cdp_retention"))


def plan_retention(project: Project) -> Retention:
    """Count what has expired.

    Raises:
        ConfigurationError: `cdp_retention` is not set, or no build has succeeded yet.
        DbtError: the project cannot be compiled; `cdp_retention` is not as it must be.
        WarehouseError: the warehouse cannot be opened or read.
    """
    with _opened(project) as run:
        return run.count()


def retain(project: Project, *, is_confirmed: bool = False) -> Retention:
    """Archive and delete what has expired. To be called by who has the lock of a run.

    Args:
        project: the project.
        is_confirmed: whether somebody has said yes to more than expires from day to day.

    Returns:
        What it has done.

    Raises:
        UnusualRetentionError: it would be more than that, and nobody has said yes.
        ConfigurationError, DbtError, WarehouseError: as `plan_retention`.
        StorageError: the archive cannot be written; what was not archived is not deleted.
    """
    with _opened(project) as run:
        if not is_confirmed:
            run.check_share()
        done = run.do()
    problem = forget_deleted(project) if done.expired else None
    if problem:
        talk(f"The events are deleted, but the file is as large as before.\n{problem.message}")
    return done


@contextmanager
def _opened(project: Project) -> Iterator["_Run"]:
    if not is_set(project):
        raise ConfigurationError(
            "Nothing expires, since cdp_retention is not set.",
            where=str(project.root / PROJECT_FILE),
            remedy="set `cdp_retention: {raw_events_months: 25}` under `vars:`.",
        )
    ledger, _ = ensure_tables(project, [_LEDGER, RUN_SOURCES])
    with open_queries(project, ["retention"]) as queries:
        yield _Run(project, queries, ledger)


class _Run:
    """One retention, on an open warehouse."""

    def __init__(self, project: Project, queries: Queries, ledger: Relation) -> None:
        self._project, self._queries, self._ledger = project, queries, ledger
        self._manifest = Dbt(project).manifest()
        self._batch = self._last_counted_batch()
        windows, self._events = self._windows()
        self._conditions = [one for window in windows for one in self._conditions_of(window)]

    def count(self) -> Retention:
        """Count what has expired."""
        return self._told(condition.told(self._count(condition)) for condition in self._conditions)

    def check_share(self) -> None:
        """Make sure that no more has expired than does from day to day.

        Raises:
            UnusualRetentionError: it has.
        """
        count = sum(self._count(one) for one in self._conditions if one.table == _EVENTS)
        if count > self._events * _USUAL_SHARE:
            raise UnusualRetentionError(
                f"{count:,} of {self._events:,} events would expire at once: it is the first time,"
                " the months of cdp_retention were made fewer, or the clock of this machine is"
                " wrong.",
                remedy="look at `cdp retain --dry-run`; if it is right, call `cdp retain --yes`"
                " once.",
            )

    def do(self) -> Retention:
        """Archive, delete, and enter it."""
        archived = {
            one.window: self._archive(one.window, one.archive)
            for one in self._conditions
            if one.archive
        }
        done = []
        for condition in self._conditions:
            rows = self._queries.warehouse.execute(
                f"delete from {condition.relation} where {condition.sql}",  # noqa: S608
                condition.parameters,
            )
            expired = condition.told(rows)
            done.append(expired)
            if rows or condition.table == _EVENTS:
                self._enter(expired, archived[condition.window] if condition.archive else None)
        return self._told(done)

    def _told(self, expired: Iterable[Expired]) -> Retention:
        is_due = bool(self._conditions)
        return Retention([one for one in expired if one.rows], self._events, is_due)

    def _last_counted_batch(self) -> int:
        """The number above which builds may not have counted their events yet."""
        ((until,),) = self._queries.run("counted_until")
        if until is None:
            raise ConfigurationError(
                "No build of `cdp run` has succeeded yet, and events expire when they are counted.",
                remedy="call `cdp run`; its last step is the retention.",
            )
        return batch_at(until)

    def _windows(self) -> tuple[list[_Window], int]:
        """The sources with a day that has ended since the last retention, and how many events there
        are; not counted where there is no such source."""
        first_days = dict(self._queries.run("windows", _today(self._project)))
        default = first_days.pop(None)
        done = dict(self._queries.run("deletions"))

        def due(days: Mapping[str, Any]) -> list[_Window]:
            return [_Window(*one) for one in days.items() if one[1] > done.get(one[0], date.min)]

        windows = due(first_days)
        if not windows:
            return [], 0
        events = dict(self._queries.run("sources"))
        former = dict.fromkeys(sorted(events.keys() - first_days.keys()), default)
        # Whether anything is due is told by the others, which therefore come last.
        return due(former) + windows, sum(events.values())

    def _conditions_of(self, window: _Window) -> Iterator[_Condition]:
        """Where rows of a source expire; raw_events last, since its entry closes the days."""
        yield from self._source_tables(window)
        for model, condition in self._queries.settings["conditions"].items():
            is_events = model == _RAW_EVENTS
            relation = self._manifest.relation(model)
            yield _Condition(
                window,
                relation,
                _EVENTS if is_events else relation.identifier,
                condition["sql"],
                self._parameters(window, condition["parameters"]),
                self._policy(window.source)["archive"] if is_events else None,
            )

    def _policy(self, source: str) -> Mapping[str, Any]:
        settings = self._queries.settings["retention"]
        policy: Mapping[str, Any] = settings["sources"].get(source, settings["default"])
        return policy

    def _source_tables(self, window: _Window) -> Iterator[_Condition]:
        """Those of a collector, where the user lets expired events be deleted from them. A table of
        all calls comes before those of single events, which say of its rows whether they expire."""
        settings, warehouse = self._queries.settings, self._queries.warehouse
        for table in settings["source_tables"]:
            if table["source"] != window.source:
                continue
            relation = Relation(**table["relation"])
            columns = {name.lower(): name for name in warehouse.columns(relation)}
            ids = [warehouse.quote(columns[name]) for name in table["id"] if name in columns]
            times = [warehouse.quote(columns[name]) for name in table["at"] if name in columns]
            if not times:
                continue
            reads = [settings["at_time"].replace("{at}", name) for name in times]
            is_old = f"coalesce({', '.join(reads)}, null) < ?"
            if not ids:
                yield _Condition(window, relation, relation.identifier, is_old, [window.moment])
                continue
            id_text = settings["id_text"].replace("{id}", ids[0])
            old_ids = settings["expired_ids"]
            yield _Condition(
                window,
                relation,
                relation.identifier,
                f"{id_text} in ({old_ids['sql']}) or ({id_text} is null and {is_old})",
                [*self._parameters(window, old_ids["parameters"]), window.moment],
            )

    def _parameters(self, window: _Window, names: Sequence[str]) -> list[Any]:
        values = {"source": window.source, "moment": window.moment, "batch": self._batch}
        return [values[name] for name in names]

    def _count(self, condition: _Condition) -> int:
        return self._queries.warehouse.count(
            condition.relation, condition.sql, condition.parameters
        )

    def _archive(self, window: _Window, address: str) -> int:
        """Write a source's expired events to the archive, a file a day; how many they were."""
        storage = open_storage(address, self._project.root)
        total = 0
        with tempfile.TemporaryDirectory(prefix="cdp-") as folder:
            file = Path(folder, "events.parquet")
            for day, count, last_batch in self._queries.run(
                "days", window.source, window.moment, self._batch
            ):
                begin = datetime.combine(day, time())
                end = begin + timedelta(days=1)
                written = self._queries.export(
                    "events", file, window.source, begin, end, self._batch
                )
                if written != count:
                    raise WarehouseError(
                        f"{written:,} of {count:,} events of {day} were archived, none deleted.",
                        remedy="see that nobody else writes to raw_events, and do it again.",
                    )
                name = f"raw_events/source={window.source}/date={day}/{last_batch}.parquet"
                storage.put(file, name)
                total += written
        return total

    def _enter(self, expired: Expired, archived: int | None) -> None:
        row = {
            "retention_id": uuid.uuid4().hex,
            "source": expired.source,
            "table_name": expired.table,
            "kept_since": expired.kept_since,
            "deleted_rows": expired.rows,
            "archived_rows": archived,
            "archive": expired.archive,
            "retained_at": utc_now(),
        }
        self._queries.warehouse.insert_row(self._ledger, row)


def _today(project: Project) -> date:
    """The day that a build calls today (UTC)."""
    moment = project.var("cdp_as_of")
    return datetime.fromisoformat(str(moment)).date() if moment else utc_now().date()
