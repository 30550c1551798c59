"""What a digest says: a message for people, short and in plain words."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from dbt_cdp.destinations.values import plain_text

# How many rows a message shows; of the others it tells the number.
SHOWN_ROWS = 10

# What Slack takes in a section, and how much of it a value may have.
_LETTERS = 3_000
_VALUE_LETTERS = 80
_BULLET, _BETWEEN = "• ", " · "


def headline(sync_name: str, what: str) -> str:
    """The first line, such as `*hot_leads*: 12 people entered`."""
    return f"*{escaped(sync_name)}*: {escaped(what)}"


def counted(number: int, things: str) -> str:
    """A number and what it counts, such as `1 person` or `1,200 accounts`.

    Args:
        number: how many.
        things: what they are called, in the plural.
    """
    if number != 1:
        return f"{number:,} {things}"
    if things == "people":
        return "1 person"
    one = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"1 {one}"


def line_of(key: str, values: Mapping[str, str]) -> str:
    """The line of a row.

    Args:
        key: what it is known by.
        values: its other values as they are shown; empty ones are left out.
    """
    shown = [f"{escaped(name)}: {escaped(value)}" for name, value in values.items() if value]
    return _BULLET + _BETWEEN.join([escaped(_cut(key)), *shown])


def digest(first: str, lines: Sequence[str]) -> str:
    """A whole message.

    Args:
        first: its headline.
        lines: those of all rows.
    """
    for number in range(min(len(lines), SHOWN_ROWS), -1, -1):
        rest = len(lines) - number
        more = [f"and {rest:,} more"] if rest and number else []
        text = "\n".join([first, *lines[:number], *more])
        if len(text) <= _LETTERS:
            return text
    return first


def without(text: str, key: str) -> str:
    """A message without the lines of a key."""
    line = line_of(key, {})
    kept = [one for one in text.split("\n") if one != line and not one.startswith(line + _BETWEEN)]
    return "\n".join(kept)


def names(text: str, key: str) -> bool:
    """Whether a message holds a key anywhere, and not as a part of a longer one."""
    found = re.escape(escaped(_cut(key)))
    return re.search(rf"(?<![\w.+-]){found}(?![\w-]|\.\w)", text) is not None


def shown(value: Any) -> str:
    """A value as people read it: `1,234.5`, `yes`, `1 Jun 2026, 12:00 UTC`; empty for None."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return f"{value:,}"
    if isinstance(value, datetime):
        in_utc = value.astimezone(UTC) if value.tzinfo else value
        return f"{in_utc.day} {in_utc:%b %Y, %H:%M} UTC"
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    return _cut(plain_text(value))


def escaped(text: str) -> str:
    """A text in which nothing is markup: no link, and no call of a person or a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    """A text in one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _VALUE_LETTERS else f"{line[: _VALUE_LETTERS - 1]}…"
