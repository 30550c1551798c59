"""`cdp sync run`: what differs is sent."""

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.due import without_paused
from dbt_cdp.commands.sync.shared import run_all
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import talk
from dbt_cdp.project import Project


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--yes", is_flag=True, help="Send it even where a guard would stop it.")
@json_option
@project_options
def run(names: tuple[str, ...], yes: bool, as_json: bool, project: Project) -> int:
    """Send what differs by the syncs of these NAMEs, or by all, now, whatever their schedules say.

    `cdp run` sends those that are due after its build. Each row is acknowledged by its destination,
    rejected with a reason, or pending; the tables deliveries, sync_rejects and sync_runs hold it.
    The exit code is 1 if rows were rejected, or a guard has stopped a sync.

    Example: cdp sync run hubspot_hot_leads
    """
    syncs = without_paused(project, read_syncs(project, names))
    if not syncs:
        talk("There is no sync to run.")
    return run_all(project, syncs, is_confirmed=yes, retries=False, as_json=as_json)
