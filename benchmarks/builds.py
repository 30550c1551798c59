"""Builds of the benchmark's world: in full, with nothing new, and with loads of several kinds.

What is measured is what the models take, as dbt tells it; dbt's own start and the data tests are
not part of it. `growth` measures the same at several sizes, and how it grows with them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

import duckdb

from components import MODEL
from limit import Limit, measure_limit
from project import TESTS, BenchProject, DbtRun, connect, in_child
from world import Batch, add_batch, make_world

# What comes in a quarter of an hour where 100 million events come in a month.
QUARTER_HOUR = 35_000
_ROUNDS = 3

# The tables that hold something for each event, identifier or person, with the number of the
# build that has written the row.
_TABLES = {
    "events": "raw_events",
    "daily counts": "int_cdp__daily_activity",
    "identifiers": "identity_graph",
    "people": "user_profiles",
}


@dataclass(frozen=True)
class Build:
    """One build.

    Attributes:
        step: what was new.
        run: what dbt took.
        written: rows that it has written, by what they are of.
    """

    step: str
    run: DbtRun
    written: dict[str, int]


@dataclass(frozen=True)
class Size:
    """The builds of one size.

    Attributes:
        events: how many there were when the world was built in full.
        source_bytes: of the file with the sources alone.
        limits: rounds of the script that is written by hand, see limit.py; none if it was left out.
        held: rows of each table after the first build, by what they are of.
        builds: in the order in which they were made.
    """

    events: int
    source_bytes: int
    limits: list[Limit]
    held: dict[str, int]
    builds: list[Build]

    def seconds(self, step: str) -> float:
        """The median of the models' seconds of a step."""
        return median(one.run.total_seconds for one in self.builds if one.step == step)

    def share(self, step: str) -> float:
        """The median of a step as a share of the full build."""
        return self.seconds(step) / self.seconds("full")

    @property
    def times_the_limit(self) -> float:
        """How many times as long as the script the full build takes; medians."""
        return self.seconds("full") / median(one.total_seconds for one in self.limits)

    @property
    def steps(self) -> list[str]:
        """Each step once, in order."""
        return list(dict.fromkeys(one.step for one in self.builds))


def measure_builds(
    folder: Path, events: int, memory: str | None = None, *, is_short: bool = False
) -> Size:
    """Make a world of so many events, and build it.

    Args:
        folder: a new or empty one.
        events: how many are loaded before the first build.
        memory: DuckDB's limit, such as 10GB; by default its own.
        is_short: full, nothing and a quarter of an hour alone.
    """
    project = BenchProject(folder)
    if memory:
        project.limit_memory(memory)
    in_child(make_world, project.database, events)
    source_bytes = project.database.stat().st_size
    limits = [in_child(measure_limit, project.database) for _ in range(0 if is_short else _ROUNDS)]
    builds = [_build(project, "full")]
    held = in_child(_count, project.database)
    builds += [_build(project, "nothing") for _ in range(_ROUNDS)]
    loads = [(f"+{QUARTER_HOUR:,}", Batch(QUARTER_HOUR))] * _ROUNDS
    loads += [] if is_short else _loads(events, held["people"])
    for step, batch in loads:
        in_child(add_batch, project.database, batch)
        builds.append(_build(project, step))
    if not is_short:
        builds.append(_build(project, "segments alone", "--select", "cdp.segments"))
    return Size(events, source_bytes, limits, held, builds)


def growth(sizes: Sequence[Size], step: str) -> float:
    """The exponent by which a step's seconds grow with the events: the slope between the logarithms
    of both, by least squares."""
    events = [math.log(size.events) for size in sizes]
    return linear_regression(events, [math.log(size.seconds(step)) for size in sizes]).slope


def _loads(events: int, people: int) -> Iterator[tuple[str, Batch]]:
    yield "+0.1 %", Batch(events // 1000)
    yield "+1 %", Batch(events // 100)
    yield "+1 %, a twentieth of it late", Batch(events // 100, late=0.05)
    yield "a tenth of the people merge", Batch(people // 10, is_merges=True)
    yield "+10 %", Batch(events // 10)


def _build(project: BenchProject, step: str, *selection: str) -> Build:
    before = -1 if step == "full" else in_child(_last_batch, project.database)
    run = project.dbt("build", *selection, "--exclude", MODEL, *TESTS)
    return Build(step, run, in_child(_count, project.database, before))


def _last_batch(database: Path) -> int:
    with connect(database) as connection:
        return max(
            _number(connection, f"select max(batch_id) from main_cdp.{table}")
            for table in _TABLES.values()
        )


def _count(database: Path, since: int = -1) -> dict[str, int]:
    """Rows that builds after a batch have written."""
    with connect(database) as connection:
        return {
            name: _number(
                connection, f"select count(*) from main_cdp.{table} where batch_id > {since}"
            )
            for name, table in _TABLES.items()
        }


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0] or 0) if row else 0
