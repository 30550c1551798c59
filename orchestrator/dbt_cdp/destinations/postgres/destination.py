"""A table of a Postgres database, which is never made or altered from here.

A batch is copied as texts into a temporary table, and from there by one statement into the table,
in one transaction. Where a row spoils that, the server puts the rows in one by one, so that all
others arrive and each one that is refused has its reason.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field
from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import is_loopback, read_secret
from dbt_cdp.destinations.postgres.table import DELIVERY_COLUMN, Failure, Table, TableError
from dbt_cdp.destinations.retries import retried
from dbt_cdp.errors import ConfigurationError

# What a connection string that does not say otherwise gets: a server that is gone without a word
# is noticed after a minute.
_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# For each transaction, since a pooler may give each one another session. What a constraint says has
# to be known before the commit, and a table that somebody keeps locked is not waited for for ever.
_PREPARE = (
    "set local time zone 'UTC';"
    " set local datestyle = 'ISO, YMD';"
    " set local lock_timeout = '60s';"
    " set constraints all immediate"
)

# A login that fails is told of in words alone: what they are, and what they mean.
_REFUSED_LOGINS = {
    r"password authentication failed": "the user or the password is wrong",
    r"no password supplied": "it asks for a password",
    r'role ".*" does not exist': "it does not know the user",
    r"not permitted to log in": "the user may not log in",
    r'database ".*" does not exist': "there is no such database",
    r"permission denied for database": "the user may not connect to the database",
    r"not currently accepting connections": "the database takes no connections",
    r"pg_hba\.conf": "its pg_hba.conf does not let the user in from here",
    r"does not support SSL": "it has no TLS, and sslmode asks for it",
    r"certificate": "a certificate of TLS does not fit",
}
_FAILED_LOGINS = {
    r"Connection refused": "nobody listens there",
    r"(resolve|translate) host": "the name of the server is not known",
    r"timeout": "there is no answer in time",
    r"too many (clients|connections)|connection slots": "it has too many connections",
    r"starting up|shutting down|recovery mode": "it is starting or stopping",
}

# SQLSTATEs, and what they begin with, of what may be over the next time: cut connections, conflicts
# with others, exhausted resources, servers that stop, and time-outs.
_TRANSIENT = ("08", "40", "53", "55P03", "57", "58", "25P03", "XX")
# Of what a row is the cause: its values, constraints, and what triggers say.
_ABOUT_ROWS = ("22", "23", "P0001")
# Of what has no row's value in its message.
_TELLING = ("25", "42")

_FOREIGN_KEY = "23503"

# The messages of these may quote the row.
_REASONS = {
    "22001": "a text is too long",
    "22003": "a number is out of range",
    "22007": "a date or a time cannot be read",
    "22008": "a date or a time is out of range",
    "22P02": "a value is not of the type",
    "22P05": "a letter is none that the database can hold",
    "23502": "a value is missing",
    _FOREIGN_KEY: "the record of another table that it goes with is missing, or still there",
    "23505": "another record has the same value",
    "23514": "a check fails",
    "23P01": "another record excludes it",
    "P0001": "a trigger refuses it",
}

_T = TypeVar("_T")


class PostgresSettings(Settings):
    """An entry of type postgres.

    Attributes:
        dsn_env: the environment variable that holds the connection string: a URI, or keywords and
            values.
        schema_name: the entry's `schema`: where tables are whose names do not say it.
    """

    dsn_env: str
    schema_name: str = Field(default="public", alias="schema")


class _AwayError(Exception):
    """There is no connection, this time."""


class PostgresDestination(Destination):
    """A table. The sync's `object` is its name, or its schema's and its name."""

    settings_model = PostgresSettings
    modes = frozenset({Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR, Mode.APPEND})
    max_rows = 10_000

    settings: PostgresSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        self._where = f"destination '{settings.name}'"
        self._schema, self._name = _names(sync, settings.schema_name)
        if sync.mode is Mode.APPEND and DELIVERY_COLUMN in sync.fields:
            raise ConfigurationError(
                f"The field {DELIVERY_COLUMN} is given its value by mode append.",
                where=f"sync '{sync.name}', fields",
                remedy="take it out of the fields.",
            )
        self._parameters = self._read_parameters(settings.dsn_env)
        self._connection: psycopg.Connection[Any] | None = None
        self._table: Table | None = None

    @override
    def check(self) -> str:
        # What was found before may have been mended, or broken.
        self._table = None
        table = self._do(self._checked_table)
        return f"the table {table} takes rows in mode {self.sync.mode}"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action in (Action.REMOVE, Action.MERGE):
            return self.erase(rows)
        return self._do(lambda connection: self._write(connection, rows))

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return self._do(lambda connection: self._delete(connection, rows))

    @override
    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def _write(self, connection: psycopg.Connection[Any], rows: Sequence[Row]) -> list[Outcome]:
        table = self._checked_table(connection)
        rejected: list[Outcome] = []
        staged: dict[int, Row] = {}
        lines = []
        # In one order everywhere, so that two who write the same rows do not block each other.
        for number, row in enumerate(sorted(rows, key=lambda row: row.key)):
            try:
                lines.append(table.staged(number, row))
                staged[number] = row
            except ValueError as error:
                rejected.append(Outcome.rejected(row, str(error)))
        with connection.transaction():
            _stage(connection, table.staging(), lines)
            found: dict[int, Outcome] = {}
            if self.sync.mode is Mode.UPDATE:
                # Asked before: what somebody adds meanwhile is not changed.
                for number in _numbers(connection, table.absent()):
                    found[number] = Outcome.rejected(staged[number], "no record has this key")
            changed, failures = _apply(connection, table.write(), table.write_one_by_one)
            for number, failure in failures.items():
                found[number] = _outcome(table, staged[number], failure)
            if self.sync.mode is not Mode.UPDATE and changed < len(staged):
                for number in set(_numbers(connection, table.absent())) - set(found):
                    reason = "a trigger of the table leaves it out"
                    found[number] = Outcome.rejected(staged[number], reason)
        taken = {
            number: Outcome.acknowledged(row, sent=self._sent(row))
            for number, row in staged.items()
        }
        return [*rejected, *(taken | found).values()]

    def _delete(self, connection: psycopg.Connection[Any], rows: Sequence[Row]) -> list[Outcome]:
        table = self._checked_table(connection)
        # A key that is not written as those of the column's type are is not there.
        staged = {number: row for number, row in enumerate(rows) if table.may_hold(row.key)}
        found = {number: Outcome.acknowledged(row) for number, row in enumerate(rows)}
        with connection.transaction():
            lines = [[number, row.key] for number, row in staged.items()]
            _stage(connection, table.staging(), lines)
            _, failures = _apply(connection, table.delete(), table.delete_one_by_one)
            for number in _numbers(connection, table.present()):
                reason = "a trigger of the table keeps it, or somebody has added it anew"
                found[number] = Outcome.retry(staged[number], reason)
            for number, failure in failures.items():
                found[number] = _outcome(table, staged[number], failure)
        return list(found.values())

    def _sent(self, row: Row) -> Mapping[str, Any] | None:
        """What was sent, where that is not what the row says: a key has no spaces around it."""
        value = row.fields.get(self.sync.key)
        if not isinstance(value, str) or value == row.key:
            return None
        return {**row.fields, self.sync.key: row.key}

    # The connection

    def _do(self, work: Callable[[psycopg.Connection[Any]], _T]) -> _T:
        """Do something with a connection, more than once where that helps.

        Raises:
            BatchRejectedError: values cannot even be brought to the server.
            DestinationUnavailableError: it could not be done, each time.
            DestinationRefusedError: the server lets nobody do that.
        """
        try:
            return retried(_is_transient, lambda: work(self._connected()))
        except TableError as error:
            statements = "".join(f"\n    {one}" for one in error.statements)
            raise DestinationRefusedError(
                f"The table is not as the sync needs it: {error}.",
                where=self._where,
                remedy=f"have its owner run:{statements}"
                if statements
                else "change that there, or name another table.",
            ) from None
        except (_AwayError, psycopg.Error) as error:
            # Their own texts may hold the connection string, or a row.
            raise self._translated(error) from None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = psycopg.connect(
                    **self._parameters,
                    autocommit=True,
                    # A pooler may give the next transaction another session.
                    prepare_threshold=None,
                )
            except psycopg.Error as error:
                raise self._login_error(str(error)) from None
        return self._connection

    def _login_error(self, text: str) -> Exception:
        """What a failed login is to be told as. One that nobody knows may go well the next time."""
        for pattern, meaning in _REFUSED_LOGINS.items():
            if re.search(pattern, text):
                return DestinationRefusedError(
                    f"The server refuses the connection: {meaning}.",
                    where=self._where,
                    remedy=f"look at {self.settings.dsn_env}.",
                )
        meanings = (one for pattern, one in _FAILED_LOGINS.items() if re.search(pattern, text))
        return _AwayError(next(meanings, "no connection could be made"))

    def _translated(self, error: Exception) -> DestinationError:
        if not isinstance(error, psycopg.Error):
            problem = str(error)
        elif (state := error.sqlstate) is None:
            problem = "the connection was cut"
        else:
            problem = f"{state} {type(error).__name__}"
            if state.startswith(_ABOUT_ROWS):
                return BatchRejectedError(_REASONS.get(state, problem))
            if not _is_transient(error):
                if state.startswith(_TELLING):
                    problem = f"{state}: {error.diag.message_primary}"
                return DestinationRefusedError(
                    f"The server refuses it: {problem}.",
                    where=self._where,
                    remedy="have it mended there; `cdp sync check` tells whether it is.",
                )
        return DestinationUnavailableError(
            f"The server cannot be reached, or stops: {problem}.",
            where=self._where,
            remedy="nothing, if it is well again soon: what was not taken is sent again.",
        )

    def _checked_table(self, connection: psycopg.Connection[Any]) -> Table:
        if self._table is None:
            self._table = Table(connection, self._schema, self._name, self.sync)
        return self._table

    def _read_parameters(self, variable: str) -> dict[str, Any]:
        text = read_secret(variable, self._where)
        try:
            given = conninfo_to_dict(text)
        except psycopg.Error:
            # Its text quotes what it stumbles over.
            raise ConfigurationError(
                f"The connection string in {variable} cannot be read.",
                where=self._where,
                remedy="write it as postgresql://user:password@host:5432/database; letters of the"
                " password such as @ and / are written as %40 and %2F there.",
            ) from None
        own: dict[str, Any] = {"application_name": "dbt-cdp", **_DEFAULTS}
        if _is_elsewhere(given):
            # By itself libpq would go without, where the server has no TLS, or somebody between
            # the two says so.
            own["sslmode"] = os.environ.get("PGSSLMODE", "require")
        return {**own, **given, "client_encoding": "utf8"}


def _names(sync: Sync, schema: str) -> tuple[str, str]:
    """The names of the schema and the table of a sync."""
    before, dot, name = sync.object.rpartition(".")
    schema = before if dot else schema
    if not (schema and name) or "." in schema:
        raise ConfigurationError(
            "The sync does not name a table.",
            where=f"sync '{sync.name}', object",
            remedy="write the table's name, or `schema.table`, as the database has it.",
        )
    return schema, name


def _is_elsewhere(parameters: Mapping[str, Any]) -> bool:
    """Whether a server is on another machine."""
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or "").split(",")
    return any(host and host[0] not in "/@" and not is_loopback(host) for host in hosts)


def _is_transient(error: Exception) -> bool:
    """Whether what went wrong may go well the next time."""
    if not isinstance(error, psycopg.Error):
        return isinstance(error, _AwayError)
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_TRANSIENT)


def _stage(
    connection: psycopg.Connection[Any], staging: sql.Composed, lines: Sequence[Sequence[Any]]
) -> None:
    """Bring rows into the temporary table: all of its columns, or the first ones."""
    connection.execute(_PREPARE)
    connection.execute(staging)
    with connection.cursor() as cursor:
        target = "(n, key)" if lines and len(lines[0]) == 2 else ""
        with cursor.copy(f"copy pg_temp.cdp_rows {target} from stdin") as copy:
            for line in lines:
                copy.write_row(line)
    # Without it the table to be written to would be read as a whole, to meet a few rows.
    connection.execute("analyze pg_temp.cdp_rows (n)")


def _apply(
    connection: psycopg.Connection[Any],
    statement: sql.Composed,
    one_by_one: Callable[[psycopg.Connection[Any]], Mapping[int, Failure]],
) -> tuple[int, Mapping[int, Failure]]:
    """Run a statement for all rows, or row by row where one of them spoils it.

    Returns:
        How many rows it has changed, and by their numbers why others were refused.
    """
    try:
        with connection.transaction():
            return connection.execute(statement).rowcount, {}
    except psycopg.Error as error:
        if not (error.sqlstate or "").startswith(_ABOUT_ROWS):
            raise
    return 0, one_by_one(connection)


def _numbers(connection: psycopg.Connection[Any], query: sql.Composed) -> list[int]:
    return [number for (number,) in connection.execute(query)]


def _outcome(table: Table, row: Row, failure: Failure) -> Outcome:
    """What became of a row that was refused, without what it holds."""
    reason = f"{failure.state}: {_REASONS.get(failure.state, 'it is refused')}"
    if failure.column:
        reason += f" (column {failure.column}, {table.column_type(failure.column)})"
    if failure.constraint:
        reason += f" (constraint {failure.constraint})"
    # Another sync may add the record that it goes with, or remove it.
    make = Outcome.retry if failure.state == _FOREIGN_KEY else Outcome.rejected
    return make(row, reason)
