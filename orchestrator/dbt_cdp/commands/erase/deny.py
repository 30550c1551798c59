"""`cdp erase deny`: a request is refused."""

import click

from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.privacy.requests import deny as deny_request
from dbt_cdp.project import Project


@click.command()
@click.argument("request", metavar="REQUEST")
@click.option("--reason", required=True, help="Why, without anything that names the person.")
@by_option
@json_option
@project_options
def deny(request: str, reason: str, by: str | None, as_json: bool, project: Project) -> None:
    """Refuse a REQUEST that has not begun, and forget whom it is about.

    Example: cdp erase deny 3f2a91c0 --reason "the person could not show who they are"
    """
    print_requests([deny_request(project, request, reason, by or user_name())], as_json)
