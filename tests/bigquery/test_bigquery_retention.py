"""`cdp retain` on BigQuery: what has expired is archived, deleted and entered."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import parquet

from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt
from dbt_cdp.project import Project

Query = Callable[..., list[tuple]]

EVENTS = {
    "last": "2025-05-29T23:59:59.999999Z",
    "first": "2025-05-30T00:00:00Z",
    "old": "2024-11-05T10:00:00Z",
}
SEEN = datetime(2024, 11, 5, 10, tzinfo=UTC)


def set_vars(folder: Path, **variables: Any) -> None:
    file = folder / "dbt_project.yml"
    settings = yaml.safe_load(file.read_text())
    settings["vars"].update(variables)
    file.write_text(yaml.safe_dump(settings))


@pytest.fixture
def grown(shop: Path, query: Query) -> Path:
    """A project with events of three days. The emulator takes text out of JSON for JSON, so that
    what staging makes of them is made here."""
    set_vars(shop, cdp_as_of="2026-06-30 06:00:00")
    line = {"type": "track", "event": "seen", "userId": "u1"}
    lines = [
        {**line, "messageId": name, "timestamp": at, "receivedAt": at}
        for name, at in EVENTS.items()
    ]
    (shop / "web.ndjson").write_text("\n".join(map(json.dumps, lines)))
    assert run(["load", "web.ndjson", "--source", "web"]) == 0
    assert run(["run", "--only", "build", "--select", "+stg_cdp__retention"]) == 0
    query("insert into shop_cdp.run_sources (run_id, entered_at) values ('r', current_timestamp())")
    node = Dbt(Project.find(shop)).manifest().node("cdp__raw_events")
    known = {"source", "event_id", "timestamp", "received_at", "batch_id", "loaded_at"}
    texts = "".join(
        f", cast('é' as string) as {name}" for name in node["columns"] if name not in known
    )
    at = "timestamp(json_value(payload, '$.timestamp'))"
    query(
        "create table shop_cdp.stg_cdp__incoming_events as"
        " select source, ingest_id as content_hash, loaded_at,"
        f" json_value(payload, '$.messageId') as event_id, {at} as timestamp, {at} as received_at,"
        " cast(null as string) as reject_reason from shop_cdp.landing_events"
    )
    query(
        "create table shop_cdp.raw_events as select source, event_id, timestamp, received_at,"
        f" loaded_at, 5 as batch_id{texts} from shop_cdp.stg_cdp__incoming_events"
    )
    return shop


def test_expired_events_are_archived_and_deleted(
    grown: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    set_vars(grown, cdp_retention={"raw_events_months": 13, "archive": "archive"})
    capsys.readouterr()
    assert run(["retain", "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [(one["table"], one["rows"]) for one in planned["expired"]] == [
        ("landing_events", 2),
        ("raw_events", 2),
    ]
    assert run(["retain"]) == 1
    assert "2 of 3 events would expire at once" in capsys.readouterr().err
    assert run(["retain", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**planned, "is_done": True}
    assert query("select event_id from shop_cdp.raw_events") == [("first",)]
    assert query("select count(*) from shop_cdp.landing_events") == [(1,)]
    entered = "select table_name, kept_since, deleted_rows, archived_rows from shop_cdp."
    assert sorted(query(f"{entered}retention_runs")) == [
        ("landing_events", date(2025, 5, 30), 2, None),
        ("raw_events", date(2025, 5, 30), 2, 2),
    ]
    files = sorted(Path("archive").rglob("*.parquet"))
    assert [file.parent.name for file in files] == ["date=2024-11-05", "date=2025-05-29"]
    (row,) = parquet.read_table(files[0], partitioning=None).to_pylist()
    assert (row["event_id"], row["timestamp"], row["properties"]) == ("old", SEEN, "é")
    assert run(["retain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_due"] is False
