"""A small dbt project with the package in it, made once a worker and copied for each test."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from consumer import DUCKDB, write_shop
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project
from servers import bigquery_emulator, postgres_server, snowflake_server

os.environ["DO_NOT_TRACK"] = "1"
for name in [name for name in os.environ if name.startswith(("CDP_", "DBT_"))]:
    del os.environ[name]


WARM_DBT = Path(__file__).parent / "warm_dbt"


@pytest.fixture(scope="session", autouse=True)
def warm_dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever process starts dbt gets a fork of one that has imported it."""
    address = tmp_path_factory.mktemp("dbt") / "socket"
    call = [sys.executable, "-P", str(WARM_DBT / "serve.py"), str(address)]
    server = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout and server.stdout.readline() == "ready\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARM_DBT", str(address))
        patch.setenv("PYTHONPATH", str(WARM_DBT / "shim"), prepend=os.pathsep)
        yield
    server.communicate()


@pytest.fixture(scope="module")
def cold_dbt(warm_dbt: None) -> Iterator[None]:
    """dbt is started anew: it inherits the limits and the clock of whoever starts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WARM_DBT")
        yield


# The files that take longest, the longest first: what begins late would keep one worker at work
# while the others have nothing to do.
_LONGEST = (
    "test_docs",
    "test_bigquery_whole",
    "test_bigquery_parity",
    "test_run",
    "test_erasure_worlds",
    "test_erasure",
    "test_profile_batches",
    "test_sql_style",
    "test_scenarios",
    "test_simulate",
    "test_parity",
    "test_snowflake_build",
    "test_sources",
    "test_erasure_archives",
    "test_erasure_depth",
    "test_access",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def built_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose landing tables are made. Tests read it and leave it as it is."""
    folder = write_shop(tmp_path_factory.mktemp("built") / "shop", DUCKDB)
    ensure_landing(Project.find(folder))
    return folder


@pytest.fixture(scope="module")
def without_data_tests() -> Iterator[None]:
    """Builds leave the package's data tests out, for modules that are about something else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test")
        yield


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    """Where a server of Postgres answers on loopback, as `postgres_server` says."""
    with postgres_server() as port:
        yield port


@pytest.fixture(scope="session")
def snowflake_port() -> Iterator[int]:
    """Where an emulator of Snowflake answers on loopback, as `snowflake_server` says."""
    with snowflake_server() as port:
        yield port


@pytest.fixture(scope="session")
def bigquery_endpoint() -> Iterator[str]:
    """Where an emulator of BigQuery answers."""
    with bigquery_emulator() as endpoint:
        yield endpoint


@pytest.fixture
def shop(built_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the built project, which is also the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(built_project, folder, symlinks=True)
    monkeypatch.chdir(folder)
    yield folder


@pytest.fixture
def query(shop: Path) -> Callable[..., list[tuple]]:
    """Run a query on the shop's warehouse; schema main_cdp is searched."""

    def run(sql: str, *parameters: object) -> list[tuple]:
        with duckdb.connect(shop / "shop.duckdb") as connection:
            connection.execute("set search_path = 'main_cdp'")
            return connection.execute(sql, parameters).fetchall()

    return run
