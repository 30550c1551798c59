"""The time, as the tables have it."""

import re
from datetime import UTC, datetime, timedelta

# Machines that share a warehouse need not agree on the second.
SKEW = timedelta(minutes=1)

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LENGTH = re.compile(r"([1-9]\d*)([mhd])")


def utc_now() -> datetime:
    """Now in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def length_of(text: str) -> timedelta:
    """The length of time that a text such as 45m, 2h or 1d tells.

    Raises:
        ValueError: it is none.
    """
    found = _LENGTH.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no length such as 45m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def to_seconds(length: timedelta) -> timedelta:
    """The length without the part of a second, for people."""
    return timedelta(seconds=round(length.total_seconds()))
