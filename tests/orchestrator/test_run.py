"""`cdp run`, `cdp schedule` and `cdp status`: one cycle, many, and how they went."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from consumer import Consumer
from dbt_cdp import lock, runner, warehouse
from dbt_cdp.alerts import tell_silence
from dbt_cdp.cli import run
from dbt_cdp.clock import utc_now
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.commands import schedule as scheduling
from dbt_cdp.errors import CdpError, WarehouseError
from dbt_cdp.freshness import SourceEntry, read_sources
from dbt_cdp.landing import ensure_landing
from dbt_cdp.ledger import OK
from dbt_cdp.lock import AlreadyRunningError, LockLostError, run_lock
from dbt_cdp.privacy import ledger as erasures
from dbt_cdp.privacy.ledger import Status, opened_ledger
from dbt_cdp.project import Project
from dbt_cdp.runner import RunReport

Query = Callable[..., list[tuple]]

AT = "2026-06-01T10:00:05.000000+00:00"
SECRET = "ann@acme.example"


def give(folder: Path, name: str = "1") -> None:
    """Put three events and a broken line into the spool."""
    make_folder(folder / "spool")
    event = {"type": "track", "event": "seen", "timestamp": AT}
    batch = [{**event, "messageId": f"{name}{n}", "userId": f"u{n}"} for n in range(3)]
    lines = (json.dumps({"batch": batch}).encode(), b"{broken")
    text = b"".join(spool_line(Request("web", AT), line) for line in lines)
    (folder / "spool" / f"{name}.ndjson").write_bytes(text)


def call(*arguments: str, code: int = 0) -> None:
    assert run(list(arguments)) == code


def read(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    call(*arguments, "--json", code=code)
    return json.loads(capsys.readouterr().out)


def test_a_cycle_loads_and_builds(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    give(shop)
    load, erase, build, _, sync, retain = read(capsys, "run", "--dry-run")
    assert load["summary"].startswith("1 files of the spool")
    assert erase["summary"] == "no request is approved"
    assert build["summary"] == "dbt build --select +package:cdp+"
    assert sync["summary"] == "there are no syncs"
    assert retain["summary"] == "cdp_retention is not set"
    assert (shop / "spool" / "1.ndjson").exists()

    report = read(capsys, "run")
    assert [(one["step"], one["status"]) for one in report["steps"]] == [
        ("load", "ok"),
        ("erase", "skipped"),
        ("build", "ok"),
        ("confirm", "skipped"),
        ("sync", "skipped"),
        ("retain", "skipped"),
    ]
    assert report["steps"][0]["summary"] == "3 events; 1 rejected"
    assert query("select user_id from raw_events order by all") == [("u0",), ("u1",), ("u2",)]
    assert query("select count(*) from user_profiles") == [(3,)]
    assert not (shop / "spool" / "1.ndjson").exists()

    told = read(capsys, "status")
    (entry,) = told["runs"]
    assert (told["is_well"], entry["status"], entry["run_id"]) == (True, "ok", report["run_id"])
    assert entry["seconds"] > sum(one["seconds"] for one in entry["steps"]) > 0
    (source,) = told["sources"]
    assert (source["source"], source["new_events"]) == ("web", 3)
    assert utc_now() - datetime.fromisoformat(source["arrived_at"]) < timedelta(minutes=10)
    call("status", "--max-age", "1h", "--max-silence", "1h")
    assert "3 events; 1 rejected" in capsys.readouterr().out

    # Nothing waits any more.
    again = read(capsys, "run", "--only", "load")
    assert [(one["step"], one["status"]) for one in again["steps"]] == [("load", "skipped")]
    assert "No step is left" in _error(capsys, "run", "--only", "load", "--skip", "load", code=2)


def _error(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    capsys.readouterr()
    call(*arguments, code=code)
    return capsys.readouterr().err


def test_a_failing_model_is_told_without_what_a_row_holds(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"select cast(mail as integer) as mail from (values ('{SECRET}')) as t (mail)"
    (shop / "models").mkdir()
    (shop / "models" / "mine.sql").write_text(f"{{{{ config(materialized='table') }}}} {model}")
    said = _error(capsys, "run", "--skip", "load", "--select", "mine", code=1)
    assert "Could not convert" in said
    told = read(capsys, "status", code=1)
    assert told["problem"] == "The last run was failed: build: `dbt build` failed. mine"
    assert SECRET not in json.dumps(told)


def test_a_selection_that_matches_nothing_fails(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _error(capsys, "run", "--only", "build", "--select", "no_such_model", code=1)
    assert "dbt found nothing to build" in said


@contextmanager
def file_held_open(folder: Path, seconds: int = 600) -> Iterator[None]:
    """Another process has the warehouse's file open for so long."""
    hold = "import duckdb, time; c = duckdb.connect('shop.duckdb'); print(1, flush=True)"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; time.sleep({seconds})"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.kill()
        holder.wait()


