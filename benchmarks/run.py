"""`make bench`: a year of events built in full, with nothing new and with one per cent more; then
the connected components of a large graph, in the database and through scipy; then graphs whose
shape is hard; then profiles of a million people with hundreds of traits, and hundreds of segments
of them; then syncs of a million rows; then erasures; then many cycles of `cdp run`; then the
collector under load.

It measures and asserts nothing: figures depend on the machine.
"""

import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import click

from components import MODEL, Comparison, compare
from cycles import Cycles, measure_cycles
from dbt_cdp.output import print_table, talk
from erasure import ErasureRun, measure_erasures
from profiles import ProfileBuilds, measure_profiles
from project import BenchProject, DbtRun, commit, connect, in_child, versions
from receiver import Throughput, measure_receiver
from segments import SegmentBuilds, measure_segments
from shapes import Solved, Split, solve_shapes, split_chains
from syncs import SyncRuns, measure_syncs
from world import add_next_batch, make_world

_RESULTS = Path(__file__).parent / "results"
_ROUNDS = 3
_PARTS = (
    *("builds", "components", "shapes", "profiles"),
    *("segments", "syncs", "erasures", "cycles", "receiver"),
)
_PACKAGES = ("dbt-cdp", "dbt-core", "dbt-duckdb", "duckdb", "numpy", "scipy")

# What the package is built to reach on a laptop.
_FULL_WALL_SECONDS = 60
_INCREMENTAL_SHARE = 0.2
_PEAK_BYTES = 4 * 1024**3
_REQUESTS_PER_SECOND = 5_000
_EVENTS_PER_SECOND = 40_000
_BATCH = 20
_EVENTS_PER_PROFILE = 4
_TRAITS = 500
_SEGMENTS = (1, 20, 200)
_ERASED = (1, 1_000, 10_000)

_COUNTS = """
select
    (select count(*) from main_cdp.raw_events) as events,
    (select count(*) from main_cdp.identity_graph) as identifiers,
    (select count(*) from main_cdp.identity_graph where is_shared) as shared_identifiers,
    (select count(*) from main_cdp.user_profiles) as people,
    (select count(*) from main_cdp.segments where exited_at is null) as open_memberships
"""


@click.command()
@click.option("--events", type=click.IntRange(min=1000), default=1_000_000, show_default=True)
@click.option("--edges", type=click.IntRange(min=1000), default=10_000_000, show_default=True)
@click.option("--people", type=click.IntRange(min=1000), default=1_000_000, show_default=True)
@click.option("--cycles", type=click.IntRange(min=4), default=200, show_default=True)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Build in this folder, which must be empty or new, and keep it.",
)
@click.option(
    "--only",
    "parts",
    type=click.Choice(_PARTS),
    multiple=True,
    default=_PARTS,
    help="Do this part alone; can be given more than once.",
)
def main(
    events: int,
    edges: int,
    people: int,
    cycles: int,
    folder: Path | None,
    parts: Sequence[str],
) -> None:
    """Time the package on made-up data and write the figures to benchmarks/results/."""
    report: dict[str, Any] = {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "versions": versions(_PACKAGES),
        "commit": commit(),
    }
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cdp-bench-")))
        elif folder.exists() and any(folder.iterdir()):
            raise click.UsageError(f"--folder: {folder} is not empty.")
        project = BenchProject(folder.resolve())
        if "builds" in parts:
            report["builds"] = _bench_builds(project, events)
        if "components" in parts:
            report["components"] = _bench_components(project, edges)
        if "shapes" in parts:
            report["shapes"] = _bench_shapes(project)
        if "profiles" in parts:
            report["profiles"] = _bench_profiles(project, people)
        if "segments" in parts:
            report["segments"] = _bench_segments(project, people)
        if "syncs" in parts:
            report["syncs"] = _bench_syncs(project, people)
        if "erasures" in parts:
            report["erasures"] = _bench_erasures(project, events)
        if "cycles" in parts:
            report["cycles"] = _bench_cycles(project, cycles)
        if "receiver" in parts:
            report["receiver"] = _bench_receiver(project)
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{report['started_at'].replace(':', '')}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    talk(f"Written to {os.path.relpath(path)}.")


