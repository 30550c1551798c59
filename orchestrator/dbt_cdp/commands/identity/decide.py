"""`cdp identity decide`: writes people's decisions on who is who."""

from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.decisions import (
    FILE_COLUMNS,
    Decision,
    Written,
    read_arguments,
    read_file,
    write_decisions,
)
from dbt_cdp.options import by_option, json_option, project_options, user_name
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project

_WRITTEN_COLUMNS = ("decision_id", "decision", "decided_at")


# A click.Choice would quote what it refuses, which is an identifier when the decision is forgotten.
@click.command(
    epilog=f"\b\nThe header of a --file; for one identifier the columns of the second are empty:\n"
    f"  {','.join(FILE_COLUMNS)}"
)
@click.argument("decision", required=False)
@click.argument("identifiers", nargs=-1, metavar="[IDENTIFIER] [IDENTIFIER]")
@click.option("--reason", help="Why. With --file: for the rows that give no reason of their own.")
@by_option
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="CSV file with one decision a row, instead of arguments; `-` reads stdin.",
)
@json_option
@project_options
def decide(
    decision: str | None,
    identifiers: tuple[str, ...],
    reason: str | None,
    by: str | None,
    file: Path | None,
    as_json: bool,
    project: Project,
) -> None:
    """Write a DECISION on one or two IDENTIFIERs to the ledger.

    An IDENTIFIER is TYPE=VALUE, such as email=ann@shop.example. A DECISION is one of: link (two
    identifiers are one person's), never_link (they are not), shared (one identifier is nobody's),
    not_shared (it is one person's, whatever its limits say), lift (what was decided on these
    identifiers no longer holds). The last decision on the same identifiers counts, and takes effect
    with the next `dbt build`. What is typed stays in the shell's history; what is read from a
    --file does not.

    Example: cdp identity decide never_link user_id=u1 user_id=u2 --reason "two people"
    """
    decisions = _decisions(project, decision, identifiers, reason, file)
    print_written(write_decisions(project, decisions, by or user_name()), as_json)


def _decisions(
    project: Project,
    decision: str | None,
    identifiers: tuple[str, ...],
    reason: str | None,
    file: Path | None,
) -> list[Decision]:
    if (decision is None) == (file is None):
        raise click.UsageError("Give either a DECISION with its IDENTIFIERs or a --file.")
    if file is not None:
        return read_file(project, file, reason)
    return [read_arguments(project, decision or "", identifiers, reason)]


def print_written(written: list[Written], as_json: bool) -> None:
    """Show what was written to the ledger, and say when it takes effect."""
    if as_json:
        print_json([asdict(row) for row in written])
    else:
        print_table(_WRITTEN_COLUMNS, [list(asdict(row).values()) for row in written])
    what = "1 decision is" if len(written) == 1 else f"{len(written):,} decisions are"
    talk(f"{what} written, to take effect with the next `dbt build`.")
