"""`cdp sync plan`: what a sync would send."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.plan import Plan, plan_sync
from dbt_cdp.commands.sync.shared import NO_SYNCS
from dbt_cdp.destinations.base import Action, Mode
from dbt_cdp.destinations.values import json_value, plain_text
from dbt_cdp.lock import run_lock
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project

_SHOWN = 3


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--sample",
    type=click.IntRange(0, 1000),
    default=_SHOWN,
    show_default=True,
    help="How many rows of each kind to show.",
)
@json_option
@project_options
def plan(names: tuple[str, ...], sample: int, as_json: bool, project: Project) -> None:
    """Show what the syncs of these NAMEs, or all, would send, and send nothing.

    It counts what would be added, changed and removed, and shows some rows of each by their keys:
    of a changed one each field that differs, as it was sent and as it would be. What is shown is
    people's data.

    Example: cdp sync plan hubspot_hot_leads
    """
    syncs = read_syncs(project, names)
    with run_lock(project, "plan"):
        plans = [plan_sync(project, one, sample) for one in syncs if one.mode is not Mode.HAND_OVER]
    for sync in syncs:
        if sync.mode is Mode.HAND_OVER:
            talk(
                f"{sync.name} is handed over: '{sync.destination}' reads the warehouse itself, and"
                " decides what is sent."
            )
    if as_json:
        print_json([_as_json(one) for one in plans])
    elif plans:
        _print(plans)
    elif not syncs:
        talk(NO_SYNCS)


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "sync": plan.sync.name,
        "destination": plan.sync.destination,
        "mode": str(plan.sync.mode),
        **asdict(plan.counts),
        "to_do": {**plan.numbers, "doubled": plan.doubled},
        "parked": plan.parked,
        "problem": plan.problem,
        "sample": [
            {"action": one.action, "key": one.row.key, "fields": _fields(one)}
            for one in plan.sample
        ],
    }


def _print(plans: Sequence[Plan]) -> None:
    columns = ("sync", "destination", "rows", "add", "change", "remove")
    print_table(
        (*columns, "without key", "withheld", "doubled", "parked"),
        [
            (
                plan.sync.name,
                plan.sync.destination,
                plan.counts.source_rows,
                plan.numbers[Action.ADD],
                plan.numbers[Action.CHANGE],
                plan.numbers[Action.REMOVE] + plan.numbers[Action.MERGE],
                plan.counts.without_key,
                plan.counts.withheld,
                plan.doubled,
                plan.parked,
            )
            for plan in plans
        ],
    )
    for plan in plans:
        if plan.sample:
            print_table(
                (plan.sync.name, "key", "field", "sent", "to be sent"),
                [row for change in plan.sample for row in _rows(change)],
            )
        if plan.problem:
            talk(f"{plan.sync.name} would be held: {plan.problem}.")


def _rows(change: Change) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    name, key = change.action, change.row.key
    for field, (before, after) in _fields(change).items():
        rows.append((name, key, field, plain_text(before), plain_text(after)))
        name = key = ""
    return rows or [(name, key, "", "", "")]


def _fields(change: Change) -> Mapping[str, tuple[Any, Any]]:
    """Of each field that differs what was sent and what is to be sent."""
    sent, fields = change.row.sent, change.row.fields
    return {
        name: (sent.get(name), json_value(value))
        for name, value in fields.items()
        if change.action == Action.ADD or sent.get(name) != json_value(value)
    }