def _bench_builds(project: BenchProject, events: int) -> dict[str, Any]:
    talk(f"Making {events:,} events ...")
    in_child(make_world, project.database, events)
    source_bytes = project.database.stat().st_size
    steps: dict[str, Callable[[], None]] = {
        "full": lambda: None,
        "no-op": lambda: None,
        "+1 %": lambda: in_child(add_next_batch, project.database),
    }
    runs: dict[str, DbtRun] = {}
    counts: dict[str, dict[str, int]] = {}
    for name, prepare in steps.items():
        talk(f"Building: {name} ...")
        prepare()
        runs[name] = project.dbt("build", "--exclude", MODEL)
        counts[name] = in_child(_count, project.database)
    _print_builds(runs, counts, source_bytes)
    return {
        "source_bytes": source_bytes,
        "runs": {name: asdict(run) for name, run in runs.items()},
        "counts": counts,
        "ratios": {name: _ratio(run, runs["full"]) for name, run in runs.items()},
    }


def _bench_components(project: BenchProject, edges: int) -> dict[str, Any]:
    talk(f"Connected components of {edges:,} edges, {_ROUNDS} rounds both ways ...")
    comparison = compare(project, edges, _ROUNDS)
    _print_components(comparison)
    return {**asdict(comparison), "ratio": comparison.ratio}


def _bench_shapes(project: BenchProject) -> dict[str, Any]:
    talk(f"Connected components of graphs of several shapes, {_ROUNDS} rounds each ...")
    solved = list(solve_shapes(project, _ROUNDS))
    _print_shapes(solved)
    talk("People of chains that have to be split ...")
    split = list(split_chains(project.folder / "chains"))
    _print_chains(split)
    return {
        "components": [asdict(shape) for shape in solved],
        "people": [asdict(chain) for chain in split],
    }


def _bench_profiles(project: BenchProject, people: int) -> list[dict[str, Any]]:
    figures = []
    for traits in (0, _TRAITS):
        talk(f"Profiles of {people:,} people with {traits} traits besides the default ones ...")
        folder = project.folder / f"traits-{traits}"
        figures.append(measure_profiles(folder, people, people * _EVENTS_PER_PROFILE, traits))
    _print_profiles(figures)
    return [asdict(figure) for figure in figures]


def _bench_segments(project: BenchProject, people: int) -> list[dict[str, Any]]:
    talk(f"Segments of {people:,} people ...")
    folder = project.folder / "segments"
    figures = measure_segments(folder, people, people * _EVENTS_PER_PROFILE, _SEGMENTS)
    _print_segments(figures)
    return [asdict(figure) for figure in figures]


def _bench_syncs(project: BenchProject, rows: int) -> list[dict[str, Any]]:
    talk(f"Syncs of {rows:,} rows ...")
    figures = measure_syncs(project.folder / "syncs", rows)
    _print_syncs(figures)
    return [asdict(figure) for figure in figures]


def _bench_erasures(project: BenchProject, events: int) -> list[dict[str, Any]]:
    talk(f"Erasures of people in {events:,} events ...")
    figures = measure_erasures(project.folder / "erasures", events, _ERASED)
    _print_erasures(figures)
    return [asdict(figure) for figure in figures]


def _bench_cycles(project: BenchProject, count: int) -> dict[str, Any]:
    talk(f"{count:,} cycles of cdp run ...")
    figures = measure_cycles(project.folder / "many", count)
    _print_cycles(figures)
    return asdict(figures)


def _bench_receiver(project: BenchProject) -> list[dict[str, Any]]:
    talk(f"The collector under load, {_ROUNDS} rounds with single events and with batches ...")
    figures = [measure_receiver(project.folder / "spools", batch, _ROUNDS) for batch in (1, _BATCH)]
    _print_receiver(figures)
    return [asdict(figure) for figure in figures]


