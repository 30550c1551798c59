"""What tests of a warehouse on a server share: free ports, servers of Postgres and of Redis, an
emulators of BigQuery and of Snowflake, and what commands do on any of them."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from dbt_cdp.cli import run
from dbt_cdp.clock import utc_now
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.lock import AlreadyRunningError, run_lock
from dbt_cdp.project import Project, package_root

Query = Callable[..., list[tuple]]

AT = "2026-06-01T10:00:05.000000+00:00"

SNOWFLAKE_START_SECONDS = 60
# The project of the emulator of BigQuery, and the dataset that is there when it starts.
BIGQUERY_PROJECT, BIGQUERY_DATASET = "test-project", "shop"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


@contextmanager
def postgres_server() -> Iterator[int]:
    """A real server of Postgres, and its port on loopback. Anybody may be `dbt`, its superuser;
    who is `app` needs a password."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("There are no programs of a Postgres server: apt-get install postgresql.")
    # The server does not run as root, and another user does not see into pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="cdp-postgres-", dir="/tmp"))
    as_user = []
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    (port,) = free_ports(1)
    data = folder / "data"

    def call(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), "-D", str(data), *arguments]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert done.returncode == 0, done.stderr

    call("initdb", "-U", "dbt", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
    logins = data / "pg_hba.conf"
    logins.write_text("host all app 127.0.0.1/32 scram-sha-256\n" + logins.read_text())
    listen = f"-p {port} -k {folder} -h 127.0.0.1 -F"
    call("pg_ctl", "-w", "-o", listen, "-l", str(folder / "log"), "start")
    yield port
    call("pg_ctl", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def snowflake_server() -> Iterator[int]:
    """An emulator of Snowflake, and its port on loopback."""
    python = package_root() / ".venv-snowflake" / "bin" / "python"
    if not python.exists():
        pytest.skip("There is no emulator of Snowflake: make emulator-snowflake.")
    (port,) = free_ports(1)
    command = [python, package_root() / "tests" / "snowflake" / "serve.py", "-s", "-p", str(port)]
    with tempfile.TemporaryDirectory(prefix="cdp-snowflake-", dir="/tmp") as folder:
        said = Path(folder) / "log"
        with said.open("wb") as log:
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            until = time.monotonic() + SNOWFLAKE_START_SECONDS
            while "running on" not in said.read_text():
                assert server.poll() is None and time.monotonic() < until, said.read_text()
                time.sleep(0.1)
            yield port
        finally:
            server.kill()
            server.wait()


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl: on the path, or where Debian puts them."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@contextmanager
def redis_server(*options: str, tls: bool = False) -> Iterator[int]:
    """A real server of Redis that keeps nothing on a disk, and its port on loopback."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("There is no program of a Redis server: apt-get install redis-server.")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="cdp-redis-", dir="/tmp") as folder:
        listen = ["--port", "0", "--tls-port", str(port)] if tls else ["--port", str(port)]
        listen += ["--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        server = subprocess.Popen([program, *listen, *options], stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.kill()
            server.wait()


@contextmanager
def bigquery_emulator() -> Iterator[str]:
    """An emulator of BigQuery, and where it answers."""
    python = package_root() / ".venv-bigquery" / "bin" / "python"
    if not python.exists():
        pytest.skip(
            "There is no emulator of BigQuery: make .venv-bigquery with Python 3.13 and install"
            " tests/bigquery/requirements.txt into it, with --no-deps."
        )
    port, grpc_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="cdp-bigquery-", dir="/tmp") as folder:
        command = [python, package_root() / "tests" / "bigquery" / "serve.py", "serve"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(grpc_port)]
        command += ["--project", BIGQUERY_PROJECT, "--dataset", BIGQUERY_DATASET]
        command += ["--data-dir", f"{folder}/data"]
        log = Path(folder, "log")
        with log.open("wb") as written:
            server = subprocess.Popen(command, cwd=folder, stdout=written, stderr=written)
        try:
            _wait_for(port, server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """End a test that waits for a server which hangs."""

    def end(number: int, frame: object) -> None:
        pytest.fail(f"The test took longer than {seconds} seconds.")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path | None = None) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.01)
    pytest.fail(f"The server does not start. {log.read_text() if log else ''}")


def check_that_files_are_loaded_once(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"type": "track", "event": "seen", "userId": "u1", "timestamp": AT}
    lines = [json.dumps({**event, "messageId": f"m{n}"}) for n in range(3)]
    (shop / "web.ndjson").write_text("\n".join([*lines, '{"broken']))
    for added in (3, 0):
        capsys.readouterr()
        assert run(["load", "web.ndjson", "--source", "web", "--json"]) == 1
        (report,) = json.loads(capsys.readouterr().out)
        assert (report["read"], report["added"], report["rejected"]) == (4, added, 1)
    (shop / "crm.csv").write_text("contact_id,email\n7,ann@acme.example\n")
    assert run(["load", "crm.csv", "--source", "crm"]) == 0
    counts = [
        query(f"select count(*) from shop_cdp.{table}")[0][0]
        for table in ("landing_events", "landing_records", "landing_rejects")
    ]
    assert counts == [3, 1, 1]


def check_that_runs_exclude_each_other(shop: Path, query: Query) -> None:
    project = Project.find(shop)
    with run_lock(project, "one") as held:
        held.check()
        with pytest.raises(AlreadyRunningError), run_lock(project, "two"):
            pytest.fail("two at a time")
        ((expires_at,),) = query("select expires_at from shop_cdp.leases")
        left = expires_at.replace(tzinfo=None) - utc_now()
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    free = "select lease from shop_cdp.leases where holder is null and expires_at is null"
    assert query(free) == [("run",)]
    query(
        "update shop_cdp.leases set holder = 'dead', expires_at = timestamp '2026-01-01 00:00:00'"
        " where lease = 'run'"
    )
    with run_lock(project, "next"):
        assert query("select holder from shop_cdp.leases") == [("next",)]


def check_that_a_cycle_is_entered(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(shop / "spool")
    event = {"type": "track", "event": "seen", "userId": "u1", "messageId": "m1", "timestamp": AT}
    line = spool_line(Request("web", AT), json.dumps({"batch": [event]}).encode())
    (shop / "spool" / "1.ndjson").write_bytes(line)
    assert run(["run", "--only", "load"]) == 0
    capsys.readouterr()
    assert run(["status", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["runs"]
    assert (entry["status"], entry["steps"][0]["summary"]) == ("ok", "1 event")
    assert entry["seconds"] > 0
    assert query("select count(*) from shop_cdp.landing_events") == [(1,)]
