"""`cdp identity simulate`: tells what a change would do, before it is made."""

from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table
from dbt_cdp.project import Project
from dbt_cdp.simulate import (
    BLOCK_COLUMNS,
    Regrouping,
    Simulation,
    read_blocked,
    read_variables,
)
from dbt_cdp.simulate import simulate as try_change

_PART_COLUMNS = ("people", "identifiers", "the strongest")


@click.command(epilog=f"The header of a --block-file: {','.join(BLOCK_COLUMNS)}")
@click.option(
    "--vars",
    "variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of variables such as cdp_identifiers, each in place of dbt_project.yml's.",
)
@click.option(
    "--block",
    multiple=True,
    metavar="TYPE=VALUE",
    help="A value to block, such as phone=+4930123456. May be given again.",
)
@click.option(
    "--block-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="CSV file of values to block; `-` reads stdin.",
)
@click.option(
    "--examples",
    default=5,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many merges and splits to show.",
)
@json_option
@project_options
def simulate(
    variables: Path | None,
    block: tuple[str, ...],
    block_file: Path | None,
    examples: int,
    as_json: bool,
    project: Project,
) -> None:
    """Tell who would merge or split if variables were others, or values blocked.

    Copies the warehouse, a DuckDB file, to a temporary folder, builds the copy before the change
    and after it, and compares people, profiles and segments. The project and its warehouse stay as
    they are. What is typed stays in the shell's history; what is read from a file does not.

    Example: cdp identity simulate --vars change.yml
    """
    if variables is None and not block and block_file is None:
        raise click.UsageError("Give a change: --vars, --block or --block-file.")
    changed = read_variables(variables) if variables else {}
    blocked = read_blocked(project, block, block_file)
    found = try_change(project, changed, blocked, examples)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _print(found: Simulation) -> None:
    totals = found.totals
    print_table(
        ("what would change", ""),
        [
            ("people before", totals.people_before),
            ("people after", totals.people_after),
            ("people that merge", totals.merging_people),
            ("  and become", totals.merged_people),
            ("people that split", totals.splitting_people),
            ("  and become", totals.split_people),
            ("identifiers that go to another canonical_id", totals.identifiers_moved),
            ("identifiers that become shared", totals.identifiers_newly_shared),
            ("identifiers that are no longer shared", totals.identifiers_no_longer_shared),
            ("identifiers that leave the graph, such as blocked ones", totals.identifiers_gone),
            ("identifiers that come into it", totals.identifiers_added),
            ("profiles added", totals.profiles_added),
            ("profiles removed", totals.profiles_removed),
            ("profiles changed", totals.profiles_changed),
            ("segment memberships entered", totals.memberships_entered),
            ("segment memberships exited", totals.memberships_exited),
        ],
    )
    if found.blocked:
        print_table(
            ("blocked on trial", "seen"),
            [(value.identifier, "yes" if value.is_seen else "no") for value in found.blocked],
        )
    if found.merges:
        print_table(("merge into", *_PART_COLUMNS), _rows(found.merges))
    if found.splits:
        print_table(("split of", *_PART_COLUMNS), _rows(found.splits))
    print_table(
        ("segment", "before", "after", "entered", "exited"),
        [tuple(asdict(segment).values()) for segment in found.segments],
    )


def _rows(examples: list[Regrouping]) -> list[tuple[str | None, str, int, str]]:
    """One row a part; the id of the whole stands beside the first."""
    return [
        (
            example.canonical_id if number == 0 else None,
            part.canonical_id,
            part.identifiers,
            ", ".join(map(str, part.strongest)),
        )
        for example in examples
        for number, part in enumerate(example.parts)
    ]
