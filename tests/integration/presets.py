"""A project that reads the tables of collectors and business systems, as in tests/sources."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import yaml

from consumer import Consumer, new_project
from dbt_cdp.project import package_root

SOURCES = package_root() / "tests" / "sources"
NAME = "cdp_sources_test"

# The person of an identifier that belongs to nobody.
SHARED = "shared"

Row = tuple[Any, ...]


def collectors() -> list[str]:
    """The collectors that have tables in tests/sources."""
    return sorted(path.name for path in SOURCES.iterdir() if (path / "load_1.sql").exists())


def sources_file(collector: str) -> Path:
    """The dbt source that users copy into their project."""
    return package_root() / "models" / "staging" / collector / f"_{collector}__sources.yml"


def copied(collector: str) -> str:
    """That file as users have it: without the line that turns it off outside the package."""
    text = sources_file(collector).read_text(encoding="utf-8")
    enabled = "    config:\n      enabled: \"{{ project_name == 'cdp' }}\"\n"
    assert enabled in text, f"{collector}: no {enabled}"
    return text.replace(enabled, "")


def project_with(folder: Path, names: Sequence[str]) -> Consumer:
    """A project with these collectors, nothing loaded yet."""
    settings = yaml.safe_load((SOURCES / "dbt_project.yml").read_text(encoding="utf-8"))
    variables = settings["vars"]
    entries = [entry for entry in variables["cdp_sources"] if entry["collector"] in names]
    assert {entry["collector"] for entry in entries} == set(names)
    files = {f"_{name}__sources.yml": with_event_tables(name, entries) for name in names}
    return new_project(folder, NAME, files, vars={**variables, "cdp_sources": entries})


def with_event_tables(collector: str, entries: Sequence[dict[str, Any]]) -> str:
    """The copied dbt source, with the tables of single events that the entries name besides."""
    text = copied(collector)
    for entry in entries:
        if entry["collector"] == collector:
            text += "".join(f"      - name: {name}\n" for name in entry.get("event_tables", []))
    return text


def load(project: Consumer, names: Sequence[str], number: int) -> None:
    """What the collectors' loaders do to their tables, the first or the second time."""
    with duckdb.connect(project.database) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in names:
            connection.execute((SOURCES / name / f"load_{number}.sql").read_text(encoding="utf-8"))


def differences(project: Consumer, collector: str) -> dict[str, tuple[list[Row], list[Row]]]:
    """By table, the rows of one collector that were expected and are missing, and the others that
    were not expected."""
    found = {
        "events": _compare(project, collector, "events", "raw_events"),
        "records": _compare(project, collector, "records", "stg_cdp__records"),
        "rejects": _compare(project, collector, "rejects", _REJECTS),
        "people": _compare_people(project, collector),
    }
    return {table: rows for table, rows in found.items() if any(rows)}


_REJECTS = """(
    select source, reject_reason, cast(count(*) as varchar) as count from (
        select source, reject_reason from stg_cdp__rejected_events
        union all
        select source, reject_reason from stg_cdp__rejected_records
    ) group by all
)"""

_PEOPLE = """
    select keys.identifier_type, keys.identifier_value, graph.canonical_id, graph.is_shared
    from int_cdp__identity_observations as observations
    inner join int_cdp__tuple_members as members on observations.tuple_key = members.tuple_key
    inner join int_cdp__identifier_keys as keys on members.identifier_id = keys.identifier_id
    inner join identity_graph as graph on keys.identifier_id = graph.identifier_id
    where observations.source = '{source}' and observations.event_count > 0 and members.is_usable
    group by all
"""


def _compare(
    project: Consumer, collector: str, name: str, table: str
) -> tuple[list[Row], list[Row]]:
    header, rows = expected(collector, name)
    columns = ", ".join(f"cast({column} as varchar)" for column in header) or "1"
    there = project.query(f"select {columns} from {table} where source = '{collector}'")
    return _apart(rows, [tuple(map(_plain, row)) for row in there])


def _compare_people(project: Consumer, collector: str) -> tuple[list[Row], list[Row]]:
    """A person is the set of their identifiers, whatever they are called."""
    _, rows = expected(collector, "people")
    wanted: dict[Any, set[Row]] = {}
    for person, *identifier in rows:
        wanted.setdefault(person, set()).add(tuple(identifier))
    there: dict[Any, set[Row]] = {}
    for type_, value, canonical_id, is_shared in project.query(_PEOPLE.format(source=collector)):
        there.setdefault(SHARED if is_shared else canonical_id, set()).add((type_, value))
    shared = (wanted.pop(SHARED, set()), there.pop(SHARED, set()))
    sets = [[tuple(sorted(ids)) for ids in side.values()] for side in (wanted, there)]
    missing, others = _apart(*sets)
    return (
        missing + [("shared", *found) for found in sorted(shared[0] - shared[1])],
        others + [("shared", *found) for found in sorted(shared[1] - shared[0])],
    )


def expected(collector: str, name: str) -> tuple[list[str], list[Row]]:
    """The header and the rows of a file of what must come of a collector's tables; none without
    such a file."""
    path = SOURCES / collector / f"expected_{name}.csv"
    if not path.exists():
        return [], []
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert all(len(row) == len(header) for row in rows), f"{path}: a row of another length"
    return header, [tuple(_plain(value or None) for value in row) for row in rows]


def _plain(value: str | None) -> str | None:
    """A value as it is compared: JSON without regard to the order of keys."""
    if value and value[0] in "[{":
        return json.dumps(json.loads(value), sort_keys=True)
    return value


def _apart(wanted: Sequence[Row], there: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    balance = Counter(wanted)
    balance.subtract(Counter(there))
    missing = [row for row, count in balance.items() for _ in range(count)]
    others = [row for row, count in balance.items() for _ in range(-count)]
    return missing, others
