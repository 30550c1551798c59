"""`cdp profile`, against a world that is small enough to be told by hand."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from datetime import date, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from chromium import CHROMIUM, FLAGS, needs_chromium
from consumer import Consumer, new_project
from dbt_cdp import profile as reader
from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier
from dbt_cdp.person import ActiveDay, Evidence, KnownIdentifier, PersonLink, in_words
from dbt_cdp.profile_page import Fold, Row, draw_months, draw_tree
from dbt_cdp.project import Project

Profile = Callable[..., Any]

PUBLIC = '{{ config(access="public", materialized="table") }}'
NAME = "<script>alert(1)</script>"
NOTE = '<img src="https://evil.example/x" onerror="alert(2)">'
RED = "\x1b[31mred"

# Ann looked around with a cookie, signed up, and is a contact of the CRM. Later she said that
# another address, which until then was somebody else's, is hers too. Bob is the user 7; another
# contact has the number 7. Everybody used the kiosk.
EVENTS = """
select * from (values
    ('e1', 1, 'page_viewed', null, 'a1', null, null, '/', null, null, timestamp '2026-05-01 10:00'),
    ('e2', 1, 'signed_up', 'u1', 'a1', 'ann@shop.example', null, null, null,
        '{"name": "<script>alert(1)</script>", "company": "Acme"}', timestamp '2026-06-02 11:00'),
    ('e3', 1, 'noted', 'u1', null, null, null, null,
        '{"note": "<img src=\\"https://evil.example/x\\" onerror=\\"alert(2)\\">"}',
        null, timestamp '2026-06-03 12:00'),
    ('e4', 1, 'page_viewed', null, 'b1', 'ann.lee@mail.example', null, '/pricing', null, null,
        timestamp '2026-06-04 09:00'),
    ('e5', 1, 'seen', '7', null, 'bob@shop.example', null, null, null, null,
        timestamp '2026-06-04 10:00'),
    ('e6', 1, 'seen', 'u1', null, null, 'kiosk', null, null, null, timestamp '2026-06-05 10:00'),
    ('e7', 1, 'seen', '7', null, null, 'kiosk', null, null, null, timestamp '2026-06-05 10:00'),
    ('e8', 1, 'seen', 'null', 'z1', null, null, null, null, null, timestamp '2026-06-05 10:00'),
    ('e9', 2, 'profile_updated', 'u1', null, 'ann.lee@mail.example', null, null, null,
        '{"name": "<script>alert(1)</script>", "company": "Acme Ltd"}',
        timestamp '2026-06-20 10:00'),
    ('f1', 2, 'page_viewed', 'u1', null, null, null, '/docs', null, null,
        timestamp '2026-06-20 11:00'),
    ('f2', 2, 'seen', 'u1', null, null, null, null, '{"colour": "\\u001b[31mred"}', null,
        timestamp '2026-06-21 11:00')
) as events (id, part, name, uid, cookie, mail, device, path, properties, traits, happened_at)
where part <= {{ var("part") }}
"""
CONTACTS = """
select * from (values
    ('c1', 'ann@shop.example', '030 1234567', 'Media'), ('7', 'cid@shop.example', null, null)
) as contacts (contact_id, mail, phone, industry)
"""
VARS = {
    "part": 2,
    "cdp_as_of": "2026-06-30",
    "cdp_default_country_code": "49",
    "cdp_sources": [
        {
            "name": "app",
            "events": "my_events",
            "columns": {
                "event_id": "id",
                "event_type": "name",
                "timestamp": "happened_at",
                "user_id": "uid",
                "anonymous_id": "cookie",
                "email": "mail",
                "device_id": "device",
                "page_path": "path",
                "properties": "properties",
                "traits": "traits",
            },
        },
        {
            "name": "crm",
            "records": "my_contacts",
            "record_id": "contact_id",
            "identifier_type": "crm_id",
            "updated_at": "cast('2026-06-03' as timestamp)",
            "identifiers": {"email": "mail", "phone": "phone"},
            "attributes": {"industry": "industry"},
        },
    ],
    "cdp_traits": [
        {"name": "last_pages", "recent": "page_path", "event": "page_viewed", "limit": 2},
        {
            "name": "orders",
            "count": "events",
            "event": "ordered",
            "description": "What was bought.",
        },
    ],
    "cdp_consent": {
        "ads": "not is_identified",
        "news": {"event": "noted", "granted": "properties.note is not null"},
    },
    "cdp_segments": [
        {"name": "users", "where": "is_identified", "description": "Whoever is known."},
        {"name": "newcomers", "where": "total_page_views < 3"},
    ],
}


@pytest.fixture(scope="module")
def shop_built(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """The small world, built before Ann said who she is, and after."""
    texts = {"my_events": EVENTS, "my_contacts": CONTACTS}
    models = {f"{name}.sql": f"{PUBLIC}\n{text}" for name, text in texts.items()}
    consumer = new_project(tmp_path_factory.mktemp("profile") / "small", "small", models, vars=VARS)
    consumer.runs("build", part=1, cdp_as_of="2026-06-10")
    consumer.runs("build")
    return consumer


@pytest.fixture(scope="module")
def ids(shop_built: Consumer) -> dict[str, str]:
    """The canonical id of everybody, by an identifier; that of Ann's other address as it was."""
    found = dict(shop_built.query("select identifier_value, canonical_id from identity_graph"))
    [(merged,)] = shop_built.query("select merged_canonical_id from identity_merges")
    return {**found, "merged": merged}


