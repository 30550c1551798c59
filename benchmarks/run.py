"""`make bench`: a year of events built in full, with nothing new and with loads of several kinds,
and how that grows with the events; then identity alone; then the connected components of a large
graph, in the database and through scipy; then graphs whose shape is hard; then profiles of a
million people with hundreds of traits, and hundreds of segments of them; then syncs of a million
rows; then erasures; then many cycles of `cdp run`; then the collector under load.

It measures and asserts nothing: figures depend on the machine.
"""

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import click

from builds import QUARTER_HOUR, Size, growth, measure_builds
from components import Comparison, compare
from cycles import Cycles, measure_cycles
from dbt_cdp.output import print_table, talk
from erasure import ErasureRun, measure_erasures
from identities import Identities, measure_identities
from plot import plot
from profiles import ProfileBuilds, measure_profiles
from project import BenchProject, DbtRun, commit, versions
from receiver import Throughput, measure_receiver
from segments import SegmentBuilds, measure_segments
from shapes import Solved, Split, solve_shapes, split_chains
from syncs import SyncRuns, measure_syncs

_RESULTS = Path(__file__).parent / "results"
_PLOT = Path(__file__).parents[1] / "docs" / "pictures" / "growth.svg"
_ROUNDS = 3
_PARTS = (
    *("builds", "growth", "identities", "components", "shapes", "profiles"),
    *("segments", "syncs", "erasures", "cycles", "receiver"),
)
_PACKAGES = ("dbt-cdp", "dbt-core", "dbt-duckdb", "duckdb", "numpy", "scipy")

# Models that take less in every build are shown together.
_SHOWN_SECONDS = 0.5

# What the package is built to reach on two cores.
_LOAD_SHARE = 0.03
_LIMIT_RATIO = 3
_IDENTITIES_RATIO = 2
_FULL_EXPONENT = 1.1
_LOAD_EXPONENT = 0.3
_REQUESTS_PER_SECOND = 5_000
_EVENTS_PER_SECOND = 40_000
_BATCH = 20
_EVENTS_PER_PROFILE = 4
_TRAITS = 500
_SEGMENTS = (1, 20, 200)
_ERASED = (1, 1_000, 10_000)


@click.command()
@click.option("--events", type=click.IntRange(min=1000), default=1_000_000, show_default=True)
@click.option(
    "--sizes",
    "growth_sizes",
    type=click.IntRange(min=1000),
    multiple=True,
    default=(1_000_000, 3_000_000, 10_000_000),
    show_default=True,
    help="Events of part growth; give it once a size.",
)
@click.option(
    "--memory", help="What DuckDB may hold in parts builds, growth and identities, such as 10GB."
)
@click.option("--identifiers", type=click.IntRange(min=1000), default=10_000_000, show_default=True)
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
    growth_sizes: Sequence[int],
    memory: str | None,
    identifiers: int,
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
            report["builds"] = _bench_builds(project.folder / "builds", events, memory)
        if "growth" in parts:
            report["growth"] = _bench_growth(project.folder / "growth", growth_sizes, memory)
        if "identities" in parts:
            folder = project.folder / "identities"
            report["identities"] = _bench_identities(folder, identifiers, memory)
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


def _bench_builds(folder: Path, events: int, memory: str | None) -> dict[str, Any]:
    talk(f"Building {events:,} events ...")
    size = measure_builds(folder, events, memory)
    _print_builds(size)
    return {**asdict(size), "shares": {step: size.share(step) for step in size.steps}}


