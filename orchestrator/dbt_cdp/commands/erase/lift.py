"""`cdp erase lift`: whoever was erased may come back."""

import click

from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.output import print_json, talk
from dbt_cdp.privacy.ledger import find_request
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.privacy.suppressions import lift as lift_suppression
from dbt_cdp.project import Project


@click.command()
@click.argument("request", metavar="REQUEST")
@click.option("--reason", required=True, help="Why, without anything that names the person.")
@by_option
@json_option
@project_options
def lift(request: str, reason: str, by: str | None, as_json: bool, project: Project) -> None:
    """Let the person of a REQUEST come back: what is sent of them from now on is taken again.

    What was deleted stays deleted.

    Example: cdp erase lift 3f2a91c0 --reason "has become a customer again"
    """
    found = find_request(read_requests(project)[0], request)
    count = lift_suppression(project, found.request_id, by or user_name(), reason)
    if as_json:
        print_json({"request_id": found.request_id, "lifted": count})
    else:
        talk(f"{count:,} identifiers are not suppressed any more.")
