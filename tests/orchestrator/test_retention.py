"""`cdp retain`: what has expired is archived and deleted, and nothing else changes by it."""

import json
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bucket_server import BUCKET, bucket_server
from consumer import Consumer, write_shop
from dbt_cdp.cli import run
from dbt_cdp.errors import WarehouseError, WarehouseLockedError
from dbt_cdp.warehouse import duckdb as duckdb_warehouse
from dbt_cdp.warehouse.duckdb import DuckDBWarehouse, rewrite_file
from presets import load as load_tables
from presets import project_with

TODAY = "2026-06-30 06:00:00"
RETENTION = {
    "raw_events_months": 25,
    "archive": "archive",
    "sources": {
        "web": {"raw_events_months": 13},
        "app": {"raw_events_months": 14, "archive": "none"},
    },
}
KEPT_SINCE = {
    "web": date(2025, 5, 30),
    "app": date(2025, 4, 30),
    "former": date(2024, 5, 30),
    "crm": date(2024, 5, 30),
}

# Of each day the last moment that expires, or the first that does not, and plain ones.
EVENTS = [
    ("last", "ann", "2025-05-29T23:59:59.999999Z", "2025-05-30T00:00:01Z"),
    ("first", "ann", "2025-05-30T00:00:00Z", "2025-05-30T00:00:01Z"),
    ("old", "ann", "2024-11-05T10:00:00Z", "2024-11-05T10:00:01Z"),
    ("older", "bob", "2024-11-05T11:00:00Z", "2024-11-05T11:00:01Z"),
    ("new", "ann", "2026-06-29T10:00:00Z", "2026-06-29T10:00:01Z"),
    # Of another day by the version that was received later.
    ("twice", "cid", "2025-05-29T10:00:00Z", "2025-05-29T10:00:01Z"),
    ("twice", "cid", "2025-06-02T10:00:00Z", "2025-06-02T10:00:01Z"),
    ("twice new", "cid", "2025-06-02T10:00:00Z", "2025-06-02T10:00:01Z"),
    ("twice new", "cid", "2025-05-29T10:00:00Z", "2025-06-02T10:00:02Z"),
    # No events.
    ("no time", "dan", None, "2025-05-29T10:00:01Z"),
    ("no time now", "dan", None, "2025-06-29T10:00:01Z"),
]
MINE = """
select * from (values
    ('a1', timestamp '2025-04-29 12:00:00', 'ann'),
    ('a2', timestamp '2025-04-30 00:00:00', 'eve')
) as t (id, happened_at, user_id)
"""
VARS: dict[str, Any] = {
    "cdp_as_of": TODAY,
    "cdp_sources": [
        {"name": "web", "collector": "cdp"},
        {
            "name": "app",
            "events": "mine",
            "columns": {
                "event_id": "id",
                "event_type": "'signed_up'",
                "timestamp": "happened_at",
                "user_id": "user_id",
            },
        },
        {"name": "former", "collector": "cdp"},
    ],
    "cdp_traits": [
        {"name": "visits", "count": "events", "event": "visited"},
        {"name": "pages", "count_distinct": "page_path"},
        {"name": "last_plan", "last": "properties.plan"},
    ],
    "cdp_segments": [{"name": "frequent", "where": "visits > 1"}],
}


def event(name: str, user: str, at: str | None, received_at: str) -> dict[str, Any]:
    return {
        "messageId": name,
        "type": "track",
        "event": "visited",
        "userId": user,
        "timestamp": at,
        "receivedAt": received_at,
        "context": {"page": {"path": f"/{name}"}},
        "properties": {"plan": name},
    }


def write(folder: Path, source: str, *events: tuple[str, str, str | None, str]) -> None:
    """Load events, a file after the other."""
    file = folder / f"{source}.ndjson"
    file.write_text("\n".join(json.dumps(event(*one)) for one in events))
    call("load", str(file), "--source", source, "--project-dir", str(folder))


def call(*arguments: str, code: int = 0) -> None:
    assert run(list(arguments)) == code