def _print_builds(
    runs: dict[str, DbtRun], counts: dict[str, dict[str, int]], source_bytes: int
) -> None:
    full = runs["full"]
    measured = list(runs.values())
    rows: list[list[Any]] = [
        [name, *(_seconds(run.model_seconds[name]) for run in measured)]
        for name in full.model_seconds
    ]
    rows += [
        ["TOTAL of the models, s", *(_seconds(run.total_seconds) for run in measured)],
        ["share of the full build", *(f"{_ratio(run, full):.1%}" for run in measured)],
        ["tests, s", *(_seconds(run.test_seconds) for run in measured)],
        ["wall of dbt build, s", *(_seconds(run.wall_seconds) for run in measured)],
        # Unlike the wall it hardly grows when other programs keep the processor busy.
        ["processor time, s", *(_seconds(run.processor_seconds) for run in measured)],
        ["peak memory, MB", *(_megabytes(run.peak_bytes) for run in measured)],
        ["database, MB", *(_megabytes(run.database_bytes) for run in measured)],
    ]
    print_table(["model", *(f"{name}, s" for name in runs)], rows)
    print(f"Of the database the sources are {_megabytes(source_bytes):,} MB.")
    print_table(
        ["rows", *runs],
        [[name, *(count[name] for count in counts.values())] for name in counts["full"]],
    )
    peak = max(run.peak_bytes for run in runs.values())
    share = _ratio(runs["+1 %"], full)
    print_table(
        ["target", "measured", "reached"],
        [
            _target(
                f"full build under {_FULL_WALL_SECONDS} s of wall",
                f"{full.wall_seconds:.1f} s",
                full.wall_seconds < _FULL_WALL_SECONDS,
            ),
            _target(
                f"+1 % under {_INCREMENTAL_SHARE:.0%} of the full build's model time",
                f"{share:.1%}",
                share < _INCREMENTAL_SHARE,
            ),
            _target(
                f"peak memory under {_megabytes(_PEAK_BYTES):,} MB",
                f"{_megabytes(peak):,} MB",
                peak < _PEAK_BYTES,
            ),
        ],
    )


def _print_erasures(figures: Sequence[ErasureRun]) -> None:
    print_table(
        ["people erased", "request, s", "erase, s", "build, s", "confirm, s", "peak, MB"],
        [
            [
                f"{one.people:,}",
                *map(_seconds, (one.request, one.erase, one.build, one.confirm)),
                _megabytes(one.peak_bytes),
            ]
            for one in figures
        ],
    )


def _print_components(comparison: Comparison) -> None:
    ways = [
        ("materialization, s", comparison.sql_seconds, comparison.sql_peak_bytes),
        ("out to scipy and back, s", comparison.scipy_seconds, comparison.scipy_peak_bytes),
    ]
    print_table(
        ["connected components", *(f"round {i + 1}" for i in range(_ROUNDS)), "median", "peak, MB"],
        [
            [label, *map(_seconds, seconds), _seconds(median(seconds)), _megabytes(peak)]
            for label, seconds, peak in ways
        ],
    )
    print(
        f"{comparison.edges:,} edges, {comparison.nodes:,} nodes, "
        f"{comparison.components:,} components; "
        f"the partitions are {'equal' if comparison.is_equal else 'NOT EQUAL'}."
    )
    print_table(
        ["target", "measured", "reached"],
        [
            _target(
                "materialization takes no longer than scipy (ratio 1)",
                f"{comparison.ratio:.2f}",
                comparison.ratio <= 1,
            )
        ],
    )


def _print_shapes(solved: Sequence[Solved]) -> None:
    print_table(
        [
            "connected components",
            "nodes",
            "edges",
            "components",
            "partitions",
            "contractions",
            "flattenings",
            "median, s",
        ],
        [
            [
                shape.shape,
                shape.nodes,
                shape.edges,
                shape.components,
                "equal" if shape.is_equal else "NOT EQUAL",
                shape.contraction_rounds,
                shape.flattening_rounds,
                _seconds(median(shape.seconds)),
            ]
            for shape in solved
        ],
    )


def _print_chains(split: Sequence[Split]) -> None:
    print_table(
        ["people of a chain", "e-mails", "edges", "people", "joining rounds", "once, s"],
        [
            [
                chain.chain,
                chain.emails,
                chain.edges,
                chain.people,
                chain.joining_rounds,
                _seconds(chain.seconds),
            ]
            for chain in split
        ],
    )


def _print_profiles(figures: Sequence[ProfileBuilds]) -> None:
    default, full = figures
    steps = {
        "dbt build": (default.build, full.build),
        "daily activity alone": (default.activity, full.activity),
        "user profiles alone": (default.profiles, full.profiles),
        "dbt build, +1 %": (default.next_build, full.next_build),
    }
    print_table(
        [
            "profiles",
            "default traits, s",
            "peak, MB",
            f"{full.traits} more, s",
            "peak, MB",
            "ratio",
        ],
        [
            [
                name,
                _seconds(fewer.wall_seconds),
                _megabytes(fewer.peak_bytes),
                _seconds(more.wall_seconds),
                _megabytes(more.peak_bytes),
                f"{more.wall_seconds / fewer.wall_seconds:.1f}",
            ]
            for name, (fewer, more) in steps.items()
        ],
    )
    print_table(
        ["rows", "default traits", f"{full.traits} more"],
        [[name, default.counts[name], full.counts[name]] for name in full.counts],
    )


