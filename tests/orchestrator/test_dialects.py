"""What only some warehouses understand stands in macros/warehouse, and nowhere else."""

import re
from pathlib import Path

import pytest

from dbt_cdp.project import package_root

ROOT = package_root()

# Lists what conditions of users may say, on any warehouse.
WORDS_OF_USERS = ROOT / "macros" / "config" / "cdp_check_conditions.sql"

FILES = sorted(
    path
    for folder in ("macros", "models")
    for path in (ROOT / folder).rglob("*.sql")
    if path.parent.name != "warehouse" and path != WORDS_OF_USERS
)

# Macros, comments and Python's methods have names of their own.
NOT_SQL = re.compile(r"\{#.*?#\}|--[^\n]*|\b(cdp|dbt)\.\w+|\badapter\.\w+|[.]strftime\(", re.DOTALL)

DIALECT = re.compile(
    r"""
    target\.type | \b(default|duckdb|bigquery|postgres|snowflake)__\w+
    | \bqualify\b | \bdistinct\s+on\b | \blateral\b | \bilike\b | ::\w | \bunnest\b
    | \b(safe|try)_cast\b | \bsafe\. | \bgroup\s+by\s+all\b | \border\s+by\s+all\b
    | \*\s*(exclude|except|replace)\b | \binterval\s+['\d] | \bextract\s*\(
    | \b(array|string|list)_agg\b | \b(arg_max|arg_min|max_by|min_by|any_value)\s*\(
    | \bregexp_\w+ | \bjson_\w+\s*\( | \b(to|parse)_json\b | \bjsonb?\b\s*\( | \bas\s+jsonb\b
    | \b(md5|sha1|sha256|sha2|farm_fingerprint|hash)\s*\( | \bstrftime\b | \bstruct\s*\(
    | \b(timestamp|date)_(add|sub|diff|trunc|part)\s*\( | \bdate(diff|add|part)\s*\(
    | \bgenerate_(series|array|uuid)\b | \bcreate\s+(or\s+replace\s+)?temp
    | \b(int64|float64|bignumeric|hugeint|varchar2|timestamp_ntz|timestamptz)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def words_of(text: str) -> list[str]:
    return [found.group() for found in DIALECT.finditer(NOT_SQL.sub(" ", text))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_dialect_outside_of_its_folder(path: Path) -> None:
    assert words_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "{% if target.type == 'bigquery' %}",
        "select x::text",
        "select * exclude (a) from b",
        "qualify row_number() over () = 1",
        "x + interval '1 day'",
        "{% macro duckdb__cdp_one() %}",
        "try_cast(a as date)",
        "json_extract_string(a, '$.b')",
    ],
)
def test_words_of_a_dialect_are_found(sql: str) -> None:
    assert words_of(sql)
    assert not words_of("{# " + sql + " #}")
