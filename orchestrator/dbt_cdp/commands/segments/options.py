"""What the commands of `cdp segments` share."""

from datetime import datetime

import click

from dbt_cdp.segments import ENTITIES

entity_option = click.option(
    "--entity",
    type=click.Choice(ENTITIES),
    help="Whose segment it is, where people and accounts both have one of the name.",
)


def minute(time: datetime | None) -> str | None:
    """A moment to the minute."""
    return f"{time:%Y-%m-%d %H:%M}" if time else None


def percent(part: int, whole: int) -> str | None:
    """A share in words; None of nothing."""
    return f"{part / whole:.1%}" if whole else None
