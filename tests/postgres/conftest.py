"""A real server of Postgres, started for the tests, and a project that is loaded into it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from consumer import write_shop
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project
from servers import free_ports

TABLES = ("landing_events", "landing_records", "landing_rejects", "runs", "run_steps")


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the server answers on loopback; anybody may be `dbt`."""
    programs = _programs()
    if programs is None:
        pytest.skip("There are no programs of a Postgres server: apt-get install postgresql.")
    # The server does not run as root, and another user does not see into pytest's folders.
    folder = Path(f"/tmp/cdp-postgres-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    as_user = []
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    (number,) = free_ports(1)
    data = folder / "data"

    def call(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), "-D", str(data), *arguments]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert done.returncode == 0, done.stderr

    call("initdb", "-U", "dbt", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
    listen = f"-p {number} -k {folder} -h 127.0.0.1 -F"
    call("pg_ctl", "-w", "-o", listen, "-l", str(folder / "log"), "start")
    yield number
    call("pg_ctl", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl: on the path, or where Debian puts them."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@pytest.fixture(scope="session")
def target(port: int) -> dict[str, object]:
    return {
        "type": "postgres",
        "host": "127.0.0.1",
        "port": port,
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
def query(port: int) -> Iterator[Callable[..., list[tuple]]]:
    """Run a query on the server; schema shop_cdp is searched."""
    with psycopg.connect(
        host="127.0.0.1", port=port, user="dbt", dbname="postgres", autocommit=True
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
