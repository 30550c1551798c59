"""`cdp erase request`: somebody asks to be erased."""

from datetime import timedelta

import click

from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.commands.people import identifier_options
from dbt_cdp.decisions import Identifier
from dbt_cdp.options import Length, by_option, json_option, project_options, user_name
from dbt_cdp.output import talk
from dbt_cdp.privacy.requests import add_requests
from dbt_cdp.project import Project


@click.command()
@identifier_options
@click.option("--evidence", help="How you have made sure that it is this person who asks.")
@click.option("--due", type=Length(), default="30d", show_default=True, help="Within which time.")
@by_option
@json_option
@project_options
def request(
    people: list[list[Identifier]],
    evidence: str | None,
    due: timedelta,
    by: str | None,
    as_json: bool,
    project: Project,
) -> None:
    """Enter that somebody asks to be erased, and find all that they are known by.

    Nothing is deleted before the request is approved. What is typed stays in the shell's history;
    what is read from a --file, or from stdin by `--file -`, does not.

    Example: cdp erase request --identifier email=ann@shop.example --evidence "asked by e-mail"
    """
    requests = add_requests(project, people, due=due, evidence=evidence, by=by or user_name())
    print_requests(requests, as_json)
    unknown = sum(not one.people for one in requests)
    if unknown:
        talk(f"Nobody is known by what was given in {unknown:,} of {len(requests):,} requests.")
