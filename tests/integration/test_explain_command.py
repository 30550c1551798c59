"""`cdp explain` in a project that dbt has built."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumer import Consumer
from dbt_cdp.cli import run

Explain = Callable[..., str]

ADA = "email=ada@acme.example"
NEEDLES = ["needle-one@shop.example", "needle-two@shop.example"]


@pytest.fixture
def explain(original: Consumer, capsys: pytest.CaptureFixture[str]) -> Explain:
    """The command in the built project, and what it writes."""

    def call(*arguments: str) -> str:
        code = run(["explain", *arguments, "--project-dir", str(original.folder)])
        said = capsys.readouterr()
        assert code == 0 and not said.err, said.err
        return said.out

    return call


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("│").split("│")]


def test_one_person_is_told_with_the_chain(original: Consumer, explain: Explain) -> None:
    verdict, *table = explain("anonymous_id=ada-phone", "email= ADA@acme.example").splitlines()
    [(ada,)] = original.query(
        "select canonical_id from identity_graph where identifier_value = '101'"
    )
    assert verdict == f"One person, canonical id {ada}: 2 links."
    assert [cells(line) for line in table if line.startswith("│")] == [
        ["anonymous_id=ada-phone", "", "", "", "", "", ""],
        ["user_id=101", "event logged_in", "app", "e107", "2026-06-11", "1", "accepted"],
        [ADA, "event signed_up", "app", "e105", "2026-06-10", "1", "accepted"],
    ]


def test_two_people_are_told_with_the_links_that_were_refused(explain: Explain) -> None:
    verdict, *table = explain("user_id=105", "user_id=106").splitlines()
    assert verdict.startswith("Two people, canonical ids ")
    why = "2 links were refused, the first because it has an identifier that is shared by several"
    assert verdict.endswith(f": {why} people.")
    rows = [cells(line) for line in table if line.startswith("│")]
    assert [(row[0], row[-1]) for row in rows] == [
        ("user_id=105", ""),
        ("email=sales@acme.example", "refused: shared"),
        ("user_id=106", "refused: shared"),
    ]


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (("user_id=101", "user_id=104"), ": no chain of links connects them."),
        (("user_id=101", "user_id= 101"), "One identifier, canonical id "),
        (
            ("email=sales@acme.example", ADA),
            "email=sales@acme.example is shared by 2 people, and so belongs to nobody."
            " No chain of links connects them.",
        ),
        (
            (ADA, "email=TEST@test.com"),
            "email=test@test.com is blocked: an address nobody reads."
            " No chain of links connects them.",
        ),
        (
            ("user_id=nobody", ADA),
            "user_id=nobody is unknown: no event or record shows it."
            " No chain of links connects them.",
        ),
        (
            ("user_id=nobody", "user_id=nobody"),
            "user_id=nobody is unknown: no event or record shows it.",
        ),
    ],
)
def test_every_verdict_is_one_line(explain: Explain, asked: tuple[str, str], verdict: str) -> None:
    said = explain(*asked)
    assert verdict in said and said.count("\n") == 1


def test_json_has_all_of_it(explain: Explain) -> None:
    found: dict[str, Any] = json.loads(explain("phone=030 1234567", "user_id=107", "--json"))
    canonical_id = found["sides"][0]["canonical_id"]
    phone, user = ({"type": "phone", "value": "+49301234567"}, {"type": "user_id", "value": "107"})
    person = {
        "status": "person",
        "canonical_id": canonical_id,
        "block_reason": None,
        "count_people": None,
    }
    assert found == {
        "verdict": f"One person, canonical id {canonical_id}: 1 link.",
        "sides": [{"identifier": phone, **person}, {"identifier": user, **person}],
        "is_connected": True,
        "never_link_decision_id": None,
        "links": [
            {
                "step": 1,
                "identifier_a": phone,
                "identifier_b": user,
                "rule": "event",
                "source": "app",
                "evidence_id": "e701",
                "event_type": "form_submitted",
                "event_count": 1,
                "first_seen": "2026-06-07 09:00:00",
                "last_seen": "2026-06-07 09:00:00",
                "is_accepted": True,
                "reason": None,
                "detail": None,
            }
        ],
        "candidates": [],
    }


def test_decisions_are_told(built: Consumer, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--project-dir", str(built.folder)]

    def decide(*words: str) -> str:
        assert run(["identity", "decide", *words, "--reason", "known", "--json", *place]) == 0
        return json.loads(capsys.readouterr().out)[0]["decision_id"]

    apart = decide("never_link", "user_id=104", "email=dan@mail.example")
    links = [
        decide("link", "user_id=107", "crm_id=never-seen"),
        decide("link", "crm_id=never-seen", "user_id=108"),
    ]
    built.runs("run")
    assert run(["explain", "user_id=104", "email=dan@mail.example", *place]) == 0
    verdict, *table = capsys.readouterr().out.splitlines()
    assert verdict.endswith(f": decision {apart} says so.")
    assert any(line.endswith(f"refused: never_link {apart} │") for line in table)
    assert run(["explain", "user_id=107", "user_id=108", "--json", *place]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"].endswith(": 2 links.")
    assert [(link["rule"], link["evidence_id"]) for link in found["links"]] == [
        ("link", decision) for decision in links
    ]
    assert run(["explain", "crm_id=never-seen", "user_id=108", *place]) == 0
    verdict, *table = capsys.readouterr().out.splitlines()
    assert verdict == "crm_id=never-seen is unknown: no event or record shows it."
    assert ["user_id=108", "decision", "", links[1], "", "", "accepted"] in map(cells, table)


def test_what_is_asked_on_stdin_is_left_nowhere(
    original: Consumer, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"email={needle}\n" for needle in NEEDLES)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"\n{lines}"))
    assert explain().startswith(f"email={NEEDLES[0]} is unknown")
    files = [path for path in original.folder.rglob("*") if path.is_file()]
    assert any(path.parent.name == "cdp_queries" for path in files)
    assert any(path.name == "dbt.log" for path in files)
    for path in files:
        assert not any(needle.encode() in path.read_bytes() for needle in NEEDLES), path


def test_a_person_at_a_terminal_is_asked(
    original: Consumer, explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["user_id=101", "user_id=104"])
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("click.prompt", lambda text, err: next(answers) if err else "")
    assert "no chain of links connects them" in explain()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([ADA], "there are 1, not two"),
        ([ADA, ADA, ADA], "there are 3, not two"),
        ([ADA, "needle"], "the second identifier is of no known type"),
        (["needle=1", ADA], "the first identifier is of no known type"),
        ([ADA, "user_id= "], "the second identifier has no value"),
        ([ADA, "user_id=needle\ud800"], "the second identifier has a character"),
    ],
)
def test_what_is_no_pair_is_refused_and_not_quoted(
    original: Consumer, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert run(["explain", *arguments, "--project-dir", str(original.folder)]) == 2
    said = capsys.readouterr()
    assert problem in said.err and not said.out
    assert "needle" not in said.err and "ada" not in said.err


def test_an_empty_stdin_is_no_pair(
    original: Consumer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(["explain", "--project-dir", str(original.folder)]) == 2
    assert "there are 0, not two" in capsys.readouterr().err


def test_a_project_that_is_not_built_is_told_what_to_do(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", ADA, "user_id=101"]) == 2
    said = capsys.readouterr().err
    assert "has not been built" in said and "dbt build" in said
