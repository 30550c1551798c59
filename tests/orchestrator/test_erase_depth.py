"""Parts of erasures in depth that need no warehouse: when kept rows go, how identifiers are
spelled, what of a search is entered, and what descriptions are refused."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dbt_cdp.dbt import Relation
from dbt_cdp.privacy.kept import by_date, cutoff, goes_on
from dbt_cdp.privacy.ledger import DONE, LEFT, Task
from dbt_cdp.privacy.leftovers import remove_artifacts
from dbt_cdp.privacy.rules import Action, DescribedTable, Rule
from dbt_cdp.privacy.search import Findings, spellings, tasks_of
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Column

NAMES = {"email": "mail"}


@pytest.mark.parametrize("months", [1, 12, 13, 120])
def test_a_row_goes_on_the_day_that_was_told(months: int) -> None:
    for n in range(800):
        day = date(2015, 12, 1) + timedelta(days=n)
        last = goes_on(day, months)
        assert day < cutoff(last, months)
        assert not day < cutoff(last - timedelta(days=1), months)


def test_it_is_kept_for_the_whole_of_its_last_day() -> None:
    assert goes_on(date(2016, 1, 1), 120) == date(2026, 1, 2)
    assert goes_on(date(2016, 1, 30), 1) == date(2016, 3, 1)
    assert goes_on(date(2016, 12, 31), 2) == date(2017, 3, 1)
    assert cutoff(date(2026, 1, 1), 99_999) == date.min


def test_a_rule_with_a_date_is_two() -> None:
    table = Relation("d", "s", "bills", "d.s.bills")
    rule = Rule(
        action=Action.KEEP,
        identifiers=NAMES,
        reason="tax law",
        until={"column": "day", "months": 1},  # type: ignore[arg-type]
    )
    (gone, kept) = by_date(DescribedTable("bills", table, False, [rule]), "{x} < '{day}'").rules
    assert (gone.action, kept.action) == (Action.DELETE, Action.KEEP)
    assert gone.rows.startswith("coalesce(day < '") and kept.rows == f"not {gone.rows}"
    # A copy for another purpose is of the same rows.
    assert gone.model_copy(update={"columns": ("a",)}).rows == gone.rows


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"action": "hash", "text": ["body"]}, "`hash` needs identifiers"),
        (
            {"action": "delete", "identifiers": NAMES, "until": {"column": "a", "months": 1}},
            "until",
        ),
        (
            {"action": "keep", "text": ["a"], "reason": "x", "until": {"column": "a", "months": 1}},
            "`until` is for `keep` with identifiers",
        ),
        (
            {
                **{"action": "keep", "identifiers": NAMES, "reason": "x"},
                "until": {"column": "a", "months": 0},
            },
            "greater than 0",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Rule.model_validate(rule)


@pytest.mark.parametrize(
    ("kind", "is_text", "may_hold"),
    [
        ("VARCHAR", True, True),
        ("character varying", True, True),
        ("STRING", True, True),
        ("TEXT", True, True),
        ("VARCHAR[]", False, True),
        ("JSON", False, True),
        ("VARIANT", False, True),
        ("STRUCT(mail VARCHAR)", False, True),
        ("ARRAY<STRING>", False, True),
        ("UUID", False, True),
        ("BIGINT", False, False),
        ("DECIMAL(18,3)", False, False),
        ("timestamp with time zone", False, False),
        ("BLOB", False, False),
    ],
)
def test_types_tell_where_texts_may_be(kind: str, is_text: bool, may_hold: bool) -> None:
    column = Column("t", "c", kind)
    assert (column.is_text, column.may_hold_text) == (is_text, may_hold)


def test_identifiers_are_spelled_as_texts_have_them() -> None:
    assert spellings("ann@shop.example") == {"ann@shop.example", "ann%40shop.example"}
    assert spellings('ä"x') == {'ä"x', '\\u00e4\\"x', 'ä\\"x', "%C3%A4%22x"}


def test_of_a_search_what_is_new_or_gone_is_entered() -> None:
    known = {
        "r": [
            Task("search", "s.t.seen", "look", DONE, 4, "somebody else"),
            Task("search", "s.t.gone", "look", LEFT, 2),
            Task("search", "s.t.back", "look", DONE, 0),
            Task("search", "s.closed", "look", LEFT, None),
            Task("table", "s.t.other", "delete", LEFT, 1),
        ]
    }
    findings = Findings({"r": {"s.t.seen": 4, "s.t.back": 1, "s.t.new": 3}}, {"s.closed"}, 7)
    entered = {one.subject: (one.status, one.rows) for _, one in tasks_of(findings, ["r"], known)}
    assert entered == {
        "s.t.back": (LEFT, 1),
        "s.t.new": (LEFT, 3),
        "s.t.gone": (DONE, 0),
        "every column": (DONE, None),
    }


def test_only_what_dbt_wrote_of_its_runs_is_removed(tmp_path: Path) -> None:
    stays = ("target/partial_parse.msgpack", "target/catalog.json", "logs/notes.txt")
    goes = ("logs/dbt.log", "logs/dbt.log.1", "target/run_results.json", "target/run/a/b.sql")
    for name in (*stays, *goes):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    project = Project.without_target(tmp_path)
    for _ in range(2):
        remove_artifacts(project)
    left = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()}
    assert left == {*stays, "dbt_project.yml"}
