"""BigQuery, connected to as dbt's adapter does; rows come by load jobs."""

import contextlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from dbt.adapters.bigquery.clients import create_bigquery_client
from dbt.adapters.bigquery.credentials import BigQueryCredentials
from dbt_common.dataclass_schema import ValidationError
from dbt_common.exceptions import DbtBaseException
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from google.cloud.bigquery.table import RowIterator, _EmptyRowIterator
from pyarrow import parquet  # type: ignore[import-untyped]
from typing_extensions import override

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import ConfigurationError, WarehouseError
from dbt_cdp.project import Project
from dbt_cdp.warehouse.base import Column, Table, Warehouse

# How long a call is repeated that finds BigQuery away, where the profile does not say; seconds.
# A run makes some such calls after the one that has failed first.
_PATIENCE = 60

_RENEW = (
    "renew what the target gives for them (a token, a key): it has expired, was revoked or is not"
    " complete. `dbt debug` shows more."
)
_REMEDIES = {
    "accessDenied": "grant that right to the account that the target names.",
    "authError": _RENEW,
}

_LABELS = {"application": "dbt-cdp"}

# A scratch table that a crash has left is deleted by BigQuery after this time.
_SCRATCH_LIFE = timedelta(days=1)

# The first that fits counts: a bool is an int too, and a datetime a date.
_TYPES: dict[type, str] = {
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    str: "STRING",
    datetime: "TIMESTAMP",
    date: "DATE",
    Decimal: "NUMERIC",
    type(None): "STRING",
}

# BigQuery's messages of these kinds name tables, limits and rights; others may quote a row's value.
_REASONS_WITHOUT_VALUES = {
    "accessDenied",
    "authError",
    "backendError",
    "billingNotEnabled",
    "bytesBilledLimitExceeded",
    "duplicate",
    "internalError",
    "notFound",
    "quotaExceeded",
    "rateLimitExceeded",
    "resourcesExceeded",
    "stopped",
    "timeout",
}
_MESSAGES_WITHOUT_VALUES = (
    "Function not found",
    "No matching signature",
    "Not found",
    "Syntax error",
    "Unrecognized name",
)

_Parameter: TypeAlias = bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter


@dataclass(frozen=True)
class _Staged:
    """Rows for a table that wait in a scratch table for the end of the transaction."""

    table: str
    scratch: str
    names: Sequence[str]
    key: str


@dataclass(frozen=True)
class _Transaction:
    """What a transaction has gathered so far, by table, and how its scratch tables are dropped."""

    scratches: ExitStack
    staged: dict[str, _Staged] = field(default_factory=dict)