def _bench_growth(folder: Path, events: Sequence[int], memory: str | None) -> dict[str, Any]:
    sizes: list[Size] = []
    figures: dict[str, Any] = {}
    for number in sorted(events):
        talk(f"Building {number:,} events ...")
        sizes.append(measure_builds(folder / str(number), number, memory, is_short=True))
        shutil.rmtree(folder / str(number))
        steps = sizes[0].steps
        figures = {
            "sizes": [asdict(size) for size in sizes],
            "exponents": {step: growth(sizes, step) for step in steps} if len(sizes) > 1 else {},
        }
        # The largest take an hour: what the others took is not lost when one of them fails.
        (folder / "growth.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
        points = {step: [(size.events, size.seconds(step)) for size in sizes] for step in steps}
        picture = plot(points, "events before the build", "seconds of the models")
        _PLOT.write_text(picture, encoding="utf-8")
    _print_growth(sizes)
    return figures


def _bench_identities(folder: Path, identifiers: int, memory: str | None) -> dict[str, Any]:
    talk(f"Identity of {identifiers:,} identifiers, {_ROUNDS} rounds both ways ...")
    figures = measure_identities(folder, identifiers, _ROUNDS, memory)
    _print_identities(figures)
    return {**asdict(figures), "ratio": figures.ratio}


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


def _print_builds(size: Size) -> None:
    firsts = {step: next(one for one in size.builds if one.step == step) for step in size.steps}
    runs = [one.run for one in firsts.values()]
    slow = [
        name
        for name in runs[0].model_seconds
        if max(run.model_seconds.get(name, 0) for run in runs) >= _SHOWN_SECONDS
    ]
    rows: list[list[Any]] = [
        [name, *(_seconds(run.model_seconds.get(name, 0)) for run in runs)] for name in slow
    ]
    others = [run.total_seconds - sum(run.model_seconds.get(n, 0) for n in slow) for run in runs]
    rows += [
        [f"{len(runs[0].model_seconds) - len(slow)} others", *map(_seconds, others)],
        ["TOTAL of the models, s, median", *(_seconds(size.seconds(step)) for step in firsts)],
        ["share of the full build", *(f"{size.share(step):.1%}" for step in firsts)],
        ["wall of dbt build, s", *(_seconds(run.wall_seconds) for run in runs)],
        # Unlike the wall it hardly grows when other programs keep the processor busy.
        ["processor time, s", *(_seconds(run.processor_seconds) for run in runs)],
        ["peak memory, MB", *(_megabytes(run.peak_bytes) for run in runs)],
        ["database, MB", *(_megabytes(run.database_bytes) for run in runs)],
        *(
            [f"rows written: {name}", *(one.written[name] for one in firsts.values())]
            for name in size.held
        ),
    ]
    print_table(["model", *(f"{step}" for step in firsts)], rows)
    print(f"Of the database the sources are {_megabytes(size.source_bytes):,} MB.")
    _print_limit(size)
    step = f"+{QUARTER_HOUR:,}"
    print_table(
        ["target", "measured", "reached"],
        [
            _target(
                f"{step} events at most {_LOAD_SHARE:.0%} of the full build's model time",
                f"{size.share(step):.1%}",
                size.share(step) <= _LOAD_SHARE,
            ),
            _target(
                f"the full build within {_LIMIT_RATIO} times the script written by hand",
                f"{size.times_the_limit:.1f}",
                size.times_the_limit <= _LIMIT_RATIO,
            ),
        ],
    )


def _print_limit(size: Size) -> None:
    limit = size.limits[0]
    print_table(
        ["written by hand", *limit.seconds, "in all", "people", "identifiers", "memberships"],
        [
            [
                f"round {number + 1}, s",
                *map(_seconds, one.seconds.values()),
                _seconds(one.total_seconds),
                *(one.people, one.identifiers, one.members),
            ]
            for number, one in enumerate(size.limits)
        ],
    )
    held = ", ".join(f"{count:,} {name}" for name, count in size.held.items())
    print(f"The package: {held}.")


def _print_growth(sizes: Sequence[Size]) -> None:
    steps = sizes[0].steps
    rows: list[list[Any]] = [
        [f"{step}, s", *(_seconds(size.seconds(step)) for size in sizes)] for step in steps
    ]
    for name, limit in (("full", _FULL_EXPONENT), (f"+{QUARTER_HOUR:,}", _LOAD_EXPONENT)):
        peaks = [max(o.run.peak_bytes for o in size.builds if o.step == name) for size in sizes]
        rows.append([f"peak memory of {name}, MB", *map(_megabytes, peaks)])
        if len(sizes) > 1:
            exponent = growth(sizes, name)
            reached = "reached" if exponent <= limit else "not reached"
            print(f"{name}: grows with the events to the power {exponent:.2f}; {limit} {reached}.")
    rows.append(["database, MB", *(_megabytes(s.builds[0].run.database_bytes) for s in sizes)])
    print_table(["models", *(f"{size.events:,}" for size in sizes)], rows)


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


def _print_identities(figures: Identities) -> None:
    ways = [
        ("models up to the graph, s", [run.total_seconds for run in figures.runs]),
        ("script by hand, s", figures.script_seconds),
    ]
    print_table(
        ["identity", *(f"round {i + 1}" for i in range(_ROUNDS)), "median"],
        [[label, *map(_seconds, seconds), _seconds(median(seconds))] for label, seconds in ways],
    )
    slow = [
        [name, *(_seconds(run.model_seconds[name]) for run in figures.runs)]
        for name, seconds in figures.runs[0].model_seconds.items()
        if seconds >= _SHOWN_SECONDS
    ]
    print_table(["model, s", *(f"round {i + 1}" for i in range(_ROUNDS))], slow)
    ours, theirs = figures.people
    print(
        f"{figures.identifiers:,} identifiers, {figures.edges:,} edges; {ours:,} people, by the "
        f"script {theirs:,}; peak memory {_megabytes(max(r.peak_bytes for r in figures.runs))} MB."
    )
    print_table(
        ["target", "measured", "reached"],
        [
            _target(
                f"models take at most {_IDENTITIES_RATIO} times as long as the script",
                f"{figures.ratio:.2f}",
                figures.ratio <= _IDENTITIES_RATIO,
            )
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


def _target(target: str, measured: str, is_reached: bool) -> Sequence[str]:
    return [target, measured, "yes" if is_reached else "no"]


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}"


def _megabytes(size: int) -> int:
    return size // 1024**2


if __name__ == "__main__":
    main()
