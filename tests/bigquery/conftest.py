"""BigQuery as far as it can be had without Google: an emulator."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from consumer import write_shop
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project, Target
from dbt_cdp.warehouse import Warehouse, open_warehouse
from servers import BIGQUERY_DATASET, BIGQUERY_PROJECT, time_limit

HERE = Path(__file__).parent

# An emulator may hang.
TEST_SECONDS = 180

DATABASE, DATASET = BIGQUERY_PROJECT, BIGQUERY_DATASET
WRITTEN = ("landing_events", "landing_records", "landing_rejects", "runs", "run_steps")

TARGET = {
    "type": "bigquery",
    "method": "oauth-secrets",
    "token": "none",
    "project": DATABASE,
    "dataset": DATASET,
    "location": "US",
    "api_endpoint": "{{ env_var('TEST_ENDPOINT') }}",
    "threads": 1,
    "job_retries": 0,
    "job_creation_timeout_seconds": 20,
    "job_execution_timeout_seconds": 20,
    "maximum_bytes_billed": 1_000_000_000,
    "priority": "interactive",
}


@pytest.fixture(scope="session")
def endpoint(bigquery_endpoint: str) -> str:
    """Where the emulator answers."""
    return bigquery_endpoint


@pytest.fixture(autouse=True)
def limited_time() -> Iterator[None]:
    with time_limit(TEST_SECONDS):
        yield


@pytest.fixture
def client(endpoint: str) -> Iterator[bigquery.Client]:
    """Google's client, to look at what this package's does not show."""
    options = {"api_endpoint": endpoint}
    with closing(
        bigquery.Client(DATABASE, credentials=AnonymousCredentials(), client_options=options)
    ) as connection:
        yield connection


@pytest.fixture
def make_project() -> Callable[..., Project]:
    """A project that is nothing but a target with these settings."""

    def make(**settings: object) -> Project:
        known = {"method": "oauth-secrets", "token": "none", "job_retries": 0}
        known |= {"project": DATABASE, "dataset": DATASET, "location": "US"}
        target = Target("dev", "bigquery", {"type": "bigquery", **known, **settings})
        return Project(HERE, "shop", HERE, target, {"name": "shop"})

    return make


@pytest.fixture
def warehouse(endpoint: str, make_project: Callable[..., Project]) -> Iterator[Warehouse]:
    """The dataset `shop`, in which there is an empty table `people`."""
    with open_warehouse(make_project(api_endpoint=endpoint)) as connection:
        connection.execute(
            "create or replace table shop.people"
            " (id string not null, n int64, seen_at timestamp, payload string)"
        )
        yield connection


@pytest.fixture(scope="session")
def built_project(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project whose landing tables are made. Tests read it and leave it as it is."""
    os.environ["TEST_ENDPOINT"] = endpoint
    folder = write_shop(tmp_path_factory.mktemp("built") / "shop", TARGET)
    ensure_landing(Project.find(folder))
    return folder


@pytest.fixture
def shop(built_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, which is also the current folder; what the command writes is empty."""
    folder = tmp_path / "shop"
    shutil.copytree(built_project, folder, symlinks=True)
    monkeypatch.chdir(folder)
    with open_warehouse(Project.find(folder)) as connection:
        for table in WRITTEN:
            connection.execute(f"truncate table shop_cdp.{table}")
    return folder


@pytest.fixture
def query(shop: Path) -> Callable[..., list[tuple]]:
    """Run a query on the shop's warehouse; its schema is shop_cdp."""

    def run(sql: str, *parameters: object) -> list[tuple]:
        with open_warehouse(Project.find(shop)) as connection:
            return connection.query(sql, parameters)

    return run
