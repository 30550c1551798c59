"""Snowflake, connected to with the credentials of dbt's adapter."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import snowflake.connector
from dbt.adapters.snowflake.connections import SnowflakeCredentials
from dbt_common.dataclass_schema import ValidationError
from dbt_common.exceptions import DbtBaseException
from pyarrow import parquet  # type: ignore[import-untyped]
from snowflake.connector.cursor import SnowflakeCursor
from typing_extensions import override

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import ConfigurationError, WarehouseError
from dbt_cdp.project import Project
from dbt_cdp.warehouse.base import Table, Warehouse

# How long a call is repeated that finds Snowflake away; seconds.
_LOGIN_SECONDS = 60
_NETWORK_SECONDS = 300

# Rows are handed over as JSON, of which a statement takes 16 MB.
_STATEMENT_BYTES = 8_000_000

# Snowflake writes a name in capitals that nobody has quoted.
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")

# Classes of errors whose messages quote a value: of data, and of constraints.
_VALUE_CLASSES = ("22", "23")


class SnowflakeWarehouse(Warehouse):
    """A database of Snowflake; times are UTC. Each statement outside of a transaction is one."""

    def __init__(self, project: Project) -> None:
        where = f"target '{project.target.name}' of the profile"
        try:
            # Paths of the profile are relative to the folder that dbt is run in.
            with contextlib.chdir(project.root):
                credentials = _credentials(project.target.settings)
                login = credentials.auth_args()  # type: ignore[no-untyped-call]
        except (DbtBaseException, OSError, ValidationError, ValueError) as error:
            # Their messages may quote a secret.
            raise ConfigurationError(
                f"Snowflake cannot be reached by these settings ({type(error).__name__}).",
                where=where,
                remedy="run `dbt debug`, which shows what is wrong.",
            ) from None
        with _errors(where):
            self._connection = snowflake.connector.connect(
                account=credentials.account,
                database=credentials.database,
                schema=credentials.schema,
                warehouse=credentials.warehouse,
                role=credentials.role,
                autocommit=True,
                application="dbt_cdp",
                login_timeout=_LOGIN_SECONDS,
                network_timeout=_NETWORK_SECONDS,
                paramstyle="qmark",
                session_parameters={"TIMEZONE": "UTC", "QUERY_TAG": credentials.query_tag or ""},
                **login,
            )

    @override
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._run(sql, parameters) as cursor:
            return [tuple(row) for row in cursor.fetchall()]

    @override
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with self._run(sql, parameters) as cursor:
            return cursor.rowcount or 0

    @override
    def insert_new(self, relation: Relation, columns: Mapping[str, Sequence[Any]], key: str) -> int:
        types = dict(
            self.query(
                "select lower(column_name), data_type from information_schema.columns"
                " where lower(table_schema) = lower(?) and lower(table_name) = lower(?)",
                [relation.schema, relation.identifier],
            )
        )
        names = ", ".join(map(self.quote, columns))
        reads = ", ".join(
            f"cast(cast(value[{place}] as varchar) as {types[name]}) as {self.quote(name)}"
            for place, name in enumerate(columns)
        )
        column = self.quote(key)
        statement = (
            f"insert into {relation} ({names}) select {names} from (select {reads}"  # noqa: S608
            " from table(flatten(input => parse_json(?)))) as incoming where not exists"
            f" (select 1 from {relation} as known where known.{column} = incoming.{column})"
        )
        return sum(self.execute(statement, [text]) for text in _documents(columns))

    @override
    def export(self, sql: str, parameters: Sequence[Any], path: Path) -> int:
        rows = 0
        with self._run(sql, parameters) as cursor, contextlib.ExitStack() as files:
            writer = None
            for batch in cursor.fetch_arrow_batches():
                writer = writer or files.enter_context(
                    parquet.ParquetWriter(path, batch.schema, compression="zstd")
                )
                writer.write_table(batch)
                rows += batch.num_rows
        return rows

    @override
    def tables(self) -> list[Table]:
        return [replace(one, columns=_in_sql(one.columns)) for one in super().tables()]

    @override
    def columns(self, relation: Relation) -> list[str]:
        return _in_sql(super().columns(relation))

    @override
    def quote(self, identifier: str) -> str:
        is_plain = _PLAIN_NAME.fullmatch(identifier)
        return super().quote(identifier.upper() if is_plain else identifier)

    @override
    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _run(self, sql: str, parameters: Sequence[Any]) -> Iterator[SnowflakeCursor]:
        with _errors(), self._connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            yield cursor


def _in_sql(names: Sequence[str]) -> list[str]:
    """Names of columns as they are written: those in capitals were never quoted."""
    return [name.lower() if name.isupper() else name for name in names]


def _credentials(settings: Mapping[str, Any]) -> SnowflakeCredentials:
    data = {key: value for key, value in settings.items() if key not in ("type", "threads")}
    data = SnowflakeCredentials.translate_aliases(data)
    SnowflakeCredentials.validate(data)
    return SnowflakeCredentials.from_dict(data)


def _documents(columns: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """The rows as JSON lists of lists, none longer than a statement takes, or one row."""
    rows: list[str] = []
    size = 0
    for values in zip(*columns.values(), strict=True):
        row = json.dumps([_json_value(value) for value in values])
        size += len(row) + 1
        if rows and size > _STATEMENT_BYTES:
            yield f"[{','.join(rows)}]"
            rows, size = [], len(row) + 1
        rows.append(row)
    if rows:
        yield f"[{','.join(rows)}]"


def _json_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value  # and a datetime, which is one


@contextmanager
def _errors(where: str | None = None) -> Iterator[None]:
    try:
        yield
    except snowflake.connector.errors.Error as error:
        raise WarehouseError(_without_values(error), where=where) from None


def _without_values(error: snowflake.connector.errors.Error) -> str:
    """Snowflake's message; where it may quote a row's value, only the kind of the failure."""
    if (error.sqlstate or "").startswith(_VALUE_CLASSES):
        return f"Snowflake's error {error.errno} (the message is withheld: it may quote a value)."
    return (error.raw_msg or error.msg or type(error).__name__).partition("\n")[0]
