"""Start local-bigquery 0.4.0, an emulator, from the environment of requirements.txt.

It is given the extensions of DuckDB from the package registry instead of the internet, and does as
BigQuery does where it does not: it says where a table is that `create table as` has made, which dbt
asks; an apostrophe in a comment means nothing; `json_query` of a text gives a text.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from duckdb_extensions import import_extension
from local_bigquery import cli
from local_bigquery.jobs import query
from local_bigquery.sql import translate
from local_bigquery.sql.dialect import DuckDBDialect
from local_bigquery.sql.rules import json
from sqlglot import exp

Execute = Callable[..., tuple[Any, Any, Any]]


def with_destination(execute: Execute) -> Execute:
    """The emulator's function that runs a query, with the destination that it leaves out."""

    @functools.wraps(execute)
    def run(*arguments: Any, **options: Any) -> tuple[Any, Any, Any]:
        statement, children, destination = execute(*arguments, **options)
        if destination is None and statement.statementType == "CREATE_TABLE_AS_SELECT":
            destination = statement.ddlTargetTable
        return statement, children, destination

    return run


def without_comments(generator: object, sql: str, *arguments: Any, **options: Any) -> str:
    """The SQL of a node alone. DuckDB takes an apostrophe in a comment of the form that it would
    get for the start of a text, and then blanks of other widths, within texts, for plain ones."""
    return sql


def text_from_json(node: exp.Expression, context: object) -> exp.Expression:
    """The package keeps JSON as text, whose type the emulator does not know of a column. Null in a
    JSON text is null."""
    if not isinstance(node, exp.JSONExtract):
        return json.string_input(node, context)
    return exp.func("nullif", exp.cast(node, "varchar"), exp.Literal.string("null"))


if __name__ == "__main__":
    # DuckDB keeps its extensions in the home folder; the user's own is left alone.
    os.environ["HOME"] = sys.prefix
    for extension in ("ducklake", "icu", "spatial"):
        import_extension(extension)
    DuckDBDialect.Generator.maybe_comment = without_comments
    rules = translate.NODE_RULES
    rules[rules.index(json.string_input)] = text_from_json
    query.execute = with_destination(query.execute)
    cli.main()
