"""`cdp run` when Google refuses the credentials, or BigQuery is away.

Google is a server on loopback that answers as Google does, or the emulator behind a door that can
be shut while a run is at work.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from consumer import write_shop
from dbt_cdp.cli import run
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.landing import ensure_landing
from dbt_cdp.ledger import OK
from dbt_cdp.project import Project
from dbt_cdp.warehouse import bigquery

Query = Callable[..., list[tuple]]

AT = "2026-06-01T10:00:05.000000+00:00"
SECRET = "ya29.needle"
TARGET = {
    "type": "bigquery",
    "method": "oauth-secrets",
    "project": "test-project",
    "dataset": "shop",
    "location": "US",
    "threads": 1,
}

# More than a run takes that finds out at once, and far less than Google's client tries.
SECONDS = 45


@dataclass(frozen=True)
class Answer:
    """What a server says."""

    status: int
    body: bytes
    type: str = "application/json"


def refusal(status: int, reason: str, message: str) -> Answer:
    """As BigQuery refuses a call."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    error = {"code": status, "message": message, "errors": errors}
    return Answer(status, json.dumps({"error": error}).encode())


EXPIRED = refusal(401, "authError", "Request had invalid authentication credentials.")
DENIED = refusal(
    403,
    "accessDenied",
    "Access Denied: Project test-project: User does not have bigquery.jobs.create permission in"
    " project test-project.",
)
GRANT = {"error": "invalid_grant", "error_description": f"Token {SECRET} has expired."}
INVALID_GRANT = Answer(400, json.dumps(GRANT).encode())


class Door:
    """A server on loopback; each request is answered by a function, until it is shut.

    Attributes:
        requests: methods and paths of what came.
        answer: gives the answer.
    """

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler, bytes], Answer]) -> None:
        self.requests: list[str] = []
        self.answer = answer
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"] or 0))
                door.requests.append(f"{self.command} {urlsplit(self.path).path}")
                answer = door.answer(self, content)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def shut(self) -> None:
        """Refuse every connection from now on; none is open between two requests."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def google() -> Iterator[Callable[[Answer], Door]]:
    """Makes a server that gives one answer to everything."""
    doors = []

    def make(answer: Answer) -> Door:
        doors.append(Door(lambda request, content: answer))
        return doors[-1]

    yield make
    for door in doors:
        door.shut()


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the command in a new project with these settings; it must fail soon."""

    def do(*arguments: str, code: int, **settings: Any) -> str:
        folder = write_shop(tmp_path / "shop", {**TARGET, **settings})
        monkeypatch.chdir(folder)
        began = time.monotonic()
        assert run(list(arguments)) == code
        assert time.monotonic() - began < SECONDS
        captured = capsys.readouterr()
        said = captured.out + captured.err
        left = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".yml"]
        assert not [path for path in left if b"needle" in path.read_bytes()]
        assert "needle" not in said and "Traceback" not in said
        return said

    return do


def test_a_token_that_has_expired(
    google: Callable[[Answer], Door], call: Callable[..., str]
) -> None:
    door = google(EXPIRED)
    said = call("run", code=1, token=SECRET, api_endpoint=door.url)
    assert "Google refuses the credentials of the profile" in said
    assert "What to do: renew what the target gives for them" in said
    assert len(door.requests) < 3


def test_a_right_that_is_not_granted(
    google: Callable[[Answer], Door], call: Callable[..., str]
) -> None:
    door = google(DENIED)
    said = call("run", code=1, token=SECRET, api_endpoint=door.url)
    assert "does not have bigquery.jobs.create permission" in said
    assert "What to do: grant that right to the account" in said
    assert len(door.requests) < 3


def test_a_refresh_token_that_has_expired(
    google: Callable[[Answer], Door], call: Callable[..., str]
) -> None:
    door = google(INVALID_GRANT)
    said = call(
        "run",
        code=1,
        refresh_token=SECRET,
        client_id="client",
        client_secret="needle",
        token_uri=f"{door.url}/token",
        api_endpoint=door.url,
    )
    assert "Google refuses the credentials of the profile (invalid_grant)." in said
    assert "What to do: renew what the target gives for them" in said
    assert set(door.requests) == {"POST /token"} and len(door.requests) < 3


