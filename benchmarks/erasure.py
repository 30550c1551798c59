"""Erasures: of one person, of a thousand and of ten thousand at once, in a year of events.

What a build of dbt between the two parts takes is told apart: it is a build like any other.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from components import MODEL
from project import BenchProject, cdp, connect, in_child
from world import make_world

_PEOPLE = """
select identifier_value
from main_cdp.identity_graph
where identifier_type = 'user_id' and canonical_id is not null
order by hash(identifier_value)
limit ?
"""


@dataclass(frozen=True)
class ErasureRun:
    """What the erasure of so many people took, in seconds: to enter the requests, and each step of
    `cdp erase run`."""

    people: int
    request: float
    erase: float
    build: float
    confirm: float
    peak_bytes: int
    confirmed: int


def measure_erasures(folder: Path, events: int, counts: tuple[int, ...]) -> list[ErasureRun]:
    """Erase so many people, one batch after the other."""
    folder.mkdir(parents=True)
    project = BenchProject(folder)
    in_child(make_world, project.database, events)
    project.dbt("build", "--exclude", MODEL)
    return [_erase(project, count) for count in counts]


def _erase(project: BenchProject, count: int) -> ErasureRun:
    file = project.folder / "requests.txt"
    users = in_child(_users, project.database, count)
    file.write_text("\n".join(f"user_id={one}" for one in users), encoding="utf-8")
    entered = cdp(
        project.folder, "erase", "request", "--file", str(file), "--evidence", "bench", "--json"
    )
    cdp(project.folder, "erase", "approve", "--all", "--json")
    run = cdp(project.folder, "erase", "run", "--json")
    steps = {one["step"]: one["seconds"] for one in json.loads(run.out)["steps"]}
    standing = json.loads(cdp(project.folder, "erase", "status", "--all", "--json").out)
    return ErasureRun(
        count,
        entered.seconds,
        steps["erase"],
        steps["build"],
        steps["confirm"],
        max(entered.peak_bytes, run.peak_bytes),
        sum(one["status"] == "confirmed" for one in standing),
    )


def _users(database: Path, count: int) -> list[str]:
    with connect(database) as connection:
        return [value for (value,) in connection.execute(_PEOPLE, [count]).fetchall()]
