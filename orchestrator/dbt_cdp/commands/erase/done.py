"""`cdp erase done`: what was left to a person is done."""

import click

from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.privacy.requests import tick
from dbt_cdp.project import Project


@click.command()
@click.argument("request", metavar="REQUEST")
@click.argument("place", metavar="PLACE")
@click.option(
    "--note", required=True, help="What was done, without anything that names the person."
)
@by_option
@json_option
@project_options
def done(
    request: str, place: str, note: str, by: str | None, as_json: bool, project: Project
) -> None:
    """Enter that you have deleted in PLACE what a REQUEST left there; the next run confirms it.

    Example: cdp erase done 3f2a91c0 crm/contacts --note "deleted for good by hand"
    """
    print_requests([tick(project, request, place, note, by or user_name())], as_json)