def test_a_keyfile_that_is_not_there(call: Callable[..., str]) -> None:
    said = call("run", code=2, method="service-account", keyfile="needle.json")
    assert "The file of the account's key cannot be read: No such file or directory." in said
    assert "Where: `keyfile` of the target 'dev' of the profile" in said
    assert "What to do: correct it" in said


def test_nobody_answers(call: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Google's client would try for ten minutes.
    monkeypatch.setattr(bigquery, "_PATIENCE", 2)
    said = call("run", code=1, token=SECRET, api_endpoint="http://127.0.0.1:9")
    assert "BigQuery gave no answer" in said
    assert "What to do: see whether this machine reaches it" in said


# In the midst of a run


@pytest.fixture
def door(endpoint: str) -> Iterator[Door]:
    """The way to the emulator."""
    door = Door(lambda request, content: pass_on(endpoint, request, content))
    yield door
    door.shut()


def pass_on(endpoint: str, request: BaseHTTPRequestHandler, content: bytes) -> Answer:
    """What the emulator answers."""
    connection = HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    left_out = ("host", "connection", "accept-encoding", "content-length")
    headers: Mapping[str, str] = {
        name: value for name, value in request.headers.items() if name.lower() not in left_out
    }
    connection.request(request.command, request.path, content, headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return Answer(reply.status, body, reply.headers.get("Content-Type") or "")


def give(folder: Path) -> None:
    make_folder(folder / "spool")
    event = {"type": "track", "event": "seen", "userId": "u1", "messageId": "m1", "timestamp": AT}
    line = spool_line(Request("web", AT), json.dumps({"batch": [event]}).encode())
    (folder / "spool" / "1.ndjson").write_bytes(line)


def through(door: Door, shop: Path) -> None:
    """Let the project reach the emulator by the door alone, with the usual retries."""
    path = shop / "profiles.yml"
    settings = yaml.safe_load(path.read_text())
    target = settings["shop"]["outputs"]["dev"]
    target |= {"api_endpoint": door.url, "job_retries": 1, "job_retry_deadline_seconds": 3}
    target["token"] = SECRET
    path.write_text(yaml.safe_dump(settings))


@pytest.mark.parametrize(
    ("gone", "said_by_dbt"),
    [("away", "Connection refused"), ("expired", "Unable to generate access token")],
)
def test_the_warehouse_goes_away_between_the_load_and_the_build(
    shop: Path,
    query: Query,
    door: Door,
    gone: str,
    said_by_dbt: str,
) -> None:
    signal.alarm(240)  # dbt starts twice
    give(shop)
    direct = (shop / "profiles.yml").read_text()
    through(door, shop)
    ensure_landing(Project.find(shop))
    log = shop / "logs" / "dbt.log"
    log.unlink()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "dbt_cdp", "run"], cwd=shop, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr
    # Only the build takes dbt now, and it begins when the ledger has the step.
    until = time.monotonic() + 60
    while not (log.exists() and "Running with dbt" in log.read_text()):
        assert time.monotonic() < until, "dbt has not begun"
        time.sleep(0.01)
    if gone == "away":
        door.shut()
    else:
        door.answer = lambda request, content: EXPIRED
    began = time.monotonic()
    said = child.stderr.read()
    assert child.wait() == 1
    assert time.monotonic() - began < 2 * SECONDS
    assert said_by_dbt in said.partition("Error: `dbt build` failed.")[2]
    assert "build: failed" in said and "The ledger could not be written: " in said
    assert "Traceback" not in said and "needle" not in said
    assert not list((shop / "spool").glob("*.ndjson"))

    # It is there again. The lease that could not be given back has run out.
    (shop / "profiles.yml").write_text(direct)
    query("update shop_cdp.leases set expires_at = timestamp '2026-01-01 00:00:00' where true")
    assert run(["status"]) == 1
    assert run(["run", "--only", "load"]) == 0
    assert query("select count(*) from shop_cdp.landing_events") == [(1,)]
    statuses = "select status from shop_cdp.runs order by started_at desc limit 2"
    assert query(statuses) == [(OK,), ("interrupted",)]
    steps = "select step, status from shop_cdp.run_steps order by started_at desc limit 4"
    done = [("build", "interrupted"), ("erase", "skipped"), ("load", OK)]
    assert query(steps)[1:] == done
