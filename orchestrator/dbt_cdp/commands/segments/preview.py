"""`cdp segments preview`: who would be in a segment that is not saved yet."""

from dataclasses import asdict

import click

from dbt_cdp.commands.segments.options import MANY, percent, typed
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import plain, print_json, print_table, say
from dbt_cdp.person import in_words
from dbt_cdp.project import Project
from dbt_cdp.segment_conditions import Preview
from dbt_cdp.segment_conditions import preview as preview_condition
from dbt_cdp.segments import ENTITIES, open_segments

# Other segments that are shown.
_SHOWN = 10


@click.command()
@click.argument("where")
@click.option(
    "--entity",
    type=click.Choice(ENTITIES),
    default="person",
    show_default=True,
    help="Whose profiles the condition is of.",
)
@click.option(
    "--sample",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="How many members to show.",
)
@json_option
@project_options
def preview(where: str, entity: str, sample: int, as_json: bool, project: Project) -> None:
    """Count who meets a condition, and show some of them, before it is saved as a segment.

    WHERE is SQL over the columns of user_profiles (account_profiles with --entity account), in
    which in_segment('x') is a segment that there is. It is asked of the profiles as the last build
    left them. What is typed stays in the shell's history; `-` reads the condition from stdin.

    Example: cdp segments preview "total_page_views > 10 and email is not null"
    """
    with open_segments(project) as segments:
        found = preview_condition(segments, typed(where), entity, sample, project.target.type)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _print(found: Preview) -> None:
    share = percent(found.members, found.profiles)
    of = f" ({share})" if share else ""
    say(f"{found.members:,} of {found.profiles:,} {MANY[found.entity]} meet it{of}.")
    if len(found.parts) > 1:
        say("")
        print_table(
            ("part of the condition", "met by", "unknown for"),
            [(part.text, part.met, part.unknown) for part in found.parts],
        )
    if found.shared:
        say("")
        print_table(
            ("also in the segment", "of them", "members of it"),
            [(one.segment, one.members_of_both, one.members) for one in found.shared[:_SHOWN]],
        )
    if found.sample:
        say("")
        print_table(
            list(found.sample[0]),
            [[_shown(value) for value in row.values()] for row in found.sample],
        )


def _shown(value: object) -> object:
    return value if isinstance(value, int | str | None) else plain(in_words(value))
