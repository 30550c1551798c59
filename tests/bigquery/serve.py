"""Start local-bigquery 0.4.0, an emulator, from the environment of requirements.txt.

It is given the extensions of DuckDB from the package registry instead of the internet, and says
where a table is that `create table as` has made, as BigQuery does and dbt asks.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from duckdb_extensions import import_extension
from local_bigquery import cli
from local_bigquery.jobs import query

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


if __name__ == "__main__":
    # DuckDB keeps its extensions in the home folder; the user's own is left alone.
    os.environ["HOME"] = sys.prefix
    for extension in ("ducklake", "icu", "spatial"):
        import_extension(extension)
    query.execute = with_destination(query.execute)
    cli.main()
