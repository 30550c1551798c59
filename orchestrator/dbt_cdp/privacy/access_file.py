"""The zip that holds what is known of a person.

It is written row by row beside the place that it takes in the end, so that a kill leaves no half of
it there.
"""

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from dbt_cdp.clock import utc_now
from dbt_cdp.collector.spool import sync_folder
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.pages import render
from dbt_cdp.privacy.access_facts import Facts, document_of, notes_of
from dbt_cdp.privacy.access_values import cell, plain, shown
from dbt_cdp.privacy.extract import Extract

_PAGE = "access_page.html"

# A page is for looking at: all rows are in the tables.
_SHOWN_ROWS = 100


def check_path(path: Path, *, is_forced: bool) -> None:
    """Make sure, before anything is looked for, that a file may be written there.

    Raises:
        ConfigurationError: it may not.
    """
    if not path.absolute().parent.is_dir():
        raise ConfigurationError("The folder of the file is not there.", where=str(path))
    if os.path.lexists(path) and not is_forced:
        raise ConfigurationError(
            "The file is there already.",
            where=str(path),
            remedy="give another name, or --force to write over it.",
        )


def write_zip(path: Path, project: str, facts: Facts, extracts: Sequence[Extract]) -> list[str]:
    """Write the zip; only its owner can read it.

    Args:
        path: the zip.
        project: the project's name.
        facts: what is told beside the rows.
        extracts: the rows.

    Returns:
        The names of the recipients.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    document = document_of(project, facts, extracts)
    with _new_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with _entry(archive, "person.html") as out:
            out.write(_page(document, extracts))
        with _entry(archive, "data.json") as out:
            _write_json(out, document, extracts)
        with _entry(archive, "about.csv") as out:
            _write_csv(out, ("about", "name", "text", "first_at", "last_at"), notes_of(document))
        for one in extracts:
            with _entry(archive, f"tables/{one.name}.csv") as out:
                _write_csv(out, one.columns, one.read())
    return sorted({one["destination"] for one in document["recipients"]})


def _write_json(out: TextIO, document: Mapping[str, Any], extracts: Sequence[Extract]) -> None:
    """One document, of which no table is held."""
    out.write("{\n")
    for name, part in document.items():
        out.write(f"{_json(name)}: {_json(part)},\n")
    out.write('"tables": {')
    for table, one in enumerate(extracts):
        out.write(f"{',' if table else ''}\n{_json(one.name)}: [")
        for number, row in enumerate(one.read()):
            values = dict(zip(one.columns, map(plain, row), strict=True))
            out.write(f"{',' if number else ''}\n{_json(values)}")
        out.write("]")
    out.write("}\n}\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write_csv(out: TextIO, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)


def _page(document: Mapping[str, Any], extracts: Sequence[Extract]) -> str:
    tables = [
        {
            "name": one.name,
            "rows": one.rows,
            "shown": [
                [(name, shown(value)) for name, value in zip(one.columns, row, strict=True)]
                for row in one.newest(_SHOWN_ROWS)
            ],
        }
        for one in extracts
    ]
    return render(_PAGE, **document, tables=tables, shown=shown)


@contextmanager
def _entry(archive: zipfile.ZipFile, name: str) -> Iterator[TextIO]:
    entry = zipfile.ZipInfo(name, utc_now().timetuple()[:6])
    entry.compress_type = archive.compression
    with (
        archive.open(entry, "w", force_zip64=True) as raw,
        io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="") as out,
    ):
        yield out


@contextmanager
def _new_file(path: Path) -> Iterator[Any]:
    """A file that takes the place of another one, in one go, when it is whole."""
    new = path.with_name(f".{path.name}.cdp")
    try:
        # Of an access that was killed.
        new.unlink(missing_ok=True)
        new.touch(mode=0o600, exist_ok=False)
        with new.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.absolute().parent)
    except PermissionError as error:
        raise ConfigurationError(
            f"The file cannot be written: {error.strerror}.", where=str(path)
        ) from None
    finally:
        new.unlink(missing_ok=True)
