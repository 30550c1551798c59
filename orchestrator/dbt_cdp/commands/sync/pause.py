"""`cdp sync pause`: a sync rests."""

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.pauses import write_pause
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.output import print_json, talk
from dbt_cdp.project import Project


@click.command()
@click.argument("name")
@click.option("--resume", is_flag=True, help="Let it go on.")
@click.option("--reason", help="Why.")
@by_option
@json_option
@project_options
def pause(
    name: str, resume: bool, reason: str | None, by: str | None, as_json: bool, project: Project
) -> None:
    """Let the sync NAME rest until it is resumed; nothing is sent, and nothing removed.

    Who withdraws consent meanwhile is removed when it goes on.

    Example: cdp sync pause hubspot_hot_leads --reason "the sandbox is being moved"
    """
    read_syncs(project, [name])
    write_pause(project, name, reason, by or user_name(), is_paused=not resume)
    if as_json:
        print_json({"sync": name, "is_paused": not resume})
    else:
        talk(f"{name} {'goes on' if resume else 'is paused'}.")
