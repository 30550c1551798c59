"""What every warehouse can be asked."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import WarehouseError

_IS_TABLE = (
    "lower(table_catalog) = lower(?) and lower(table_schema) = lower(?)"
    " and lower(table_name) = lower(?)"
)
_COLUMNS = """
select table_catalog, table_schema, table_name, column_name, data_type
from information_schema.columns
where
    lower(table_schema) not in ('information_schema', 'pg_catalog')
    and table_catalog not in ('system', 'temp')
order by table_catalog, table_schema, table_name, ordinal_position
"""
_STORED_COLUMNS = """
select tables.table_name, columns.column_name, columns.data_type
from information_schema.tables as tables
inner join information_schema.columns as columns
    on
        tables.table_catalog = columns.table_catalog
        and tables.table_schema = columns.table_schema
        and tables.table_name = columns.table_name
where
    tables.table_type = 'BASE TABLE'
    and lower(tables.table_catalog) = lower(?)
    and lower(tables.table_schema) = lower(?)
order by tables.table_name, columns.ordinal_position
"""

# Types of texts, and those in which no text can be, by how they begin. Any other may hold some.
_TEXTS = re.compile(r"(n?var)?char|text|string", re.IGNORECASE)
_WITHOUT_TEXT = re.compile(
    r"u?(tiny|small|medium|big|huge)?int|float|double|real|decimal|numeric|number|bool|date|time"
    r"|interval|bit|blob|byte|(var)?binary|geo",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Column:
    """A column of a table that holds rows of its own.

    Attributes:
        kind: its type, as the warehouse calls it.
    """

    table: str
    name: str
    kind: str

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return bool(_TEXTS.match(self.kind)) and not self.kind.endswith("]")

    @property
    def may_hold_text(self) -> bool:
        """Whether it holds texts, or something that texts may be in, such as JSON or a list."""
        return not _WITHOUT_TEXT.match(self.kind)


@dataclass(frozen=True)
class Table:
    """A table or view, with the names of its columns in their order, and their types."""

    database: str
    schema: str
    name: str
    columns: Sequence[str]
    types: Sequence[str] = field(default=(), compare=False)


class Warehouse(ABC):
    """An open connection. Use it in a `with` statement; leaving it closes the connection.

    Every method raises `WarehouseError` when the warehouse refuses a statement. Those that are not
    abstract do what most warehouses take.
    """

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Parameters take the places of `?`."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return the number of rows that it changed."""

    @abstractmethod
    def insert_new(self, relation: Relation, columns: Mapping[str, Sequence[Any]], key: str) -> int:
        """Insert the rows whose key the table does not hold yet.

        Args:
            relation: the table.
            columns: the values of each column; all of one length, the key's all distinct.
            key: name of the column that identifies a row.

        Returns:
            The number of rows inserted.
        """

    @abstractmethod
    def export(self, sql: str, parameters: Sequence[Any], path: Path) -> int:
        """Write the rows of a query to a Parquet file, compressed by Zstandard.

        Returns:
            The number of rows.
        """

    def insert_row(self, relation: Relation, row: Mapping[str, Any]) -> None:
        """Insert a row. What is None is left out: as a parameter it would be a text, which a column
        of another type does not take everywhere."""
        row = {name: value for name, value in row.items() if value is not None}
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        self.execute(
            f"insert into {relation} ({names}) values ({marks})",  # noqa: S608
            list(row.values()),
        )

    def exists(self, relation: Relation) -> bool:
        """Whether the table or view is there."""
        found = self.query(
            f"select count(*) from information_schema.tables where {_IS_TABLE}",  # noqa: S608
            [relation.database, relation.schema, relation.identifier],
        )
        return bool(found[0][0])

    def count(
        self, relation: Relation, condition: str = "1 = 1", parameters: Sequence[Any] = ()
    ) -> int:
        """How many rows of a table or view meet a condition."""
        sql = f"select count(*) from {relation} where {condition}"  # noqa: S608
        ((count,),) = self.query(sql, parameters)
        return int(count)

    def tables(self) -> list[Table]:
        """All tables and views that the connection can see, without the warehouse's own."""
        tables: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for catalog, schema, table, column, kind in self.query(_COLUMNS):
            tables.setdefault((catalog, schema, table), []).append((column, kind))
        return [
            Table(*table, *map(list, zip(*columns, strict=True)))
            for table, columns in tables.items()
        ]

    def sample(
        self, relation: Relation, columns: Sequence[str], rows: int
    ) -> list[tuple[Any, ...]]:
        """Some rows of a table or view, whichever come first.

        Args:
            relation: the table.
            columns: which columns to read.
            rows: how many rows at most.
        """
        names = ", ".join(map(self.quote, columns))
        return self.query(f"select {names} from {relation} limit {rows}")  # noqa: S608

    def columns(self, relation: Relation) -> list[str]:
        """Names of a table's columns in their order; none where it is not there."""
        rows = self.query(
            "select column_name from information_schema.columns"  # noqa: S608
            f" where {_IS_TABLE} order by ordinal_position",
            [relation.database, relation.schema, relation.identifier],
        )
        return [name for (name,) in rows]

    def stored_columns(self, database: str, schema: str) -> list[Column]:
        """The columns of the tables of a schema, in their order. Views are left out: they hold
        nothing."""
        return [Column(*row) for row in self.query(_STORED_COLUMNS, [database, schema])]

    def relation(self, database: str, schema: str, name: str) -> Relation:
        """A table by the names that the warehouse itself has for it."""
        sql = ".".join(self.quote(part) for part in (database, schema, name) if part)
        return Relation(database, schema, name, sql)

    def quote(self, identifier: str) -> str:
        """The name as the warehouse wants it in SQL."""
        return '"' + identifier.replace('"', '""') + '"'

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A context that commits at its end, and rolls back on any exception.

        On BigQuery it takes what `insert_new` inserts, which queries see when it has ended.
        """
        self.execute("begin transaction")
        try:
            yield
        except BaseException:
            # A lost connection has rolled back already; the first failure is the one to show.
            with suppress(WarehouseError):
                self.execute("rollback")
            raise
        self.execute("commit")

    @abstractmethod
    def close(self) -> None:
        """Close the connection and give the lock back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
