"""The tables of collectors and business systems, read as their loaders make them."""

import hashlib
import json
from pathlib import Path

import duckdb
import pytest
import yaml

import presets
from consumer import Consumer, new_project
from dbt_cdp.cli import run
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


def test_what_is_suggested_is_what_there_is(
    tmp_path: Path, once: Consumer, capsys: pytest.CaptureFixture[str]
) -> None:
    project = new_project(tmp_path / "project", presets.NAME, {})
    presets.load(project, ALL, 1)
    presets.load(project, ALL, 2)
    with duckdb.connect(project.database) as connection:
        connection.execute("create schema crm")
        connection.execute("create table crm.contact (id int, account_id int, last_name varchar)")
    assert run(["sources", "suggest", "--project-dir", str(project.folder)]) == 0
    output = capsys.readouterr()
    told = output.err.splitlines()
    assert f"{presets.NAME}.salesforce: salesforce, by the columns of its table contact." in told
    assert "  Not there, and taken for empty: plan." in told
    near_miss = "crm: not suggested as salesforce: its table contact lacks master_record_id."
    assert f"{presets.NAME}.{near_miss}" in told
    said = yaml.safe_load(output.out)
    assert [entry["collector"] for entry in said["vars"]["cdp_sources"]] == ALL

    # Pasted, it is read as by the package's own test project, but for the tables of single events.
    project.set_vars({**said["vars"], "cdp_as_of": "2026-06-12"})
    pasted = project.folder / "models" / "_sources.yml"
    pasted.write_text(yaml.safe_dump({"sources": said["sources"]}))
    project.runs("seed")
    project.runs("run", "--select", "+stg_cdp__events", "+stg_cdp__records")
    for table in ("stg_cdp__events", "stg_cdp__records"):
        counts = f"select source, count(*) from {table} group by all order by all"
        assert project.query(counts) == once.query(counts)

    assert run(["sources", "suggest", "--project-dir", str(project.folder), "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == []
    *told, looked_at = output.err.splitlines()
    reasons = {collector: f"the entry '{collector}' of cdp_sources reads it" for collector in ALL}
    assert told == sorted(
        [f"{presets.NAME}.{near_miss}"]
        + [f"{presets.NAME}.{one}: not suggested as {one}: {why}." for one, why in reasons.items()]
    )
    assert looked_at.startswith("Nothing to suggest. Schemas with tables that dbt did not make: ")


def test_sources_are_listed(once: Consumer, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--project-dir", str(once.folder)]
    assert run(["sources", "--json", *place]) == 0
    states = {
        (state["name"], state["kind"]): state for state in json.loads(capsys.readouterr().out)
    }
    events = {name for name, kind in states if kind == "events"}
    records = {name for name, kind in states if kind == "records"}
    assert events == set(ALL) - {"salesforce", "hubspot"}
    assert records == {"salesforce", "hubspot", "stripe", "zendesk", "mailchimp"}
    segment = states["segment", "events"]
    assert (segment["rows"], segment["rejects"]) == (10, {"no identifier": 1})
    assert segment["identifiers"] == pytest.approx(
        {"user_id": 0.6, "email": 0.3, "phone": 0.1, "device_id": 0.1, "anonymous_id": 0.9}
    )
    assert segment["first_at"] == "2026-05-28 20:00:00"
    assert segment["last_at"] == "2026-06-02 08:02:00"
    assert segment["arrived_at"] == "2026-06-02 09:00:00"
    assert segment["age"] > 0
    salesforce = states["salesforce", "records"]
    assert (salesforce["rows"], salesforce["rejects"]) == (10, {"no record_id": 1})
    assert salesforce["identifiers"] == {"crm_id": 1.0, "email": 8 / 10, "phone": 1 / 10}

    assert run(["sources", *place]) == 0
    shown = capsys.readouterr().out
    assert "│ salesforce         │ records │" in shown
    assert "ada@" not in shown


def test_tables_of_airbyte_are_recognised_and_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = new_project(tmp_path / "project", presets.NAME, {})
    with duckdb.connect(project.database) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute((presets.SOURCES / "airbyte.sql").read_text(encoding="utf-8"))
    assert run(["sources", "suggest", "--project-dir", str(project.folder)]) == 0
    said = yaml.safe_load(capsys.readouterr().out)
    project.set_vars({**said["vars"], "cdp_as_of": "2026-06-12"})
    pasted = project.folder / "models" / "_sources.yml"
    pasted.write_text(yaml.safe_dump({"sources": said["sources"]}))
    project.runs("build")
    assert project.query("""
        select source, record_id, merged_into, email, phone, user_id,
            coalesce(attribute_company, attribute_plan, attribute_last_name)
        from stg_cdp__records order by all
    """) == [
        ("hubspot", "11", None, "bea@hubspot.example", None, None, "Moss Mills"),
        ("hubspot", "7", "11", None, None, None, None),
        ("hubspot", "8", "11", None, None, None, None),
        *_MAILCHIMP,
        ("salesforce", "003A", None, "ada@salesforce.example", "+4915155508", None, "Acme"),
        ("salesforce", "003B", "003A", None, None, None, None),
        ("stripe", "cus_A", None, "cid@stripe.example", None, "airbyte-1", "Pro"),
        ("zendesk", "31", None, "dan@zendesk.example", None, None, "Acme"),
    ]
    assert project.query("""
        select source, event_type, cast(timestamp as varchar), billing_id, support_id, email,
            coalesce(properties ->> '$.amount', properties ->> '$.channel')
        from raw_events order by all
    """) == [
        ("mailchimp", "email_opened", "2026-06-01 10:00:00", None, None, _EVA, None),
        ("stripe", "invoice_paid", "2026-06-01 10:15:00", "cus_A", None, None, "49.5"),
        ("stripe", "subscription_started", "2026-06-01 10:00:00", "cus_A", None, None, None),
        ("zendesk", "ticket_created", "2026-06-01 09:00:00", None, "31", None, "email"),
    ]


_EVA = "eva@mailchimp.example"
_MEMBER = f"l1/{hashlib.md5(_EVA.encode()).hexdigest()}"
_MAILCHIMP = [("mailchimp", _MEMBER, None, "Eva@mailchimp.example", None, None, "Holt")]
