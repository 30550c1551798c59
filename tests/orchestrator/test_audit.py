"""The health of the identity graph, against a world that is small enough to be counted by hand."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from consumer import Consumer, new_project
from dbt_cdp.audit import Day, Refusal, SizeBand, read_audit
from dbt_cdp.cli import run
from dbt_cdp.project import Project
from dbt_cdp.simulate import simulate

PUBLIC = '{{ config(access="public", materialized="table") }}'

# Ann is known by a login, two cookies, an address and a contact of the CRM.
# Bob and Cid have a login and an address each, and somebody's phone with both: the one seen first
# keeps it. All three used the kiosk. A cookie and a tablet, and a cookie that came with the login
# "null", are linked by a decision that names a contact nobody has seen.
EVENTS = """
select * from (values
    ('u1', 'a1', null, null, null, 1),
    ('u1', 'a2', null, null, null, 1),
    ('u1', null, 'ann@shop.example', null, null, 1),
    ('u2', 'b1', null, null, null, 1),
    ('u2', null, 'bob@shop.example', null, null, 1),
    ('u3', null, 'cid@shop.example', null, null, 1),
    (null, null, 'bob@shop.example', '+49301234567', null, 2),
    (null, null, 'cid@shop.example', '+49301234567', null, 3),
    ('u1', null, null, null, 'kiosk', 4),
    ('u2', null, null, null, 'kiosk', 4),
    ('u3', null, null, null, 'kiosk', 4),
    (null, 'z1', null, null, 'tablet', 5),
    ('null', 'z2', null, null, null, 5)
) as events (uid, cookie, mail, phone, device, day)
"""
CONTACTS = """
select * from (values ('c1', 'ann@shop.example'), ('c2', 'noreply@shop.example'))
as contacts (contact_id, mail)
"""
DECISIONS = """
select * from (values
    ('d1', 'link', 'anonymous_id', 'z1', 'crm_id', 'unseen', null),
    ('d2', 'link', 'crm_id', 'unseen', 'anonymous_id', 'z2', null)
) as decisions (
    decision_id, decision, identifier_type_a, identifier_value_a,
    identifier_type_b, identifier_value_b, decided_at
)
"""
VARS = {
    "cdp_as_of": "2026-06-30",
    "cdp_identity_decisions": "my_decisions",
    "cdp_sources": [
        {
            "name": "app",
            "events": "my_events",
            "columns": {
                "event_type": "'seen'",
                "timestamp": "cast('2026-06-01' as timestamp) + to_days(day)",
                "user_id": "uid",
                "anonymous_id": "cookie",
                "email": "mail",
                "phone": "phone",
                "device_id": "device",
            },
        },
        {
            "name": "crm",
            "records": "my_contacts",
            "record_id": "contact_id",
            "identifier_type": "crm_id",
            "updated_at": "cast('2026-06-01' as timestamp)",
            "identifiers": {"email": "mail"},
        },
    ],
}
LOG = """
insert into int_cdp__id_changes by name
select unnest(['merge', 'merge', 'split', 'merge']) as change, 'one' as canonical_id,
    'other' as other_canonical_id, 1 as batch_id,
    unnest([
        timestamp '2026-06-03 23:59:59', timestamp '2026-06-03 00:00:00',
        timestamp '2026-06-03 12:00:00', timestamp '2026-06-01 00:00:00'
    ]) as changed_at
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """The small world, built."""
    texts = {"my_events": EVENTS, "my_contacts": CONTACTS, "my_decisions": DECISIONS}
    models = {f"{name}.sql": f"{PUBLIC}\n{text}" for name, text in texts.items()}
    consumer = new_project(tmp_path_factory.mktemp("audit") / "small", "small", models, vars=VARS)
    consumer.runs("build")
    return consumer


@pytest.fixture(scope="module")
def ids(small: Consumer) -> dict[str, str]:
    """The canonical id of every identifier, by its value."""
    return dict(small.query("select identifier_value, canonical_id from identity_graph"))


def audit(consumer: Consumer, capsys: pytest.CaptureFixture[str], *options: str) -> dict:
    capsys.readouterr()
    call = ["identity", "audit", "--project-dir", str(consumer.folder), "--json", *options]
    assert run(call) == 0
    return json.loads(capsys.readouterr().out)


def test_people_are_counted_by_the_number_of_their_identifiers(small: Consumer) -> None:
    bands = read_audit(Project.find(small.folder)).sizes
    assert bands[:3] == [SizeBand(1, 1, 1, 0.2), SizeBand(2, 2, 1, 0.2), SizeBand(3, 5, 3, 0.6)]
    assert [(band.smallest, band.largest) for band in bands[3:]] == [
        (6, 10),
        (11, 20),
        (21, 50),
        (51, 100),
        (101, None),
    ]
    assert {band.people for band in bands[3:]} == {0}


