"""Many cycles of `cdp run` in a row, each with a small random load, as a schedule does them.

What is looked for is what grows: memory, the file, the time of a cycle. In the end everything is
built once more from the same events in another project, and compared.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import yaml

from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.project import package_root
from project import cdp

_PEOPLE = 400
_EVENTS = 40
_SEGMENTS = [
    {"name": "readers", "where": "total_page_views > 3"},
    {"name": "known", "where": "email is not null"},
    {"name": "known_readers", "where": "in_segment('readers') and in_segment('known')"},
]

# What two projects must agree on: without what is random, or of the moment.
_PICTURE = """
with people as (
    select canonical_id, min(identifier_type || ' ' || identifier_value) as person
    from main_cdp.identity_graph where canonical_id is not null group by canonical_id
)
select 'identifier', identifier_type || ' ' || identifier_value, person
from main_cdp.identity_graph left join people using (canonical_id)
union all
select 'profile', person, traits from main_cdp.user_profiles join people using (canonical_id)
union all
select 'member', person, segment_name from main_cdp.segments join people using (canonical_id)
where exited_at is null
order by all
"""


@dataclass(frozen=True)
class Cycle:
    """What one cycle took."""

    seconds: float
    peak_bytes: int
    database_bytes: int


@dataclass(frozen=True)
class Cycles:
    """All of them, and whether they led to what one build leads to."""

    cycles: list[Cycle]
    is_equal: bool


def measure_cycles(folder: Path, count: int) -> Cycles:
    """Do so many cycles."""
    rng = random.Random(7)
    project = _make_project(folder / "cycles")
    lines: list[bytes] = []
    cycles = []
    for number in range(count):
        line = _random_load(rng, number)
        lines.append(line)
        _give(project, number, [line])
        cycles.append(_cycle(project))
    at_once = _make_project(folder / "at_once")
    _give(at_once, 0, lines)
    _cycle(at_once)
    return Cycles(cycles, _picture(project) == _picture(at_once))


def _make_project(folder: Path) -> Path:
    (folder / "dbt_packages").mkdir(parents=True)
    (folder / "dbt_packages" / "cdp").symlink_to(package_root(), target_is_directory=True)
    # All builds are of one moment, so that what is compared does not hang on the clock.
    variables = {
        "cdp_sources": [{"name": "web", "collector": "cdp"}],
        "cdp_segments": _SEGMENTS,
        "cdp_as_of": f"{datetime.now(UTC):%Y-%m-%d} 23:59:59",
    }
    files = {
        "dbt_project.yml": {
            "name": "cycles",
            "version": "1.0.0",
            "profile": "cycles",
            "vars": variables,
        },
        "packages.yml": {"packages": [{"local": str(package_root())}]},
        "profiles.yml": {
            "cycles": {
                "target": "dev",
                "outputs": {"dev": {"type": "duckdb", "path": "cycles.duckdb", "threads": 2}},
            }
        },
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


def _random_load(rng: random.Random, number: int) -> bytes:
    """Some events of some people, of whom some say who they are."""
    batch = []
    for place in range(rng.randint(1, 2 * _EVENTS)):
        person = int(_PEOPLE * rng.random() ** 2)
        at = datetime.now(UTC) - timedelta(minutes=rng.randint(0, 60 * 24 * 30))
        event = {
            "messageId": f"{number}-{place}",
            "type": "track",
            "event": rng.choice(["page_viewed", "feature_used"]),
            "timestamp": at.isoformat(),
            "anonymousId": f"cookie-{person}-{rng.randint(0, 2)}",
        }
        if rng.random() < 0.3:
            event["userId"] = f"user-{person}"
        if rng.random() < 0.1:
            event["email"] = f"person{person}@shop.example"
        batch.append(event)
    received_at = datetime.now(UTC).isoformat(timespec="microseconds")
    return spool_line(Request("web", received_at), json.dumps({"batch": batch}).encode())


def _give(project: Path, number: int, lines: list[bytes]) -> None:
    make_folder(project / "spool")
    (project / "spool" / f"{number:06}.ndjson").write_bytes(b"".join(lines))


def _cycle(project: Path) -> Cycle:
    run = cdp(project, "run")
    return Cycle(
        seconds=run.seconds,
        peak_bytes=run.peak_bytes,
        database_bytes=(project / "cycles.duckdb").stat().st_size,
    )


def _picture(project: Path) -> list[tuple[str, ...]]:
    with duckdb.connect(project / "cycles.duckdb", read_only=True) as connection:
        return connection.execute(_PICTURE).fetchall()
