"""`cdp segments history`: how a segment moved, or when somebody was in it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import click

from dbt_cdp.commands.segments.explain import find_member
from dbt_cdp.commands.segments.options import entity_option, minute, typed
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, say
from dbt_cdp.project import Project
from dbt_cdp.segments import Movement, Stay, by_day, open_segments


@click.command()
@click.argument("name")
@click.argument("member", metavar="[PERSON]", required=False)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="How many days to look back from the last build.",
)
@click.option("--builds", is_flag=True, help="Show each build instead of each day.")
@entity_option
@json_option
@project_options
def history(
    name: str,
    member: str | None,
    days: int,
    builds: bool,
    entity: str | None,
    as_json: bool,
    project: Project,
) -> None:
    """Show on which days the segment NAME moved, how much and why.

    With PERSON (any identifier; `-` reads it from stdin) it shows when that person was in it. Of a
    segment of accounts it is the account's id.

    Example: cdp segments history loyal --days 90
    """
    text = typed(member) if member else None
    with open_segments(project) as segments:
        segment = segments.find(name, entity)
        if text:
            member_id = find_member(project, segments, segment, text)
            stays = segments.stays(segment, member_id)
            movements = []
        else:
            movements = segments.movements(segment, days)
    if text:
        _show_stays(stays, as_json)
    else:
        _show_movements(movements if builds else by_day(movements), days, as_json)


def _show_stays(stays: list[Stay], as_json: bool) -> None:
    if as_json:
        print_json([asdict(stay) for stay in stays])
    elif not stays:
        say("Never in it.")
    else:
        print_table(
            ("entered at", "by", "left at", "by", "version at the entry"),
            [
                (
                    minute(stay.entered_at),
                    stay.entered_by,
                    minute(stay.exited_at),
                    stay.exited_by,
                    stay.version,
                )
                for stay in stays
            ],
        )


def _show_movements(movements: list[Movement], days: int, as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in movements])
    elif not movements:
        say(f"Nobody entered or left it in {days} days.")
    else:
        print_table(
            ("when", "members", "entered", "left", "why", "new version"),
            [
                (
                    minute(one.moment) if isinstance(one.moment, datetime) else one.moment,
                    one.members,
                    one.entered,
                    one.exited,
                    _why(one),
                    one.version,
                )
                for one in movements
            ],
        )


def _why(movement: Movement) -> str:
    causes = [("+", movement.entered_by), ("-", movement.exited_by)]
    return ", ".join(part for sign, counts in causes for part in _signed(sign, counts))


def _signed(sign: str, counts: Mapping[str, int]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{sign}{count:,} {cause}" for cause, count in ordered]
