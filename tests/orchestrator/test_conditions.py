"""Conditions taken apart, against what a database says of the whole."""

import itertools
import random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbt_cdp.conditions import Combination, Condition, names_in, parse_condition, predicates, truth
from dbt_cdp.errors import ConfigurationError


def shape(condition: Condition) -> object:
    """A condition as nested lists."""
    if isinstance(condition, Combination):
        return [condition.kind, *map(shape, condition.parts)]
    return str(condition)


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("a > 1", "a > 1"),
        ("a > 1 and b is null", ["all", "a > 1", "b is null"]),
        ("a and b or c", ["any", ["all", "a", "b"], "c"]),
        ("a AND (b Or not (c))", ["all", "a", ["any", "b", ["not", "c"]]]),
        ("(a and (b and c)) and d", ["all", "a", "b", "c", "d"]),
        ("a between 1 and 2 and b", ["all", "a between 1 and 2", "b"]),
        ("not a not between 1 and b and c", ["all", ["not", "a not between 1 and b"], "c"]),
        (
            "case when a and b then c end = 1 and d",
            ["all", "case when a and b then c end = 1", "d"],
        ),
        ("(a + 1) > (b - 2) * 3", "(a + 1) > (b - 2) * 3"),
        ("(a or b) is true", "(a or b) is true"),
        ("(a, b) in ((1, 2))", "(a, b) in ((1, 2))"),
        ("a > (select max(x) from t where y and z)", "a > (select max(x) from t where y and z)"),
        ("(select true)", "(select true)"),
        ("a = 'x and y' and \"or\" > 1", ["all", "a = 'x and y'", '"or" > 1']),
        ("a > 1 -- and more\n  and b", ["all", "a > 1", "b"]),
        ("a  >\n 1", "a > 1"),
        ("list_filter(a, x -> x > 1 and x < 3) = b", "list_filter(a, x -> x > 1 and x < 3) = b"),
    ],
)
def test_a_condition_is_taken_apart(sql: str, parts: object) -> None:
    assert shape(parse_condition(sql, "duckdb")) == parts


@pytest.mark.parametrize(
    ("sql", "split"),
    [
        ("a > 1", ("a", ">", "1", False)),
        ("a < b / 2.0", ("a", "<", "b / 2.0", True)),
        ("lower(a) = 'x'", ("lower(a)", "=", "'x'", False)),
        ("a is not null", ("a", "is", "not null", False)),
        ("a not  in ('x', 'y')", ("a", "not in", "('x', 'y')", False)),
        ("a between b and 2", ("a", "between", "b and 2", False)),
        ("case when a > 1 then b end <> 3", ("case when a > 1 then b end", "<>", "3", False)),
        ("is_icp_match", (None, None, None, False)),
        ("greatest(a > 1, b)", (None, None, None, False)),
        ("not_a_list[1] >= 2", ("not_a_list[1]", ">=", "2", False)),
    ],
)
def test_a_predicate_tells_its_value_and_its_limit(sql: str, split: tuple[object, ...]) -> None:
    (part,) = predicates(parse_condition(sql, "duckdb"))
    assert (part.value, part.operator, part.limit, part.limit_varies) == split


def test_a_segment_in_a_condition_is_known() -> None:
    parts = predicates(
        parse_condition("in_segment( 'x' ) and coalesce(in_segment('y'), a)", "duckdb")
    )
    assert [part.segment for part in parts] == ["x", None]


def test_a_quote_is_that_of_the_warehouse() -> None:
    assert shape(parse_condition("`a and b` > 1 and c", "bigquery")) == [
        "all",
        "`a and b` > 1",
        "c",
    ]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("", "a part is missing"),
        ("a and", "a part is missing"),
        ("or b", "a part is missing"),
        ("a > (1", "opened and not closed"),
        ("a > 1) or (b", "nothing is expected before ')'"),
        ("a = 'x", "cannot be read as SQL"),
    ],
)
def test_a_broken_condition_is_told(sql: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match="The condition is broken") as failure:
        parse_condition(sql, "duckdb")
    assert why in failure.value.message


def test_names_are_those_that_may_be_columns() -> None:
    sql = "Lower(Email) like '%name%' and \"plan\" = cast(x as text)"
    assert names_in(sql, "duckdb") == ["email", "plan", "x"]


DATABASE = duckdb.connect()
VALUES = {"yes": True, "no": False, "maybe": None}


def random_condition(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([*VALUES, "one > 0", "one between 0 and 2", "null > one"])
    kind = rng.choice(["and", "or", "not", "()"])
    if kind == "not":
        return f"not {random_condition(rng, 0)}"
    if kind == "()":
        return f"({random_condition(rng, depth - 1)})"
    return f" {kind} ".join(random_condition(rng, depth - 1) for _ in range(rng.randint(2, 3)))


@given(st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_truth_is_what_the_database_says(rng: random.Random) -> None:
    sql = random_condition(rng, 4)
    condition = parse_condition(sql, "duckdb")
    parts = list(dict.fromkeys(predicates(condition)))
    columns = ", ".join(f"({part.sql})" for part in parts)
    row = "(select true as yes, false as no, null::boolean as maybe, 1 as one)"
    whole, *known = DATABASE.execute(f"select ({sql}), {columns} from {row}").fetchone()
    assert truth(condition, dict(zip(parts, known, strict=True))) is whole, sql


def test_truth_of_what_is_unknown() -> None:
    condition = parse_condition("(a or not b) and c", "duckdb")
    parts = list(predicates(condition))
    for values in itertools.product([True, False, None], repeat=3):
        a, b, c = ("null" if value is None else str(value) for value in values)
        (expected,) = DATABASE.execute(f"select ({a} or not {b}) and {c}").fetchone()
        assert truth(condition, dict(zip(parts, values, strict=True))) is expected