class BigQueryWarehouse(Warehouse):
    """A BigQuery project; times are UTC.

    Statements are jobs of their own and not of a session: a session whose client was killed keeps
    its transaction open for a day, and a table that is filled after a transaction has begun need
    not be seen in it. So a transaction gathers its rows in scratch tables, and its end is one job
    that inserts them all or none.
    """

    def __init__(self, project: Project) -> None:
        try:
            # Paths of the profile are relative to the folder that dbt is run in.
            with contextlib.chdir(project.root):
                self._credentials = _credentials(project.target.settings)
                self._client: bigquery.Client = create_bigquery_client(self._credentials)
        except (FileNotFoundError, PermissionError) as error:
            # Its name may be a secret, where somebody has set the key in the place of the file.
            raise ConfigurationError(
                f"The file of the account's key cannot be read: {error.strerror}.",
                where=f"`keyfile` of the target '{project.target.name}' of the profile",
                remedy="correct it; `dbt debug` shows more.",
            ) from None
        except (DbtBaseException, GoogleAuthError, OSError, ValidationError, ValueError) as error:
            # Their messages may quote a secret.
            raise ConfigurationError(
                f"BigQuery cannot be reached by these settings ({type(error).__name__}).",
                where=f"target '{project.target.name}' of the profile",
                remedy="run `dbt debug`, which shows what is wrong.",
            ) from None
        self._database = str(self._credentials.database)
        self._retry = _retry(self._credentials)
        self._transaction: _Transaction | None = None

    @override
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        _, rows = self._run(sql, parameters)
        return rows

    @override
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        if self._transaction:
            raise NotImplementedError("A transaction on BigQuery takes `insert_new` alone.")
        job, _ = self._run(sql, parameters)
        return job.num_dml_affected_rows or 0

    @override
    def insert_new(self, relation: Relation, columns: Mapping[str, Sequence[Any]], key: str) -> int:
        with _errors():
            table = self._client.get_table(self._reference(relation), retry=self._retry)
        fields = [column for column in table.schema if column.name in columns]
        target, known = str(relation), [str(relation)]
        if self._transaction:
            target = self._stage(self._transaction, relation, table, key).scratch
            known.append(target)
        with self._scratch(table, fields) as chunk:
            self._load(chunk, columns)
            job, _ = self._run(self._insertion(target, self._sql(chunk), list(columns), key, known))
        return job.num_dml_affected_rows or 0

    @override
    def export(self, sql: str, parameters: Sequence[Any], path: Path) -> int:
        job, rows = self._start(sql, parameters)
        count = 0
        with _errors(job.job_id), ExitStack() as files:
            writer = None
            for batch in rows.to_arrow_iterable():
                writer = writer or files.enter_context(
                    parquet.ParquetWriter(path, batch.schema, compression="zstd")
                )
                writer.write_batch(batch)
                count += batch.num_rows
        return count

    @override
    def exists(self, relation: Relation) -> bool:
        return self._find(relation) is not None

    @override
    def tables(self) -> list[Table]:
        location = self._credentials.location
        if not location:
            with _errors():
                name = f"{self._database}.{self._credentials.schema}"
                location = self._client.get_dataset(name, retry=self._retry).location
        region = self.quote(f"region-{location}".lower())
        rows = self.query(
            "select table_catalog, table_schema, table_name,"  # noqa: S608
            " array_agg(column_name order by ordinal_position),"
            " array_agg(data_type order by ordinal_position)"
            f" from {self.quote(self._database)}.{region}.INFORMATION_SCHEMA.COLUMNS"
            " group by 1, 2, 3 order by 1, 2, 3"
        )
        return [Table(*row) for row in rows]

    @override
    def sample(
        self, relation: Relation, columns: Sequence[str], rows: int
    ) -> list[tuple[Any, ...]]:
        """A query is paid for all the rows of its columns, whatever its limit; this is free."""
        table = self._find(relation)
        if table is None or table.table_type != "TABLE":
            return super().sample(relation, columns, rows)
        wanted = [column for column in table.schema if column.name in columns]
        with _errors():
            found = self._client.list_rows(
                table, selected_fields=wanted, max_results=rows, retry=self._retry
            )
            return [tuple(_plain(row[name]) for name in columns) for row in found]

    @override
    def stored_columns(self, database: str, schema: str) -> list[Column]:
        names = database or self._database, schema
        with _errors():
            try:
                self._client.get_dataset(".".join(names), retry=self._retry)
            except NotFound:
                return []
        dataset = ".".join(map(self.quote, names))
        rows = self.query(
            "select columns.table_name, columns.column_name, columns.data_type"  # noqa: S608
            f" from {dataset}.INFORMATION_SCHEMA.TABLES as tables"
            f" inner join {dataset}.INFORMATION_SCHEMA.COLUMNS as columns"
            " on tables.table_name = columns.table_name"
            " where tables.table_type = 'BASE TABLE'"
            " order by columns.table_name, columns.ordinal_position"
        )
        return [Column(*row) for row in rows]

    @override
    def columns(self, relation: Relation) -> list[str]:
        table = self._find(relation)
        return [column.name for column in table.schema] if table else []

    @override
    def quote(self, identifier: str) -> str:
        return "`" + identifier.replace("\\", "\\\\").replace("`", "\\`") + "`"

    @override
    @contextmanager
    def transaction(self) -> Iterator[None]:
        with ExitStack() as scratches:
            transaction = self._transaction = _Transaction(scratches)
            try:
                yield
            finally:
                self._transaction = None
            # The keys are compared once more: another load may have ended in the meantime.
            inserts = [
                self._insertion(rows.table, rows.scratch, rows.names, rows.key, [rows.table])
                for rows in transaction.staged.values()
            ]
            if inserts:
                self._run(";\n".join(["begin transaction", *inserts, "commit transaction"]))

    @override
    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def _run(
        self, sql: str, parameters: Sequence[Any] = ()
    ) -> tuple[bigquery.QueryJob, list[tuple[Any, ...]]]:
        """Run a statement or a script to its end; the job, and the rows of a query."""
        job, rows = self._start(sql, parameters)
        with _errors(job.job_id):
            return job, [tuple(_plain(value) for value in row.values()) for row in rows]

    def _start(
        self, sql: str, parameters: Sequence[Any]
    ) -> tuple[bigquery.QueryJob, RowIterator | _EmptyRowIterator]:
        """Run a statement or a script to its end; the job, and a query's rows yet to be read."""
        config = bigquery.QueryJobConfig(
            query_parameters=[_parameter(value) for value in parameters],
            **_job_settings(self._credentials),
            **_query_settings(self._credentials),
        )
        with _errors():
            job = self._client.query(
                sql,
                job_config=config,
                retry=self._retry,
                timeout=self._credentials.job_creation_timeout_seconds,
                job_retry=None,  # a job whose fate is unknown is not started again
            )
        with _errors(job.job_id):
            seconds = self._credentials.job_execution_timeout_seconds
            return job, job.result(retry=self._retry, timeout=seconds)

    def _find(self, relation: Relation) -> bigquery.Table | None:
        with _errors():
            try:
                return self._client.get_table(self._reference(relation), retry=self._retry)
            except NotFound:
                return None

    def _reference(self, relation: Relation) -> bigquery.TableReference:
        dataset = bigquery.DatasetReference(relation.database or self._database, relation.schema)
        return dataset.table(relation.identifier)

    def _sql(self, table: bigquery.Table) -> str:
        return ".".join(map(self.quote, (table.project, table.dataset_id, table.table_id)))

    @contextmanager
    def _scratch(
        self, beside: bigquery.Table, fields: Sequence[bigquery.SchemaField]
    ) -> Iterator[bigquery.Table]:
        """A new table in the dataset of another one; it is dropped when it is left."""
        dataset = bigquery.DatasetReference(beside.project, beside.dataset_id)
        table = bigquery.Table(dataset.table(f"cdp_scratch_{uuid.uuid4().hex}"), fields)
        table.expires = datetime.now(UTC) + _SCRATCH_LIFE
        with _errors():
            table = self._client.create_table(table, retry=self._retry)
        try:
            yield table
        finally:
            # What cannot be dropped expires; a failure before is the one to show.
            with contextlib.suppress(WarehouseError), _errors():
                self._client.delete_table(table, retry=self._retry, not_found_ok=True)

    def _stage(
        self, transaction: _Transaction, relation: Relation, table: bigquery.Table, key: str
    ) -> _Staged:
        """Where the transaction gathers the rows for a table."""
        name = str(relation)
        if name not in transaction.staged:
            scratch = transaction.scratches.enter_context(self._scratch(table, table.schema))
            names = [column.name for column in table.schema]
            transaction.staged[name] = _Staged(name, self._sql(scratch), names, key)
        return transaction.staged[name]

    def _load(self, table: bigquery.Table, columns: Mapping[str, Sequence[Any]]) -> None:
        """Fill a table by a load job. Rows that are streamed could not be deleted for a while."""
        rows = [
            {name: _json_value(value) for name, value in zip(columns, values, strict=True)}
            for values in zip(*columns.values(), strict=True)
        ]
        config = bigquery.LoadJobConfig(
            schema=table.schema,
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            **_job_settings(self._credentials),
        )
        with _errors():
            job = self._client.load_table_from_json(rows, table, job_config=config)
        with _errors(job.job_id):
            seconds = self._credentials.job_execution_timeout_seconds
            job.result(retry=self._retry, timeout=seconds)

    def _insertion(
        self, target: str, source: str, names: Sequence[str], key: str, known: Sequence[str]
    ) -> str:
        """A statement that inserts the rows whose key none of the known tables holds."""
        columns, column = ", ".join(map(self.quote, names)), self.quote(key)
        is_new = " and ".join(
            f"not exists (select 1 from {table} as known where known.{column} = incoming.{column})"  # noqa: S608
            for table in known
        )
        select = f"select {columns} from {source} as incoming where {is_new}"  # noqa: S608
        return f"insert into {target} ({columns}) {select}"