@pytest.fixture
def profile(shop_built: Consumer, capsys: pytest.CaptureFixture[str]) -> Profile:
    """The command in the built project, and what it writes; with code the error."""

    def call(*arguments: str, code: int = 0, folder: Path | None = None) -> str:
        place = ["--project-dir", str(folder or shop_built.folder)]
        assert run(["profile", *arguments, *place]) == code
        said = capsys.readouterr()
        assert not (said.out if code else said.err), said
        return said.err if code else said.out

    return call


@pytest.fixture
def ann(profile: Profile) -> dict[str, Any]:
    """All that is known of Ann."""
    return json.loads(profile("user_id=u1", "--json"))


@pytest.fixture
def altered(shop_built: Consumer, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the project in whose warehouse a statement was run."""

    def alter(statement: str) -> Path:
        folder = tmp_path / "small"
        shutil.copytree(shop_built.folder, folder, symlinks=True)
        with duckdb.connect(folder / "small.duckdb") as connection:
            connection.execute("set search_path = 'main_cdp'")
            connection.execute(statement)
        return folder

    return alter


@pytest.fixture
def written(profile: Profile, tmp_path: Path, shop_built: Consumer, capsys) -> Path:
    """Ann's page."""
    path = tmp_path / "ann.html"
    call = ["profile", "u1", "--html", str(path), "--project-dir", str(shop_built.folder)]
    assert run(call) == 0
    said = capsys.readouterr()
    assert said.out == "" and said.err == f"The page is in {path}.\n"
    return path


def test_who_it_is(ann: dict[str, Any], ids: dict[str, str]) -> None:
    assert ann["canonical_id"] == ids["u1"]
    assert (ann["name"], ann["company"]) == (NAME, "Acme Ltd")
    assert ann["email"] == "ann.lee@mail.example"
    assert (ann["first_seen"], ann["last_active"]) == ("2026-05-01 10:00:00", "2026-06-21 11:00:00")
    assert (ann["account_id"], ann["engagement"]) == ("mail.example", "active")
    assert ann["is_identified"] is True


def test_identifiers_have_an_origin(ann: dict[str, Any]) -> None:
    told = [
        (
            *one["identifier"].values(),
            one["first_seen"][:10],
            one["last_seen"][:10],
            one["sources"],
            tuple(one["evidence"].values()),
        )
        for one in ann["identifiers"]
    ]
    june, record = "2026-06-02", ("record", "crm", "c1", None)
    signed_up = ("event", "app", "e2", "signed_up")
    assert told == [
        ("user_id", "u1", june, "2026-06-21", {"app": 6}, signed_up),
        ("crm_id", "c1", "2026-06-03", "2026-06-03", {"crm": 1}, record),
        (
            "email",
            "ann.lee@mail.example",
            "2026-06-04",
            "2026-06-20",
            {"app": 2},
            ("event", "app", "e4", "page_viewed"),
        ),
        ("email", "ann@shop.example", june, "2026-06-03", {"app": 1, "crm": 1}, signed_up),
        ("phone", "+49301234567", "2026-06-03", "2026-06-03", {"crm": 1}, record),
        (
            "anonymous_id",
            "b1",
            "2026-06-04",
            "2026-06-04",
            {"app": 1},
            ("event", "app", "e4", "page_viewed"),
        ),
        (
            "anonymous_id",
            "a1",
            "2026-05-01",
            june,
            {"app": 2},
            ("event", "app", "e1", "page_viewed"),
        ),
    ]


def test_links_say_what_showed_them(ann: dict[str, Any]) -> None:
    told = {
        (link["identifier_a"]["value"], link["identifier_b"]["value"]): link["evidence"]
        for link in ann["links"]
    }
    assert told.keys() == {
        ("u1", "ann@shop.example"),
        ("u1", "ann.lee@mail.example"),
        ("u1", "a1"),
        ("ann@shop.example", "a1"),
        ("ann.lee@mail.example", "b1"),
        ("c1", "ann@shop.example"),
        ("c1", "+49301234567"),
        ("ann@shop.example", "+49301234567"),
    }
    merging = told["u1", "ann.lee@mail.example"]
    assert (merging["rule"], merging["event_type"]) == ("event", "profile_updated")


def test_attributes_have_a_source(ann: dict[str, Any]) -> None:
    told = {one["name"]: tuple(one.values())[1:] for one in ann["attributes"]}
    assert told == {
        "name": (NAME, "app", "2026-06-20 10:00:00", 1),
        "company": ("Acme Ltd", "app", "2026-06-20 10:00:00", 2),
        "industry": ("Media", "crm", "2026-06-03 00:00:00", 1),
    }
    assert ann["attribute_conflicts"] == 1


def test_traits_that_tell_something_come_first(ann: dict[str, Any]) -> None:
    values = {trait["name"]: trait["value"] for trait in ann["traits"]}
    assert values["last_pages"] == ["/docs", "/pricing"]
    assert values["total_page_views"] == 3
    assert not values.keys() & {score["name"] for score in ann["scores"]}
    are_empty = [not trait["value"] for trait in ann["traits"]]
    assert are_empty == sorted(are_empty) and any(are_empty)
    assert {"name": "orders", "value": 0, "description": "What was bought."} in ann["traits"]


def test_scores_come_with_what_they_are_made_of(ann: dict[str, Any]) -> None:
    told = {score.pop("name"): score for score in ann["scores"]}
    for score in told.values():
        assert re.fullmatch("[0-9a-f]{8}", score.pop("version"))
    assert told == {
        "product_usage_score": {
            "value": 54,
            "parts": {"recency": 28.0, "frequency": 10, "breadth": 16},
        },
        "engagement_level": {
            "value": "active",
            "parts": {
                "days_since_active": 9,
                "days_since_first_activity": 60,
                "active_days_30d": 6,
                "active_days_prev_30d": 1,
            },
        },
        "lead_score": {
            "value": 21,
            "parts": {
                "business_address": 10,
                "company_size": 0,
                "industry": 10,
                "job_title": 0,
                "country": 0,
                "pricing": 1.4,
                "hand_raised": 0.0,
            },
        },
        "churn_risk": {"value": 15, "parts": {"silence": 15.0, "decline": 0.0}},
    }


def test_a_score_without_a_value_is_shown_as_that(
    profile: Profile, altered: Callable[[str], Path], tmp_path: Path
) -> None:
    score = {"value": None, "parts": {"silence": None}, "version": "0a1b2c3d"}
    folder = altered(f"update user_profiles set scores = '{json.dumps({'level': score})}'")
    found = json.loads(profile("u1", "--json", folder=folder))
    assert found["scores"] == [{"name": "level", **score}]
    said = profile("u1", folder=folder)
    assert "level  none  silence none" in said and "0a1b2c3d" not in said
    path = tmp_path / "ann.html"
    assert run(["profile", "u1", "--html", str(path), "--project-dir", str(folder)]) == 0
    assert "version 0a1b2c3d" in Elements(path.read_text(encoding="utf-8")).text


def test_segments_tell_since_when(ann: dict[str, Any]) -> None:
    first, second = "2026-06-10 00:00:00", "2026-06-30 00:00:00"
    assert [tuple(one.values()) for one in ann["segments"]] == [
        ("users", "Whoever is known.", first, None, "definition", None),
        ("newcomers", None, first, second, "definition", "merge"),
    ]


def test_consents_tell_who_says_so(ann: dict[str, Any], profile: Profile) -> None:
    assert ann["consents"] == [
        {"purpose": "ads", "is_granted": False, "said_at": None, "source": "profile"},
        {
            "purpose": "news",
            "is_granted": True,
            "said_at": "2026-06-03 12:00:00",
            "source": "event noted",
        },
    ]
    said = " ".join(profile("user_id=u1").split())
    assert "consents ads no profile news yes since 2026-06-03 12:00 event noted" in said


def test_a_merge_is_in_the_history(ann: dict[str, Any], ids: dict[str, str]) -> None:
    (merge,) = ann["history"]
    assert (merge["change"], merge["changed_at"]) == ("merge", "2026-06-30 00:00:00")
    assert (merge["canonical_id"], merge["other_canonical_id"]) == (ids["u1"], ids["merged"])
    assert [one["value"] for one in merge["identifiers"]] == ["u1", "ann.lee@mail.example"]
    assert merge["evidence"]["evidence_id"] == "e9"


def test_a_split_is_in_the_history_too(
    profile: Profile, altered: Callable[[str], Path], ids: dict[str, str]
) -> None:
    split = (
        f"select 'split' as change, '{ids['u1']}' as canonical_id, 'other' as other_canonical_id"
    )
    when = "timestamp '2026-07-01' as changed_at"
    folder = altered(f"insert into int_cdp__id_changes by name {split}, {when}")
    found = json.loads(profile("u1", "--json", folder=folder))["history"]
    assert [change["change"] for change in found] == ["split", "merge"]
    assert found[0]["identifiers"] == []
    assert f"2026-07-01 00:00  other came out of {ids['u1']}" in profile("u1", folder=folder)


def test_what_no_source_shows_any_more_does_not_count(
    profile: Profile, altered: Callable[[str], Path]
) -> None:
    where = "where origin = 'record'"
    folder = altered(f"update int_cdp__identity_observations set event_count = 0 {where}")
    found = json.loads(profile("u1", "--json", folder=folder))["identifiers"]
    assert {source for one in found for source in one["sources"]} == {"app"}


def test_the_last_events_come_newest_first(ann: dict[str, Any]) -> None:
    assert [event["event_id"] for event in ann["events"]] == [
        *("f2", "f1", "e9", "e6", "e4", "e3", "e2", "e1")
    ]
    noted = ann["events"][5]
    assert (noted["source"], noted["properties"]) == ("app", {"note": NOTE})


def test_no_more_than_the_last_twenty_events_are_read(
    profile: Profile, altered: Callable[[str], Path]
) -> None:
    folder = altered("insert into raw_events select raw_events.* from raw_events, range(9)")
    assert len(json.loads(profile("u1", "--json", folder=folder))["events"]) == 20


def test_days_outlive_their_events(
    profile: Profile, altered: Callable[[str], Path], ann: dict[str, Any]
) -> None:
    found = json.loads(profile("u1", "--json", folder=altered("delete from raw_events")))
    assert found["events"] == []
    assert found["days"] == ann["days"]
    assert found["days"][0] == {"active_date": "2026-05-01", "events": 1}
    assert found["days"][-2] == {"active_date": "2026-06-20", "events": 2}
    # The record of that day is no event.
    assert {"active_date": "2026-06-03", "events": 1} in found["days"]
    assert found["identifiers"][0]["evidence"]["event_type"] is None


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("u1", "user_id=u1"),
        (" user_id = u1 ", "user_id=u1"),
        ("ANN@Shop.example", "email=ann@shop.example"),
        ("030 / 123 45 67", "phone=+49301234567"),
        ("phone=0049 30 1234567 ext. 5", "phone=+49301234567"),
        ("crm_id=c1", "crm_id=c1"),
    ],
)
def test_any_identifier_in_any_spelling_leads_to_the_person(
    profile: Profile, ids: dict[str, str], text: str, asked: str
) -> None:
    found = json.loads(profile(text, "--json"))
    assert found["canonical_id"] == ids["u1"]
    assert "{type}={value}".format(**found["asked"]) == asked


