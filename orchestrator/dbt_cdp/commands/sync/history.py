"""`cdp sync history`: how the last runs of syncs went."""

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.states import read_sync_runs
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project

_COLUMNS = (
    "sync_name",
    "started_at",
    "status",
    "to_add",
    "to_change",
    "to_remove",
    "acknowledged",
    "rejected",
    "pending",
    "error",
)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--runs",
    "count",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How many runs of each sync to show.",
)
@json_option
@project_options
def history(names: tuple[str, ...], count: int, as_json: bool, project: Project) -> None:
    """Show the last runs of the syncs of these NAMEs, or of all: the table sync_runs.

    Example: cdp sync history hubspot_hot_leads --runs 20
    """
    read_syncs(project, names)
    runs = [one for one in read_sync_runs(project, count) if not names or one["sync_name"] in names]
    if as_json:
        print_json(runs)
    elif runs:
        print_table(
            [name.replace("_", " ") for name in _COLUMNS],
            [[_cell(one[name]) for name in _COLUMNS] for one in runs],
        )
    else:
        talk("No sync has run yet.")


def _cell(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else value