def test_one_run_at_a_time(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # As while dbt works, nobody else can open the file.
    with FileLock(shop / "shop.duckdb.lock"), file_held_open(shop):
        said = _error(capsys, "run", code=1)
        assert "Another run is at work" in said and "shop.duckdb.lock" in said
        assert "Another run is at work" in _error(capsys, "run", "--if-free", code=0)


def test_a_run_waits_for_who_looks_into_the_file(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with file_held_open(shop, seconds=3):
        assert read(capsys, "run", "--only", "load")["status"] == OK
    monkeypatch.setattr(warehouse, "_PATIENCE", 1)
    with file_held_open(shop):
        assert "Another process" in _error(capsys, "run", "--only", "load", code=1)


# What a shell starts in the background ignores Ctrl-C, and so would dbt if the tests were started
# that way.
COMMAND = """
import signal
from dbt_cdp.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


class Child:
    """`cdp run` in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", COMMAND, "run"],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, said: str) -> None:
        """Until it has said a line that begins so."""
        assert self._process.stderr
        assert any(line.startswith(said) for line in self._process.stderr)

    def kill(self) -> None:
        """kill -9, with whatever it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self, *, is_whole_group: bool) -> int:
        """SIGTERM, to it alone or to whatever it has started too; returns the exit code."""
        send = os.killpg if is_whole_group else os.kill
        send(self._process.pid, signal.SIGTERM)
        self._process.communicate(timeout=60)
        return self._process.returncode

    def is_gone(self) -> bool:
        """Whether all that it has started has ended, too, or does so soon."""
        until = time.monotonic() + 10
        while is_alive := self._process.pid in living_groups():
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        return not is_alive


def living_groups() -> set[int]:
    """The process groups of all processes that have not ended. Of one that has, the system may keep
    the number for a while."""
    groups = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, group, *_ = file.read_text().rpartition(")")[2].split()
            if state != "Z":
                groups.add(int(group))
    return groups


def wait_for_log(folder: Path, text: str) -> None:
    """Until dbt has come so far that its log says that."""
    log = folder / "logs" / "dbt.log"
    until = time.monotonic() + 120
    while not (log.exists() and text in log.read_text()):
        assert time.monotonic() < until, "dbt has not come so far"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def ready(built_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built once, and in whose spool more has come."""
    folder = tmp_path_factory.mktemp("ready") / "shop"
    shutil.copytree(built_project, folder, symlinks=True)
    give(folder, "1")
    call("run", "--project-dir", str(folder), "--spool", str(folder / "spool"))
    give(folder, "2")
    return folder


@pytest.fixture(scope="module")
def undisturbed(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run that nobody disturbs makes of it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "shop"
    shutil.copytree(ready, folder, symlinks=True)
    call("run", "--project-dir", str(folder), "--spool", str(folder / "spool"))
    return Consumer(folder, "shop.duckdb").snapshot()


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("load ...", None),
        ("load: ok", None),
        ("build ...", "12 of "),
        ("build ...", "45 of "),
        ("build: ok", None),
    ],
)
def test_the_next_run_repairs_what_was_killed(
    ready: Path,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    said: str,
    logged: str | None,
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(ready, folder, symlinks=True)
    shutil.rmtree(folder / "logs")
    child = Child(folder)
    child.wait_for(said)
    if logged:
        wait_for_log(folder, logged)
    child.kill()
    place = ["--project-dir", str(folder)]
    call("run", *place, "--spool", str(folder / "spool"))
    assert Consumer(folder, "shop.duckdb").snapshot() == undisturbed
    runs = read(capsys, "status", *place)["runs"]
    # A run that was killed when it had done everything may have ended before.
    assert runs[0]["status"] == OK
    assert runs[1]["status"] == "interrupted" or said == "build: ok"
    assert "running" not in json.dumps(runs)


# systemd's `KillMode=mixed` and a container's engine send it to the command alone, which lets dbt
# cancel its queries; Airflow and `timeout` send it to dbt as well.
@pytest.mark.parametrize("is_whole_group", [False, True])
def test_sigterm_ends_a_run_with_its_dbt(
    ready: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_whole_group: bool
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(ready, folder, symlinks=True)
    shutil.rmtree(folder / "logs")
    child = Child(folder)
    child.wait_for("build ...")
    wait_for_log(folder, "45 of ")
    assert child.terminate(is_whole_group=is_whole_group) == 143
    assert child.is_gone()
    place = ["--project-dir", str(folder)]
    (stopped, *_) = read(capsys, "status", *place, code=1)["runs"]
    assert (stopped["status"], stopped["error"]) == ("stopped", "stopped by SIGTERM")
    assert stopped["steps"][-1]["step"] == "build"
    assert stopped["steps"][-1]["status"] == "stopped"
    log = (folder / "logs" / "dbt.log").read_text()
    assert ("CANCEL query" in log) == (not is_whole_group)


# The lease


@pytest.fixture
def leased(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose runs are told from each other by a lease, as on a shared warehouse."""
    project = Project.find(shop)
    ensure_landing(project)
    monkeypatch.setattr(Project, "database_file", None)
    return project


def test_a_lease_is_one_run_s(leased: Project, query: Query) -> None:
    with run_lock(leased, "one") as held:
        held.check()
        with (
            pytest.raises(AlreadyRunningError, match="Another run is at work"),
            run_lock(leased, "two"),
        ):
            pytest.fail("two at a time")
        assert query("select lease, holder from leases") == [("run", "one")]
    assert query("select lease, holder, expires_at from leases") == [("run", None, None)]
    with run_lock(leased, "two"):
        pass


def test_a_lease_of_who_has_died_runs_out(leased: Project, query: Query) -> None:
    query("update leases set holder = 'dead', expires_at = timestamp '2026-01-01'")
    with run_lock(leased, "next"):
        assert query("select holder from leases") == [("next",)]


def test_a_run_that_has_lost_its_lease_goes_no_further(
    leased: Project, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_lock(leased, "slow") as held:
        query("update leases set holder = 'other'")
        held.check()
        later = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=5)
        monkeypatch.setattr(lock, "utc_now", lambda: later)
        held.check()
        # Its own has run out, that of the other has not.
        query(f"update leases set expires_at = timestamp '{later + timedelta(hours=1)}'")
        monkeypatch.setattr(lock, "utc_now", lambda: later + timedelta(minutes=6))
        with pytest.raises(LockLostError, match="another one may have begun"):
            held.check()
    assert query("select holder from leases") == [("other",)]


def test_a_lease_is_renewed(leased: Project, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_RENEWALS", 6000)
    with run_lock(leased, "one"):
        ((first,),) = query("select expires_at from leases")
        time.sleep(1)
        ((later,),) = query("select expires_at from leases")
    assert later > first


# Status


@pytest.fixture
def found(shop: Path, query: Query) -> Callable[..., None]:
    """Enters what a run has found of sources: how long ago, in minutes, the newest event came."""
    ensure_landing(Project.find(shop))

    def enter(minutes_ago: int, **sources: int | None) -> None:
        ((now,),) = query("select current_timestamp::timestamp")
        for source, age in sources.items():
            query(
                "insert into run_sources (run_id, source, entered_at, new_events, arrived_at)"
                " values ('r', ?, ?, 5, ?)",
                source,
                now - timedelta(minutes=minutes_ago),
                None if age is None else now - timedelta(minutes=age),
            )

    return enter


@pytest.fixture
def entered(shop: Path, query: Query) -> Callable[..., None]:
    """Enters a run in the ledger."""
    ensure_landing(Project.find(shop))

    def enter(status: str, minutes_ago: int, error: str | None = None) -> None:
        at = f"current_timestamp::timestamp - to_minutes({minutes_ago})"
        ended = "null" if status == "running" else at
        query(
            "insert into runs (run_id, started_at, ended_at, status, error)"
            f" values (uuid()::text, {at}, {ended}, ?, ?)",
            status,
            error,
        )

    return enter


def test_status_is_for_monitoring(
    entered: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(capsys, "status") == {
        "is_well": True,
        "problem": None,
        "runs": [],
        "sources": [],
        "syncs": [],
        "erasures": [],
    }
    assert "No run has succeeded yet" in _error(capsys, "status", "--max-age", "1d", code=1)
    entered("ok", 90)
    call("status", "--max-age", "2h")
    assert "The last run that succeeded ended" in _error(
        capsys, "status", "--max-age", "1h", code=1
    )
    entered("failed", 60, "build: `dbt build` failed. mine")
    assert "was failed: build" in _error(capsys, "status", code=1)
    entered("interrupted", 50)
    assert "was interrupted" in _error(capsys, "status", code=1)
    entered("ok", 40)
    entered("running", 5)
    with FileLock("shop.duckdb.lock"):
        call("status", "--max-age", "1h")
        assert [one["status"] for one in read(capsys, "status", "--runs", "2")["runs"]] == [
            "running",
            "ok",
        ]
    # Nobody holds the lock any more: the run was killed.
    assert "was interrupted" in _error(capsys, "status", code=1)
    assert "no length" in _error(capsys, "status", "--max-age", "soon", code=2)


def test_status_for_prometheus(
    entered: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entered("ok", 90)
    entered("failed", 60, "build: `dbt build` failed. mine")
    path = tmp_path / "cdp.prom"
    call("status", "--prometheus", str(path), code=1)
    labels = '{project="shop",target="dev"}'
    values = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if line[0] != "#")
    assert values[f"cdp_run_success{labels}"] == "0.0"
    age = time.time() - float(values[f"cdp_run_last_success_timestamp_seconds{labels}"])
    assert 5395 < age < 5700
    missing = str(tmp_path / "missing" / "cdp.prom")
    assert "The metrics cannot be written" in _error(
        capsys, "status", "--prometheus", missing, code=2
    )


def test_status_tells_of_silent_sources(
    entered: Callable[..., None], found: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    entered("ok", 30)
    found(90, web=100, app=2000)
    found(30, web=40, app=1940, crm=None)
    call("status")
    assert "never" in capsys.readouterr().out
    told = read(capsys, "status", "--max-silence", "2h", code=1)
    assert told["problem"] == "Too long nothing has come from 'app', 'crm'."
    assert [(one["source"], one["new_events"]) for one in told["sources"]] == [
        ("app", 5),
        ("crm", 5),
        ("web", 5),
    ]
    found(10, web=20, app=1)
    call("status", "--max-silence", "2h")


def test_status_of_a_run_at_work(
    entered: Callable[..., None], shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entered("ok", 90)
    with file_held_open(shop):
        assert "Another process" in _error(capsys, "status", code=1)
        with FileLock(shop / "shop.duckdb.lock") as held:
            assert "A run is at work since" in _error(capsys, "status", code=0)
            an_hour_ago = time.time() - 3600
            os.utime(held.lock_file, (an_hour_ago, an_hour_ago))
            assert read(capsys, "status", "--max-age", "30m", code=1)["problem"]


# Alerts


class Receiver:
    """Takes messages on loopback and gives its answer."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.answer = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append(json.loads(body))
                self.send_response(receiver.answer)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def alerted(shop: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A project with alerts; does a cycle whose one step ends as it is told to."""
    alerts = [
        {"type": "webhook", "url_env": "ALERT_URL"},
        {"type": "slack", "url_env": "SLACK_URL"},
    ]
    Consumer(shop, "shop.duckdb").set_vars({"cdp_alerts": alerts})
    monkeypatch.setenv("ALERT_URL", receiver.url)
    monkeypatch.setenv("SLACK_URL", receiver.url)

    def cycle(error: CdpError | None = None) -> None:
        def do(project: Project, settings: runner.Settings, run_id: str) -> tuple[str, str]:
            if error:
                raise error
            return OK, "done"

        step = runner._Step(lambda project, settings: "", do)
        monkeypatch.setattr(runner, "_STEPS", {**runner._STEPS, "load": step})
        call("run", "--only", "load", code=1 if error else 0)

    return cycle


def test_a_change_is_told_and_not_every_run(
    alerted: Callable[..., None], receiver: Receiver
) -> None:
    alerted()
    assert receiver.messages == []
    alerted(WarehouseError("It is down."))
    told, line = receiver.messages
    assert (told["state"], told["text"]) == ("failing", "cdp run failed: load: It is down.")
    assert (told["project"], told["target"]) == ("shop", "dev")
    assert line["text"].startswith("cdp run failed: load: It is down. (project shop, target dev")
    alerted(WarehouseError("It is down."))
    assert len(receiver.messages) == 2
    alerted()
    assert [one["state"] for one in receiver.messages[2:3]] == ["recovered"]
    alerted()
    assert len(receiver.messages) == 4


def test_a_source_that_falls_silent_is_told_once(
    shop: Path,
    found: Callable[..., None],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALERT_URL", receiver.url)
    monkeypatch.setenv("OTHER_URL", receiver.url)
    patient = {"type": "webhook", "url_env": "OTHER_URL", "stalled_after": "9d"}
    alerts = [{"type": "webhook", "url_env": "ALERT_URL", "stalled_after": "2h"}, patient]
    Consumer(shop, "shop.duckdb").set_vars({"cdp_alerts": alerts})

    before: Mapping[str, SourceEntry] = {}

    def told() -> list[tuple[str, str]]:
        nonlocal before
        receiver.messages.clear()
        project = Project.find(shop)
        last = read_sources(project)
        tell_silence(project, last, before)
        before = last
        return [(one["state"], one["text"][:44]) for one in receiver.messages]

    assert told() == []
    found(200, web=210, app=None)
    assert told() == []
    found(60, web=210, app=None)
    assert told() == [("stalled", "nothing has come from the source 'web' since")]
    found(45, web=210, app=None)
    assert told() == []
    found(30, web=32, app=31)
    assert told() == [("recovered", "the source 'web' sends again.")]
    found(15, web=16, app=31)
    assert told() == []


def test_a_request_for_erasure_that_comes_due_is_told_once_for_each_step(
    alerted: Callable[..., None], receiver: Receiver, shop: Path
) -> None:
    now = utc_now()
    days = {"early": 20, "week": 6, "day": 0.5, "late": -1, "over": -1}

    def due(name: str, status: Status = Status.RECEIVED) -> None:
        with opened_ledger(Project.find(shop)) as ledger:
            due_at = now + timedelta(days=days[name])
            request = erasures.Request(name, status, now, now, due_at, 1, 1, None)
            ledger.enter(request, status, None, None)
            ledger.write()

    def told() -> list[tuple[str, str]]:
        receiver.messages.clear()
        alerted()
        return sorted((one["state"], one["text"]) for one in receiver.messages[::2])

    for name in days:
        due(name)
    due("over", Status.DENIED)
    assert told() == [
        ("due", "due within a day: 1 request for erasure (day)."),
        ("due", "due within a week: 1 request for erasure (week)."),
        ("overdue", "overdue: 1 request for erasure (late)."),
    ]
    assert told() == []
    with duckdb.connect(shop / "shop.duckdb") as connection:
        # As if all had been entered two weeks ago, and nothing had run for one.
        connection.execute(
            "update main_cdp.erasure_requests set entered_at = entered_at - interval 14 day"
        )
        connection.execute("update main_cdp.runs set started_at = started_at - interval 7 day")
    assert told() == [
        ("due", "due within a day: 1 request for erasure (day)."),
        ("due", "due within a week: 1 request for erasure (week)."),
        ("overdue", "overdue: 1 request for erasure (late)."),
    ]
    assert told() == []


def test_a_run_that_cannot_begin_is_told(
    alerted: Callable[..., None], receiver: Receiver, shop: Path
) -> None:
    (shop / "shop.duckdb").unlink()
    (shop / "shop.duckdb").mkdir()
    call("run", code=1)
    assert receiver.messages[0]["text"].startswith("cdp run could not be done: ")


def test_what_cannot_be_sent_fails_no_run(
    alerted: Callable[..., None],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    receiver.answer = 500
    monkeypatch.delenv("SLACK_URL")
    alerted(WarehouseError("It is down."))
    said = capsys.readouterr().err
    assert "could not be sent to webhook (ALERT_URL): it answered 500" in said
    assert "could not be sent to slack (SLACK_URL): the environment variable is not set" in said
    receiver.server.server_close()
    monkeypatch.setenv("ALERT_URL", "http://127.0.0.1:1/secret-path")
    alerted()
    said = capsys.readouterr().err
    assert "could not be sent to webhook (ALERT_URL): ConnectError" in said
    assert "secret-path" not in said


def test_a_misspelt_alert_stops_a_run_before_it_begins(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for alert, problem in [
        ({"type": "pager", "url_env": "X"}, "type"),
        ({"type": "slack", "url_env": "X", "stalled_after": 2}, "stalled_after: Value error, '2'"),
    ]:
        Consumer(shop, "shop.duckdb").set_vars({"cdp_alerts": [alert]})
        said = _error(capsys, "run", code=2)
        assert f"An alert is not as it must be: {problem}" in said


# The schedule


class Cycles:
    """Stands in for the run: each cycle ends as it is told to, the last one stops the schedule."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ends: Exception | None) -> None:
        self.waits: list[float] = []
        self._ends = list(ends)
        monkeypatch.setattr(scheduling, "run", self._run)
        monkeypatch.setattr(scheduling, "_wait", self._wait)

    def _run(self, *arguments: Any) -> RunReport:
        end = self._ends.pop(0)
        if end:
            raise end
        return RunReport("r", OK, [])

    def _wait(self, length: timedelta, stopping: Any) -> None:
        self.waits.append(round(length.total_seconds()))
        if not self._ends:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Gives the signal back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_schedule_survives_failures_and_waits_longer(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    down = WarehouseError("It is down.")
    cycles = Cycles(
        monkeypatch, None, down, down, AlreadyRunningError("Busy."), *[down] * 7, KeyError(SECRET)
    )
    call("schedule", "--every", "2m", code=143)
    assert cycles.waits == [120, 120, 120, 120, 120, 120, 240, 480, 960, 1920, 3600, 3600]
    said = capsys.readouterr().err
    assert said.count("It is down.") == 9 and "Busy." in said
    assert "This program has failed (KeyError)" in said and SECRET not in said


def test_a_schedule_by_cron_waits_first(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cycles = Cycles(monkeypatch, None)
    call("schedule", "--cron", "*/15 * * * *", "--timezone", "Asia/Kathmandu", code=143)
    assert len(cycles.waits) == 2 and all(0 <= wait <= 900 for wait in cycles.waits)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "Give one of --every and --cron"),
        (["--every", "5m", "--cron", "* * * * *"], "Give one of"),
        (["--every", "often"], "no length"),
        (["--cron", "61 * * * *"], "cannot be read"),
        (["--cron", "* * * * *", "--timezone", "Mars/Base"], "cannot be read"),
    ],
)
def test_a_schedule_that_cannot_be_read(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    assert why in _error(capsys, "schedule", *arguments, code=2)


def test_sigterm_lets_the_step_end(shop: Path, query: Query) -> None:
    give(shop)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "dbt_cdp", "schedule", "--every", "1h"],
        cwd=shop,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr
    assert any(line.startswith("build ...") for line in child.stderr)
    child.terminate()
    rest = child.stderr.read()
    assert child.wait() == 143
    assert "build: ok" in rest and rest.endswith("Stopped.\n")
    assert query("select status, error from runs") == [("stopped", "stopped before confirm")]
    assert query("select count(*) from user_profiles") == [(3,)]


def test_a_warehouse_that_cannot_be_opened_is_told(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "shop.duckdb").unlink()
    (shop / "shop.duckdb").mkdir()
    assert "shop.duckdb" in _error(capsys, "run", code=1)
    assert "shop.duckdb" in _error(capsys, "status", code=1)