def test_a_type_tells_two_of_one_value_apart(profile: Profile, ids: dict[str, str]) -> None:
    for asked, other in {"user_id=7": "bob@shop.example", "crm_id=7": "cid@shop.example"}.items():
        assert json.loads(profile(asked, "--json"))["canonical_id"] == ids[other]
    said = profile("7", code=2)
    assert "This names 2 people: one has it as crm_id, one has it as user_id." in said
    assert "such as crm_id=VALUE" in said


def test_a_merged_canonical_id_leads_to_its_heir_and_says_so(
    profile: Profile, ids: dict[str, str], tmp_path: Path, shop_built: Consumer
) -> None:
    for text in (ids["merged"], f"canonical_id={ids['merged']}"):
        said = profile(text)
        assert f"canonical id {ids['u1']}" in said
        assert f"\n{ids['merged']} was merged into it.\n" in said
    assert "was merged into it" not in profile(ids["u1"])
    path = tmp_path / "page.html"
    call = ["profile", ids["merged"], "--html", str(path)]
    assert run([*call, "--project-dir", str(shop_built.folder)]) == 0
    assert f"<code>{ids['merged']}</code> was merged into it" in path.read_text()


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("needle", "No event or record shows this identifier", "dbt build"),
        ("email=needle@shop.example", "No event or record shows this identifier", "spelled"),
        # A cookie is no phone number because it has the digits of one.
        ("needle-0301234567", "No event or record shows this identifier", "spelled"),
        ("kiosk", "The device_id is shared", "not_shared"),
        ("user_id=null", "The user_id is blocked, and so names nobody: on the block", "not_shared"),
    ],
)
def test_what_names_nobody_is_told_and_not_quoted(
    profile: Profile, text: str, problem: str, remedy: str
) -> None:
    said = profile(text, code=1)
    assert problem in said
    assert remedy in said.partition("What to do:")[2]
    assert "needle" not in said and "kiosk" not in said


