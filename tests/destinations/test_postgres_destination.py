"""The Postgres destination, against a real server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Sync
from dbt_cdp.destinations.conformance import (
    FIELDS,
    DestinationConformance,
    Fault,
)
from dbt_cdp.destinations.postgres import PostgresDestination, PostgresSettings
from postgres_proxy import PostgresProxy, serving

Query = Callable[..., list[tuple[Any, ...]]]

LEADS = """
    create table leads (
        email text primary key, name text, score int, is_customer boolean, seen_at timestamptz
    )
"""


@pytest.fixture
def connection(postgres_port: int) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to a database of the test's own: an empty schema `public`."""
    with psycopg.connect(f"{address(postgres_port)} user=dbt", autocommit=True) as connection:
        connection.execute("drop schema if exists public cascade; create schema public")
        connection.execute("set time zone 'UTC'")
        yield connection


@pytest.fixture
def query(connection: psycopg.Connection[Any]) -> Query:
    """Run a query as the owner."""

    def run(text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        cursor = connection.execute(text, parameters or None)
        return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture(autouse=True)
def dsn(postgres_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    text = f"postgresql://dbt@127.0.0.1:{postgres_port}/postgres"
    monkeypatch.setenv("SHOP_DSN", text)
    return text


def address(port: int) -> str:
    return f"host=127.0.0.1 port={port} dbname=postgres sslmode=disable gssencmode=disable"


def opened(
    mode: Mode = Mode.UPSERT,
    table: str = "leads",
    key: str = "email",
    fields: tuple[str, ...] = FIELDS,
    **settings: Any,
) -> Destination:
    entry = PostgresSettings(name="shop", type="postgres", dsn_env="SHOP_DSN", **settings)
    return PostgresDestination(entry, Sync("leads", mode, table, "", key, fields), Path())


def send(destination: Destination, *rows: Row, action: Action = Action.ADD) -> dict[str, Outcome]:
    """What became of rows, by their keys."""
    keys = {row.delivery_id: row.key for row in rows}
    return {keys[one.delivery_id]: one for one in destination.send(action, rows)}


def row(key: str, delivery: str | None = None, **fields: Any) -> Row:
    return Row(delivery or f"d {key}", key, {"id": key, **fields})


class TestPostgres(DestinationConformance):
    faults = frozenset({Fault.FAILING, Fault.CUT, Fault.LOST, Fault.UNAUTHORIZED})

    @pytest.fixture
    def fake(
        self,
        postgres_port: int,
        connection: psycopg.Connection[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[PostgresProxy]:
        connection.execute(LEADS)
        with serving(PostgresProxy(postgres_port, connection, "leads")) as proxy:
            monkeypatch.setenv("SHOP_DSN", f"{address(proxy.port)} user=dbt")
            yield proxy

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(mode)
