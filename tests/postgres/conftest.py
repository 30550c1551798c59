"""A project that is loaded into a real server of Postgres."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from consumer import write_shop
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project

TABLES = ("landing_events", "landing_records", "landing_rejects", "runs", "run_steps")


@pytest.fixture(scope="session")
def target(postgres_port: int) -> dict[str, object]:
    return {
        "type": "postgres",
        "host": "127.0.0.1",
        "port": postgres_port,
        "user": "dbt",
        "password": "secret-password",
        "dbname": "postgres",
        "schema": "shop",
        "threads": 2,
    }


@pytest.fixture(scope="session")
def built_on_postgres(target: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_shop(tmp_path_factory.mktemp("postgres") / "shop", target)
    ensure_landing(Project.find(folder))
    return folder


@pytest.fixture
def query(postgres_port: int) -> Iterator[Callable[..., list[tuple]]]:
    """Run a query on the server; schema shop_cdp is searched."""
    with psycopg.connect(
        host="127.0.0.1", port=postgres_port, user="dbt", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("set search_path = shop_cdp; set time zone 'UTC'")

        def run(sql: str, *parameters: object) -> list[tuple]:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def shop(
    built_on_postgres: Path,
    query: Callable[..., list[tuple]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A copy of the project, with empty tables, which is also the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(built_on_postgres, folder, symlinks=True)
    monkeypatch.chdir(folder)
    for table in TABLES:
        query(f"truncate {table}")
    query("update leases set holder = null, expires_at = null")
    return folder