def _credentials(settings: Mapping[str, Any]) -> BigQueryCredentials:
    data = {key: value for key, value in settings.items() if key not in ("type", "threads")}
    data = BigQueryCredentials.translate_aliases(data)
    BigQueryCredentials.validate(data)
    return BigQueryCredentials.from_dict(data)


def _retry(credentials: BigQueryCredentials) -> Retry:
    """How a call is repeated that finds BigQuery busy or away."""
    if credentials.job_retries == 0:
        return Retry(predicate=if_exception_type())  # of no type, so never
    seconds = credentials.job_retry_deadline_seconds
    return DEFAULT_RETRY.with_timeout(seconds or _PATIENCE)


def _job_settings(credentials: BigQueryCredentials) -> dict[str, Any]:
    """What the profile says of every job."""
    settings: dict[str, Any] = {"labels": _LABELS}
    if credentials.job_execution_timeout_seconds:
        settings["job_timeout_ms"] = credentials.job_execution_timeout_seconds * 1000
    if getattr(credentials, "reservation", None):  # newer adapters
        settings["reservation"] = credentials.reservation
    return settings


def _query_settings(credentials: BigQueryCredentials) -> dict[str, Any]:
    """What the profile says of the jobs that run SQL."""
    settings: dict[str, Any] = {}
    if credentials.maximum_bytes_billed:
        settings["maximum_bytes_billed"] = credentials.maximum_bytes_billed
    if credentials.priority:
        settings["priority"] = credentials.priority.upper()
    return settings


