"""Segments of a million people: two hundred of them against one.

The profiles are those of profiles.py, with counts of each event type in several windows; the
conditions are over those.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from profiles import EVENT_TYPES, make_profiles
from project import BenchProject, DbtRun, connect, in_child

MATCHES = "int_cdp__segment_matches"
_MODELS = (
    *("cdp__definitions", MATCHES, "int_cdp__segment_states", "cdp__segments"),
    *("cdp__account_segments", "cdp__segment_sizes", "cdp__segment_overlaps"),
)
# Six windows of each of the 20 event types.
_TRAITS = 120
_CONDITIONS = (
    "{event}_ever > 0",
    "{event}_ever > 1",
    "{event}_7d > 0",
    "{event}_30d > 0 and {event}_7d = 0",
    "{event}_30d > {event}_prev_30d",
    "{event}_90d = 0 and total_page_views > 0",
    "{event}_prev_7d > 0 and not {event}_7d > 0",
    "{event}_ever > 0 and email is null",
    "{event}_30d > 1 or lead_score > 50",
    "{event}_ever / nullif(total_page_views, 0) > 2",
)
_COUNT = "select count(*) from main_cdp.segments where exited_at is null"
_FORGET = "delete from main_cdp.segments"


@dataclass(frozen=True)
class SegmentBuilds:
    """What a number of segments took.

    Attributes:
        segments: how many there are.
        members: open memberships in the end.
        scans: how often the plan of the matches scans user_profiles.
        first: the build in which everybody enters.
        steady: the build after it, in which nobody moves.
    """

    segments: int
    members: int
    scans: int
    first: DbtRun
    steady: DbtRun


def measure_segments(
    folder: Path, people: int, events: int, numbers: tuple[int, ...]
) -> list[SegmentBuilds]:
    """Build as many segments as each number says, from none."""
    project = BenchProject(folder)
    make_profiles(project, people, events, _TRAITS)
    figures = []
    for number in numbers:
        project.set_vars(cdp_segments=list(islice(_segments(), number)))
        in_child(_run, project.database, _FORGET)
        first = project.dbt("run", "--select", *_MODELS)
        steady = project.dbt("run", "--select", *_MODELS)
        members = in_child(_count, project.database)
        scans = in_child(_count_scans, project.database, _compiled(project))
        figures.append(SegmentBuilds(number, members, scans, first, steady))
    project.database.unlink()
    return figures


def _segments() -> Iterator[dict[str, str]]:
    for number, condition in enumerate(_CONDITIONS):
        for event in EVENT_TYPES:
            yield {"name": f"{event}_{number}", "where": condition.format(event=event)}


def _compiled(project: BenchProject) -> str:
    path = project.folder / "target" / "compiled" / "cdp" / "models" / "segments"
    return (path / f"{MATCHES}.sql").read_text(encoding="utf-8")


def _run(database: Path, sql: str) -> None:
    with connect(database) as connection:
        connection.execute(sql)


def _count(database: Path) -> int:
    with connect(database) as connection:
        return connection.execute(_COUNT).fetchall()[0][0]


def _count_scans(database: Path, sql: str) -> int:
    with connect(database) as connection:
        plan = connection.execute(f"explain {sql}").fetchall()[0][1]
    return plan.count("user_profiles")
