"""`cdp segments`, against a world that is small enough to be told by hand."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import Consumer, new_project
from dbt_cdp import queries as compiled_queries
from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt
from dbt_cdp.project import Project

Call = Callable[..., str]

PUBLIC = '{{ config(access="public", materialized="table") }}'
# Ann reads a lot. Bob has read one page; in part 2 he reads more, and Cid comes. Dora is staff.
EVENTS = """
select * from (values
    (1, 'u1', 'ann@acme.example', '/', timestamp '2026-06-01 10:00'),
    (1, 'u1', 'ann@acme.example', '/pricing', timestamp '2026-06-08 10:00'),
    (1, 'u1', null, '/pricing', timestamp '2026-06-09 10:00'),
    (1, 'u2', 'bob@bird.example', '/', timestamp '2026-06-09 10:00'),
    (1, 'u4', 'dora@shop.example', '/', timestamp '2026-06-09 10:00'),
    (2, 'u2', null, '/docs', timestamp '2026-06-19 10:00'),
    (2, 'u3', null, '/', timestamp '2026-06-19 11:00')
) as events (part, uid, mail, path, happened_at)
where part <= {{ var("part") }}
"""
STAFF = "select 'email' as identifier_type, 'Dora@shop.example' as identifier_value"
FRIENDS = "select 'user_id' as identifier_type, 'u2' as identifier_value"
SEGMENTS = [
    {"name": "casual", "where": "in_segment('readers') and pricing_views_7d = 0"},
    {
        "name": "readers",
        "description": "Whoever has read something.",
        "owner": "growth",
        "tags": ["web", "weekly"],
        "where": "total_page_views >= 1",
    },
    {
        "name": "customers",
        "where": "not (email is null or total_page_views\n  < pricing_views_7d + 1)",
        "include": "friends",
        "exclude": "staff",
    },
    {"name": "patient", "where": "total_page_views > 1", "enter_after": "2 days"},
    {"name": "priced", "where": "pricing_views_7d > 0", "exit_after": "3 days"},
    {"name": "readers", "entity": "account", "where": "total_page_views > 0"},
    {"name": "busy", "entity": "account", "where": "people > 1 or total_page_views > 2"},
]
VARS = {
    "part": 2,
    "cdp_as_of": "2026-06-20 12:00",
    "cdp_sources": [
        {
            "name": "app",
            "events": "my_events",
            "columns": {
                "event_id": "concat(uid, cast(happened_at as varchar))",
                "event_type": "'page_viewed'",
                "timestamp": "happened_at",
                "user_id": "uid",
                "email": "mail",
                "page_path": "path",
            },
        }
    ],
    "cdp_traits": [
        {
            "name": "pricing_views_7d",
            "count": "events",
            "where": "page_path = '/pricing'",
            "last_days": 7,
        }
    ],
    "cdp_segments": SEGMENTS,
}
FIRST, SECOND, THIRD = "2026-06-10 00:00:00", "2026-06-20 00:00:00", "2026-06-20 12:00:00"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """Built three times: readers had read twice at first, and the last time nothing was new."""
    texts = {"my_events": EVENTS, "staff": STAFF, "friends": FRIENDS}
    models = {f"{name}.sql": f"{PUBLIC}\n{text}" for name, text in texts.items()}
    consumer = new_project(
        tmp_path_factory.mktemp("segments") / "small", "small", models, vars=VARS
    )
    earlier = [
        {**one, "where": "total_page_views >= 2"} if one.get("owner") else one for one in SEGMENTS
    ]
    gone = {"name": "gone", "where": "total_page_views > 2", "description": "Once there was one."}
    consumer.runs("seed")
    consumer.runs("run", part=1, cdp_as_of=FIRST, cdp_segments=[*earlier, gone])
    consumer.runs("run", cdp_as_of=SECOND)
    consumer.runs("run")
    return consumer


@pytest.fixture(scope="module")
def ids(world: Consumer) -> dict[str, str]:
    """The canonical id of everybody, by an identifier."""
    return dict(world.query("select identifier_value, canonical_id from identity_graph"))


@pytest.fixture
def call(world: Consumer, capsys: pytest.CaptureFixture[str]) -> Call:
    """A command of the group, and what it writes; with code the error."""

    def called(*arguments: str, code: int = 0) -> str:
        assert run(["segments", *arguments, "--project-dir", str(world.folder)]) == code
        said = capsys.readouterr()
        assert not (said.out if code else said.err), said
        return said.err if code else said.out

    return called


def read(call: Call, *arguments: str) -> Any:
    return json.loads(call(*arguments, "--json"))


def cells(table: str) -> list[list[str]]:
    """The rows of a table that was printed; that of the names is not among them."""
    return [
        [cell.strip() for cell in line[1:-1].split("│")]
        for line in table.splitlines()
        if line.startswith("│")
    ]


def test_the_list_has_sizes_and_movements(call: Call) -> None:
    counts = {
        (one["entity"], one["name"]): (one["members"], one["entered"], one["exited"])
        for one in read(call, "list")
    }
    # What was before the last seven days is not counted: Ann alone was a reader then.
    assert counts == {
        ("person", "readers"): (4, 3, 0),
        ("person", "casual"): (4, 4, 0),
        ("person", "customers"): (2, 0, 0),
        ("person", "patient"): (1, 1, 0),
        ("person", "priced"): (1, 0, 0),
        ("account", "readers"): (3, 0, 0),
        ("account", "busy"): (1, 0, 0),
    }
    rows = {tuple(row[:2]): row[2:] for row in cells(call("list"))}
    assert rows["readers", "person"] == [
        "4",
        "3",
        "0",
        "growth",
        "web, weekly",
        "Whoever has read something.",
    ]
    assert rows["priced", "person"][-1] == "pricing_views_7d > 0"


def test_what_was_removed_is_listed_where_it_is_asked_for(call: Call) -> None:
    gone = next(one for one in read(call, "list", "--all") if one["name"] == "gone")
    assert (gone["members"], gone["exited"], gone["version"]) == (0, 1, None)
    assert gone["description"] == "Once there was one."
    assert "removed from cdp_segments" in call("list", "--all")
    assert "It was removed" in call("show", "gone")


def test_show_tells_all_of_a_segment(call: Call, ids: dict[str, str]) -> None:
    shown = read(call, "show", "readers", "--entity", "person")
    assert (shown["owner"], shown["tags"], shown["profiles"]) == ("growth", ["web", "weekly"], 4)
    assert [(one["definition"]["where"], one["defined_at"]) for one in shown["versions"]] == [
        ("total_page_views >= 2", FIRST),
        ("total_page_views >= 1", SECOND),
    ]
    members = {one["member_id"]: one["entered_by"] for one in shown["newest_members"]}
    assert members == {ids[user]: "definition" for user in ("u1", "u2", "u3", "u4")}
    said = call("show", "readers", "--entity", "person")
    assert "4 members, 100.0% of 4" in said and "3 entered and 0 left" in said
    assert "total_page_views >= 2" in cells(said)[-1]
    assert "include: friends" in call("show", "customers")


def test_a_name_that_both_have_needs_the_entity(call: Call) -> None:
    assert "--entity account" in call("show", "readers", code=2)
    assert read(call, "show", "readers", "--entity", "account")["profiles"] == 3
    assert read(call, "show", "busy")["newest_members"][0]["columns"] == {"name": None, "people": 1}


def test_a_misspelt_name_is_told(call: Call) -> None:
    said = call("show", "reader", code=2)
    assert "There is no segment 'reader'. Did you mean 'readers'?" in said


def test_history_tells_what_moved_and_why(call: Call) -> None:
    days = read(call, "history", "readers", "--entity", "person")
    assert [(one["moment"], one["members"], one["entered_by"]) for one in days] == [
        ("2026-06-20", 4, {"definition": 3}),
        ("2026-06-10", 1, {"definition": 1}),
    ]
    assert all(one["version"] for one in days)
    builds = read(call, "history", "patient", "--builds")
    assert [(one["moment"], one["entered_by"]) for one in builds] == [
        (SECOND, {"time": 1}),
        (FIRST, {}),
    ]
    (row,) = cells(call("history", "gone", "--days", "1"))
    assert row == ["2026-06-20", "0", "0", "1", "-1 definition", ""]
    assert "Nobody entered or left it in 3 days." in call("history", "priced", "--days", "3")


def test_history_tells_when_somebody_was_in_it(call: Call) -> None:
    (stay,) = read(call, "history", "gone", "ann@acme.example")
    assert (stay["entered_at"], stay["exited_at"]) == (FIRST, SECOND)
    assert (stay["entered_by"], stay["exited_by"]) == ("definition", "definition")
    assert call("history", "patient", "u3") == "Never in it.\n"
    assert len(read(call, "history", "busy", "acme.example")) == 1


def test_overlap_is_of_any_two_segments(call: Call) -> None:
    shared = {(one["segment_a"], one["segment_b"]): one for one in read(call, "overlap")}
    assert len(shared) == 10
    pair = shared["customers", "patient"]
    assert (pair["members_of_both"], pair["likeness"]) == (1, 0.5)
    matrix = {row[0]: row[1:] for row in cells(call("overlap"))}
    # casual, customers, patient, priced, readers
    assert matrix["customers"] == ["2", "2", "1", "1", "2"]
    rows = {row[0]: row[1:] for row in cells(call("overlap", "customers"))}
    assert rows["patient"] == ["1", "1", "50.0%", "100.0%"]
    assert len(read(call, "overlap", "--entity", "account")) == 1


def test_explain_shows_each_condition(call: Call, ids: dict[str, str]) -> None:
    told = read(call, "explain", "customers", "ann@acme.example")
    assert (told["member_id"], told["is_met"], told["is_member"]) == (ids["u1"], True, True)
    assert [tuple(one.values())[:-1] for one in told["terms"]] == [
        (0, "all of", True, None, None, None),
        (1, "any of", True, None, None, None),
        (2, "not", True, None, None, None),
        (3, "any of", False, None, None, None),
        (4, "email is null", False, "ann@acme.example", "is null", None),
        (
            *(4, "total_page_views < pricing_views_7d + 1", False),
            *(3, "< pricing_views_7d + 1", 1),
        ),
        (2, "listed in friends (include)", False, None, None, None),
        (1, "not", True, None, None, None),
        (2, "listed in staff (exclude)", False, None, None, None),
    ]
    said = call("explain", "customers", "ann@acme.example")
    assert said.startswith(f"{ids['u1']} is in customers since {FIRST[:16]}, by definition.")
    row = ["fail", "total_page_views < pricing_views_7d + 1", "3", "< pricing_views_7d + 1 = 1"]
    assert row in cells(said)


def test_lists_put_people_in_and_out(call: Call) -> None:
    bob = read(call, "explain", "customers", "u2")
    assert [one["result"] for one in bob["terms"] if one["text"].startswith("listed")] == [
        True,
        False,
    ]
    dora = read(call, "explain", "customers", "u4")
    assert (dora["is_met"], dora["is_member"]) == (False, False)
    assert dora["terms"][-1]["result"] is True


def test_explain_goes_into_the_segments_that_it_needs(call: Call) -> None:
    terms = read(call, "explain", "casual", "u3")["terms"]
    assert [(one["depth"], one["text"], one["result"], one["segment"]) for one in terms] == [
        (0, "all of", True, None),
        (1, "in_segment('readers')", True, "readers"),
        (2, "total_page_views >= 1", True, None),
        (1, "pricing_views_7d = 0", True, None),
    ]


def test_explain_tells_what_waits(call: Call, ids: dict[str, str]) -> None:
    bob = read(call, "explain", "patient", "u2")
    assert (bob["is_met"], bob["is_member"], bob["due_at"]) == (True, False, "2026-06-22 00:00:00")
    said = call("explain", "patient", "u2")
    assert "but meets its condition, and enters at the earliest from the build after" in said
    ann = read(call, "explain", "priced", ids["u1"])
    assert (ann["is_met"], ann["is_member"], ann["due_at"]) == (False, True, "2026-06-23 00:00:00")
    assert "meets its condition no more, and leaves at the earliest" in call(
        "explain", "priced", "u1"
    )


def test_explain_of_accounts_takes_their_ids(call: Call) -> None:
    told = read(call, "explain", "busy", "acme.example")
    assert (told["entity"], told["is_member"]) == ("account", True)
    assert [one["value"] for one in told["terms"]] == [None, 1, 3]
    assert "no profile" in call("explain", "busy", "nobody.example", code=1)


def test_explain_of_nobody_fails(call: Call) -> None:
    assert "No event or record shows this identifier" in call(
        "explain", "readers", "u9", "--entity", "person", code=1
    )
    assert "was removed from cdp_segments" in call("explain", "gone", "u1", code=2)


def test_a_person_is_read_from_standard_input(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("ann@acme.example\n"))
    assert read(call, "explain", "patient", "-")["is_member"]


def test_preview_counts_whole_and_parts(call: Call, ids: dict[str, str]) -> None:
    where = "in_segment('readers') and (email like '%acme%' or total_page_views = 2)"
    found = read(call, "preview", where)
    assert (found["members"], found["profiles"]) == (2, 4)
    assert [tuple(one.values()) for one in found["parts"]] == [
        ("in_segment('readers')", 4, 0),
        ("email like '%acme%'", 1, 1),
        ("total_page_views = 2", 1, 0),
    ]
    assert {one["segment"]: one["members_of_both"] for one in found["shared"]} == {
        "readers": 2, "casual": 2, "customers": 2, "patient": 2,
    }  # fmt: skip
    assert {one["canonical_id"]: one["total_page_views"] for one in found["sample"]} == {
        ids["u1"]: 3,
        ids["u2"]: 2,
    }
    said = call("preview", where, "--sample", "1")
    assert "2 of 4 people meet it (50.0%)." in said
    assert sum(any(one in line for one in ids.values()) for line in said.splitlines()) == 1


def test_preview_of_what_looks_at_others_too(call: Call) -> None:
    found = read(call, "preview", "rank() over (order by total_page_views desc) = 1")
    assert found["members"] == 1
    assert read(call, "preview", "people = 1", "--entity", "account")["members"] == 3
    assert read(call, "preview", "false")["sample"] == []


def test_preview_reads_a_condition_from_standard_input(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("total_page_views > 2 -- the most\n"))
    assert read(call, "preview", "-")["members"] == 1


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("total_page_view > 1", "Did you mean total_page_views"),
        ("in_segment('reader')", "Did you mean 'readers'"),
        ("total_page_views >", "refuses the condition: Parser Error"),
        ("total_page_views > 'x@acme.example'", "(the value is withheld)"),
        ("(total_page_views > 1", "opened and not closed"),
    ],
)
def test_preview_of_a_broken_condition_fails(call: Call, where: str, why: str) -> None:
    assert why in call("preview", where, code=2)


def test_the_docs_of_dbt_list_the_segments(world: Consumer) -> None:
    manifest = Dbt(Project.find(world.folder)).manifest()
    of_people = manifest.node("cdp__segments")["description"]
    assert "| readers | Whoever has read something. | growth | web, weekly |\n" in of_people
    assert "busy" not in of_people
    assert "| busy |  |  |  |" in manifest.node("cdp__account_segments")["description"]


def test_explain_knows_another_definition(call: Call, world: Consumer) -> None:
    changed = [
        {**one, "where": "total_page_views > 9"} if one["name"] == "priced" else one
        for one in SEGMENTS
    ]
    before = (world.folder / "dbt_project.yml").read_text()
    try:
        world.set_vars({"cdp_segments": changed})
        told = read(call, "explain", "priced", "u1")
        assert (told["is_current"], told["terms"][0]["text"]) == (False, "total_page_views > 9")
        assert "did not know this definition yet" in call("explain", "priced", "u1")
        assert "did not know this definition yet" in call("show", "priced")
    finally:
        (world.folder / "dbt_project.yml").write_text(before)


def test_the_queries_are_compiled_for_bigquery(world: Consumer, tmp_path: Path) -> None:
    profiles = yaml.safe_load((world.folder / "profiles.yml").read_text())
    target = {"type": "bigquery", "method": "oauth-secrets", "token": "none"}
    profiles["small"]["outputs"]["bigquery"] = {**target, "project": "test-project", "dataset": "t"}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))
    folder = Path(compiled_queries.__file__).parent
    texts = [(folder / f"{name}_queries.sql").read_text() for name in ("finder", "segment")]
    project = Project.find(world.folder, tmp_path, "bigquery")
    compiled = json.loads(Dbt(project).compile_inline("\n".join(texts)))
    assert "timestamp_add(last_measured_at, interval -7 day)" in compiled["queries"]["sizes"]
    assert "`test-project`.`t_cdp`.`user_profiles`" in compiled["queries"]["flags_person"]
    counts = {name: sql.count("?") for name, sql in compiled["queries"].items()}
    assert (counts["measured"], counts["causes_account"], counts["flags_person"]) == (3, 4, 0)
