"""`cdp sync retry`: rows that were rejected are sent once more."""

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.due import without_paused
from dbt_cdp.commands.sync.shared import refuse_handed_over, run_all
from dbt_cdp.options import json_option, project_options
from dbt_cdp.project import Project


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Send it even where a guard would stop it.")
@json_option
@project_options
def retry(names: tuple[str, ...], yes: bool, as_json: bool, project: Project) -> int:
    """Run the syncs of these NAMEs with the rows that are parked.

    A row that its destination has rejected for good waits until it changes; one that was not taken
    five times waits too. When the cause is mended, this sends them once more.

    Example: cdp sync retry hubspot_hot_leads
    """
    syncs = read_syncs(project, names)
    refuse_handed_over(syncs, "send rejected rows again")
    syncs = without_paused(project, syncs)
    return run_all(project, syncs, is_confirmed=yes, retries=True, as_json=as_json)
