"""`cdp sources suggest`: prints what could be a source, to paste."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.project import Project
from dbt_cdp.suggest import Suggestion, as_yaml, suggest_sources

_SHOWN_NAMES = 10


@click.command()
@json_option
@project_options
def suggest(as_json: bool, project: Project) -> None:
    """Look for tables of collectors and business systems.

    Goes through the schemas that the connection can see, and prints the entries of cdp_sources and
    the dbt sources to paste, for those that no entry reads yet. Why a schema is suggested, or is
    not though it is much like one, is said on stderr. Only names of tables and columns are looked
    at.

    Example: cdp sources suggest
    """
    findings = suggest_sources(project)
    if as_json:
        print_json([asdict(suggestion) for suggestion in findings.suggestions])
    elif findings.suggestions:
        click.echo(as_yaml(findings.suggestions), nl=False)
    for suggestion in findings.suggestions:
        _tell(suggestion)
    for other in findings.passed_over:
        place = f"{other.database}.{other.schema}"
        talk(f"{place}: not suggested as {other.collector}: {other.reason}.")
    if not findings.suggestions:
        places = _listed([f"{database}.{schema}" for database, schema in findings.places])
        talk(f"Nothing to suggest. Schemas with tables that dbt did not make: {places or 'none'}.")


def _tell(suggestion: Suggestion) -> None:
    talk(
        f"{suggestion.database}.{suggestion.schema}: {suggestion.collector}, by the columns of its"
        f" table {suggestion.recognised_by}."
    )
    absent = [name for name, table in suggestion.tables.items() if table is None]
    if absent:
        talk(f"  Not there, and taken for empty: {', '.join(absent)}.")
    if suggestion.event_tables:
        talk(
            "  Tables of single events, for event_tables where their properties are needed: "
            f"{_listed(suggestion.event_tables)}."
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
