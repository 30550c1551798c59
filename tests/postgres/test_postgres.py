"""Postgres as a warehouse: connections, loads, the lease and the ledger, on a real server."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import yaml
from pyarrow import parquet

from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import WarehouseError
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_warehouse
from servers import (
    check_that_a_cycle_is_entered,
    check_that_files_are_loaded_once,
    check_that_runs_exclude_each_other,
)

Query = Callable[..., list[tuple]]

SECRET = "ann@acme.example"


@pytest.fixture
def warehouse(shop: Path) -> Iterator[Warehouse]:
    with open_warehouse(Project.find(shop)) as warehouse:
        yield warehouse


def landing(shop: Path) -> Relation:
    return Dbt(Project.find(shop)).manifest().relation("cdp__landing_events")


# The connection


def test_parameters_take_the_places_of_question_marks_alone(warehouse: Warehouse) -> None:
    sql = "select ?::int, 'it''s ?', /* ? */ ?::text as \"what?\" -- ?\n, '%s %' || ?::text"
    assert warehouse.query(sql, [7, SECRET, "x"]) == [(7, "it's ?", SECRET, "%s %x")]
    assert warehouse.query("select cast(? as timestamp)", [None]) == [(None,)]
    moment = datetime(2026, 6, 1, 10, 0, 0, 5)
    assert warehouse.query("select cast(? as timestamp), ?::date", [moment, date(2026, 6, 1)]) == [
        (moment, date(2026, 6, 1))
    ]


def test_times_are_utc(warehouse: Warehouse) -> None:
    sql = "select cast(timestamptz '2026-06-01 10:00:00+05:30' as timestamp)"
    assert warehouse.query(sql) == [(datetime(2026, 6, 1, 4, 30),)]


def test_rows_are_inserted_once(warehouse: Warehouse, shop: Path) -> None:
    table = landing(shop)
    when = datetime(2026, 6, 1)

    def rows(*keys: str) -> dict[str, list]:
        return {
            "ingest_id": list(keys),
            "source": ["web"] * len(keys),
            "received_at": [when] * len(keys),
            "payload": ['{"a": "\\u0000 é"}'] * len(keys),
        }

    assert warehouse.insert_new(table, rows("a", "b"), key="ingest_id") == 2
    assert warehouse.insert_new(table, rows("b", "c"), key="ingest_id") == 1
    with pytest.raises(WarehouseError), warehouse.transaction():
        assert warehouse.insert_new(table, rows("d"), key="ingest_id") == 1
        warehouse.execute("select 1 / 0")
    assert warehouse.query(f"select ingest_id from {table} order by 1") == [("a",), ("b",), ("c",)]
    assert warehouse.execute(f"delete from {table} where ingest_id <> ?", ["a"]) == 2


def test_tables_are_found(warehouse: Warehouse, shop: Path) -> None:
    table = landing(shop)
    columns = ["ingest_id", "source", "received_at", "loaded_at", "payload"]
    assert warehouse.exists(table) and warehouse.columns(table) == columns
    missing = Relation(table.database, table.schema, "missing", "missing")
    assert not warehouse.exists(missing) and warehouse.columns(missing) == []
    wanted = ("shop_cdp", "landing_events")
    (found,) = [one for one in warehouse.tables() if (one.schema, one.name) == wanted]
    assert list(found.columns) == columns
    assert found.types[0] == "text"
    assert warehouse.sample(table, ["source", "ingest_id"], 5) == []
    name = warehouse.quote('a "b"')
    assert warehouse.query(f"select {name} from (select 1 as {name}) as one") == [(1,)]


def test_a_query_is_exported(warehouse: Warehouse, tmp_path: Path) -> None:
    sql = """
        select n as id, case when n > 20000 then 'é' || n end as name,
            n::numeric(9, 2) / 4 as amount, timestamp '2026-06-01' as at, n > 5 as is_large,
            date '2026-06-01' as day
        from generate_series(1, ?) as n
    """
    file = tmp_path / "rows.parquet"
    assert warehouse.export(sql, [25_001], file) == 25_001
    rows = parquet.read_table(file).to_pylist()
    assert len(rows) == 25_001
    at, day = datetime(2026, 6, 1), date(2026, 6, 1)
    expected = {"id": 25_001, "name": "é25001", "amount": "6250.2500000000000000", "at": at}
    assert rows[-1] == {**expected, "is_large": True, "day": day}
    assert rows[0]["name"] is None


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            f"select cast('{SECRET}' as integer)",
            "Representation (the value is withheld)",
        ),
        ("select * from nowhere", 'relation "nowhere" does not exist'),
    ],
)
def test_a_refusal_is_told_without_values(warehouse: Warehouse, sql: str, told: str) -> None:
    with pytest.raises(WarehouseError) as refused:
        warehouse.query(sql)
    assert told in refused.value.message and SECRET not in refused.value.message


def test_a_server_that_is_away_is_told(
    shop: Path, capsys: pytest.CaptureFixture[str], postgres_port: int
) -> None:
    profiles = shop / "profiles.yml"
    profiles.write_text(profiles.read_text().replace(f"port: {postgres_port}", "port: 1"))
    assert run(["run"]) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:1" in said and "refused" in said
    assert "secret-password" not in said and "Traceback" not in said


# Commands


def test_files_are_loaded_once(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    check_that_files_are_loaded_once(shop, query, capsys)


def test_runs_exclude_each_other_by_a_lease(shop: Path, query: Query) -> None:
    check_that_runs_exclude_each_other(shop, query)


def test_a_cycle_is_entered(shop: Path, query: Query, capsys: pytest.CaptureFixture[str]) -> None:
    check_that_a_cycle_is_entered(shop, query, capsys)


def test_expired_lines_are_deleted(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop / "dbt_project.yml"
    settings = yaml.safe_load(file.read_text())
    settings["vars"]["cdp_as_of"] = "2026-06-30"
    settings["vars"]["cdp_retention"] = {"raw_events_months": 13, "archive": "archive"}
    file.write_text(yaml.safe_dump(settings))
    node = Dbt(Project.find(shop)).manifest().node("cdp__raw_events")
    known = {"source", "event_id", "timestamp", "received_at", "batch_id", "loaded_at"}
    known |= {"content_hash"}
    texts = "".join(f", 'é' as {name}" for name in node["columns"] if name not in known)
    query(
        "insert into run_sources (run_id, entered_at) values ('r', current_timestamp);"
        " insert into landing_events select n, 'web', now(), now(), '{}'"
        " from generate_series(1, 10) as n;"
        " create table stg_cdp__incoming_events as select source, ingest_id as event_id,"
        " ingest_id as content_hash, cast(null as text) as reject_reason, received_at, loaded_at,"
        " timestamp '2025-05-31' - interval '1 day' * ingest_id::int as timestamp"
        " from landing_events;"
        f" create table raw_events as select *, 5 as batch_id{texts} from stg_cdp__incoming_events"
    )
    assert run(["retain", "--yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["expired"]
    assert [(one["table"], one["rows"]) for one in told] == [
        ("landing_events", 9),
        ("raw_events", 9),
    ]
    assert query("select event_id, timestamp from raw_events") == [("1", datetime(2025, 5, 30))]
    assert query("select ingest_id from landing_events") == [("1",)]
    assert len(list(Path("archive").rglob("*.parquet"))) == 9
