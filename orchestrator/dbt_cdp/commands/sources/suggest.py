"""`cdp sources suggest`: prints what could be a source, to paste."""

from dataclasses import asdict

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.project import Project
from dbt_cdp.suggest import Suggestion, as_yaml, suggest_sources

_SHOWN_TABLES = 10


@click.command()
@json_option
@project_options
def suggest(as_json: bool, project: Project) -> None:
    """Look for tables of collectors and business systems.

    Goes through the schemas that the connection can see, and prints the entries of cdp_sources and
    the dbt sources to paste, for those that no entry reads yet. Only names of tables and columns
    are looked at.
    """
    found = suggest_sources(project)
    if as_json:
        print_json([asdict(suggestion) for suggestion in found])
    elif found:
        click.echo(as_yaml(found), nl=False)
    for suggestion in found:
        _tell(suggestion)
    if not found:
        talk("No tables of a collector or business system that is not a source already.")


def _tell(suggestion: Suggestion) -> None:
    talk(
        f"{suggestion.schema}: {suggestion.collector}, by the columns of its table"
        f" {suggestion.recognised_by}."
    )
    if suggestion.event_tables:
        shown = ", ".join(suggestion.event_tables[:_SHOWN_TABLES])
        more = len(suggestion.event_tables) - _SHOWN_TABLES
        talk(
            "  Tables of single events, for event_tables where their properties are needed: "
            + shown
            + (f" and {more} more." if more > 0 else ".")
        )
