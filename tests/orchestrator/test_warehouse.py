"""The connection to the warehouse."""

from pathlib import Path

import pytest

from dbt_cdp.dbt import Relation
from dbt_cdp.errors import ConfigurationError, WarehouseError
from dbt_cdp.project import Project, Target
from dbt_cdp.warehouse import Warehouse, open_warehouse

TABLE = Relation("w", "main", "people", '"w"."main"."people"')


def project(folder: Path, **settings: object) -> Project:
    target = Target("dev", str(settings.get("type", "duckdb")), {"type": "duckdb", **settings})
    return Project(folder, "shop", folder, target, {"name": "shop"})


@pytest.fixture
def warehouse(tmp_path: Path):
    with open_warehouse(project(tmp_path, path="w.duckdb")) as connection:
        connection.execute("create table people (id varchar, n integer)")
        yield connection


def test_only_rows_with_a_new_key_are_inserted(warehouse: Warehouse) -> None:
    assert warehouse.insert_new(TABLE, {"id": ["a", "b"], "n": [1, None]}, key="id") == 2
    assert warehouse.insert_new(TABLE, {"n": [9, 3], "id": ["a", "c"]}, key="id") == 1
    assert warehouse.query(f"select * from {TABLE} order by id") == [
        ("a", 1),
        ("b", None),
        ("c", 3),
    ]


def test_a_transaction_commits_or_leaves_nothing(warehouse: Warehouse) -> None:
    with warehouse.transaction():
        warehouse.execute("insert into people values (?, ?)", ["kept", 1])
    with pytest.raises(WarehouseError), warehouse.transaction():
        warehouse.execute("insert into people values ('lost', 2)")
        warehouse.execute("insert into nowhere values (1)")
    with pytest.raises(KeyboardInterrupt), warehouse.transaction():
        warehouse.execute("insert into people values ('lost', 3)")
        raise KeyboardInterrupt
    assert warehouse.query("select id from people") == [("kept",)]


def test_execute_counts_the_rows_it_changed(warehouse: Warehouse) -> None:
    assert warehouse.execute("insert into people select 'x', 1 from range(5)") == 5
    assert warehouse.execute("update people set n = 2") == 5
    assert warehouse.execute("create table other (id integer)") == 0


def test_relations_are_found_whatever_their_case(warehouse: Warehouse) -> None:
    assert warehouse.exists(TABLE)
    assert warehouse.exists(Relation("W", "MAIN", "People", ""))
    assert not warehouse.exists(Relation("w", "other", "people", ""))


def test_names_are_quoted(warehouse: Warehouse) -> None:
    assert warehouse.quote('a"b') == '"a""b"'


def test_an_error_does_not_quote_a_value(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError) as error:
        warehouse.execute("insert into people select 'x', cast(? as integer)", ["needle@x.com"])
    assert "needle" not in error.value.message
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_an_error_names_the_table_that_is_missing(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="nowhere"):
        warehouse.query("from nowhere")


def test_settings_of_the_profile_hold_and_times_are_utc(tmp_path: Path) -> None:
    settings = {"threads": 1, "TimeZone": "Asia/Tokyo"}
    with open_warehouse(project(tmp_path, path="w.duckdb", settings=settings)) as connection:
        names = "current_setting('threads'), current_setting('TimeZone')"
        assert connection.query(f"select {names}") == [(1, "UTC")]


def test_paths_are_relative_to_the_project(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    open_warehouse(project(tmp_path, path="w.duckdb")).close()
    assert (tmp_path / "w.duckdb").is_file()


def test_databases_of_the_profile_are_attached_as_dbt_does(tmp_path: Path) -> None:
    with open_warehouse(project(tmp_path, path="old.duckdb")) as connection:
        connection.execute("create table people as select 1 as id")
    attach = [{"path": "old.duckdb", "alias": "archive", "read_only": True}]
    settings = {"path": "w.duckdb", "attach": attach, "settings": {"threads": 1}}
    with open_warehouse(project(tmp_path, **settings)) as connection:
        assert connection.query("from archive.people") == [(1,)]
        assert connection.query("select current_setting('threads')") == [(1,)]
        assert connection.exists(Relation("archive", "main", "people", ""))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"type": "oracle"}, "cannot connect to a warehouse of type 'oracle'"),
        ({"path": ":memory:"}, "keeps its data in memory"),
        ({}, "keeps its data in memory"),
    ],
)
def test_a_target_that_cannot_be_used_is_told(tmp_path: Path, settings: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_warehouse(project(tmp_path, **settings))


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_text("not a database " * 1_000)
    with pytest.raises(WarehouseError, match=r"w\.duckdb"):
        open_warehouse(project(tmp_path, path="w.duckdb"))
