"""How the sources are doing, as the tables of a build tell."""

from pathlib import Path

import duckdb
import pytest

from dbt_cdp.dbt import Dbt, Manifest
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project, Target
from dbt_cdp.sources import SourceState, read_sources

COLUMNS = {
    "cdp__raw_events": (
        "source varchar, timestamp timestamp, received_at timestamp, loaded_at timestamp,"
        " user_id varchar, crm_id varchar, billing_id varchar, support_id varchar, email varchar,"
        " phone varchar, device_id varchar, anonymous_id varchar"
    ),
    "stg_cdp__records": "source varchar, updated_at timestamp, loaded_at timestamp, email varchar",
    "stg_cdp__rejected_events": "source varchar, reject_reason varchar",
    "stg_cdp__rejected_records": "source varchar, reject_reason varchar",
    "cdp__landing_rejects": "source varchar, kind varchar, reason varchar",
}
ENTRIES = [
    {"name": "web", "collector": "cdp"},
    {"name": "crm", "collector": "cdp", "record_id": "id"},
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose tables are there and empty."""
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        for name, columns in COLUMNS.items():
            connection.execute(f"create table {name} ({columns})")
    nodes = {
        name: {
            "name": name,
            "resource_type": "model",
            "package_name": "cdp",
            "database": "w",
            "schema": "main",
            "alias": name,
            "relation_name": name,
        }
        for name in COLUMNS
    }
    manifest = Manifest({"metadata": {"project_name": "shop"}, "nodes": nodes, "sources": {}})
    monkeypatch.setattr(Dbt, "manifest", lambda self: manifest)
    target = Target("dev", "duckdb", {"type": "duckdb", "path": "w.duckdb"})
    settings = {"name": "shop", "vars": {"cdp_sources": ENTRIES}}
    return Project(tmp_path, "shop", tmp_path, target, settings)


def states(project: Project, *statements: str) -> dict[str, SourceState]:
    with duckdb.connect(project.root / "w.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)
    return {state.name: state for state in read_sources(project)}


def test_rejects_of_one_reason_add_up(project: Project) -> None:
    found = states(
        project,
        "insert into stg_cdp__rejected_events values"
        " ('web', 'too late'), ('web', 'too late'), ('web', 'no identifier'), ('crm', 'too late')",
        "insert into stg_cdp__rejected_records values ('crm', 'no record_id')",
        "insert into cdp__landing_rejects values ('web', 'events', 'too late'),"
        " ('web', 'events', 'not JSON'), ('web', 'events', 'not JSON'),"
        " ('web', 'events', 'not JSON'), ('web', 'events', 'not JSON'),"
        " ('crm', 'records', 'no record_id'), ('crm', 'events', 'no record_id')",
    )
    assert list(found["web"].rejects.items()) == [
        ("not JSON", 4),
        ("too late", 3),
        ("no identifier", 1),
    ]
    assert found["crm"].rejects == {"no record_id": 2}


def test_a_row_came_when_it_was_loaded_else_when_it_was_received_or_changed(
    project: Project,
) -> None:
    event = "insert into cdp__raw_events (source, timestamp, received_at, loaded_at) values"
    record = "insert into stg_cdp__records (source, updated_at, loaded_at) values"
    found = states(
        project,
        f"{event} ('web', '2026-01-04', '2026-01-05', '2026-01-06')",
        f"{record} ('crm', '2026-01-04', '2026-01-06')",
    )
    assert {str(state.arrived_at) for state in found.values()} == {"2026-01-06 00:00:00"}
    # A loader that has ceased to say when it loads is not taken for one that has ceased to load.
    found = states(
        project,
        f"{event} ('web', '2026-01-08', '2026-01-09', null)",
        f"{record} ('crm', '2026-01-08', null)",
    )
    assert [str(found[name].arrived_at) for name in ("web", "crm")] == [
        "2026-01-09 00:00:00",
        "2026-01-08 00:00:00",
    ]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_that_is_not_built_is_told_with_what_to_do(project: Project, name: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        states(project, f"drop table {name}")
    assert error.value.message.startswith(f"The table {name} has not been built.")
    assert "dbt build" in error.value.message
