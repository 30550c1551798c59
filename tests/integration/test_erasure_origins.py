"""Erasure in the tables of collectors and business systems: where it is permitted nothing of a
person is left and nobody else changes; else nothing is touched, and a person is told what to do.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import presets
from consumer import Consumer, prepare
from dbt_cdp.cli import run

ALL = presets.collectors()
# Google's tables are one a day, which nobody but Google changes.
OWN = [name for name in ALL if name != "ga4"]

# Rows of Bea's that come when Ada is known, and name her.
NAMING = """
insert into segment.tracks by name select
    'late-1' as id, 'segment-2' as user_id, 'ada@segment.example' as context_traits_email,
    'late' as event, timestamptz '2026-06-03 08:00:00+00' as "timestamp",
    timestamptz '2026-06-03 08:00:01+00' as received_at,
    timestamptz '2026-06-03 09:00:00+00' as uuid_ts;
insert into amplitude.event by name select
    'late-2' as uuid, 'amplitude-2' as user_id, 'amplitude-laptop' as device_id,
    'late' as event_type, timestamp '2026-06-03 08:00:00' as event_time,
    timestamptz '2026-06-03 09:00:00+00' as _fivetran_synced;
insert into snowplow.events by name select
    'late-3' as event_id, 'late' as event, 'snowplow-2' as user_id,
    'snowplow-laptop' as refr_domain_userid,
    timestamptz '2026-06-03 08:00:00+00' as derived_tstamp,
    timestamptz '2026-06-03 08:00:01+00' as collector_tstamp,
    timestamptz '2026-06-03 09:00:00+00' as load_tstamp;
-- A ticket that somebody else asked for, entered by Ada; and one that was first another's.
insert into zendesk.ticket by name select
    21 as id, 3902 as requester_id, 3901 as submitter_id,
    timestamptz '2026-06-01 10:00:00+00' as created_at,
    timestamptz '2026-06-03 09:00:00+00' as _fivetran_synced;
