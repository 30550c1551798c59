"""Takes people out of the archives of retention: Parquet files in a folder or a bucket.

Each file is read once for all requests together. One that holds something of the people is written
anew beside it, and takes its place when it is whole, so that a kill leaves the old one or the new
one. Whose a row is follows from its columns as in the warehouse: an event is the person's of its
strongest identifier that anybody is known by; out of events of others only the identifiers go.

DuckDB does it over the file, whatever the warehouse is. The identifiers in a file are brought into
their normal forms here, each once, since the warehouse's SQL cannot be run over a file.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb

from dbt_cdp.batches import batches
from dbt_cdp.collector.suppression import normalized
from dbt_cdp.dbt import Dbt
from dbt_cdp.errors import CdpError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.privacy.ledger import DONE, LEFT, Request, Task
from dbt_cdp.privacy.work import Work, opened
from dbt_cdp.project import Project
from dbt_cdp.storage import Storage, open_storage
from dbt_cdp.warehouse import open_when_free

KIND, _ACTION = "archive", "rewrite"

_RUNS, _GRAPH = "cdp__retention_runs", "cdp__identity_graph"
_FOLDER, _SUFFIX = "raw_events/", ".parquet"
_FETCHED_AT_ONCE, _ASKED_AT_ONCE = 10_000, 500

# By identifier type, values of it.
Values = Mapping[str, set[str]]


@dataclass(frozen=True)
class _People:
    """Whom it is about, and how identifiers are compared.

    Attributes:
        erased: by type, their identifiers in normal form.
        forms: by type, strongest first, how its identifiers are brought into normal form.
        country: the calling code of national phone numbers.
        known: which of some identifiers in normal form somebody is known by.
    """

    erased: Values
    forms: Mapping[str, str]
    country: str
    known: Callable[[Values], Values]

    def normal(self, kind: str, value: str) -> str:
        return normalized(self.forms[kind], value, self.country)


class _Rows(NamedTuple):
    """How many rows of a file were deleted, and of how many identifiers were emptied."""

    deleted: int
    emptied: int


def erase_archives(project: Project, requests: Sequence[Request]) -> list[tuple[str, Task]]:
    """Take the people of requests out of every archive that holds, or may hold, their events.

    Args:
        project: the project.
        requests: those whose identities have been withdrawn.

    Returns:
        What became of it, with the request, a task for each archive where it was not done before.
    """
    with opened(project) as (queries, ledger):
        settings, known = queries.settings, ledger.tasks()
        identifiers = Work(project, queries, ledger, requests).identifiers()
    tasks: list[tuple[str, Task]] = []
    for address in _addresses(project, settings["archives"]):
        open_ids = {
            one.request_id
            for one in requests
            if (KIND, address, DONE)
            not in {
                (task.kind, task.subject, task.status) for task in known.get(one.request_id, [])
            }
        }
        if not open_ids:
            continue
        erased: dict[str, set[str]] = defaultdict(set)
        for request_id, identifier in identifiers:
            if request_id in open_ids:
                erased[identifier.type].add(identifier.value)
        country = str(project.var("cdp_default_country_code") or "")
        people = _People(erased, settings["forms"], country, lambda values: _known(project, values))
        task = _erase(project, address, people, len(open_ids) - 1)
        tasks += [(request_id, task) for request_id in sorted(open_ids)]
    return tasks


def _addresses(project: Project, configured: Iterable[str]) -> list[str]:
    """The archives that are written to, and those that were."""
    (runs,) = ensure_tables(project, [_RUNS])
    with open_when_free(project) as warehouse:
        sql = f"select distinct archive from {runs} where archive is not null"  # noqa: S608
        former = [address for (address,) in warehouse.query(sql)]
    return sorted({*configured, *former})


def _known(project: Project, values: Values) -> Values:
    graph = Dbt(project).manifest().relation(_GRAPH)
    found: dict[str, set[str]] = {}
    with open_when_free(project) as warehouse:
        for kind, some in values.items():
            for batch in batches(sorted(some), _ASKED_AT_ONCE):
                marks = ", ".join("?" for _ in batch)
                rows = warehouse.query(
                    f"select identifier_value from {graph} where canonical_id is not null"  # noqa: S608
                    f" and identifier_type = ? and identifier_value in ({marks})",
                    [kind, *batch],
                )
                found.setdefault(kind, set()).update(value for (value,) in rows)
    return found


def _erase(project: Project, address: str, people: _People, others: int) -> Task:
    """Rewrite the files of an archive; a file that cannot be rewritten hinders no other."""
    deleted = emptied = files = 0
    problems: list[str] = []
    try:
        storage = open_storage(address, project.root)
        for name in list(storage.names(_FOLDER)):
            if not name.endswith(_SUFFIX):
                continue
            try:
                rows = _rewrite(storage, name, people)
            except CdpError as error:
                problems.append(f"{name}: {error.problem}")
                continue
            files += any(rows)
            deleted, emptied = deleted + rows.deleted, emptied + rows.emptied
    except CdpError as error:
        problems.append(error.problem)
    together = f", together with {others:,} other requests" if others else ""
    detail = f"{files:,} files; {deleted:,} rows deleted, {emptied:,} emptied{together}"
    if problems:
        more = f", and {len(problems) - 1:,} more" if len(problems) > 1 else ""
        return Task(KIND, address, _ACTION, LEFT, deleted + emptied, f"{problems[0]}{more}")
    return Task(KIND, address, _ACTION, DONE, deleted + emptied, detail)


def _rewrite(storage: Storage, name: str, people: _People) -> _Rows:
    """Take the people out of a file.

    Raises:
        StorageError: the storage refuses.
        CdpError: it is no file of events.
    """
    with tempfile.TemporaryDirectory(prefix="cdp-") as folder:
        old, new = Path(folder, "old.parquet"), Path(folder, "new.parquet")
        storage.get(name, old)
        try:
            with duckdb.connect(config={"temp_directory": folder}) as connection:
                kept, rows = _File(connection, old, people).write(new)
        except duckdb.Error as error:
            # Its text may quote a value.
            raise CdpError(f"DuckDB cannot rewrite it ({type(error).__name__}).") from None
        if any(rows):
            if kept:
                storage.put(new, name)
            else:
                storage.delete(name)
        return rows


class _File:
    """A file, and a connection over it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, file: Path, people: _People) -> None:
        self._connection, self._people = connection, people
        connection.execute("create table spelled (kind text, is_theirs boolean, value text)")
        self._view(file)
        there = {name for name, *_ in connection.execute("describe events").fetchall()}
        self._kinds = [kind for kind in people.forms if kind in there]

    def write(self, new: Path) -> tuple[int, _Rows]:
        """Write the file without the people; how many rows are kept, and what was done. Nothing
        is written where there is nothing of them.

        Raises:
            CdpError: something of them is in the new file.
        """
        self._spell(self._theirs(), is_theirs=True)
        found = self._count(self._is_named())
        if not found:
            return self._count("true"), _Rows(0, 0)
        self._spell(self._others(), is_theirs=False)
        deleted = self._count(self._is_owned())
        emptied = ", ".join(
            f"case when {self._is_in(kind)} then null else {kind} end as {kind}"
            for kind in self._kinds
        )
        path = str(new).replace("'", "''")
        self._connection.execute(
            f"copy (select * replace ({emptied}) from events where not {self._is_owned()})"  # noqa: S608
            f" to '{path}' (format parquet, compression zstd)"
        )
        self._view(new)
        if self._count(self._is_named()):
            raise CdpError("The person is still in the new file.")
        return self._count("true"), _Rows(deleted, found - deleted)

    def _view(self, file: Path) -> None:
        path = str(file).replace("'", "''")
        self._connection.execute(
            "create or replace view events as"  # noqa: S608
            f" select * from read_parquet('{path}', hive_partitioning = false)"
        )

    def _theirs(self) -> Iterator[tuple[str, str]]:
        """The spellings in the file of what the people are known by."""
        for kind in self._kinds:
            erased = self._people.erased.get(kind, ())
            if erased:
                for value in self._values(kind, "true"):
                    if self._people.normal(kind, value) in erased:
                        yield kind, value

    def _others(self) -> list[tuple[str, str]]:
        """The spellings of what others are known by, in rows that name the people."""
        spelled: dict[str, dict[str, list[str]]] = {}
        for kind in self._kinds:
            by_normal = spelled.setdefault(kind, defaultdict(list))
            for value in self._values(kind, f"({self._is_named()}) and not {self._is_in(kind)}"):
                by_normal[self._people.normal(kind, value)].append(value)
        known = self._people.known({kind: set(some) for kind, some in spelled.items()})
        return [
            (kind, value)
            for kind, some in known.items()
            for normal in some
            for value in spelled[kind][normal]
        ]

    def _values(self, kind: str, condition: str) -> Iterator[str]:
        cursor = self._connection.cursor()
        cursor.execute(
            f"select distinct cast({kind} as text) from events"  # noqa: S608
            f" where {kind} is not null and {condition}"
        )
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            yield from (value for (value,) in rows)

    def _spell(self, values: Iterable[tuple[str, str]], *, is_theirs: bool) -> None:
        for some in batches(values, _FETCHED_AT_ONCE):
            self._connection.execute(
                "insert into spelled select unnest(?), ?, unnest(?)",
                [[kind for kind, _ in some], is_theirs, [value for _, value in some]],
            )

    def _is_in(self, kind: str, *, is_theirs: bool = True) -> str:
        """The condition that a column holds a spelling; false for null."""
        found = f"select value from spelled where kind = '{kind}' and is_theirs = {is_theirs}"  # noqa: S608
        return f"coalesce(cast({kind} as text) in ({found}), false)"

    def _is_named(self) -> str:
        return " or ".join(self._is_in(kind) for kind in self._kinds) or "false"

    def _is_owned(self) -> str:
        """The condition that the strongest identifier that anybody is known by is the people's."""
        cases = " ".join(
            f"when {self._is_in(kind)} then true"
            f" when {self._is_in(kind, is_theirs=False)} then false"
            for kind in self._kinds
        )
        return f"(case {cases} else false end)"

    def _count(self, condition: str) -> int:
        sql = f"select count(*) from events where {condition}"  # noqa: S608
        ((count,),) = self._connection.execute(sql).fetchall()
        return int(count)
