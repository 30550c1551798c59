"""The rows of a person, table by table, in files of this machine.

Each table is asked for once and written to a Parquet file, which is then read as often as it is
needed. So no table is ever held in memory, and the warehouse, which on DuckDB nobody else can open
meanwhile, is free while the rest is done.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from dbt_cdp.dbt import Manifest
from dbt_cdp.privacy.conditions import Conditions
from dbt_cdp.privacy.rules import Action, DescribedTable, described_tables
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse

_FOLDER = "cdp_access"

# The present state of every record of every source, also of those that are not loaded by `cdp`.
_RECORDS = "stg_cdp__records"

# Columns of the package's tables by which only the package itself finds rows.
_INTERNAL_COLUMN = re.compile(r"(batch_id|_key|_hash|_groups)$")

# Times by which the newest rows are found; DuckDB's names of types begin so.
_TIMES = ("TIMESTAMP", "DATE")
_READ_AT_ONCE = 100


@dataclass(frozen=True)
class Extract:
    """The person's rows of one table.

    Attributes:
        name: what the table is called, unlike every other one.
        is_own: whether it is one of the package.
        reasons: why an erasure keeps rows of it.
        columns: those that are given.
        rows: how many rows.
    """

    name: str
    is_own: bool
    reasons: Sequence[str]
    columns: Sequence[str]
    rows: int
    _file: Path = field(repr=False)

    def read(self) -> Iterator[tuple[Any, ...]]:
        """The rows, read as they are asked for."""
        yield from self._read("from read_parquet($file)")

    def newest(self, limit: int) -> Iterator[tuple[Any, ...]]:
        """The newest rows, by the first column with a time; any, where none has."""
        described = self._read("describe from read_parquet($file)")
        times = [name for name, kind, *_ in described if kind.startswith(_TIMES)]
        if not times:
            yield from self._read(f"from read_parquet($file) limit {limit}")
            return
        # Whole rows are only read of those: a sort would hold many more.
        name = times[0].replace('"', '""')
        newest = f'order by "{name}" desc nulls last'
        rows = "from read_parquet($file, file_row_number = true)"
        numbers = f"select file_row_number {rows} {newest} limit {limit}"
        yield from self._read(
            f"select * exclude (file_row_number) {rows}"
            f" where file_row_number in ({numbers}) {newest}"
        )

    def _read(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with _connection(self._file) as connection:
            cursor = connection.execute(sql, {"file": str(self._file)})
            while rows := cursor.fetchmany(_READ_AT_ONCE):
                yield from rows


@contextmanager
def _connection(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        # The file is read in its order; more threads would only hold more of it.
        connection.execute("set threads = 1")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set temp_directory = ?", [str(file.parent)])
        yield connection


@contextmanager
def extract_folder(project: Project) -> Iterator[Path]:
    """A folder that only its owner can read, and that goes when it is left. To be called by who
    has the lock of a run: what one that was killed has left goes first."""
    folder = project.target_path / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def extract(
    warehouse: Warehouse, manifest: Manifest, conditions: Conditions, folder: Path
) -> list[Extract]:
    """Write the person's rows of every table that is given out.

    Args:
        warehouse: the warehouse.
        manifest: the project's.
        conditions: those of the person.
        folder: where the files go.

    Returns:
        The tables with rows, the package's own first.
    """
    tables = _given_tables(manifest, [*conditions.normal_forms])
    extracts = []
    for number, (name, table) in enumerate(zip(_names(tables), tables, strict=True)):
        columns = [one for one in warehouse.columns(table.relation) if _is_given(table, one)]
        if not columns:
            continue
        selected = ", ".join(map(warehouse.quote, columns))
        rules = [one for one in table.rules if not one.text]
        theirs = [f"({conditions.of_nobody_else(one, table.relation)})" for one in rules]
        sql = f"select {selected} from {table.relation} where {' or '.join(theirs)}"  # noqa: S608
        file = folder / f"{number}.parquet"
        rows = warehouse.export(sql, [], file)
        if rows:
            reasons = [str(one.reason) for one in rules if one.action is Action.KEEP]
            extracts.append(Extract(name, table.is_own, reasons, columns, rows, file))
        else:
            file.unlink(missing_ok=True)
    return extracts


def unreadable_tables(manifest: Manifest, types: Sequence[str]) -> list[str]:
    """Tables of texts that may name the person, of whose rows nobody can tell whose they are."""
    return [
        one.name
        for one in described_tables(manifest, types)
        if _is_open(one) and all(rule.text for rule in one.rules)
    ]


def _given_tables(manifest: Manifest, types: Sequence[str]) -> list[DescribedTable]:
    described = described_tables(manifest, types)
    records = next(replace(one, name="records") for one in described if one.name == _RECORDS)
    given = [one for one in described if _is_open(one) and any(not rule.text for rule in one.rules)]
    return sorted([*given, records], key=lambda one: (not one.is_own, one.name))


def _is_open(table: DescribedTable) -> bool:
    """What the package keeps to itself is only made of what it does not."""
    return table.is_public or not table.is_own


def _is_given(table: DescribedTable, column: str) -> bool:
    is_ours = table.is_own and column.lower() in table.documented
    return not (is_ours and _INTERNAL_COLUMN.search(column.lower()))


def _names(tables: Sequence[DescribedTable]) -> list[str]:
    """Names that can be those of files, each once."""
    names: list[str] = []
    for table in tables:
        plain = re.sub(r"[^\w-]", "_", table.name)
        taken = {one.lower() for one in names}
        others = (f"{plain}_{number}" for number in range(2, len(tables) + 2))
        names.append(next(one for one in (plain, *others) if one.lower() not in taken))
    return names
