"""Postgres, connected to with the settings of dbt's target."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa  # type: ignore[import-untyped]
from psycopg import RawCursor
from pyarrow import parquet
from typing_extensions import override

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import DiskFullError, WarehouseError
from dbt_cdp.project import Project
from dbt_cdp.warehouse.base import Warehouse

# A key of dbt's target, and what libpq calls it.
_SETTINGS = {
    "host": "host",
    "user": "user",
    "password": "password",
    "pass": "password",
    "port": "port",
    "dbname": "dbname",
    "database": "dbname",
    "connect_timeout": "connect_timeout",
    "keepalives_idle": "keepalives_idle",
    "sslmode": "sslmode",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "sslrootcert": "sslrootcert",
}
_CONNECT_SECONDS = 10

# What may hold a question mark that is no parameter, and the parameters.
_PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\?""", re.DOTALL)

# Classes of errors whose messages quote a value: of data, and of constraints.
_VALUE_CLASSES = ("22", "23")

_FETCHED_AT_ONCE = 10_000

# The types of the columns that are exported; every other one is text.
_ARROW_TYPES = {
    "bool": pa.bool_(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


class PostgresWarehouse(Warehouse):
    """A database of Postgres; times are UTC. Each statement outside of a transaction is one."""

    def __init__(self, project: Project) -> None:
        settings = project.target.settings
        known = {name: settings[key] for key, name in _SETTINGS.items() if settings.get(key)}
        self._where = f"{known.get('host')}:{known.get('port', 5432)}"
        with self._errors(self._where):
            self._connection = psycopg.connect(
                **{"connect_timeout": _CONNECT_SECONDS, **known},
                application_name="dbt-cdp",
                autocommit=True,
                cursor_factory=RawCursor,
            )
            self._connection.execute("set time zone 'UTC'")
            if settings.get("role"):
                self._connection.execute(f"set role {self.quote(str(settings['role']))}".encode())

    @override
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._run(sql, parameters)
        with self._errors():
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    @override
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        return max(self._run(sql, parameters).rowcount, 0)

    @override
    def insert_new(self, relation: Relation, columns: Mapping[str, Sequence[Any]], key: str) -> int:
        types = dict(
            self.query(
                "select column_name, udt_name from information_schema.columns"
                " where table_schema = ? and table_name = ?",
                [relation.schema, relation.identifier],
            )
        )
        names = ", ".join(map(self.quote, columns))
        values = ", ".join(f"?::{self.quote(types[name])}[]" for name in columns)
        column = self.quote(key)
        with self._connection.transaction():
            # Two loads at a time could both find a key new.
            self.execute(f"lock table {relation} in share row exclusive mode")
            return self.execute(
                f"insert into {relation} ({names}) select {names}"  # noqa: S608
                f" from unnest({values}) as incoming ({names}) where not exists"
                f" (select 1 from {relation} as known where known.{column} = incoming.{column})",
                [list(values) for values in columns.values()],
            )

    @override
    def export(self, sql: str, parameters: Sequence[Any], path: Path) -> int:
        rows = 0
        with (
            self._errors(),
            self._connection.transaction(),
            psycopg.RawServerCursor(self._connection, "export") as cursor,
        ):
            cursor.execute(_numbered(sql).encode(), list(parameters))
            schema = pa.schema([_field(column) for column in cursor.description or ()])
            with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
                while chunk := cursor.fetchmany(_FETCHED_AT_ONCE):
                    arrays = [
                        _array(values, field.type)
                        for values, field in zip(zip(*chunk, strict=True), schema, strict=True)
                    ]
                    writer.write_batch(pa.record_batch(arrays, schema=schema))
                    rows += len(chunk)
        return rows

    @override
    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._errors(), self._connection.transaction():
            yield

    @override
    def close(self) -> None:
        self._connection.close()

    def _run(self, sql: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        with self._errors():
            return self._connection.execute(_numbered(sql).encode(), list(parameters))

    @contextmanager
    def _errors(self, where: str | None = None) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.DiskFull:
            raise DiskFullError("no space is left on the server's disk", self._where) from None
        except psycopg.Error as error:
            raise WarehouseError(_without_values(error), where=where) from None


def _numbered(sql: str) -> str:
    """The statement with $1, $2, ... in the places of `?`, as the server takes parameters."""
    numbers = count(1)
    return _PARAMETER.sub(lambda found: f"${next(numbers)}" if found[0] == "?" else found[0], sql)


def _field(column: psycopg.Column) -> Any:
    return pa.field(column.name, _ARROW_TYPES.get(column.type_display, pa.string()))


def _array(values: Sequence[Any], kind: Any) -> Any:
    if kind == pa.string():
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, kind)


def _without_values(error: psycopg.Error) -> str:
    """Postgres' message; where it may quote a row's value, only the kind of the failure."""
    if (error.sqlstate or "").startswith(_VALUE_CLASSES):
        return f"{type(error).__name__} (the value is withheld)."
    return str(error).partition("\n")[0]