def read(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    call(*arguments, "--json", code=code)
    return json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    capsys.readouterr()
    call(*arguments, code=code)
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built, of which nothing has expired, and in which something is to."""
    folder = tmp_path_factory.mktemp("grown") / "shop"
    write_shop(folder, {"type": "duckdb", "path": "shop.duckdb", "threads": 2})
    (folder / "models").mkdir()
    (folder / "models" / "mine.sql").write_text(MINE)
    consumer = Consumer(folder, "shop.duckdb")
    consumer.set_vars(VARS)
    write(folder, "web", *EVENTS)
    write(folder, "former", ("f1", "ann", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"))
    (folder / "broken.ndjson").write_text('{"broken\n')
    call(
        "load",
        str(folder / "broken.ndjson"),
        "--source",
        "web",
        "--project-dir",
        str(folder),
        code=1,
    )
    call("run", "--project-dir", str(folder))
    with duckdb.connect(consumer.database) as connection:
        # What is no event of a source that is known expires by when it came.
        connection.execute("update main_cdp.landing_rejects set loaded_at = '2025-05-29'")
        connection.execute(
            "update main_cdp.landing_events set received_at = '2024-05-29' where source = 'former'"
        )
    consumer.set_vars(
        {"cdp_sources": VARS["cdp_sources"][:2], "cdp_retention": RETENTION, "cdp_as_of": TODAY}
    )
    # The copies need not be parsed and compiled again.
    call("retain", "--dry-run", "--project-dir", str(folder))
    return folder


@pytest.fixture
def project(grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    """A copy of it, which is also the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(grown, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return Consumer(folder, "shop.duckdb")


def people(consumer: Consumer) -> dict[str, Any]:
    """What a build has found out of people, which outlives the events."""
    found = consumer.snapshot()
    del found["events"]
    return found


EXPIRED = {
    ("web", "landing_events", 6),
    ("web", "landing_rejects", 1),
    ("web", "raw_events", 4),
    ("app", "raw_events", 1),
    ("former", "landing_events", 1),
    ("former", "raw_events", 1),
}


def test_what_has_expired_goes_and_no_profile_or_segment_changes(
    project: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = people(project)
    assert before["members"] and len(before["profiles"]) == 4
    planned = read(capsys, "retain", "--dry-run")
    assert {(one["source"], one["table"], one["rows"]) for one in planned["expired"]} == EXPIRED
    assert {one["source"]: one["kept_since"] for one in planned["expired"]} == {
        source: str(KEPT_SINCE[source]) for source in ("web", "app", "former")
    }
    assert (planned["is_due"], planned["is_done"], planned["events"]) == (True, False, 10)
    assert project.query("select count(*) from raw_events") == [(10,)]

    # Six of ten events are more than expires from one day to the next.
    said = error(capsys, "run")
    assert "retain: failed" in said and "6 of 10 events would expire at once" in said
    assert project.query("select count(*) from raw_events") == [(10,)]
    assert people(project) == before

    done = read(capsys, "retain", "--yes")
    assert done == {**planned, "is_done": True}
    assert project.query("select source, event_id from raw_events order by all") == [
        ("app", "a2"),
        ("web", "first"),
        ("web", "new"),
        ("web", "twice new"),
    ]
    landed = "select payload->>'messageId' from landing_events order by all"
    assert [name for (name,) in project.query(landed)] == [
        *("first", "new", "no time now", "twice new", "twice new")
    ]
    assert project.query("select count(*) from landing_rejects") == [(0,)]
    assert people(project) == before
    entered = "select source, table_name, deleted_rows from retention_runs"
    assert set(project.query(entered)) == EXPIRED
    archived = "select source, archived_rows from retention_runs where archive = 'archive'"
    assert sorted(project.query(archived)) == [("former", 1), ("web", 4)]

    assert read(capsys, "retain") == {"is_due": False, "is_done": False, "events": 0, "expired": []}
    report = read(capsys, "run", "--full-refresh")
    done = [one["step"] for one in report["steps"] if one["status"] == "ok"]
    assert done == ["build"]
    assert people(project) == before


def test_a_first_build_takes_of_each_event_what_came_first_and_has_not_expired(
    project: Consumer,
) -> None:
    project.runs("run", "--full-refresh", "--select", "+cdp__raw_events")
    kept = "select source, event_id, timestamp::date::text from raw_events order by all"
    found = project.query(kept)
    assert found == [
        ("app", "a2", "2025-04-30"),
        ("web", "first", "2025-05-30"),
        ("web", "new", "2026-06-29"),
        ("web", "twice new", "2025-06-02"),
    ]
    # The same where somebody is suppressed, so that every identifier is looked at.
    with duckdb.connect(project.database) as connection:
        connection.execute(
            "insert into main_cdp.suppressions (suppression_id, key_id, digest)"
            " values ('somebody', 'a key', 'a digest')"
        )
    project.runs("run", "--full-refresh", "--select", "cdp__raw_events")
    assert project.query(kept) == found


def test_the_archive_holds_what_was_deleted(
    project: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [name for name, *_ in project.query("describe from raw_events")]
    columns = [
        name for name in names if name not in ("tuple_key", "group_key", "superseded_groups")
    ]
    columns = ", ".join(name for name in columns if name not in ("content_hash", "batch_id"))
    wanted = project.query(
        f"select {columns} from raw_events where source = 'former'"
        f" or source = 'web' and timestamp < '{KEPT_SINCE['web']}' order by all"
    )
    call("retain", "--yes")
    files = sorted(path for path in Path("archive").rglob("*.parquet"))
    assert [str(path.parent) for path in files] == [
        "archive/raw_events/source=former/date=2024-01-01",
        "archive/raw_events/source=web/date=2024-11-05",
        "archive/raw_events/source=web/date=2025-05-29",
    ]
    found = duckdb.sql(f"select {columns} from 'archive/**/*.parquet' order by all").fetchall()
    assert found == wanted


def test_a_closed_day_takes_nothing_more(
    project: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = """
        select identifier_value, visits from user_profiles
        join identity_graph using (canonical_id) where identifier_type = 'user_id' order by all
    """
    assert project.query(visits) == [("ann", 5), ("bob", 1), ("cid", 2), ("eve", 0)]
    call("retain", "--yes")
    # An event of a day that has gone, and an earlier version of one that is there.
    write(
        project.folder,
        "web",
        ("late", "ann", "2024-11-05T12:00:00Z", "2026-06-30T05:00:00Z"),
        ("new", "ann", "2024-11-05T12:00:00Z", "2024-11-05T12:00:01Z"),
    )
    # A longer window opens none.
    project.set_vars({"cdp_retention": {"raw_events_months": 60}})
    call("run", "--only", "build")
    assert project.query(
        "select event_id, reject_reason from stg_cdp__rejected_events"
        " where event_id in ('late', 'new') order by all"
    ) == [
        ("late", "older than cdp_retention keeps events"),
        ("new", "older than cdp_retention keeps events"),
    ]
    # One less: the visit of yesterday is of a closed day now, which is counted as it was.
    assert project.query(visits) == [("ann", 4), ("bob", 1), ("cid", 2), ("eve", 0)]
    assert read(capsys, "retain")["expired"] == []


def test_what_is_interrupted_is_done_by_the_next(
    project: Consumer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = people(project)
    execute = DuckDBWarehouse.execute
    writes = 0

    def failing(self: DuckDBWarehouse, sql: str, parameters: Any = ()) -> int:
        nonlocal writes
        is_write = sql.startswith(("delete", "insert into"))
        if is_write and writes:
            raise WarehouseError("It is gone.")
        rows = execute(self, sql, parameters)
        writes += is_write and rows > 0
        return rows

    # Each comes one change further than the one before.
    interrupted = 0
    with monkeypatch.context() as patch:
        patch.setattr(DuckDBWarehouse, "execute", failing)
        while run(["retain", "--yes"]) == 1:
            writes = 0
            interrupted += 1
            assert interrupted < 20
    assert interrupted >= 6
    assert project.query("select count(*) from raw_events") == [(4,)]
    assert project.query("select count(*) from landing_events") == [(5,)]
    assert people(project) == before
    assert read(capsys, "retain")["is_due"] is False
    assert len(list(Path("archive").rglob("*.parquet"))) == 3


@pytest.mark.parametrize("seen", ["archive/**/*.parquet", "shop.duckdb.new"])
def test_the_next_repairs_what_was_killed(
    project: Consumer, capsys: pytest.CaptureFixture[str], seen: str
) -> None:
    with duckdb.connect(project.database) as connection:
        # So much that the copy of the file takes its time.
        connection.execute(
            "create table main.filler as select md5(range::text) from range(3000000)"
        )
    before = people(project)
    call_of = [sys.executable, "-P", "-m", "dbt_cdp", "retain", "--yes"]
    with subprocess.Popen(call_of, cwd=project.folder, stdout=subprocess.DEVNULL) as child:
        until = time.monotonic() + 120
        while not list(project.folder.glob(seen)):
            assert child.poll() is None and time.monotonic() < until
            time.sleep(0.001)
        child.kill()
    call("retain", "--yes")
    assert project.query("select count(*) from raw_events") == [(4,)]
    assert project.query("select count(*) from landing_events") == [(5,)]
    assert people(project) == before
    assert read(capsys, "retain")["is_due"] is False
    archived = duckdb.sql("select event_id from 'archive/**/*.parquet' order by all").fetchall()
    assert archived == [("f1",), ("last",), ("old",), ("older",), ("twice",)]
    # Half a copy is gone with the next one.
    rewrite_file(project.database)
    assert not list(project.folder.glob("shop.duckdb.new*"))


def test_what_cannot_be_archived_is_not_deleted(
    project: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("archive").write_text("a file")
    said = error(capsys, "retain", "--yes")
    assert "archive" in said and "What to do" in said
    assert project.query("select count(*) from raw_events where source <> 'app'") == [(8,)]
    assert project.query("select count(*) from landing_events where source = 'web'") == [(11,)]


def test_a_bucket_takes_the_archive(
    project: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**RETENTION, "archive": f"s3://{BUCKET}/cdp"}
    project.set_vars({"cdp_retention": settings})
    with bucket_server() as bucket:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
        bucket.fail(403, "AccessDenied")
        call("retain", "--yes", code=1)
        assert project.query("select count(*) from raw_events") == [(10,)]
        call("retain", "--yes")
    assert project.query("select count(*) from raw_events") == [(4,)]
    days = {key.rpartition("/")[0] for key in bucket.objects}
    assert days == {
        "cdp/raw_events/source=former/date=2024-01-01",
        "cdp/raw_events/source=web/date=2024-11-05",
        "cdp/raw_events/source=web/date=2025-05-29",
    }
    for key, content in bucket.objects.items():
        (tmp_path / key.replace("/", "_")).write_bytes(content)
    ids = duckdb.sql(f"select event_id from '{tmp_path}/*.parquet' order by all").fetchall()
    assert ids == [("f1",), ("last",), ("old",), ("older",), ("twice",)]


def test_without_an_archive_they_are_only_deleted(project: Consumer) -> None:
    project.set_vars({"cdp_retention": {"raw_events_months": 13}})
    call("retain", "--yes")
    assert project.query("select event_id from raw_events order by all") == [
        *(("first",), ("new",), ("twice new",))
    ]
    assert not Path("archive").exists()


def test_nothing_expires_where_nobody_says_so(
    project: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    project.set_vars({"cdp_retention": None})
    assert "cdp_retention is not set" in error(capsys, "retain", code=2)
    (step,) = read(capsys, "run", "--only", "retain")["steps"]
    assert (step["status"], step["summary"]) == ("skipped", "cdp_retention is not set")


def test_events_that_were_not_counted_yet_stay(
    project: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect(project.database) as connection:
        # The last build that succeeded was before.
        connection.execute("update main_cdp.run_sources set entered_at = '2026-01-01'")
    assert {(one["table"]) for one in read(capsys, "retain", "--dry-run")["expired"]} == {
        "landing_events",
        "landing_rejects",
    }
    with duckdb.connect(project.database) as connection:
        connection.execute("delete from main_cdp.run_sources")
    assert "No build of `cdp run` has succeeded yet" in error(capsys, "retain", code=2)


def test_months_outside_of_what_is_recommended_are_told(project: Consumer) -> None:
    project.set_vars({"cdp_retention": {"raw_events_months": 12}})
    said = project.start("compile", "--select", "stg_cdp__retention").communicate()[0]
    assert "events of 'web' are kept for 12 months; 13 to 25 are recommended" in said.replace(
        "\n", " "
    )
    project.set_vars({"cdp_retention": {"raw_events_months": 13}})
    said = project.start("compile", "--select", "stg_cdp__retention").communicate()[0]
    assert "recommended" not in said


# The tables of collectors

COLLECTORS = ("amplitude", "jitsu", "mixpanel", "rudderstack", "segment", "snowplow")


def test_tables_of_collectors_expire_where_the_user_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = project_with(tmp_path / "tables", COLLECTORS)
    monkeypatch.chdir(tables.folder)
    load_tables(tables, COLLECTORS, 1)
    load_tables(tables, COLLECTORS, 2)
    # Of 13 months the first day is the second of June, the day of the second load.
    tables.set_vars({"cdp_as_of": "2027-07-02"})
    call("run", "--only", "build")
    before = people(tables)
    dates = "select source, min(timestamp)::date::text, count(*) from stg_cdp__events group by all"
    found = {source: (first, count) for source, first, count in tables.query(dates)}
    assert (
        set(found) == set(COLLECTORS) and max(first for first, _ in found.values()) < "2026-06-02"
    )

    asked = {name: {"source_tables": True} for name in COLLECTORS if name != "snowplow"}
    tables.set_vars({"cdp_retention": {"raw_events_months": 13, "sources": asked}})
    done = read(capsys, "retain", "--yes")["expired"]
    gone = {(one["source"], one["table"]) for one in done}
    assert {("segment", "tracks"), ("segment", "order_completed"), ("jitsu", "events")} <= gone
    assert ("mixpanel", "mp_master_event") in gone and ("amplitude", "event") in gone
    left = {source: (first, count) for source, first, count in tables.query(dates)}
    assert left["snowplow"] == found["snowplow"]
    for source in asked:
        first, count = left.get(source, ("none", 0))
        assert first > "2026-06-01" and count < found[source][1]
    assert tables.query("select count(*) from raw_events where timestamp < '2026-06-02'") == [(0,)]
    assert people(tables) == before
    call("run", "--full-refresh")
    assert people(tables) == before
    rejected = (
        "select distinct source from stg_cdp__rejected_events where reject_reason like 'older%'"
    )
    assert tables.query(rejected) == [("snowplow",)]


# The file


def test_a_file_is_written_anew_without_what_was_deleted(project: Consumer) -> None:
    file = project.database
    with duckdb.connect(file) as connection:
        connection.execute("create table main.needle as select 'needle-in-the-file' as x")
        connection.execute("insert into main.needle select md5(range::text) from range(5000)")
        connection.execute(
            "create table main.filler as select md5(range::text) as x from range(500000)"
        )
        connection.execute("checkpoint")
        connection.execute("delete from main.filler")
        connection.execute("delete from main.needle where x like 'needle%'")
    before = project.query(
        "select table_schema, table_name, column_name, is_nullable from"
        " information_schema.columns order by all"
    )
    size = file.stat().st_size
    assert b"needle-in-the-file" in file.read_bytes()
    file.chmod(0o640)
    rewrite_file(file)
    assert file.stat().st_size < size / 2 and file.stat().st_mode & 0o777 == 0o640
    assert b"needle-in-the-file" not in file.read_bytes()
    assert before == project.query(
        "select table_schema, table_name, column_name, is_nullable from"
        " information_schema.columns order by all"
    )
    assert project.query("select count(*) from resolved_events") == [(10,)]
    assert not list(project.folder.glob("shop.duckdb.new*"))


def test_a_log_beside_the_file_is_not_lost(project: Consumer) -> None:
    code = (
        "import duckdb, os; c = duckdb.connect('shop.duckdb');"
        " c.execute('create table main.late as select 7 as n'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=project.folder)
    assert (project.folder / "shop.duckdb.wal").exists()
    rewrite_file(project.database)
    assert not (project.folder / "shop.duckdb.wal").exists()
    assert project.query("select n from main.late") == [(7,)]


def test_a_file_that_somebody_writes_to_stays(project: Consumer) -> None:
    code = "import duckdb; c = duckdb.connect('shop.duckdb'); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout and holder.stdin
        holder.stdout.readline()
        before = project.database.read_bytes()
        with pytest.raises(WarehouseLockedError, match="Another process"):
            rewrite_file(project.database)
        assert project.database.read_bytes() == before
        holder.communicate("\n")


def test_without_room_for_a_copy_the_events_are_deleted_all_the_same(
    project: Consumer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(project.folder)._replace(free=1000)
    monkeypatch.setattr(duckdb_warehouse.shutil, "disk_usage", lambda path: usage)
    inode = project.database.stat().st_ino
    said = error(capsys, "retain", "--yes", code=0)
    assert "the file is as large as before" in said and "no room for a copy" in said
    assert project.query("select count(*) from raw_events") == [(4,)]
    assert project.database.stat().st_ino == inode
