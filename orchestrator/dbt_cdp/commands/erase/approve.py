"""`cdp erase approve`: a request is to be done."""

import click

from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.privacy.requests import approve as approve_request
from dbt_cdp.project import Project


@click.command()
@click.argument("requests", nargs=-1, required=True, metavar="REQUEST...")
@click.option("--evidence", help="How you have made sure that it is this person who asks.")
@click.option("--reviewed", is_flag=True, help="You have looked at why it stops for review.")
@by_option
@json_option
@project_options
def approve(
    requests: tuple[str, ...],
    evidence: str | None,
    reviewed: bool,
    by: str | None,
    as_json: bool,
    project: Project,
) -> None:
    """Let the next `cdp run` or `cdp erase run` erase whom these REQUESTs are about.

    A REQUEST is an id as `cdp erase status` shows it. One that names a shared identifier, several
    people, or a person of very many identifiers stops for review.

    Example: cdp erase approve 3f2a91c0 --evidence "signed in, and asked in the app"
    """
    approved = [
        approve_request(project, one, is_reviewed=reviewed, evidence=evidence, by=by or user_name())
        for one in requests
    ]
    print_requests(approved, as_json)
