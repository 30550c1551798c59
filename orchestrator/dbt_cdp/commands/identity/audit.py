"""`cdp identity audit`: shows the health of the identity graph."""

from collections import Counter
from dataclasses import asdict

import click

from dbt_cdp.audit import Audit, Hub, SizeBand, read_audit
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table
from dbt_cdp.project import Project

_HUB_COLUMNS = ("links", "people reached")


@click.command()
@click.option(
    "--top",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many of the largest people and of the identifiers to list.",
)
@json_option
@project_options
def audit(top: int, as_json: bool, project: Project) -> None:
    """Show the health of the identity graph.

    How large people are, which identifiers hold them together, what was refused, and when people
    merged and split. Of a connecting identifier it also tells into how many people, and of how
    many identifiers each, its person would fall if it were blocked, by the links that are accepted
    today. Without it others may be accepted: `cdp identity simulate` tries that. Identifiers are
    shown as they are.

    Example: cdp identity audit
    """
    found = read_audit(project, top)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _print(found: Audit) -> None:
    print_table(
        ("identifiers a person", "people", "share"),
        [(_band(band), band.people, f"{band.share:.1%}") for band in found.sizes],
    )
    print_table(
        ("largest people", "identifiers", "by type"),
        [
            (person.canonical_id, person.identifiers, _by_type(person.by_type))
            for person in found.largest_people
        ],
    )
    print_table(
        (
            "connecting identifiers",
            *_HUB_COLUMNS,
            "canonical_id",
            "people if blocked",
            "their sizes",
        ),
        [
            (*_hub(hub), hub.canonical_id, len(hub.parts_if_blocked or ()), _parts(hub))
            for hub in found.connecting_identifiers
        ],
    )
    print_table(
        ("shared identifiers", *_HUB_COLUMNS), [_hub(hub) for hub in found.shared_identifiers]
    )
    print_table(
        ("links refused, by rule", "reason", "detail", "links"),
        [
            (refusal.rule, refusal.reason, refusal.detail, refusal.links)
            for refusal in found.refused_links
        ],
    )
    if found.candidates:
        print_table(
            ("match rule", "status", "pairs"),
            [(proposal.rule, proposal.status, proposal.pairs) for proposal in found.candidates],
        )
    if found.changes:
        print_table(
            ("day", "merges", "splits"),
            [(day.changed_date, day.merges, day.splits) for day in found.changes],
        )


def _band(band: SizeBand) -> str:
    if band.largest is None:
        return f"{band.smallest} or more"
    return (
        str(band.smallest) if band.smallest == band.largest else f"{band.smallest}-{band.largest}"
    )


def _by_type(by_type: dict[str, int]) -> str:
    return ", ".join(f"{type_}: {count}" for type_, count in by_type.items())


def _hub(hub: Hub) -> tuple[str, int, int]:
    return str(hub.identifier), hub.links, hub.people


def _parts(hub: Hub) -> str:
    """The sizes of the people that it would leave, equal ones together."""
    sizes = Counter(hub.parts_if_blocked)
    return ", ".join(f"{count} of {size}" for size, count in sizes.items())
