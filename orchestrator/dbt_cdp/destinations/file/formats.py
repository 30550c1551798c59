"""The formats of files: written row by row, and copied without some rows."""

import csv
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from typing_extensions import override

from dbt_cdp.destinations.values import json_value, plain_text

# DuckDB's types of a Parquet file's columns, by those of the values.
_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "bigint",
    float: "double",
    Decimal: "double",
    datetime: "timestamp",
    date: "date",
}
_NUMBERS = {"bigint", "double"}


class Format(ABC):
    """How rows are kept in a file."""

    @abstractmethod
    def write(self, file: Path, fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows to a file, with a column for each field in their order."""

    @abstractmethod
    def copy_without(self, old: Path, new: Path, key: str, keys: frozenset[str]) -> bool:
        """Copy a file without the rows that have one of the keys; whether there were any."""


class _Csv(Format):
    """Comma-separated, in UTF-8, with a line of names; null is empty."""

    @override
    def write(self, file: Path, fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(fields)
            writer.writerows([plain_text(row.get(name)) for name in fields] for row in rows)

    @override
    def copy_without(self, old: Path, new: Path, key: str, keys: frozenset[str]) -> bool:
        found = False
        with (
            old.open(encoding="utf-8", newline="") as source,
            new.open("w", encoding="utf-8", newline="") as target,
        ):
            reader, writer = csv.reader(source), csv.writer(target, lineterminator="\n")
            names = next(reader)
            writer.writerow(names)
            place = names.index(key)
            for row in reader:
                if row[place] in keys:
                    found = True
                else:
                    writer.writerow(row)
        return found


class _Ndjson(Format):
    """A JSON object a line, in UTF-8."""

    @override
    def write(self, file: Path, fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        with file.open("w", encoding="utf-8", newline="\n") as lines:
            for row in rows:
                values = {name: row.get(name) for name in fields}
                lines.write(json.dumps(values, ensure_ascii=False, default=json_value) + "\n")

    @override
    def copy_without(self, old: Path, new: Path, key: str, keys: frozenset[str]) -> bool:
        found = False
        with (
            old.open(encoding="utf-8", newline="\n") as source,
            new.open("w", encoding="utf-8", newline="\n") as target,
        ):
            for line in source:
                if plain_text(json.loads(line).get(key)) in keys:
                    found = True
                else:
                    target.write(line)
        return found


class _Parquet(Format):
    """Parquet, compressed by Zstandard. By way of NDJSON, since a column's type is known when all
    of its values have been seen: one of nulls alone is text, and so is one of mixed types."""

    @override
    def write(self, file: Path, fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        types: dict[str, set[str]] = {name: set() for name in fields}

        def seen() -> Iterable[Mapping[str, Any]]:
            for row in rows:
                for name in fields:
                    value = row.get(name)
                    if value is not None:
                        types[name].add(_TYPES.get(type(value), "varchar"))
                yield row

        with tempfile.TemporaryDirectory(prefix="cdp-") as folder:
            lines = Path(folder, "rows.ndjson")
            _Ndjson().write(lines, fields, seen())
            columns = {name: _one(found) for name, found in types.items()}
            with duckdb.connect() as connection:
                connection.execute(
                    f"copy (select * from read_json(?, format = 'newline_delimited',"  # noqa: S608
                    f" columns = {_struct(columns)}, maximum_object_size = 134217728))"
                    f" to '{_quoted(file)}' (format parquet, compression zstd)",
                    [str(lines)],
                )

    @override
    def copy_without(self, old: Path, new: Path, key: str, keys: frozenset[str]) -> bool:
        name = '"' + key.replace('"', '""') + '"'
        has_key = f"list_contains(?, cast({name} as varchar))"
        with duckdb.connect() as connection:
            found = connection.execute(
                f"select count(*) from read_parquet(?) where {has_key}",  # noqa: S608
                [str(old), list(keys)],
            ).fetchone()
            connection.execute(
                f"copy (select * from read_parquet(?) where not coalesce({has_key}, false))"  # noqa: S608
                f" to '{_quoted(new)}' (format parquet, compression zstd)",
                [str(old), list(keys)],
            )
        return bool(found and found[0])


def _one(types: set[str]) -> str:
    """The type of a column that has values of these."""
    if types and types <= _NUMBERS:
        return "double" if "double" in types else "bigint"
    return types.pop() if len(types) == 1 else "varchar"


def _struct(columns: Mapping[str, str]) -> str:
    pairs = (f"'{_quoted(name)}': '{kind}'" for name, kind in columns.items())
    return "{" + ", ".join(pairs) + "}"


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")


FORMATS: Mapping[str, Format] = {"csv": _Csv(), "ndjson": _Ndjson(), "parquet": _Parquet()}