def test_a_shared_identifier_tells_the_people_it_leads_to(
    profile: Profile, ids: dict[str, str]
) -> None:
    said = profile("device_id=kiosk", code=1)
    assert "It leads to 2 people" in said
    assert all(f"  {ids[one]}\n" in said for one in ("u1", "bob@shop.example"))


def test_an_id_whose_person_is_gone_is_told(
    profile: Profile, altered: Callable[[str], Path], ids: dict[str, str]
) -> None:
    bob = ids["bob@shop.example"]
    where = f"where canonical_id = '{bob}'"
    folder = altered(f"update int_cdp__canonical_ids set is_retired = true {where}")
    assert "The canonical id has ended" in profile(bob, code=1, folder=folder)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Give one identifier"),
        (["needle", "needle"], "Give one identifier"),
        ([" "], "The identifier has no value"),
        (["email="], "The identifier has no value"),
        (["needle\ud800"], "has a character that no warehouse stores"),
    ],
)
def test_what_is_no_identifier_is_refused(
    profile: Profile, arguments: list[str], problem: str
) -> None:
    said = profile(*arguments, code=2)
    assert problem in said and "needle" not in said


def test_what_comes_by_stdin_is_left_nowhere(
    shop_built: Consumer, profile: Profile, ids: dict[str, str], monkeypatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n ann@shop.example \n"))
    assert json.loads(profile("-", "--json"))["canonical_id"] == ids["u1"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("needle-one@shop.example\n"))
    assert "No event or record" in profile("-", code=1)
    files = [path for path in shop_built.folder.rglob("*") if path.is_file()]
    assert any(path.parent.name == "cdp_queries" for path in files)
    assert not any(b"needle-one" in path.read_bytes() for path in files)
    monkeypatch.setattr(sys, "stdin", io.StringIO("u1\n7\n"))
    assert "Standard input has 2 lines" in profile("-", code=2)


def test_a_person_at_a_terminal_is_asked(profile: Profile, monkeypatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("click.prompt", lambda text, err: "u1" if err else "")
    assert json.loads(profile("-", "--json"))["asked"]["value"] == "u1"


def test_a_person_is_shown_on_a_screen(profile: Profile, ids: dict[str, str]) -> None:
    said = profile("u1")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[:2] == [
        f"{NAME} · ann.lee@mail.example · Acme Ltd · engagement active",
        f"canonical id {ids['u1']} · account mail.example · first seen 2026-05-01"
        " · last active 2026-06-21",
    ]
    assert "user_id u1 2026-06-02 to 2026-06-21 app 6 first by event signed_up, app" in lines
    assert any(line.startswith("company Acme Ltd app 2026-06-20 of 2 values") for line in lines)
    assert any(line.endswith("last_pages /docs, /pricing") for line in lines)
    assert "product_usage_score 54 recency 28, frequency 10, breadth 16" in lines
    assert "users since 2026-06-10 00:00 entered by definition" in lines
    assert "2026-06-20 11:00 app page_viewed /docs" in lines
    assert any("was merged into" in line for line in lines)
    assert len(lines) < 55
    assert "newcomers" not in said


def test_a_column_without_anything_folds_no_other(
    profile: Profile, altered: Callable[[str], Path]
) -> None:
    folder = altered("update raw_events set page_path = null, properties = null, traits = null")
    lines = [" ".join(line.split()) for line in profile("u1", folder=folder).splitlines()]
    assert "2026-06-20 11:00 app page_viewed" in lines


def test_all_shows_what_is_left_out(profile: Profile) -> None:
    said = profile("u1", "--all")
    assert "newcomers  2026-06-10 00:00 to 2026-06-30 00:00" in said
    assert "none or 0" in profile("u1") and "none or 0" not in said


def test_data_does_not_steer_the_terminal(profile: Profile) -> None:
    said = profile("u1")
    assert "\x1b" not in said
    assert "colour \ufffd[31mred" in said


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_data_is_text_on_the_page(written: Path) -> None:
    page = Elements(written.read_text(encoding="utf-8"))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "link", "iframe", "object"}
    for _, attributes in page.elements:
        assert not {"src", "href", "onerror", "onclick"} & attributes.keys()
    assert NAME in page.text and NOTE in page.text


def test_the_page_has_the_tree_the_days_and_every_section(
    written: Path, ann: dict[str, Any]
) -> None:
    page = Elements(written.read_text(encoding="utf-8"))
    rows = [attributes for tag, attributes in page.elements if tag == "b"]
    assert len(rows) == len(ann["identifiers"])
    text = " ".join(page.text.split())
    merging = "email ann.lee@mail.example 2026-06-20 event profile_updated, app"
    assert merging in text
    assert "2026-06-02 event signed_up, app; also linked to anonymous_id=a1" in text
    assert f"All {len(ann['links'])} links" in text
    assert text.count("decision") == 0 and "account mail.example" in text
    assert "2026-06-20: 2 events" in page.text
    assert "2026-05-01: 1 event, first anonymous_id=a1" in page.text
    for section in (
        *("Activity", "Identity", "Identifiers", "Last events", "Scores", "Segments"),
        *("Attributes", "Traits", "Merges and splits"),
    ):
        assert f"\n{section}" in page.text.replace("  ", "").replace("\n ", "\n"), section
    assert "Whoever is known." in page.text


def test_html_and_json_go_together(
    shop_built: Consumer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["profile", "u1", "--json", "--html", str(tmp_path / "ann.html")]
    assert run([*call, "--project-dir", str(shop_built.folder)]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == NAME
    assert (tmp_path / "ann.html").exists()


def test_a_page_that_cannot_be_written_is_told(profile: Profile, tmp_path: Path) -> None:
    said = profile("u1", "--html", str(tmp_path / "none" / "ann.html"), code=2)
    assert "The page cannot be written: No such file or directory." in said


@needs_chromium
@pytest.mark.parametrize("width", [1440, 390])
def test_a_browser_shows_the_page_and_loads_nothing(written: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    requests, said = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(written.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.inner_text("h1") == NAME
        assert page.evaluate("document.documentElement.scrollWidth") == width
        # Dots stand further to the right the deeper they are, and all text beside its dot.
        places = page.evaluate("""[...document.querySelectorAll('.tree .row')].map(row => [
            row.querySelectorAll('.line, .gap, .tee, .elbow').length,
            row.querySelector('b').getBoundingClientRect().x,
            row.querySelector('div').getBoundingClientRect().x,
        ])""")
        assert max(depth for depth, *_ in places) >= 2
        assert len({(depth, dot) for depth, dot, _ in places}) == len({one[0] for one in places})
        assert all(dot == places[0][1] + 20 * depth for depth, dot, _ in places)
        assert all(dot + 11 < text for _, dot, text in places)
        browser.close()
    assert requests == [written.as_uri()]
    assert said == []


def known(value: str, first_seen: datetime | None) -> KnownIdentifier:
    evidence = Evidence("event", "app", "e1", "seen")
    return KnownIdentifier(Identifier("user_id", value), first_seen, first_seen, 1, {}, evidence)


def link(one: str, other: str, first_seen: datetime | None, rule: str = "event") -> PersonLink:
    sides = Identifier("user_id", one), Identifier("user_id", other)
    return PersonLink(*sides, Evidence(rule, None, "e1"), 1, first_seen, first_seen)


def value(row: Row) -> str:
    return row.known.identifier.value


def test_the_tree_grows_by_time() -> None:
    june = [datetime(2026, 6, day) for day in range(1, 10)]
    identifiers = [known(name, june[place]) for place, name in enumerate("abcd")]
    links = [
        *(link("a", "d", june[5]), link("b", "c", june[4]), link("a", "c", june[3])),
        *(link("a", "b", june[1]), link("d", "c", None, "link")),
    ]
    told = [
        (value(row), row.link, [other.value for other in row.others], row.guides, row.has_below)
        for row in draw_tree(identifiers, links)
    ]
    assert told == [
        ("a", None, [], [], True),
        ("b", links[3], [], ["tee"], False),
        ("c", links[2], ["b"], ["tee"], False),
        ("d", links[0], ["c"], ["elbow"], False),
    ]


def test_a_line_goes_on_beside_what_hangs_on_another() -> None:
    june = [datetime(2026, 6, day) for day in range(1, 10)]
    identifiers = [known(name, june[place]) for place, name in enumerate("abcd")]
    links = [link("a", "b", june[1]), link("b", "c", june[2]), link("a", "d", june[3])]
    rows = draw_tree(identifiers, links)
    assert [(value(row), row.guides) for row in rows] == [
        ("a", []),
        ("b", ["tee"]),
        ("c", ["line", "elbow"]),
        ("d", ["elbow"]),
    ]


def test_what_no_link_joins_begins_a_tree_of_its_own() -> None:
    june = datetime(2026, 6, 1)
    identifiers = [known("a", june), known("b", None), known("c", None)]
    tree = draw_tree(identifiers, [link("b", "c", None, "link")])
    places = [(value(row), row.link is None, row.guides) for row in tree]
    assert places == [("a", True, []), ("b", True, []), ("c", False, ["elbow"])]


def test_a_long_chain_stays_on_the_page() -> None:
    june = datetime(2026, 6, 1)
    names = [str(number) for number in range(10, 60)]
    identifiers = [known(name, june) for name in names]
    tree = draw_tree(identifiers, [link(*pair, june) for pair in pairwise(names)])
    assert [value(row) for row in tree] == names
    deepest = [*["gap"] * 4, "tee"]
    assert [row.guides for row in tree[4:]] == [
        [*["gap"] * 3, "elbow"],
        *[deepest] * 44,
        [*["gap"] * 4, "elbow"],
    ]
    assert [row.has_below for row in tree] == [True] * 5 + [False] * 45


def test_many_of_one_type_are_folded() -> None:
    june = datetime(2026, 6, 1)
    names = [str(number) for number in range(10, 20)]
    links = [link(one, other, june) for one in names for other in names if one < other]
    *rows, fold = draw_tree([known(name, june) for name in names], links)
    assert [value(row) for row in rows] == names[:5]
    assert [row.guides for row in rows] == [[], *[["tee"]] * 4]
    assert isinstance(fold, Fold) and (fold.type, fold.guides) == ("user_id", ["elbow"])
    assert [value(row) for row in fold.rows] == names[5:]
    assert [row.guides for row in fold.rows] == [*[["tee"]] * 4, ["elbow"]]
    assert [other.value for other in fold.rows[-1].others] == names[1:9]
    few = [one for one in links if {one.identifier_a.value, one.identifier_b.value} <= {*names[:7]}]
    assert len(draw_tree([known(name, june) for name in names[:7]], few)) == 7


def test_the_calendar_shades_days_by_how_much_went_on() -> None:
    days = [ActiveDay(date(2026, 2, day), events) for day, events in enumerate((1, 2, 3, 50), 1)]
    (month,) = draw_months(days, [known("a", datetime(2026, 2, 3, 9))])
    assert month.name == "Feb 2026" and len(month.cells) == 28
    assert [cell.shade for cell in month.cells[:5]] == [1, 2, 3, 4, 0]
    # The first of February 2026 is a Sunday, which ends a week.
    assert [(cell.column, cell.line) for cell in month.cells[:2]] == [(0, 6), (1, 0)]
    assert month.cells[2].title == "2026-02-03: 3 events, first user_id=a"


def test_the_calendar_has_two_years_at_most() -> None:
    days = [ActiveDay(date(2020, 1, 5), 1), ActiveDay(date(2026, 3, 5), 1)]
    months = draw_months(days, [])
    assert [months[0].name, months[-1].name, len(months)] == ["Apr 2024", "Mar 2026", 24]
    assert draw_months([], []) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"),
        (True, "yes"),
        (1234, "1,234"),
        (0.5, "0.5"),
        (1200.0, "1,200"),
        (["/a", 1], "/a, 1"),
        ({"a": {"b": False}}, "a b no"),
        ("text", "text"),
    ],
)
def test_values_in_words(value: Any, words: str) -> None:
    assert in_words(value) == words


def test_the_queries_are_compiled_for_bigquery(altered: Callable[[str], Path]) -> None:
    folder = altered("select 1")
    path = folder / "profiles.yml"
    profiles = yaml.safe_load(path.read_text())
    (settings,) = profiles.values()
    target = {"type": "bigquery", "method": "oauth-secrets", "token": "none"}
    settings["outputs"]["bigquery"] = {**target, "project": "test-project", "dataset": "test"}
    path.write_text(yaml.safe_dump(profiles))
    files = [
        Path(reader.__file__).with_name(f"{name}_queries.sql") for name in ("finder", "profile")
    ]
    jinja = "\n".join(file.read_text(encoding="utf-8") for file in files)
    compiled = Dbt(Project.find(folder, target="bigquery")).compile_inline(jinja)
    queries = json.loads(compiled)["queries"]
    assert "from `test-project`.`test_cdp`.`resolved_events`" in queries["events"]
    assert "cast(? as string)" in queries["found"].lower()
    assert {name: sql.count("?") for name, sql in queries.items()} == {
        **dict.fromkeys(queries, 1),
        "shared_by": 2,
    }


def test_a_table_that_is_not_as_it_must_be_is_told(
    profile: Profile, altered: Callable[[str], Path]
) -> None:
    said = profile("u1", code=1, folder=altered("alter table user_profiles drop account_id"))
    assert "account_id" in said and "has not been built" not in said


def test_a_project_that_is_not_built_is_told_what_to_do(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["profile", "u1"]) == 2
    said = capsys.readouterr().err
    assert "has not been built" in said and "dbt build" in said
