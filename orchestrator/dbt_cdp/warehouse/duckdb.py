"""DuckDB: a file that one process at a time writes to."""

import contextlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
from typing_extensions import override

from dbt_cdp.collector.spool import sync_folder
from dbt_cdp.dbt import Relation
from dbt_cdp.errors import (
    ConfigurationError,
    DiskFullError,
    WarehouseError,
    WarehouseLockedError,
)
from dbt_cdp.project import Project
from dbt_cdp.warehouse.base import Warehouse

# Keys of a DuckDB target that dbt's adapter turns into statements of its own.
_ADAPTER_KEYS = {"attach", "extensions", "filesystems", "motherduck_token", "plugins", "secrets"}

# DuckDB quotes the offending value in these.
_VALUE_ERRORS = (duckdb.DataError, duckdb.IntegrityError)


class DuckDBWarehouse(Warehouse):
    """A DuckDB file, opened as dbt opens it; times are UTC."""

    def __init__(self, project: Project) -> None:
        path = str(project.target.settings.get("path", ":memory:"))
        if path == ":memory:":
            raise ConfigurationError(
                "The target keeps its data in memory, where no other process can see it.",
                where=f"target '{project.target.name}' of the profile",
                remedy="give the target a `path:`.",
            )
        with _connection_errors(path):
            self._connection = _connect(project)
            self._connection.execute("set TimeZone = 'UTC'")

    @override
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _statement_errors():
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, parameters).fetchall()
            return rows

    @override
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        rows = self.query(sql, parameters)
        return int(rows[0][0]) if rows and isinstance(rows[0][0], int) else 0

    @override
    def insert_new(self, relation: Relation, columns: Mapping[str, Sequence[Any]], key: str) -> int:
        names = ", ".join(map(self.quote, columns))
        values = ", ".join(f"unnest(?) as {self.quote(name)}" for name in columns)
        return self.execute(
            f"insert into {relation} ({names}) select {names} from (select {values}) as rows "  # noqa: S608
            f"anti join {relation} using ({self.quote(key)})",
            [list(column) for column in columns.values()],
        )

    @override
    def export(self, sql: str, parameters: Sequence[Any], path: Path) -> int:
        name = str(path).replace("'", "''")
        return self.execute(
            f"copy ({sql}) to '{name}' (format parquet, compression zstd)", parameters
        )

    @override
    def close(self) -> None:
        self._connection.close()


def rewrite_file(file: Path) -> None:
    """Write a DuckDB file anew, so that what was deleted is neither in it nor takes room.

    DuckDB keeps the room of deleted rows for new ones, with their bytes. The copy takes the place
    of the file in one go. Nobody can write to the file meanwhile; who reads it goes on with the
    old one.

    Raises:
        WarehouseLockedError: another process writes to it.
        WarehouseError: there is no room for the copy, or the file cannot be read or written.
    """
    if shutil.disk_usage(file.parent).free < file.stat().st_size:
        raise WarehouseError(
            "The disk has no room for a copy of the file, without which it cannot shrink.",
            where=str(file),
            remedy="make room for as much as the file has.",
        )
    copy = file.with_name(f"{file.name}.new")
    _remove(copy)
    try:
        with _connection_errors(str(file)), duckdb.connect() as connection:
            _copy_database(connection, file, copy)
            shutil.copymode(file, copy)
            # Still attached, so that nobody has written to the old one.
            copy.replace(file)
        sync_folder(file.parent)
    finally:
        _remove(copy)


def _copy_database(connection: duckdb.DuckDBPyConnection, file: Path, copy: Path) -> None:
    # What another process has just written may still be in the log beside the file.
    while _log(file).exists():
        duckdb.connect(file).execute("checkpoint").close()
    # Views name the database that their tables are in.
    name = '"' + file.stem.replace('"', '""') + '"'
    for path, alias, options in ((file, name, "(read_only)"), (copy, '"new file"', "")):
        text = str(path).replace("'", "''")
        connection.execute(f"attach '{text}' as {alias} {options}")
    connection.execute(f'copy from database {name} to "new file"')
    connection.execute('checkpoint "new file"')
    connection.execute('detach "new file"')


def _remove(file: Path) -> None:
    for path in (file, _log(file)):
        path.unlink(missing_ok=True)


def _log(file: Path) -> Path:
    """Where DuckDB writes what is not yet in the file."""
    return file.with_name(f"{file.name}.wal")


def _connect(project: Project) -> duckdb.DuckDBPyConnection:
    settings = project.target.settings
    # Paths of the profile are relative to the folder that dbt is run in.
    with contextlib.chdir(project.root):
        if settings.keys() & _ADAPTER_KEYS or len(urlsplit(settings["path"]).scheme) > 1:
            return _connect_by_adapter(settings)
        connection = duckdb.connect(
            settings["path"], config=dict(settings.get("config_options") or {})
        )
    for name, value in (settings.get("settings") or {}).items():
        text = str(value).replace("'", "''")
        connection.execute(f"set {name} = '{text}'")
    return connection


def _connect_by_adapter(settings: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Let dbt's adapter attach databases, load extensions and make secrets.

    It is imported here because that takes two seconds, which most profiles need not wait for.
    """
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.adapters.duckdb.environments import Environment

    data = {key: value for key, value in settings.items() if key not in ("type", "threads")}
    credentials = DuckDBCredentials.from_dict(data)
    plugins = Environment.initialize_plugins(credentials)
    connection: duckdb.DuckDBPyConnection = Environment.initialize_db(credentials, plugins)
    Environment.initialize_cursor(credentials, connection, plugins)
    return connection


@contextmanager
def _connection_errors(path: str) -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        if "Could not set lock" not in str(error):
            raise _failure(error, path) from None
        process = re.search(r"PID (\d+)", str(error))
        raise WarehouseLockedError(
            "Another process has the warehouse's file open"
            + (f" (process {process[1]})." if process else "."),
            where=path,
            remedy="wait until it has ended, or close it; DuckDB lets one process write at a time.",
        ) from None
    except duckdb.Error as error:
        raise _failure(error, path) from None


@contextmanager
def _statement_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise _failure(error) from None


def _failure(error: duckdb.Error, where: str | None = None) -> WarehouseError:
    told = None if isinstance(error, _VALUE_ERRORS) else DiskFullError.told_by(str(error))
    return told or WarehouseError(_without_values(error), where=where)


def _without_values(error: duckdb.Error) -> str:
    """DuckDB's message; where it may quote a row's value, only the kind of the failure."""
    first_line = str(error).splitlines()[0]
    if isinstance(error, _VALUE_ERRORS):
        return f"{first_line.split(':')[0]} (the value is withheld)."
    return first_line
