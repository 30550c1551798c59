"""The connection to BigQuery."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from google.cloud import bigquery

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import ConfigurationError, WarehouseError
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Table, Warehouse, open_warehouse

PEOPLE = Relation("test-project", "shop", "people", "`test-project`.`shop`.`people`")
AT = datetime(2026, 6, 1, 10, 0, 5, 123456)
NEEDLE = "needle@example.com"


def ids(warehouse: Warehouse) -> list[str]:
    return [name for (name,) in warehouse.query("select id from shop.people order by id")]


def scratch_tables(client: bigquery.Client) -> list[str]:
    names = [table.table_id for table in client.list_tables("shop")]
    return [name for name in names if name.startswith("cdp_scratch_")]


def test_parameters_come_back_as_they_were_given(warehouse: Warehouse) -> None:
    values = ["O'Brien", 2**62, 1.5, True, AT, date(2026, 6, 1), Decimal("0.1"), ["a", "b"]]
    marks = ", ".join("?" for _ in values)
    assert warehouse.query(f"select {marks}", values) == [tuple(values)]
    assert warehouse.query("select cast(? as int64) is null, array_length(?)", [None, []]) == [
        (True, 0)
    ]


def test_times_within_lists_are_utc_without_a_zone_too(warehouse: Warehouse) -> None:
    sql = "select [struct(timestamp '2026-06-01 12:00:05+02' as seen_at)]"
    assert warehouse.query(sql) == [([{"seen_at": datetime(2026, 6, 1, 10, 0, 5)}],)]


def test_only_rows_with_a_new_key_are_inserted(
    warehouse: Warehouse, client: bigquery.Client
) -> None:
    payload = '{"id":12345678901234567890,"line":"a\\nb"}'
    columns = {"id": ["a", "b"], "n": [2**62 + 1, None], "seen_at": [AT, None]}
    assert warehouse.insert_new(PEOPLE, {**columns, "payload": [payload, None]}, key="id") == 2
    assert warehouse.insert_new(PEOPLE, {"n": [9, 3], "id": ["a", "c"]}, key="id") == 1
    assert warehouse.query("select * from shop.people order by id") == [
        ("a", 2**62 + 1, AT, payload),
        ("b", None, None, None),
        ("c", 3, None, None),
    ]
    assert not scratch_tables(client)


def test_a_transaction_commits_at_its_end(warehouse: Warehouse, client: bigquery.Client) -> None:
    warehouse.insert_new(PEOPLE, {"id": ["old"]}, key="id")
    with warehouse.transaction():
        assert warehouse.insert_new(PEOPLE, {"id": ["old", "a"]}, key="id") == 1
        assert warehouse.insert_new(PEOPLE, {"id": ["a", "b"]}, key="id") == 1
        assert ids(warehouse) == ["old"]
    assert ids(warehouse) == ["a", "b", "old"]
    assert not scratch_tables(client)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, WarehouseError])
def test_a_transaction_that_fails_leaves_nothing(
    warehouse: Warehouse, client: bigquery.Client, failure: type[BaseException]
) -> None:
    with pytest.raises(failure), warehouse.transaction():
        warehouse.insert_new(PEOPLE, {"id": ["lost"]}, key="id")
        raise failure("interrupted")
    assert (ids(warehouse), scratch_tables(client)) == ([], [])
    # What comes after it is no part of it.
    warehouse.insert_new(PEOPLE, {"id": ["kept"]}, key="id")
    assert ids(warehouse) == ["kept"]


def test_a_commit_that_fails_leaves_nothing_in_any_table(
    warehouse: Warehouse, client: bigquery.Client
) -> None:
    warehouse.execute("create or replace table shop.pets (id string)")
    pets = Relation("test-project", "shop", "pets", "`test-project`.`shop`.`pets`")
    with pytest.raises(WarehouseError), warehouse.transaction():
        warehouse.insert_new(PEOPLE, {"id": ["lost"]}, key="id")
        warehouse.insert_new(pets, {"id": ["lost"]}, key="id")
        client.delete_table("shop.pets")
    assert ids(warehouse) == []


def test_what_another_load_has_brought_in_the_meantime_is_not_inserted_again(
    warehouse: Warehouse, endpoint: str, make_project: Callable[..., Project]
) -> None:
    with warehouse.transaction():
        warehouse.insert_new(PEOPLE, {"id": ["a", "b"]}, key="id")
        with open_warehouse(make_project(api_endpoint=endpoint)) as other:
            other.insert_new(PEOPLE, {"id": ["a"]}, key="id")
    assert ids(warehouse) == ["a", "b"]


def test_a_statement_of_its_own_is_not_taken_for_a_part_of_the_transaction(
    warehouse: Warehouse,
) -> None:
    with pytest.raises(NotImplementedError), warehouse.transaction():
        warehouse.execute("insert into shop.people (id) values ('a')")
    assert ids(warehouse) == []


def test_a_scratch_table_that_is_left_behind_expires(
    warehouse: Warehouse, client: bigquery.Client
) -> None:
    with warehouse.transaction():
        warehouse.insert_new(PEOPLE, {"id": ["a"]}, key="id")
        (name,) = scratch_tables(client)
        expires = client.get_table(f"shop.{name}").expires
    assert timedelta() < expires - datetime.now(UTC) <= timedelta(days=1)


def test_execute_counts_the_rows_it_changed(warehouse: Warehouse) -> None:
    insert = "insert into shop.people (id) select cast(n as string) from unnest([1, 2, 3]) as n"
    assert warehouse.execute(insert) == 3
    assert warehouse.execute("update shop.people set n = ? where true", [2]) == 3
    assert warehouse.execute("delete from shop.people where id = ?", ["1"]) == 1
    assert warehouse.execute("create or replace table shop.pets (id string)") == 0


def test_tables_are_found_with_their_columns(warehouse: Warehouse) -> None:
    columns = ["id", "n", "seen_at", "payload"]
    assert warehouse.exists(PEOPLE)
    assert warehouse.columns(PEOPLE) == columns
    for nowhere in (Relation("", "shop", "nobody", ""), Relation("", "nowhere", "people", "")):
        assert not warehouse.exists(nowhere)
        assert warehouse.columns(nowhere) == []
    (found,) = [one for one in warehouse.tables() if one.name == "people"]
    assert found == Table("test-project", "shop", "people", columns)
    assert list(found.types) == ["STRING", "INT64", "TIMESTAMP", "STRING"]


def test_rows_are_read_without_a_query(warehouse: Warehouse, client: bigquery.Client) -> None:
    warehouse.insert_new(PEOPLE, {"id": ["a", "b"], "n": [1, 2], "payload": ["x", None]}, key="id")
    started = datetime.now(UTC)
    assert sorted(warehouse.sample(PEOPLE, ["payload", "id"], 5), key=str) == [
        ("x", "a"),
        (None, "b"),
    ]
    assert len(warehouse.sample(PEOPLE, ["id"], 1)) == 1
    assert list(client.list_jobs(min_creation_time=started)) == []


def test_the_place_of_the_data_need_not_be_in_the_profile(
    warehouse: Warehouse,
    client: bigquery.Client,
    endpoint: str,
    make_project: Callable[..., Project],
) -> None:
    started = datetime.now(UTC)
    with open_warehouse(make_project(api_endpoint=endpoint, location=None)) as connection:
        assert "people" in {table.name for table in connection.tables()}
    # The emulator takes any place.
    (job,) = client.list_jobs(min_creation_time=started)
    assert "`region-us`" in job.query


def test_names_are_quoted(warehouse: Warehouse) -> None:
    assert warehouse.quote("a`b\\c") == r"`a\`b\\c`"


def test_jobs_are_run_as_the_profile_says(
    warehouse: Warehouse,
    client: bigquery.Client,
    endpoint: str,
    make_project: Callable[..., Project],
) -> None:
    settings = {"maximum_bytes_billed": 10**9, "priority": "batch", "timeout_seconds": 20}
    started = datetime.now(UTC)
    with open_warehouse(make_project(api_endpoint=endpoint, **settings)) as connection:
        connection.insert_new(PEOPLE, {"id": ["a"]}, key="id")
    jobs = {job.job_type: job for job in client.list_jobs(min_creation_time=started)}
    assert {job.labels["application"] for job in jobs.values()} == {"dbt-cdp"}
    configurations = [job.to_api_repr()["configuration"] for job in jobs.values()]
    assert [settings["jobTimeoutMs"] for settings in configurations] == ["20000"] * 2
    assert (jobs["query"].maximum_bytes_billed, jobs["query"].priority) == (10**9, "BATCH")


@pytest.mark.parametrize(
    "sql", ["select cast(? as int64)", "select 1 / length(substr(?, 0, 0)), parse_json('{')"]
)
def test_an_error_does_not_quote_a_value(warehouse: Warehouse, sql: str) -> None:
    with pytest.raises(WarehouseError) as error:
        warehouse.query(sql, [NEEDLE])
    assert "needle" not in error.value.message
    assert "withheld" in error.value.message
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_an_error_of_a_load_job_does_not_quote_a_value(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError) as error:
        warehouse.insert_new(PEOPLE, {"id": ["a"], "n": [NEEDLE]}, key="id")
    assert "needle" not in error.value.message
    assert "BigQuery job" in error.value.message


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select * from shop.nowhere", "nowhere"),
        ("select nothing from shop.people", "nothing"),
        ("selec 1", "Syntax error"),
        ("select id + n from shop.people", "STRING, INT64"),
    ],
)
def test_an_error_tells_what_is_wrong_with_the_statement(
    warehouse: Warehouse, sql: str, said: str
) -> None:
    with pytest.raises(WarehouseError, match=said):
        warehouse.query(sql)


# Without an emulator


@pytest.mark.parametrize("module", ["google.cloud.bigquery", "dbt.adapters.bigquery"])
def test_a_client_that_is_not_installed_is_told(
    make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.delitem(sys.modules, "dbt_cdp.warehouse.bigquery", raising=False)
    for name in [name for name in sys.modules if name.startswith(module)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'dbt-cdp\[bigquery\]'"):
        open_warehouse(make_project())


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "service-account", "keyfile": "needle.json"},
        {"method": "service-account-json", "keyfile_json": {"private_key": "needle"}},
        {"method": "needle"},
        {"method": None},
        {"dataset": None},
    ],
)
def test_a_profile_that_cannot_be_used_is_told_without_its_secrets(
    make_project: Callable[..., Project], settings: dict[str, object]
) -> None:
    with pytest.raises(ConfigurationError, match="dbt debug") as error:
        open_warehouse(make_project(**settings))
    assert "needle" not in error.value.message


@pytest.mark.parametrize(
    "settings", [{"job_retries": 0}, {"job_retries": 1, "job_retry_deadline_seconds": 1}]
)
def test_it_is_said_when_nobody_answers(
    make_project: Callable[..., Project], settings: dict[str, int]
) -> None:
    connection = open_warehouse(make_project(api_endpoint="http://127.0.0.1:9", **settings))
    with connection, pytest.raises(WarehouseError, match="gave no answer"):
        connection.query("select 1")
