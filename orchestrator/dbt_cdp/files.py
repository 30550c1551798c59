"""Files of events and records, read line by line: NDJSON, JSON arrays, CSV and Parquet.

Nothing here holds a whole file in memory, and nothing stops at a bad line.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import duckdb

from dbt_cdp.errors import ConfigurationError, FileError
from dbt_cdp.payloads import MAX_BYTES, NOT_UTF8, TOO_LONG, Row, parse_line, storable

STDIN = Path("-")

Stream: TypeAlias = "io.BufferedReader[Any] | gzip.GzipFile"

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(r"[\s\ufeff]*")
_BLOCK = 1 << 20
_PARQUET_ROWS = 10_000
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")

# Only the end of an array's element is looked for; what it holds is read by `parse_line`.
_SCANNER = json.JSONDecoder(strict=False)


class InputFile:
    """A file to load.

    Args:
        path: where it is; `-` is the standard input.
        suffix: such as .csv, for a file whose name does not say what it is.

    Raises:
        ConfigurationError: there is no such file.
    """

    def __init__(self, path: Path, suffix: str | None = None) -> None:
        self.path = path
        self.name = "stdin" if path == STDIN else path.name
        if path != STDIN and not path.is_file():
            raise ConfigurationError("There is no such file.", where=str(path))
        self.size = None if path == STDIN else path.stat().st_size
        self._raw: io.FileIO | None = None
        self._suffix = suffix or Path(self.name.removesuffix(".gz")).suffix.lower()

    @property
    def position(self) -> int:
        """How many bytes of the file are read; 0 where nobody can tell."""
        return self._raw.tell() if self._raw and not self._raw.closed and self.size else 0

    @property
    def is_json(self) -> bool:
        """Whether the name says nothing else than JSON."""
        return self._suffix not in (*_DELIMITERS, *_PARQUET)

    def rows(self, required: str | None = None) -> Iterator[Row]:
        """The lines of the file, in order; blank ones are left out.

        Args:
            required: the column that a CSV or Parquet file must have.

        Raises:
            FileError: the file as a whole cannot be read as what its name says.
        """
        if self._suffix in _PARQUET:
            yield from _parquet_rows(self.path, required)
            return
        with self._open() as stream, _damage(self.name):
            if self._suffix in _DELIMITERS:
                yield from _csv_rows(stream, _DELIMITERS[self._suffix], self.name, required)
            else:
                yield from _json_rows(stream)

    def table(self, columns: Sequence[str], one: str, many: str) -> Iterator[Row]:
        """The rows of a file that has these columns and no others; an empty cell is "".

        Args:
            columns: their names.
            one: what a row is, in words.
            many: what the rows are, in a word.

        Raises:
            ConfigurationError: the columns are others, or there are no rows.
            FileError: the file cannot be read as CSV.
        """
        is_empty = True
        for row in self.rows():
            is_empty = False
            if row.value is not None and row.value.keys() != set(columns):
                raise ConfigurationError(
                    f"The first line must name the columns of {one}, and no others.",
                    where=f"{self.name}, line 1",
                    remedy=f"begin the file with the line {','.join(columns)}.",
                )
            cells = row.value and {name: cell or "" for name, cell in row.value.items()}
            yield row._replace(value=cells)
        if is_empty:
            raise ConfigurationError(
                f"The file holds no {many}.",
                where=self.name,
                remedy=f"give it one a line, below the header {','.join(columns)}.",
            )

    @contextmanager
    def _open(self) -> Iterator[Stream]:
        """The file's bytes, unpacked if they are packed."""
        if self.path == STDIN:
            # The raw stream gives what has come so far; the buffered one waits for a whole block.
            yield _unpacked(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
            return
        with self.path.open("rb", buffering=0) as raw:
            self._raw = raw
            yield _unpacked(raw)


def _unpacked(stream: Any) -> Stream:
    buffered = io.BufferedReader(stream, _BLOCK)
    is_packed = buffered.peek(len(_GZIP)).startswith(_GZIP)
    return gzip.GzipFile(fileobj=buffered) if is_packed else buffered


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileError(
            "The compressed file is damaged or cut short; nothing of it was loaded.", where=name
        ) from None


def _json_rows(stream: Stream) -> Iterator[Row]:
    head = stream.peek(_BLOCK).removeprefix(_BOM).lstrip()
    return _array_rows(stream) if head.startswith(b"[") else _ndjson_rows(stream)


def _ndjson_rows(stream: Stream) -> Iterator[Row]:
    for number in itertools.count(1):
        line = stream.readline(MAX_BYTES + 1)
        if not line:
            return
        if len(line) > MAX_BYTES and not line.endswith(b"\n"):
            _skip_line(stream)
        if number == 1:
            line = line.removeprefix(_BOM)
        line = line.rstrip(b"\r\n")
        if line and not line.isspace():
            yield parse_line(number, line)


def _skip_line(stream: Stream | TextIO) -> None:
    while (rest := stream.readline(_BLOCK)) and rest[-1:] not in (b"\n", "\n"):
        pass


def _array_rows(stream: Stream) -> Iterator[Row]:
    """The elements of a JSON array, or of several one after the other."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    window = _Window(text)
    while window.skip_blank():
        if window.next_is("[],"):
            window.take(1)
            continue
        number = window.line
        element = window.take_value()
        if element is None:
            rest = window.take(MAX_BYTES).encode("utf-8", "surrogateescape")
            reason = "not JSON, or an element is too long or too deep; the rest was not read"
            yield Row(number, rest, None, reason)
            return
        yield parse_line(number, element.encode("utf-8", "surrogateescape"))


class _Window:
    """A few megabytes of a text, moved over it from its beginning to its end."""

    def __init__(self, text: TextIO) -> None:
        self.line = 1
        self._text = text
        self._buffer = ""
        self._start = 0

    def skip_blank(self) -> bool:
        """Go to the next character that is not blank; False at the end of the text."""
        while True:
            blank = _BLANK.match(self._buffer, self._start)
            self.take(blank.end() - self._start if blank else 0)
            if self._start < len(self._buffer):
                return True
            if not self._read():
                return False

    def next_is(self, characters: str) -> bool:
        """Whether the next character is one of these."""
        return self._buffer[self._start] in characters

    def take(self, length: int) -> str:
        """The next characters; the window moves past them."""
        taken = self._buffer[self._start : self._start + length]
        self._start += len(taken)
        self.line += taken.count("\n")
        return taken

    def take_value(self) -> str | None:
        """The next JSON value as text; None if there is none within the longest line."""
        while True:
            try:
                _, end = _SCANNER.raw_decode(self._buffer, self._start)
            except (ValueError, RecursionError):
                end = self._start
            # A number or a word that touches the window's end may go on behind it.
            if end > self._start and (end < len(self._buffer) or self._buffer[end - 1] in '}]"'):
                return self.take(end - self._start)
            if len(self._buffer) - self._start > MAX_BYTES or not self._read():
                return None

    def _read(self) -> bool:
        block = self._text.read(_BLOCK)
        self._buffer = self._buffer[self._start :] + block
        self._start = 0
        return bool(block)


class _Tape:
    """The lines of a text, with a record of those that were taken since it was last asked."""

    def __init__(self, text: TextIO) -> None:
        self.number = 0
        self.is_too_long = False
        self._text = text
        self._taken: list[str] = []

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_BYTES + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_BYTES and not line.endswith("\n"):
            self.is_too_long = True
            _skip_line(self._text)
        self.number += 1
        self._taken.append(line)
        return line

    def taken(self) -> bytes:
        """The lines since the last call, as they came."""
        lines, self._taken, self.is_too_long = self._taken, [], False
        return "".join(lines).rstrip("\r\n").encode("utf-8", "surrogateescape")


def _csv_rows(stream: Stream, delimiter: str, name: str, required: str | None) -> Iterator[Row]:
    """The rows below the header; every value is text, an empty one is null."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(MAX_BYTES)
    tape = _Tape(text)
    reader = csv.reader(tape, delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
    except csv.Error:
        header = []
    _check_header(header, name, required)
    tape.taken()
    while True:
        number = tape.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, tape.taken(), None, f"not CSV: {error}")
            continue
        is_too_long, raw = tape.is_too_long, tape.taken()
        if cells:
            yield _csv_row(number, raw, header, cells, TOO_LONG if is_too_long else "")


def _csv_row(number: int, raw: bytes, header: list[str], cells: list[str], problem: str) -> Row:
    if problem or len(raw) > MAX_BYTES:
        return Row(number, raw, None, problem or TOO_LONG)
    if len(cells) != len(header):
        problem = f"{len(cells)} values, but the header names {len(header)} columns"
        return Row(number, raw, None, problem)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return Row(number, raw, None, NOT_UTF8)
    value = {name: cell or None for name, cell in zip(header, cells, strict=True)}
    return Row(number, raw, storable(value) if b"\0" in raw else value)


def _check_header(header: list[str], name: str, required: str | None) -> None:
    """The header is not quoted: a file without one has a person's data in its first line."""
    where = f"{name}, line 1"
    if not header or "" in header or len(set(header)) != len(header):
        raise FileError(
            "The first line is not a header: a name is missing or stands there twice.", where=where
        )
    if required and required not in header:
        raise FileError(
            f"The header has no column '{required}', which is the source's record_id.",
            where=where,
            remedy="give the file a header line, or correct record_id in cdp_sources.",
        )


def _parquet_rows(path: Path, required: str | None) -> Iterator[Row]:
    """The rows of a Parquet file, with their types as JSON has them; times are ISO 8601 in UTC."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            columns = connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()
            _check_header([column[0] for column in columns], path.name, required)
            fields = ", ".join(_parquet_field(column[0], column[1]) for column in columns)
            rows = connection.execute(
                f"select cast(to_json({{{fields}}}) as varchar) from read_parquet(?)",  # noqa: S608
                [str(path)],
            )
            numbers = itertools.count(1)
            while batch := rows.fetchmany(_PARQUET_ROWS):
                for (text,) in batch:
                    yield parse_line(next(numbers), text.encode())
        except (duckdb.IOException, duckdb.InvalidInputException):
            raise FileError("The file is not Parquet, or is damaged.", where=path.name) from None


def _parquet_field(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    key = "'" + name.replace("'", "''") + "'"
    if kind.startswith("TIMESTAMP"):
        column = f"strftime(cast({column} as timestamp), '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"{key}: {column}"
