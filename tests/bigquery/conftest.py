"""BigQuery as far as it can be had without Google: an emulator, started once for all tests."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from consumer import write_shop
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project, Target, package_root
from dbt_cdp.warehouse import Warehouse, open_warehouse
from servers import free_ports

HERE = Path(__file__).parent
PYTHON = package_root() / ".venv-bigquery" / "bin" / "python"

# An emulator may hang.
START_SECONDS = 30
TEST_SECONDS = 180

DATABASE, DATASET = "test-project", "shop"
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
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the emulator answers."""
    if not PYTHON.exists():
        pytest.skip(
            "There is no emulator of BigQuery: make .venv-bigquery with Python 3.13 and install"
            " tests/bigquery/requirements.txt into it, with --no-deps."
        )
    folder = tmp_path_factory.mktemp("emulator")
    port, grpc_port = free_ports(2)
    command = [PYTHON, HERE / "serve.py", "serve", "--data-dir", folder / "data"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(grpc_port)]
    command += ["--project", DATABASE, "--dataset", DATASET]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        wait_for_answer(process, port, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """End a test that waits for an emulator which hangs."""

    def end(number: int, frame: object) -> None:
        pytest.fail(f"The test took longer than {TEST_SECONDS} seconds.")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


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


def wait_for_answer(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)) as connection:
            try:
                connection.request("GET", f"/bigquery/v2/projects/{DATABASE}/datasets")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
        time.sleep(0.1)
    pytest.fail(f"The emulator of BigQuery does not start:\n{log.read_text()}")
