"""`cdp erase approve`: requests are to be done."""

import click

from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.privacy.requests import approve as approve_requests
from dbt_cdp.project import Project


@click.command()
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Approve all that are verified and do not stop for review.",
)
@click.option("--evidence", help="How you have made sure that it is this person who asks.")
@click.option("--reviewed", is_flag=True, help="You have looked at why it stops for review.")
@by_option
@json_option
@project_options
def approve(
    requests: tuple[str, ...],
    everything: bool,
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
    if bool(requests) == everything:
        raise click.UsageError("Give either REQUESTs or --all.")
    approved = approve_requests(
        project, requests, is_reviewed=reviewed, evidence=evidence, by=by or user_name()
    )
    print_requests(approved, as_json)