"""
LATE = "('late-1', 'late-2', 'late-3', 'ticket-21-created')"
BUSY = "('segment-2', 'amplitude-2', 'snowplow-2', '3902')"
# What is Ada's, and was somebody else's in a version that does not count.
VERSIONS = """
insert into zendesk.ticket by name
select * replace (3902 as requester_id, timestamptz '2026-05-01 00:00:00+00' as _fivetran_start)
from zendesk.ticket where id = 1;
insert into segment.order_completed by name
select * replace (
    'segment-2' as user_id, null as anonymous_id,
    received_at + interval 1 day as received_at
) from segment.order_completed where id = 'ajs-2';
"""

OTHERS = {
    "user_profiles": "* exclude (batch_id, data_batch_id)",
    "identity_graph": "* exclude (batch_id, identifier_id)",
    "resolved_events": "event_id, canonical_id, properties, traits, user_id, anonymous_id, email",
}


class World:
    """A project that reads every collector."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.consumer = Consumer(folder, f"{presets.NAME}.duckdb")
        self.capsys = capsys

    def change(self, sql: str) -> None:
        with duckdb.connect(self.consumer.database) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(sql)

    def called(self, *arguments: str, code: int = 0) -> Any:
        self.capsys.readouterr()
        assert run(["erase", *arguments, "--json"]) == code
        return json.loads(self.capsys.readouterr().out)

    def request(self) -> str:
        """Ask for the Ada of every source at once; the id."""
        asked = "\t".join(f"{kind}={value}" for kind, value in firsts())
        (self.consumer.folder / "requests.txt").write_text(asked)
        (made,) = self.called("request", "--file", "requests.txt", "--evidence", "letters")
        assert made["people"] == len(ALL)
        self.called("approve", made["request_id"], "--reviewed")
        return str(made["request_id"])

    def status(self, request_id: str) -> tuple[str, dict[str, dict[str, Any]]]:
        """The status, and the tasks that are left."""
        found = self.called("status", request_id)
        left = {one["subject"]: one for one in found["tasks"] if one["status"] == "left"}
        return found["status"], left

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is in every table of a source."""
        names = self.consumer.query(
            "select table_schema, table_name from information_schema.tables"
            f" where table_schema in ({', '.join(repr(name) for name in ALL)})"
        )
        return {
            f"{schema}.{table}": sorted(
                self.consumer.query(f'select columns(*)::varchar from {schema}."{table}"'), key=repr
            )
            for schema, table in names
        }

    def named(self, values: set[str]) -> list[tuple[str, str]]:
        """The tables of sources with one of the values in a column, with the value."""
        return [
            (table, value)
            for table, rows in self.tables().items()
            if not table.startswith("ga4.")
            for value in values
            if any(_holds(cell, value) for row in rows for cell in row)
        ]

    def others(self, *gone: str) -> dict[str, list[tuple[Any, ...]]]:
        """What is known of everybody but some; of those who have late events the others."""
        ids = ", ".join(repr(one) for one in ["", *gone])
        busy = f"select canonical_id from identity_graph where identifier_value in {BUSY}"
        late = {"resolved_events": f"event_id not in {LATE}"}
        return {
            table: sorted(
                self.consumer.query(
                    f"select {columns} from {table} where canonical_id not in ({ids})"
                    f" and {late.get(table, f'canonical_id not in ({busy})')}"
                ),
                key=repr,
            )
            for table, columns in OTHERS.items()
        }

    def adas(self) -> list[str]:
        values = ", ".join(repr(value) for _, value in firsts())
        found = self.consumer.query(
            "select distinct canonical_id from identity_graph"
            f" where identifier_value in ({values}) and canonical_id is not null"
        )
        return [one for (one,) in found]


def _holds(cell: str | None, value: str) -> bool:
    text = (cell or "").lower()
    if value.startswith("+"):
        return value[-9:] in re.sub("[^0-9]", "", text)
    if value.isdecimal():
        return text == value
    return bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text))


def people() -> Iterator[tuple[str, str, str]]:
    for collector in ALL:
        _, rows = presets.expected(collector, "people")
        for person, kind, value in rows:
            if person == "ada":
                yield collector, kind, value


def firsts() -> list[tuple[str, str]]:
    """One identifier of each Ada."""
    return list({collector: (kind, value) for collector, kind, value in people()}.values())


def values() -> set[str]:
    """All that the Adas are known by, as it stands in tables."""
    found = {value.lower() for collector, _, value in people() if collector in OWN}
    return found | {hashlib.md5(b"ada@mailchimp.example").hexdigest()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, without_data_tests: None) -> Path:
    project = presets.project_with(tmp_path_factory.mktemp("origins") / "project", ALL)
    for number in (1, 2):
        presets.load(project, ALL, number)
    with duckdb.connect(project.database) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(VERSIONS)
    assert run(["run", "--only", "build", "--project-dir", str(project.folder)]) == 0
    prepare(project.folder)
    return project.folder


@pytest.fixture
def world(
    built: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> World:
    folder = tmp_path / "project"
    shutil.copytree(built, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return World(folder, capsys)


def test_where_it_is_permitted_nothing_is_left_and_nobody_else_changes(world: World) -> None:
    world.consumer.set_vars({"cdp_erasure": {"source_tables": OWN}})
    assert {value for _, value in world.named(values())} == values()
    before = world.others(*world.adas())
    world.change(NAMING)
    request_id = world.request()
    counts = {one["place"]: one for one in world.called("run", "--dry-run")}
    assert (counts["segment.pages"]["action"], counts["segment.pages"]["rows"]) == ("delete", 1)
    assert run(["erase", "run"]) == 0
    assert world.named(values()) == []
    assert world.others() == before
    late = world.consumer.query(
        "select event_id, coalesce(user_id, support_id), email, anonymous_id from raw_events"
        f" where event_id in {LATE} order by all"
    )
    assert late == [
        ("late-1", "segment-2", None, None),
        ("late-2", "amplitude-2", None, None),
        ("late-3", "snowplow-2", None, None),
        ("ticket-21-created", "3902", None, None),
    ]

    # Google's tables are left to a person.
    status, left = world.status(request_id)
    assert (status, list(left)) == ("waiting", ["ga4"])
    assert "the table of each day" in left["ga4"]["detail"]
    certificate = world.called("certificate", request_id)
    rows = {(one["table"], one["action"]): one["rows"] for one in certificate["tables"]}
    assert rows["segment.pages", "delete"] == 1
    assert rows["segment.tracks", "null"] == 1
    assert rows["stripe.invoice", "delete"] > 0
    assert not any(value in json.dumps(certificate) for value in values() if not value.isdecimal())

    assert run(["run", "--full-refresh"]) == 0
    assert world.others() == before


def test_where_it_is_not_permitted_nothing_is_touched_and_a_person_is_told(world: World) -> None:
    before = world.tables()
    request_id = world.request()
    assert run(["erase", "run"]) == 0
    assert world.tables() == before
    status, left = world.status(request_id)
    assert (status, sorted(left)) == ("waiting", ALL)
    assert "segment.pages (1)" in left["segment"]["detail"]
    assert "source_tables: [segment]" in left["segment"]["detail"]

    # It may be permitted later. A table that cannot be changed is told, and tried by the next run.
    world.consumer.set_vars({"cdp_erasure": {"source_tables": OWN}})
    world.change(
        "alter table segment.tracks rename to kept;"
        " create view segment.tracks as select * from segment.kept"
    )
    assert run(["erase", "run"]) == 0
    status, left = world.status(request_id)
    assert (status, sorted(left)) == ("waiting", ["ga4", "segment"])
    assert "segment.tracks could not be changed: " in left["segment"]["detail"]
    assert "segment.tracks (" in left["segment"]["detail"]
    world.change("drop view segment.tracks; alter table segment.kept rename to tracks")
    world.called("done", request_id, "ga4", "--note", "the tables have expired")
    assert run(["erase", "run"]) == 0
    assert world.named(values()) == []
    assert world.status(request_id) == ("confirmed", {})
