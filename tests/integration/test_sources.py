"""The tables of collectors and business systems, read as their loaders make them."""

from pathlib import Path

import duckdb
import pytest
import yaml

import presets
from consumer import Consumer
from dbt_cdp.project import package_root

ALL = presets.collectors()
ROOT = package_root()


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """Every collector in one project, built after the first load and again after the second."""
    project = presets.project_with(tmp_path_factory.mktemp("twice") / "project", ALL)
    for number in (1, 2):
        presets.load(project, ALL, number)
        project.runs("build")
    return project


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """Every collector in one project, built when everything was there."""
    project = presets.project_with(tmp_path_factory.mktemp("once") / "project", ALL)
    for number in (1, 2):
        presets.load(project, ALL, number)
    project.runs("build")
    return project


def test_every_collector_of_the_package_has_tables_to_be_tried_on() -> None:
    models = (ROOT / "models" / "staging").glob("*/_*__sources.yml")
    assert sorted(path.parent.name for path in models) == ALL


@pytest.mark.parametrize("collector", ALL)
def test_a_collector_gives_what_is_expected(
    twice: Consumer, once: Consumer, collector: str
) -> None:
    assert presets.differences(once, collector) == {}
    assert presets.differences(twice, collector) == {}


def test_two_builds_give_what_one_gives(twice: Consumer, once: Consumer) -> None:
    assert twice.snapshot() == once.snapshot()


def test_a_difference_is_seen(once: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    said = presets.expected

    def mistaken(collector: str, name: str) -> tuple[list[str], list[presets.Row]]:
        header, rows = said(collector, name)
        changed = [tuple("?" if value else value for value in row) for row in rows[:1]]
        return header, [*changed, *rows[1:]]

    monkeypatch.setattr(presets, "expected", mistaken)
    assert set(presets.differences(once, "salesforce")) == {"records", "rejects", "people"}
    assert set(presets.differences(once, "segment")) == {"events", "rejects", "people"}


def test_a_third_build_writes_nothing(twice: Consumer) -> None:
    batches = "select max(batch_id) from (select batch_id from {} union all select 0)"
    tables = ("raw_events", "int_cdp__identity_observations", "identity_graph", "user_profiles")
    before = [twice.query(batches.format(table)) for table in tables]
    twice.runs("run")
    assert [twice.query(batches.format(table)) for table in tables] == before


def test_a_contact_that_was_merged_is_logged_as_merged(twice: Consumer) -> None:
    merges = twice.query("""
        select identifier_value_a, identifier_value_b, rule, source from identity_merges
        where identifier_type_a = identifier_type_b and source = 'salesforce'
    """)
    assert ("003Hs00001cidAAAA3", "003Hs00001cidAAAA4", "record", "salesforce") in merges


def test_a_source_whose_schema_is_another_is_told(tmp_path: Path) -> None:
    project = presets.project_with(tmp_path / "project", ["segment"])
    told = project.fails("build")
    assert (
        "cdp_sources, source 'segment': none of the tables of segment exists: looked for "
        '"cdp_sources_test"."segment"."tracks"'
    ) in told
    assert "Set `database:` and `schema:` of the dbt source 'segment' to where they are" in told


def test_a_table_of_something_else_is_told(tmp_path: Path) -> None:
    project = presets.project_with(tmp_path / "project", ["segment"])
    with duckdb.connect(project.database) as connection:
        connection.execute("create schema segment")
        connection.execute("create table segment.tracks (artist varchar, title varchar)")
    told = project.fails("build")
    assert (
        '"segment"."tracks" has none of the columns user_id, anonymous_id. Is it a table of '
        "segment? Set `identifier:` of the table 'tracks' in the dbt source 'segment'"
    ) in told
    assert "It has: artist, title." in told


def test_two_sources_of_one_collector_and_empty_tables(tmp_path: Path) -> None:
    """Two Segment sources with other columns and tables, and one that has no row yet."""
    project = presets.project_with(tmp_path / "project", ["segment"])
    entries = [
        {"name": name, "collector": "segment", "source": name} for name in ("site", "shop", "new")
    ]
    project.set_vars({"cdp_sources": entries})
    (source,) = yaml.safe_load(presets.copied("segment"))["sources"]
    sources = [{**source, "name": name, "schema": name} for name in ("site", "shop", "new")]
    path = project.folder / "models" / "_segment__sources.yml"
    path.write_text(yaml.safe_dump({"sources": sources}))
    with duckdb.connect(project.database) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema site; create schema shop; create schema new")
        connection.execute("""
            create table site.pages as select
                'm1' as id, 'two-cookie' as anonymous_id,
                timestamp '2026-06-01 10:00:00' as "timestamp",
                timestamp '2026-06-01 10:00:05' as received_at, '/' as path;
            create table shop.tracks as select
                'm1' as id, 42 as user_id,
                timestamptz '2026-06-01 12:00:00+02' as "timestamp",
                timestamptz '2026-06-01 12:00:05+02' as received_at,
                'order_completed' as event;
            create table new.tracks (id varchar, user_id varchar, "timestamp" timestamp);
        """)
    project.runs("build")
    assert project.query("""
        select source, event_id, event_type, user_id, anonymous_id, cast(timestamp as varchar)
        from raw_events order by source
    """) == [
        ("shop", "m1", "order_completed", "42", None, "2026-06-01 10:00:00"),
        ("site", "m1", "page_viewed", None, "two-cookie", "2026-06-01 10:00:00"),
    ]