def _parameter(value: Any) -> _Parameter:
    """The value for a `?`; a null is a text's, and so is an empty list."""
    if not isinstance(value, list | tuple):
        return bigquery.ScalarQueryParameter(None, _type(value), value)
    element = next((_type(item) for item in value if item is not None), "STRING")
    return bigquery.ArrayQueryParameter(None, element, list(value))


def _type(value: Any) -> str:
    return next(name for kind, name in _TYPES.items() if isinstance(value, kind))


def _plain(value: Any) -> Any:
    """A value of a result as DuckDB gives it: a time is UTC without a zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _json_value(value: Any) -> Any:
    """A value of a row as a load job reads it from JSON."""
    if isinstance(value, date):  # and a datetime, which is one
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


@contextmanager
def _errors(job: str | None = None) -> Iterator[None]:
    where = f"BigQuery job {job}" if job else None
    try:
        yield
    except GoogleAPICallError as error:
        remedy = _REMEDIES.get(_first(error).get("reason", ""))
        raise WarehouseError(_without_values(error), where=where, remedy=remedy) from None
    except (GoogleAPIError, OSError, TransportError) as error:
        raise WarehouseError(
            f"BigQuery gave no answer ({type(error).__name__}).",
            where=where,
            remedy="see whether this machine reaches it; then run the command again.",
        ) from None
    except GoogleAuthError as error:
        raise WarehouseError(
            f"Google refuses the credentials of the profile ({_reason(error)}).", remedy=_RENEW
        ) from None


def _reason(error: GoogleAuthError) -> str:
    """The code of the refusal, such as invalid_grant; the rest of an answer may quote a secret."""
    answers = [answer for answer in error.args if isinstance(answer, Mapping)]
    code = str(answers[0].get("error")) if answers else ""
    return code if re.fullmatch("[a-z_]+", code) else type(error).__name__


def _first(error: GoogleAPICallError) -> Mapping[str, str]:
    return next(iter(error.errors), {})


def _without_values(error: GoogleAPICallError) -> str:
    """BigQuery's message; where it may quote a row's value, only the kind of the failure."""
    first = _first(error)
    reason, message = first.get("reason", ""), first.get("message", "")
    if reason in _REASONS_WITHOUT_VALUES or message.startswith(_MESSAGES_WITHOUT_VALUES):
        return message.partition("\n")[0]
    return f"{reason or type(error).__name__} (the message is withheld: it may quote a value)."
