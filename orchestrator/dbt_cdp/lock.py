"""One run at a time.

Where the warehouse is a DuckDB file, the operating system's lock on a file beside it serves: it is
gone with whoever held it. Elsewhere it is a lease in the warehouse: a row that is taken by an
update, renewed while its holder lives, and free again some minutes after the holder has died.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import CdpError, WarehouseError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables, open_warehouse

_LEASES = "cdp__leases"
_LEASE = "run"

# Long enough for a machine that sleeps for a moment, short enough to wait for after a crash.
_TERM = timedelta(minutes=10)
_RENEWALS = 5

# The warehouse's clock: those of the machines that share it may differ, or be set back.
_NOW = "cast(current_timestamp as timestamp)"
_TAKE = """
update {table} set holder = ?, expires_at = ?
where lease = ? and (holder is null or holder = ? or expires_at < ?)
"""
_HELD = f"select holder from {{{_LEASES}}} where lease = ? and expires_at >= {_NOW}"  # noqa: S608
_GIVE_BACK = "update {table} set holder = null, expires_at = null where lease = ? and holder = ?"


class AlreadyRunningError(CdpError):
    """Another run holds the lock."""


class LockLostError(CdpError):
    """The lease ran out while this run was held up, and another run may have begun."""


class Lock(ABC):
    """The right to run, while it is held."""

    @abstractmethod
    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            LockLostError: it is not.
        """


class _HeldFile(Lock):
    """A file's lock is held as long as the process lives."""

    def check(self) -> None:
        """It is."""


class _Lease(Lock):
    """A row of the table of leases, renewed by a thread of its own."""

    def __init__(self, project: Project, table: Relation, holder: str) -> None:
        self._project, self._table, self._holder = project, table, holder
        self._until = datetime.min
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def take(self) -> None:
        """Take it.

        Raises:
            AlreadyRunningError: somebody else holds it.
        """
        if not self._update():
            raise _already_running(
                where=str(self._table),
                remedy="wait for it; a run that died gives way"
                f" {_TERM.seconds // 60} minutes after its last sign of life.",
            )
        self._thread.start()

    def give_back(self) -> None:
        """Let the next one have it at once."""
        self._is_over.set()
        self._thread.join()
        # Where the warehouse is away it runs out; what the run came to is what is to be told.
        with suppress(WarehouseError), open_warehouse(self._project) as warehouse:
            sql = _GIVE_BACK.format(table=self._table)
            warehouse.execute(sql, [_LEASE, self._holder])

    def check(self) -> None:
        """Renew it, and see whether it was still there."""
        if utc_now() >= self._until and not self._update():
            raise LockLostError(
                "This run was held up for so long that another one may have begun.",
                where=str(self._table),
                remedy="nothing: the next run goes on from here.",
            )

    def _update(self) -> bool:
        now = utc_now()
        with open_warehouse(self._project) as warehouse:
            ((there,),) = warehouse.query(f"select {_NOW}")
            parameters = [self._holder, there + _TERM, _LEASE, self._holder, there]
            is_taken = warehouse.execute(_TAKE.format(table=self._table), parameters) == 1
        if is_taken:
            self._until = now + _TERM
        return is_taken

    def _renew(self) -> None:
        while not self._is_over.wait(_TERM.seconds / _RENEWALS):
            try:
                if not self._update():
                    return
            except CdpError:
                continue  # there are more renewals before it runs out


@contextmanager
def run_lock(project: Project, holder: str) -> Iterator[Lock]:
    """Hold the right to run.

    Args:
        project: the project; runs of one warehouse file, or of one table of leases, exclude each
            other.
        holder: names this run.

    Raises:
        AlreadyRunningError: another run holds it.
        DbtError: the table of leases cannot be made.
        WarehouseError: the warehouse cannot be reached.
    """
    file = project.database_file
    if file is None:
        # What is wrong with the connection this says more clearly than dbt.
        with open_warehouse(project) as warehouse:
            warehouse.query("select 1")
        (table,) = ensure_tables(project, [_LEASES])
        lease = _Lease(project, table, holder)
        lease.take()
        try:
            yield lease
        finally:
            lease.give_back()
        return
    path = _lock_file(file)
    try:
        with FileLock(path, timeout=0):
            os.utime(path)
            yield _HeldFile()
    except Timeout:
        raise _already_running(
            where=str(path),
            remedy="wait for it; the lock is gone as soon as it ends, or is killed.",
        ) from None


def is_at_work(project: Project) -> bool:
    """Whether a run holds the lock now.

    Raises:
        ConfigurationError: the project has not been built.
        WarehouseError: the warehouse cannot be reached.
    """
    if project.database_file is not None:
        return held_since(project) is not None
    sql = Dbt(project).manifest().with_tables(_HELD)
    with open_tables(project, [_LEASES]) as warehouse:
        return bool(warehouse.query(sql, [_LEASE]))


def held_since(project: Project) -> datetime | None:
    """Since when (UTC) a run has held the DuckDB file, which nobody can read meanwhile; None where
    it does not, or where runs are told from each other by a lease."""
    file = project.database_file
    path = _lock_file(file) if file else None
    if path is None or not path.exists():
        return None
    with suppress(Timeout), FileLock(path, timeout=0):
        return None
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)


def _already_running(where: str, remedy: str) -> AlreadyRunningError:
    return AlreadyRunningError("Another run is at work.", where=where, remedy=remedy)


def _lock_file(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")
