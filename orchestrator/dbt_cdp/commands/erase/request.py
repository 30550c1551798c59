"""`cdp erase request`: somebody asks to be erased."""

from collections.abc import Iterator
from datetime import timedelta

import click

from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.decisions import Identifier
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.options import Length, by_option, json_option, project_options, user_name
from dbt_cdp.output import talk
from dbt_cdp.privacy.requests import add_requests
from dbt_cdp.project import Project


@click.command()
@click.option(
    "--identifier",
    "identifiers",
    multiple=True,
    metavar="TYPE=VALUE",
    help="What the person is known by; repeatable.",
)
@click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    help="Requests, a line each: TYPE=VALUE, several of one person with tabs between; `-` reads"
    " stdin.",
)
@click.option("--evidence", help="How you have made sure that it is this person who asks.")
@click.option("--due", type=Length(), default="30d", show_default=True, help="Within which time.")
@by_option
@json_option
@project_options
def request(
    identifiers: tuple[str, ...],
    file: click.utils.LazyFile | None,
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
    if bool(identifiers) == bool(file):
        raise click.UsageError("Give either identifiers or a --file.")
    people = list(_read(file)) if file else [[_parse(one) for one in identifiers]]
    if not people:
        raise ConfigurationError("The file has no requests.", remedy="write one a line.")
    requests = add_requests(project, people, due=due, evidence=evidence, by=by or user_name())
    print_requests(requests, as_json)
    unknown = sum(not one.people for one in requests)
    if unknown:
        talk(f"Nobody is known by what was given in {unknown:,} of {len(requests):,} requests.")


def _read(file: click.utils.LazyFile) -> Iterator[list[Identifier]]:
    for line in file:
        parts = [part for part in str(line).rstrip("\r\n").split("\t") if part.strip()]
        if parts:
            yield [_parse(part) for part in parts]


def _parse(text: str) -> Identifier:
    return Identifier.parse(text)
