"""Start fakesnow 0.12.1, an emulator, from the environment of requirements.txt.

It is given what the package uses of Snowflake and it lacks; the package's SQL stays as it is. What
it cannot run is answered as an error, where it would have the connector ask again for ever.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow
from fakesnow import arrow, cli, cursor, macros, transforms
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

# Its values of the type VARIANT are JSON, in which a time is a text.
FUNCTIONS = """
create or replace macro {catalog}.as_varchar(given) as
    case when json_type(given) = 'VARCHAR' then given ->> '$' end;
create or replace macro {catalog}.as_array(given) as
    case when json_type(given) = 'ARRAY' then given end;
create or replace macro {catalog}.as_timestamp_ntz(given) as cast(null as timestamp);
create or replace macro {catalog}.as_timestamp_ltz(given) as cast(null as timestamptz);
create or replace macro {catalog}.as_timestamp_tz(given) as cast(null as timestamptz);
create or replace macro {catalog}.split_to_table(given, delimiter) as table
    select unnest(string_split(given, delimiter)) as value;
create or replace macro {catalog}.try_to_timestamp_tz(given) as try_cast(given as timestamptz);
"""

Execute = Callable[..., Any]
Transform = Callable[..., exp.Expression]


def with_functions(create: Callable[[str], str]) -> Callable[[str], str]:
    """The SQL that the emulator runs in each new database, and more functions."""

    @functools.wraps(create)
    def run(catalog: str) -> str:
        return create(catalog) + FUNCTIONS.format(catalog=catalog)

    return run


def in_duckdb(transform: Transform) -> Transform:
    """What makes DuckDB's statement of Snowflake's, for statements that it does not know."""

    @functools.wraps(transform)
    def run(self: Any, expression: exp.Expression, *arguments: Any) -> exp.Expression:
        return transform(self, expression.transform(known), *arguments)

    return run


def known(node: exp.Expression) -> exp.Expression:
    """A part of a statement in a form that the emulator knows."""
    # After an apostrophe in a comment DuckDB takes blanks of Unicode in a text for those of SQL.
    node.pop_comments()
    if isinstance(node, exp.Create) and node.find(exp.Table).db:
        # DuckDB's temporary tables have no schema.
        for temporary in list(node.find_all(exp.TemporaryProperty)):
            temporary.pop()
    return node


def with_characters(trim: Transform) -> Transform:
    """The emulator's change of `trim`, which loses the characters that are named."""

    @functools.wraps(trim)
    def run(node: exp.Expression) -> exp.Expression:
        changed = trim(node)
        if changed is not node and node.expression:
            changed.set("expression", node.expression)
        return changed

    return run


def with_nulls(convert: Callable[[Any], pyarrow.StructArray]) -> Callable[[Any], Any]:
    """The emulator's form of timestamps in an answer, which makes 1970 of what is null."""

    @functools.wraps(convert)
    def run(times: pyarrow.ChunkedArray) -> pyarrow.StructArray:
        made = convert(times)
        parts = [part.fill_null(0) for part in made.flatten()]
        nulls = times.combine_chunks().is_null()
        return pyarrow.StructArray.from_arrays(parts, fields=list(made.type), mask=nulls)

    return run


def with_errors(execute: Execute) -> Execute:
    """The emulator's function that runs a statement, which lets some errors of DuckDB through."""

    @functools.wraps(execute)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return execute(*arguments, **options)
        except duckdb.Error as error:
            raise ProgrammingError(msg=str(error), errno=1003, sqlstate="42000") from error

    return run


if __name__ == "__main__":
    macros.creation_sql = with_functions(macros.creation_sql)
    transforms.trim_cast_varchar = with_characters(transforms.trim_cast_varchar)
    arrow.timestamp_to_sf_struct = with_nulls(arrow.timestamp_to_sf_struct)
    emulator = cursor.FakeSnowflakeCursor
    emulator._transform = in_duckdb(emulator._transform)
    emulator.execute = with_errors(emulator.execute)
    sys.exit(cli.main())
