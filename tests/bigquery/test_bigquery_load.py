"""`cdp load` on BigQuery: every line once, whatever is interrupted."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from google.cloud import bigquery

from dbt_cdp.cli import run
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder, sealed_segments
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project

EVENT = {"user_id": "u1", "event": "page_viewed", "timestamp": "2026-01-02T03:04:05Z"}
BIG = 12345678901234567890
AT = "2026-06-01T10:00:05.000000+00:00"

# A load in chunks of two lines that is killed when it reads the fifth event.
KILLED_LOAD = """
import os, signal, sys
from dbt_cdp import landing
from dbt_cdp.cli import run

def read(path, real=landing.read_segment):
    for number, event in enumerate(real(path)):
        if number == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield event

landing._CHUNK_ROWS = 2
landing.read_segment = read
run(["load", "--spool", sys.argv[1]])
"""

Query = Callable[..., list[tuple]]


def load(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict]]:
    capsys.readouterr()
    code = run(["load", "--json", *map(str, arguments)])
    return code, json.loads(capsys.readouterr().out)


def segment(spool: Path, name: str, *ids: str) -> Path:
    events = [{**EVENT, "type": "track", "messageId": name} for name in ids]
    make_folder(spool)
    path = spool / f"{name}.ndjson"
    path.write_bytes(spool_line(Request("web", AT), json.dumps({"batch": events}).encode()))
    return path


def landed(query: Query) -> list[str]:
    rows = query(
        "select json_value(payload, '$.messageId') from shop_cdp.landing_events order by 1"
    )
    return [name for (name,) in rows]


def test_the_landing_tables_are_made_once(shop: Path, query: Query) -> None:
    tables = ensure_landing(Project.find(shop))
    assert {table.schema for table in tables.values()} == {"shop_cdp"}
    types = query(
        "select column_name, data_type from shop_cdp.INFORMATION_SCHEMA.COLUMNS"
        " where table_name = 'landing_events' order by ordinal_position"
    )
    assert types == [
        ("ingest_id", "STRING"),
        ("source", "STRING"),
        ("received_at", "TIMESTAMP"),
        ("loaded_at", "TIMESTAMP"),
        ("payload", "STRING"),
    ]


def test_a_file_is_loaded_once_and_what_cannot_be_read_is_among_the_rejects(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({**EVENT, "id": BIG, "note": "a\nb \u2028 é"}), "not JSON", "[1]"]
    Path("events.ndjson").write_text("\n".join([*lines, json.dumps(EVENT), lines[0]]))
    code, (report,) = load(capsys, "events.ndjson")
    counts = ("read", "added", "already_there", "rejected")
    assert (code, [report[name] for name in counts]) == (1, [5, 2, 1, 2])
    code, (report,) = load(capsys, "events.ndjson")
    assert [report[name] for name in counts] == [5, 0, 3, 2]

    rows = query(
        "select source, payload, json_value(payload, '$.id'), received_at = loaded_at"
        " from shop_cdp.landing_events order by length(payload)"
    )
    payloads = [
        json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        for event in (EVENT, json.loads(lines[0]))
    ]
    assert rows == [("web", payloads[0], None, True), ("web", payloads[1], str(BIG), True)]
    rejects = query(
        "select file_name, kind, line_number, reason, payload from shop_cdp.landing_rejects"
        " order by line_number"
    )
    reason = "not JSON: Expecting value at character 1"
    assert rejects == [
        ("events.ndjson", "events", 2, reason, "not JSON"),
        ("events.ndjson", "events", 3, "not a JSON object", "[1]"),
    ]


def test_records_are_loaded_too(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("contacts.csv").write_text(f"contact_id,email\n{BIG},a@shop.example\n")
    assert load(capsys, "--source", "crm", "contacts.csv")[0] == 0
    payload = f'{{"contact_id":"{BIG}","email":"a@shop.example"}}'
    assert query("select source, payload from shop_cdp.landing_records") == [("crm", payload)]


def test_a_file_that_is_damaged_leaves_nothing_behind(
    shop: Path,
    query: Query,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dbt_cdp.landing._CHUNK_ROWS", 2)
    # Of random ids, so that most of it is there when the end is missing.
    lines = [json.dumps({**EVENT, "id": os.urandom(64).hex()}) for _ in range(9)]
    packed = gzip.compress("\n".join(["not JSON", *lines]).encode())
    Path("torn.ndjson.gz").write_bytes(packed[:-100])
    code, (report,) = load(capsys, "torn.ndjson.gz")
    assert (code, "cut short" in report["problem"]) == (1, True)
    for table in ("landing_events", "landing_rejects"):
        assert query(f"select count(*) from shop_cdp.{table}") == [(0,)]


def test_the_spool_is_loaded_once_and_deleted(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = shop / "spool"
    segment(spool, "1", "a", "b")
    segment(spool, "2", "c")
    code, (report,) = load(capsys, "--spool", spool)
    assert (code, report["read"], report["added"]) == (0, 3, 3)
    assert (landed(query), sealed_segments(spool)) == (["a", "b", "c"], [])
    assert query("select distinct received_at from shop_cdp.landing_events") == [
        (datetime(2026, 6, 1, 10, 0, 5),)
    ]

    # As after a crash between the commit and the deletion.
    segment(spool, "1", "a", "b")
    code, (report,) = load(capsys, "--spool", spool)
    assert (code, report["added"], report["already_there"]) == (0, 0, 2)
    assert (landed(query), sealed_segments(spool)) == (["a", "b", "c"], [])


def test_a_load_that_was_killed_is_repaired_by_the_next_one(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str], client: bigquery.Client
) -> None:
    spool = shop / "spool"
    segment(spool, "1", "a", "b", "c", "d", "e")
    child = subprocess.run([sys.executable, "-c", KILLED_LOAD, str(spool)], timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    assert (landed(query), len(sealed_segments(spool))) == ([], 1)
    left = [
        client.get_table(table)
        for table in client.list_tables("shop_cdp")
        if table.table_id.startswith("cdp_scratch_")
    ]
    assert left
    assert all(table.expires for table in left)

    code, (report,) = load(capsys, "--spool", spool)
    assert (code, report["added"]) == (0, 5)
    assert (landed(query), sealed_segments(spool)) == (["a", "b", "c", "d", "e"], [])
