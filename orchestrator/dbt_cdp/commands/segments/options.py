"""What the commands of `cdp segments` share."""

from datetime import datetime

import click

from dbt_cdp.segments import ENTITIES

entity_option = click.option(
    "--entity",
    type=click.Choice(ENTITIES),
    help="Whose segment it is, where people and accounts both have one of the name.",
)

# What several of an entity are called.
MANY = {"person": "people", "account": "accounts"}


def typed(argument: str) -> str:
    """What an argument says; `-` stands for standard input."""
    return click.get_text_stream("stdin").read().strip() if argument == "-" else argument


def minute(time: datetime | None) -> str | None:
    """A moment to the minute."""
    return f"{time:%Y-%m-%d %H:%M}" if time else None


def percent(part: int, whole: int) -> str | None:
    """A share in words; None of nothing."""
    return f"{part / whole:.1%}" if whole else None