def _print_segments(figures: Sequence[SegmentBuilds]) -> None:
    models = list(figures[0].first.model_seconds)
    rows: list[list[Any]] = [
        [name, *(_seconds(run.model_seconds[name]) for one in figures for run in _runs(one))]
        for name in models
    ]
    rows += [
        ["processor time, s", *(_seconds(r.processor_seconds) for o in figures for r in _runs(o))],
        ["peak memory, MB", *(_megabytes(r.peak_bytes) for o in figures for r in _runs(o))],
        ["members", *(one.members for one in figures for _ in _runs(one))],
        ["scans of the profiles", *(one.scans for one in figures for _ in _runs(one))],
    ]
    names = [f"{one.segments}, {step}" for one in figures for step in ("first", "steady")]
    print_table(["segments: seconds", *names], rows)


def _runs(figure: SegmentBuilds) -> tuple[DbtRun, DbtRun]:
    return figure.first, figure.steady


def _print_syncs(figures: Sequence[SyncRuns]) -> None:
    print_table(
        ["sync", "rows", "first, s", "rows/s", "peak, MB", "nothing, s", "1 %, s", "peak, MB"],
        [
            [
                one.sync,
                one.first.rows,
                _seconds(one.first.seconds),
                round(one.first.rows / one.first.seconds),
                _megabytes(one.first.peak_bytes),
                _seconds(one.nothing.seconds),
                _seconds(one.hundredth.seconds),
                _megabytes(one.hundredth.peak_bytes),
            ]
            for one in figures
        ],
    )


def _print_cycles(figures: Cycles) -> None:
    """Quarter by quarter."""
    size = len(figures.cycles) // 4
    quarters = [figures.cycles[n * size : (n + 1) * size] for n in range(4)]
    print_table(
        ["cycles", *(f"{n * size + 1} to {(n + 1) * size}" for n in range(4))],
        [
            ["median, s", *(_seconds(median(one.seconds for one in q)) for q in quarters)],
            ["peak memory, MB", *(_megabytes(max(one.peak_bytes for one in q)) for q in quarters)],
            ["database at the end, MB", *(_megabytes(q[-1].database_bytes) for q in quarters)],
        ],
    )
    equal = "equal to" if figures.is_equal else "NOT EQUAL to"
    print(f"Identities, profiles and members are {equal} those of one build of the same events.")


def _print_receiver(figures: Sequence[Throughput]) -> None:
    print_table(
        [
            "events a request",
            "requests/s",
            "events/s",
            "p50, ms",
            "p99, ms",
            "processor, us a request",
            "events acknowledged",
            "stored",
            "refused",
        ],
        [
            [
                figure.batch,
                round(figure.requests_per_second),
                round(figure.events_per_second),
                f"{figure.p50_ms:.1f}",
                f"{figure.p99_ms:.1f}",
                round(figure.processor_us),
                figure.acknowledged,
                figure.stored,
                figure.others,
            ]
            for figure in figures
        ],
    )
    single, batched = figures
    print_table(
        ["target", "measured", "reached"],
        [
            _target(
                f"{_REQUESTS_PER_SECOND:,} single events a second",
                f"{single.requests_per_second:,.0f}",
                single.requests_per_second >= _REQUESTS_PER_SECOND,
            ),
            _target(
                f"{_EVENTS_PER_SECOND:,} events a second in batches of {_BATCH}",
                f"{batched.events_per_second:,.0f}",
                batched.events_per_second >= _EVENTS_PER_SECOND,
            ),
        ],
    )


def _count(database: Path) -> dict[str, int]:
    with connect(database) as connection:
        result = connection.execute(_COUNTS)
        names = [column[0] for column in result.description]
        return dict(zip(names, result.fetchone() or (), strict=True))


def _ratio(run: DbtRun, full: DbtRun) -> float:
    return run.total_seconds / full.total_seconds


def _target(target: str, measured: str, is_reached: bool) -> Sequence[str]:
    return [target, measured, "yes" if is_reached else "no"]


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}"


def _megabytes(size: int) -> int:
    return size // 1024**2


if __name__ == "__main__":
    main()
