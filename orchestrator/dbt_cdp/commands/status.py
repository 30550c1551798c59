"""`cdp status`: how the last runs went."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import click

from dbt_cdp.activation.states import SyncState, read_sync_states
from dbt_cdp.clock import SKEW, to_seconds, utc_now
from dbt_cdp.errors import ExitCode, WarehouseLockedError
from dbt_cdp.freshness import SourceEntry, read_sources
from dbt_cdp.ledger import FAILED, INTERRUPTED, OK, RUNNING, STOPPED, RunEntry, read_runs
from dbt_cdp.lock import held_since, is_at_work
from dbt_cdp.options import Length, json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.privacy.ledger import SOON, Request
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.project import Project
from dbt_cdp.run_metrics import write_metrics

# What the last run's duration is compared with.
_COMPARED = 20


@click.command()
@click.option(
    "--runs",
    "count",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How many runs to show.",
)
@click.option(
    "--max-age",
    type=Length(),
    help="Fail if no run has succeeded for so long, such as 45m, 2h or 1d.",
)
@click.option(
    "--max-silence",
    type=Length(),
    help="Fail if nothing has come from a source of events for so long.",
)
@click.option(
    "--prometheus",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it also to this file, for the textfile collector of Prometheus' node exporter.",
)
@json_option
@project_options
def status(
    count: int,
    max_age: timedelta | None,
    max_silence: timedelta | None,
    prometheus: Path | None,
    as_json: bool,
    project: Project,
) -> int:
    """Show how the last runs, the sources and the syncs are doing.

    For monitoring: the exit code is 1 if the last run that has ended did not succeed, if a sync has
    not come to its end, or with --max-age if no run has succeeded for so long. While a run is at
    work on a DuckDB file nobody can read that; the exit code is 1 then, if the run has been at work
    for longer than --max-age. It is 1, too, if the last run is later than this machine's clock, and
    3 if a request for erasure is overdue.

    Example: cdp status --max-age 2h
    """
    entries: list[RunEntry] = []
    sources: Mapping[str, SourceEntry] = {}
    syncs: list[SyncState] = []
    erasures: list[Request] = []
    try:
        entries = _read(project, max(count, _COMPARED))
    except WarehouseLockedError:
        since = held_since(project)
        if since is None:
            raise
        problem = _long_run(since, max_age)
    else:
        sources, syncs = read_sources(project), _syncs(project)
        erasures = [one for one in read_requests(project)[0] if one.is_open]
        problem = _problem(entries, max_age) or _silence(sources, max_silence) or _failing(syncs)
        if prometheus:
            write_metrics(project, entries, sources.values(), syncs, prometheus)
    if as_json:
        runs = [{**asdict(one), "seconds": one.seconds} for one in entries[:count]]
        print_json(
            {
                "is_well": problem is None,
                "problem": problem,
                "runs": runs,
                "sources": [asdict(one) for one in sources.values()],
                "syncs": [asdict(one) for one in syncs],
                "erasures": [asdict(one) for one in erasures],
            }
        )
    elif entries:
        _print(entries, count)
        _print_sources(sources)
        _print_syncs(syncs)
    due = _due(erasures)
    for said in filter(None, (problem, due)):
        talk(said)
    if any(one.is_overdue(utc_now()) for one in erasures):
        return ExitCode.OVERDUE_ERASURE
    return ExitCode.WORK_FAILED if problem else ExitCode.OK


def _read(project: Project, count: int) -> list[RunEntry]:
    """The last runs. One that counts as running though none is at work was interrupted."""
    entries = read_runs(project, count)
    begun = {one.run_id for one in entries if one.status == RUNNING}
    if not begun or is_at_work(project):
        return entries
    # What has ended meanwhile has entered its end before it gave the lock back.
    entries = read_runs(project, count)
    return [_interrupted(one) if one.run_id in begun else one for one in entries]


def _syncs(project: Project) -> list[SyncState]:
    """How the syncs are doing. One that counts as running though no run is at work was
    interrupted, and one that is paused is well."""
    states = read_sync_states(project)
    if any(one.status == RUNNING for one in states) and not is_at_work(project):
        states = [
            replace(one, status=INTERRUPTED) if one.status == RUNNING else one for one in states
        ]
    return states


def _interrupted(entry: RunEntry) -> RunEntry:
    """The run, and its step, if they still count as running, as the next run will enter them."""
    if entry.status != RUNNING:
        return entry
    steps = [
        replace(step, status=INTERRUPTED) if step.status == RUNNING else step
        for step in entry.steps
    ]
    return replace(entry, status=INTERRUPTED, steps=steps)


def _long_run(since: datetime, max_age: timedelta | None) -> str | None:
    """What is wrong with a run that is at work."""
    talk(
        f"A run is at work since {since:%Y-%m-%d %H:%M:%S} UTC; what it did is known when it ends."
    )
    is_late = max_age is not None and utc_now() - since > max_age
    return "The run takes longer than it may." if is_late else None


def _problem(entries: list[RunEntry], max_age: timedelta | None) -> str | None:
    """What is not as it should be."""
    if entries and (ahead := _last_time(entries[0]) - utc_now()) > SKEW:
        return (
            f"The last run is {to_seconds(ahead)} later than this machine's clock. Set the clock"
            " right: how old a run is cannot be told, and none begins until then."
        )
    ended = next((one for one in entries if one.status != RUNNING), None)
    if ended and ended.status in (FAILED, STOPPED, INTERRUPTED):
        return f"The last run was {ended.status}" + (f": {ended.error}" if ended.error else ".")
    good = next((one for one in entries if one.status == OK), None)
    if max_age is None:
        return None
    if good is None or good.ended_at is None:
        return "No run has succeeded yet."
    if utc_now() - good.ended_at > max_age:
        return f"The last run that succeeded ended at {good.ended_at:%Y-%m-%d %H:%M} UTC."
    return None


def _silence(sources: Mapping[str, SourceEntry], max_silence: timedelta | None) -> str | None:
    """Which sources are silent for longer than they may be, by now."""
    if max_silence is None:
        return None
    now = utc_now()
    silent = [
        f"'{one.source}'"
        for one in sources.values()
        if one.arrived_at is None or now - one.arrived_at > max_silence
    ]
    return f"Too long nothing has come from {', '.join(silent)}." if silent else None


def _failing(syncs: list[SyncState]) -> str | None:
    """Which syncs have not come to their end."""
    failing = [f"'{one.sync}' ({one.status})" for one in syncs if not one.is_well]
    return f"Not all is delivered: {', '.join(failing)}." if failing else None


def _due(erasures: list[Request]) -> str | None:
    """Which requests for erasure are overdue, or soon will be."""
    now = utc_now()
    overdue = sum(one.is_overdue(now) for one in erasures)
    soon = [one.due_at - now for one in erasures if now <= one.due_at < now + SOON]
    parts = [f"{overdue:,} requests for erasure are overdue"] if overdue else []
    if soon:
        hours = min(soon).total_seconds() // 3_600
        parts.append(f"{len(soon):,} are due soon, the first in {hours:.0f} hours")
    return f"{'; '.join(parts)}: `cdp erase status` shows them." if parts else None


def _last_time(entry: RunEntry) -> datetime:
    return entry.ended_at or entry.started_at


def _print(entries: list[RunEntry], count: int) -> None:
    print_table(
        ("started at", "status", "seconds", "step", "status", "seconds", "what it did"),
        [row for entry in entries[:count] for row in _rows(entry)],
    )
    times = [one.seconds for one in entries if one.status == OK and one.seconds]
    if len(times) > 1:
        talk(
            f"The last took {times[0]:.1f} s, {len(times) - 1} before it {median(times[1:]):.1f} s."
        )


def _print_sources(sources: Mapping[str, SourceEntry]) -> None:
    if not sources:
        return
    rows = []
    for one in sources.values():
        age = to_seconds(utc_now() - one.arrived_at) if one.arrived_at else None
        came = f"{one.arrived_at:%Y-%m-%d %H:%M:%S}" if one.arrived_at else "never"
        rows.append((one.source, one.new_events, came, age))
    print_table(("source", "new events", "newest came at", "ago"), rows)


def _print_syncs(syncs: list[SyncState]) -> None:
    if syncs:
        print_table(
            ("sync", "ran at", "status", "records", "rejected rows", "what went wrong"),
            [
                (
                    one.sync,
                    f"{one.started_at:%Y-%m-%d %H:%M:%S}",
                    "paused" if one.is_paused else one.status,
                    one.records,
                    one.rejects,
                    one.error,
                )
                for one in syncs
            ],
        )


def _rows(entry: RunEntry) -> list[tuple[object, ...]]:
    run = (f"{entry.started_at:%Y-%m-%d %H:%M:%S}", entry.status, _seconds(entry.seconds))
    steps: list[tuple[str | None, ...]]
    steps = [(one.step, one.status, _seconds(one.seconds), one.summary) for one in entry.steps]
    first, *others = steps or [(None, None, None, entry.error)]
    return [(*run, *first), *((None, None, None, *step) for step in others)]


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.1f}"
