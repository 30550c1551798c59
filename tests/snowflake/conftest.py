"""Snowflake as far as it can be had without Snowflake: an emulator, started once for all tests."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import snowflake.connector

from consumer import write_shop
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project

TABLES = ("landing_events", "landing_records", "landing_rejects", "runs", "run_steps")


@pytest.fixture(scope="session")
def target(snowflake_port: int) -> dict[str, object]:
    return {
        "type": "snowflake",
        "account": "fakesnow",
        "host": "127.0.0.1",
        "port": snowflake_port,
        "protocol": "http",
        "user": "dbt",
        "password": "secret-password",
        "database": "shop",
        "schema": "shop",
        "warehouse": "small",
        "threads": 1,
    }


@pytest.fixture(scope="session")
def connection(
    target: dict[str, object],
) -> Iterator[snowflake.connector.SnowflakeConnection]:
    known = {name: target[name] for name in ("account", "host", "port", "protocol", "user")}
    with closing(snowflake.connector.connect(**known, password="any")) as connection:
        connection.cursor().execute("create database if not exists shop")
        yield connection


@pytest.fixture(scope="session")
def built_on_snowflake(
    target: dict[str, object],
    connection: snowflake.connector.SnowflakeConnection,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = write_shop(tmp_path_factory.mktemp("snowflake") / "shop", target)
    ensure_landing(Project.find(folder))
    return folder


@pytest.fixture
def query(connection: snowflake.connector.SnowflakeConnection) -> Callable[..., list[tuple]]:
    """Run a query on the emulator; the package's schema is searched."""
    connection.cursor().execute("use schema shop.shop_cdp")
    return lambda sql: connection.cursor().execute(sql).fetchall()


@pytest.fixture
def shop(
    built_on_snowflake: Path,
    query: Callable[..., list[tuple]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A copy of the project, with empty tables, which is also the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(built_on_snowflake, folder, symlinks=True)
    monkeypatch.chdir(folder)
    for table in TABLES:
        query(f"truncate table {table}")
    query("update leases set holder = null, expires_at = null")
    return folder
