"""Snowflake as a warehouse: connections, loads, the lease and the ledger, on an emulator."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import WarehouseError
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_warehouse, snowflake
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


def test_parameters_are_bound(warehouse: Warehouse) -> None:
    moment = datetime(2026, 6, 1, 10, 0, 0, 5)
    sql = "select cast(? as int), 'it''s ?', cast(? as varchar), cast(? as timestamp)"
    assert warehouse.query(sql, [7, SECRET, moment]) == [(7, "it's ?", SECRET, moment)]
    assert warehouse.query("select cast(? as timestamp)", [None]) == [(None,)]


def test_rows_are_inserted_once(
    warehouse: Warehouse, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        warehouse.execute("select * from nowhere")
    assert warehouse.query(f"select ingest_id from {table} order by 1") == [("a",), ("b",), ("c",)]
    assert warehouse.execute(f"delete from {table} where ingest_id <> ?", ["a"]) == 2
    warehouse.execute(f"delete from {table}")
    monkeypatch.setattr(snowflake, "_STATEMENT_BYTES", 150)
    many = [f"k{n}" for n in range(50)]
    assert warehouse.insert_new(table, rows(*many), key="ingest_id") == 50
    assert warehouse.query(f"select count(*), min(received_at) from {table}") == [(50, when)]


def test_tables_are_found(warehouse: Warehouse, shop: Path) -> None:
    table = landing(shop)
    columns = ["ingest_id", "source", "received_at", "loaded_at", "payload"]
    assert warehouse.exists(table) and warehouse.columns(table) == columns
    missing = Relation(table.database, table.schema, "missing", "missing")
    assert not warehouse.exists(missing) and warehouse.columns(missing) == []
    wanted = ("SHOP_CDP", "LANDING_EVENTS")
    (found,) = [one for one in warehouse.tables() if (one.schema, one.name) == wanted]
    assert list(found.columns) == columns
    assert found.types[0] == "TEXT"
    assert warehouse.sample(table, ["source", "ingest_id"], 5) == []
    name = warehouse.quote('a "b"')
    assert warehouse.query(f"select {name} from (select 1 as {name}) as one") == [(1,)]


def test_a_query_is_exported(warehouse: Warehouse, tmp_path: Path) -> None:
    sql = """
        select column1 as id, column2 as name, timestamp '2026-06-01 10:00:00' as moment
        from (values (1, 'é'), (2, null)) where column1 <= ?
    """
    file = tmp_path / "rows.parquet"
    assert warehouse.export(sql, [2], file) == 2
    rows = parquet.read_table(file).to_pylist()
    assert [(row["ID"], row["NAME"], row["MOMENT"]) for row in rows] == [
        (1, "é", datetime(2026, 6, 1, 10)),
        (2, None, datetime(2026, 6, 1, 10)),
    ]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (f"select cast('{SECRET}' as integer)", "the message is withheld"),
        ("select * from nowhere", "NOWHERE does not exist"),
    ],
)
def test_a_refusal_is_told_without_values(warehouse: Warehouse, sql: str, told: str) -> None:
    with pytest.raises(WarehouseError) as refused:
        warehouse.query(sql)
    assert told in refused.value.message and SECRET not in refused.value.message


def test_a_server_that_is_away_is_told(
    shop: Path, capsys: pytest.CaptureFixture[str], snowflake_port: int
) -> None:
    profiles = shop / "profiles.yml"
    profiles.write_text(profiles.read_text().replace(f"port: {snowflake_port}", "port: 1"))
    assert run(["run"]) == 1
    said = capsys.readouterr().err
    assert "Could not connect to Snowflake" in said and "target 'dev'" in said
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
