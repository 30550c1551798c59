"""Consumer projects on other warehouses than DuckDB, and answers in a form that all share."""

import json
import re
import subprocess
import threading
from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

import psycopg
import snowflake.connector
import yaml
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator

from consumer import Consumer
from dbt_cdp.project import package_root
from servers import BIGQUERY_PROJECT

# A time in JSON, which warehouses write with T or with a blank, and with or without UTC's offset.
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}([.]\d+)?)(Z|[+]00)?")

_DIGITS = Context(prec=12)
_PLACES = 8

_EMULATORSECONDS = 400
_FIRST = {"batch": 1, "cdp_as_of": "2026-06-10"}
SECOND = {"batch": 2, "cdp_as_of": "2026-06-12"}

IDS = "select identifier_id, canonical_id from identity_graph order by identifier_id"

Snapshot = Mapping[str, list[tuple[Any, ...]]]


class ServerConsumer(Consumer):
    """A project on a server; its schemas begin with `prefix`, and it has no other target.

    The folder is one of a project on DuckDB that has not been built.
    """

    def __init__(self, consumer: Consumer, prefix: str, target: Mapping[str, Any]) -> None:
        schema = consumer.schema.replace("main", prefix, 1)
        super().__init__(consumer.folder, consumer.database.name, schema)
        path = self.folder / "profiles.yml"
        (name,) = yaml.safe_load(path.read_text()).keys()
        profile = {"target": "server", "outputs": {"server": dict(target)}}
        path.write_text(yaml.safe_dump({name: profile}))


class PostgresConsumer(ServerConsumer):
    """A project on the server of Postgres that answers on a port."""

    def __init__(self, consumer: Consumer, port: int, prefix: str) -> None:
        self._server = {"host": "127.0.0.1", "port": port, "user": "dbt", "dbname": "postgres"}
        target = {
            "type": "postgres",
            **self._server,
            "password": "any",
            "schema": prefix,
            "threads": 2,
        }
        super().__init__(consumer, prefix, target)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the package's tables."""
        return self._run(sql).fetchall()

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns, or of a subquery's."""
        told = self._run(f"select * from {table} as found limit 0").description
        return {column.name for column in told or ()}

    def _run(self, sql: str) -> psycopg.Cursor:
        connection = psycopg.connect(**self._server, autocommit=True)
        connection.execute(f"set search_path = {self.schema}; set time zone 'UTC'")
        return connection.execute(sql)


class BigQueryConsumer(ServerConsumer):
    """A project on the emulator of BigQuery that answers there."""

    def __init__(self, consumer: Consumer, endpoint: str, prefix: str) -> None:
        self._endpoint = endpoint
        target = {
            "type": "bigquery",
            "method": "oauth-secrets",
            "token": "none",
            "project": BIGQUERY_PROJECT,
            "dataset": prefix,
            "location": "US",
            "threads": 1,
            "job_retries": 0,
            "job_execution_timeout_seconds": 900,
            "api_endpoint": endpoint,
        }
        super().__init__(consumer, prefix, target)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the package's tables; times without their zone, UTC."""
        return [tuple(map(_without_zone, row.values())) for row in self._run(sql)]

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns, or of a subquery's."""
        return {field.name for field in self._run(f"select * from {table} as found limit 0").schema}

    def client(self) -> bigquery.Client:
        """Google's client, for which the package's tables need no dataset before their names."""
        return bigquery.Client(
            BIGQUERY_PROJECT,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self._endpoint},
            default_query_job_config=bigquery.QueryJobConfig(
                default_dataset=f"{BIGQUERY_PROJECT}.{self.schema}"
            ),
        )

    def _run(self, sql: str) -> RowIterator:
        return self.client().query(sql).result()


def _without_zone(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def all_macros_pass() -> str:
    """What dbt says where each test of a macro has passed, but for one that is DuckDB's alone."""
    texts = [path.read_text() for path in (package_root() / "tests" / "data").glob("*.sql")]
    return f"PASS={sum('and target.type == ' not in text for text in texts)} "


def answers(consumer: Consumer) -> Snapshot:
    """What a build has found out, the same whatever the warehouse: without the versions of
    definitions, which are those of its SQL; JSON and the times in it in one form; a quotient, which
    one warehouse computes as a float and another as a decimal with nine places, to twelve digits
    and eight places."""
    return {
        name: sorted((tuple(map(_plain, row)) for row in rows), key=repr)
        for name, rows in consumer.snapshot(but=["definition_hash"]).items()
    }


def build_in_batches(consumer: Consumer) -> None:
    """Build the project of tests/integration as its two batches come, and test it then."""
    consumer.runs("seed")
    consumer.runs("run", **_FIRST)
    consumer.runs("build", **SECOND)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return _plain_number(Decimal(repr(value) if isinstance(value, float) else value))
    return repr(_plain_json(_read(value))) if _is_json(value) else value


def _is_json(value: Any) -> bool:
    return isinstance(value, str) and value[:1] in ("{", "[")


def _read(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _plain_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_json(one) for key, one in sorted(value.items()) if key != "version"}
    if isinstance(value, list):
        return [_plain_json(one) for one in value]
    if _is_json(value):
        return _plain_json(_read(value))
    if isinstance(value, str):
        return _TIME.sub(r"\1 \2", value) if _TIME.fullmatch(value) else value
    return _plain_number(value) if isinstance(value, Decimal) else value


def _plain_number(value: Decimal) -> Decimal:
    return (round(_DIGITS.create_decimal(value), _PLACES) if value % 1 else value).normalize()


class SnowflakeConsumer(ServerConsumer):
    """A project on the emulator of Snowflake that answers on a port."""

    def __init__(self, consumer: Consumer, port: int, prefix: str) -> None:
        server = {"account": "fakesnow", "host": "127.0.0.1", "port": port, "protocol": "http"}
        self._login = {**server, "user": "dbt", "password": "any", "database": "shop"}
        target = {
            "type": "snowflake",
            **self._login,
            "warehouse": "small",
            "schema": prefix,
            "threads": 1,
        }
        super().__init__(consumer, prefix, target)

    def start(self, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        """dbt, which is ended where the emulator hangs."""
        child = super().start(*arguments, **variables)
        end = threading.Timer(_EMULATORSECONDS, child.kill)
        end.daemon = True
        end.start()
        return child

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the package's tables."""
        return self._run(sql)[1]

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns, or of a subquery's."""
        return self._run(f"select * from {table} as found limit 0")[0]

    def _run(self, sql: str) -> tuple[set[str], list[tuple[Any, ...]]]:
        with (
            snowflake.connector.connect(**self._login, schema=self.schema) as connection,
            connection.cursor() as cursor,
        ):
            rows = cursor.execute(sql).fetchall()
            return {column.name.lower() for column in cursor.description}, rows
