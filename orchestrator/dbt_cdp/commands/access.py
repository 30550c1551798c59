"""`cdp access`: a person is given what is known of them."""

from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.commands.people import identifier_options
from dbt_cdp.decisions import Identifier
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.privacy.access import Access, give_access
from dbt_cdp.project import Project


@click.command()
@identifier_options
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The zip to be written; only you can read it.",
)
@click.option("--reviewed", is_flag=True, help="You have looked at what made it stop for review.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
@project_options
def access(
    people: list[list[Identifier]],
    output: Path,
    reviewed: bool,
    force: bool,
    as_json: bool,
    project: Project,
) -> None:
    """Write all that is known of one person to a zip, for that person.

    The person is found as `cdp erase` finds them. The zip holds a page to be read, one JSON
    document, and a CSV file a table. What is typed stays in the shell's history; what is read from
    a --file, or from stdin by `--file -`, does not.

    Example: cdp access --identifier email=ann@shop.example --output ann.zip
    """
    if len(people) != 1:
        raise ConfigurationError(
            f"The file names {len(people):,} people.",
            remedy="give one person a zip: one line, with tabs between several identifiers.",
        )
    given = give_access(project, people[0], output, is_reviewed=reviewed, is_forced=force)
    _print(given, as_json)


def _print(given: Access, as_json: bool) -> None:
    if as_json:
        print_json(asdict(given))
    elif given.tables:
        print_table(("table", "rows"), [*given.tables.items()])
    if given.is_known:
        talk(f"All that is known of the person is in {given.path}.")
    else:
        talk(f"Nothing is known of the person; {given.path} says so.")