def test_the_largest_people_are_listed_with_their_types(small: Consumer, ids, capsys) -> None:
    assert audit(small, capsys, "--top", "2")["largest_people"] == [
        {
            "canonical_id": ids["u1"],
            "identifiers": 5,
            "by_type": {"anonymous_id": 2, "crm_id": 1, "email": 1, "user_id": 1},
        },
        {
            "canonical_id": ids["u2"],
            "identifiers": 4,
            "by_type": {"anonymous_id": 1, "email": 1, "phone": 1, "user_id": 1},
        },
    ]


def test_connecting_identifiers_tell_what_would_fall_apart_without_them(
    small: Consumer, ids
) -> None:
    found = read_audit(Project.find(small.folder)).connecting_identifiers
    assert [
        (str(hub.identifier), hub.links, hub.people, hub.parts_if_blocked) for hub in found
    ] == [
        ("user_id=u1", 3, 1, [2, 1, 1]),
        ("user_id=u2", 2, 1, [2, 1]),
        ("email=ann@shop.example", 2, 1, [3, 1]),
        ("email=bob@shop.example", 2, 1, [2, 1]),
        ("anonymous_id=z1", 1, 1, [1, 1]),
        ("email=cid@shop.example", 1, 2, [1]),
        ("phone=+49301234567", 1, 2, [3]),
        ("user_id=u3", 1, 1, [1]),
        ("crm_id=c1", 1, 1, [4]),
        # The other cookie hangs on the contact that nobody has seen.
        ("device_id=tablet", 1, 1, [2]),
    ]
    assert {str(hub.identifier): hub.canonical_id for hub in found}["anonymous_id=z1"] == ids["z2"]


def test_shared_identifiers_tell_how_many_people_they_lead_to(small: Consumer, capsys) -> None:
    assert audit(small, capsys)["shared_identifiers"] == [
        {
            "identifier": {"type": "device_id", "value": "kiosk"},
            "canonical_id": None,
            "is_shared": True,
            "links": 3,
            "people": 3,
            "parts_if_blocked": None,
        }
    ]


def test_refused_links_are_counted_by_rule_and_reason_and_quote_nobody(small: Consumer) -> None:
    assert read_audit(Project.find(small.folder)).refused_links == [
        Refusal("event", "shared", "device_id", 3),
        Refusal("event", "blocked", "on the block list", 1),
        Refusal("event", "limit", "user_id", 1),
        Refusal("record", "blocked", "an address nobody reads", 1),
    ]


def test_merges_and_splits_are_counted_by_day(small: Consumer, tmp_path: Path) -> None:
    shutil.copytree(small.folder, tmp_path / "small", symlinks=True)
    project = Project.find(tmp_path / "small")
    assert read_audit(project).changes == []
    with duckdb.connect(tmp_path / "small" / "small.duckdb") as connection:
        connection.execute("set search_path = 'main_cdp'")
        connection.execute(LOG)
    days = read_audit(project).changes
    assert [(str(day.changed_date), day.merges, day.splits) for day in days] == [
        ("2026-06-03", 2, 1),
        ("2026-06-01", 1, 0),
    ]
    assert isinstance(days[0], Day)


def test_blocking_does_what_the_audit_says(small: Consumer, ids) -> None:
    hubs = read_audit(Project.find(small.folder)).connecting_identifiers
    tried = [hub for hub in hubs if hub.identifier.value in ("u1", "z1")]
    blocked = [hub.identifier for hub in tried]
    found = simulate(Project.find(small.folder), {}, blocked, count_examples=1)
    (largest,) = found.splits
    assert largest.canonical_id == ids["u1"]
    assert [part.identifiers for part in largest.parts] == tried[0].parts_if_blocked
    assert found.totals.splitting_people == len(tried)
    assert found.totals.split_people == sum(len(hub.parts_if_blocked or ()) for hub in tried)
    assert found.totals.identifiers_gone == len(tried)


def test_the_tables_show_what_the_json_holds(small: Consumer, ids, capsys) -> None:
    assert run(["identity", "audit", "--project-dir", str(small.folder), "--top", "1"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.out.splitlines()]
    assert ["3-5", "3", "60.0%"] in rows
    assert [ids["u1"], "5", "anonymous_id: 2, crm_id: 1, email: 1, user_id: 1"] in rows
    assert ["user_id=u1", "3", "1", ids["u1"], "3", "1 of 2, 2 of 1"] in rows
    assert ["device_id=kiosk", "3", "3"] in rows
    assert ["event", "limit", "user_id", "1"] in rows
    assert "merges" not in said.out


def test_a_project_that_is_not_built_is_told(shop, capsys) -> None:
    assert run(["identity", "audit"]) == 2
    assert "has not been built" in capsys.readouterr().err
