"""`cdp identity decisions`: lists people's decisions on who is who."""

from dataclasses import asdict

import click

from dbt_cdp.decisions import read_ledger
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table
from dbt_cdp.project import Project

_COLUMNS = (
    "decision_id",
    "decision",
    "identifiers",
    "decided_at",
    "decided_by",
    "reason",
    "status",
)


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those that are not in force.")
@json_option
@project_options
def decisions(everything: bool, as_json: bool, project: Project) -> None:
    """List the decisions in force, the newest first.

    With --all also those that a later decision on the same identifiers superseded or lifted, and
    the lifts. Identifiers are told apart as they were written, not by their normal form.

    Example: cdp identity decisions --all
    """
    entries = read_ledger(project, everything=everything)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    print_table(
        _COLUMNS,
        [
            (
                entry.decision_id,
                entry.decision,
                ", ".join(map(str, entry.identifiers)),
                entry.decided_at,
                entry.decided_by,
                entry.reason,
                entry.status,
            )
            for entry in entries
        ],
    )
