"""`cdp segments overlap`: what segments share."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from dbt_cdp.commands.segments.options import percent
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, say
from dbt_cdp.project import Project
from dbt_cdp.segments import ENTITIES, Overlap, open_segments

# More columns than these do not fit on a screen.
_MATRIX = 10


@click.command()
@click.argument("name", required=False)
@click.option(
    "--entity",
    type=click.Choice(ENTITIES),
    help="Whose segments. Default: those of the segment NAME, or else of people.",
)
@json_option
@project_options
def overlap(name: str | None, entity: str | None, as_json: bool, project: Project) -> None:
    """Show how many members segments share: any two of them, or NAME and each of the others.

    Example: cdp segments overlap loyal
    """
    with open_segments(project) as segments:
        if name:
            entity = segments.find(name, entity).entity
        overlaps = segments.overlaps(entity or "person")
    if name:
        overlaps = [one for one in overlaps if name in (one.segment_a, one.segment_b)]
    overlaps.sort(key=lambda one: (-one.likeness, one.segment_a, one.segment_b))
    if as_json:
        print_json([{**asdict(one), "likeness": one.likeness} for one in overlaps])
    elif not overlaps:
        say("No two segments have members.")
    elif name:
        _print_of(name, overlaps)
    elif len(_names(overlaps)) <= _MATRIX:
        _print_matrix(overlaps)
    else:
        _print_pairs(overlaps)


def _names(overlaps: Sequence[Overlap]) -> list[str]:
    return sorted({name for one in overlaps for name in (one.segment_a, one.segment_b)})


def _print_of(name: str, overlaps: Sequence[Overlap]) -> None:
    rows = []
    for one in overlaps:
        is_first = one.segment_a == name
        own, others = (one.members_a, one.members_b) if is_first else (one.members_b, one.members_a)
        both = one.members_of_both
        rows.append(
            (
                one.segment_b if is_first else one.segment_a,
                others,
                both,
                percent(both, own),
                percent(both, others),
            )
        )
    print_table(("segment", "members", "in both", f"of {name}", "of it"), rows)


def _print_matrix(overlaps: Sequence[Overlap]) -> None:
    """Members in both, and on the diagonal those of the segment itself."""
    shared: dict[tuple[str, str], int] = {}
    for one in overlaps:
        shared[one.segment_a, one.segment_a] = one.members_a
        shared[one.segment_b, one.segment_b] = one.members_b
        shared[one.segment_a, one.segment_b] = one.members_of_both
        shared[one.segment_b, one.segment_a] = one.members_of_both
    names = _names(overlaps)
    print_table(
        ("members in both", *names),
        [(row, *(shared[row, column] for column in names)) for row in names],
    )


def _print_pairs(overlaps: Sequence[Overlap]) -> None:
    print_table(
        ("segment", "members", "segment", "members", "in both", "of all in either"),
        [
            (
                one.segment_a,
                one.members_a,
                one.segment_b,
                one.members_b,
                one.members_of_both,
                f"{one.likeness:.1%}",
            )
            for one in overlaps
            if one.members_of_both
        ],
    )
