"""`cdp sync reset`: the next run sends everything."""

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.ledger import forget_deliveries
from dbt_cdp.commands.sync.shared import refuse_handed_over
from dbt_cdp.lock import run_lock
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.project import Project


@click.command()
@click.argument("name")
@json_option
@project_options
def reset(name: str, as_json: bool, project: Project) -> None:
    """Let the next run of the sync NAME send all of its rows, also those that were rejected.

    For a destination that was emptied or changed by others. What was delivered stays on record, so
    that removals and erasures still find it.

    Example: cdp sync reset hubspot_hot_leads
    """
    refuse_handed_over(read_syncs(project, [name]), "send everything again")
    with run_lock(project, "reset"):
        records = forget_deliveries(project, name)
    if as_json:
        print_json({"sync": name, "records": records})
    else:
        talk(f"The next run of {name} sends all rows again, {records:,} of which were delivered.")
