"""`cdp sources list`: shows how every source is doing."""

from dataclasses import asdict
from datetime import timedelta

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project
from dbt_cdp.sources import SourceState, read_sources

_COLUMNS = ("source", "from", "kind", "rows", "first", "last", "newest came", "ago")


@click.command("list")
@json_option
@project_options
def list_sources(as_json: bool, project: Project) -> None:
    """List the entries of cdp_sources as the last build left them.

    How many events and present records each has given, of which time, and how long ago the newest
    came; which share of them carries an identifier of each type; and what was rejected, and why.

    A row came when it was loaded; where it does not say when, when it was received (events) or
    changed (records). What the last build has not read does not count: build first.

    Example: cdp sources list
    """
    states = read_sources(project)
    if as_json:
        print_json([_as_json(state) for state in states])
    else:
        _print(states)


def _as_json(state: SourceState) -> dict[str, object]:
    age = state.age.total_seconds() if state.age else None
    return {**asdict(state), "age": age}


def _print(states: list[SourceState]) -> None:
    print_table(_COLUMNS, [_row(state) for state in states])
    types = list(dict.fromkeys(name for state in states for name in state.identifiers))
    if types:
        print_table(
            ("share of rows with", "kind", *types),
            [
                (state.name, state.kind, *(_share(state.identifiers.get(name)) for name in types))
                for state in states
                if state.rows
            ],
        )
    rejects = [
        (state.name, state.kind, reason, count)
        for state in states
        for reason, count in state.rejects.items()
    ]
    if rejects:
        print_table(("rejected from", "kind", "reason", "rows"), rejects)
    for state in states:
        if not state.rows:
            talk(f"{state.name} has given no {state.kind}: {_hint(state)}")


def _row(state: SourceState) -> tuple[object, ...]:
    times = (state.first_at, state.last_at, state.arrived_at)
    shown = [time.strftime("%Y-%m-%d %H:%M") if time else None for time in times]
    return (state.name, state.origin, state.kind, state.rows, *shown, _age(state.age))


def _age(age: timedelta | None) -> str | None:
    """A length of time in its largest unit; what comes from a clock that is ahead is none."""
    if age is None:
        return None
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def _share(share: float | None) -> str | None:
    return f"{share:.1%}" if share else None


def _hint(state: SourceState) -> str:
    if state.rejects:
        return "all were rejected, see the reasons."
    if state.origin == "cdp load":
        return f"load files with `cdp load --source {state.name}`, then build."
    return "its tables are empty, or it has not been built since it was added."
