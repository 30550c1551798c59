"""The time, as the tables have it."""

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Now in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def to_seconds(length: timedelta) -> timedelta:
    """The length without the part of a second, for people."""
    return timedelta(seconds=round(length.total_seconds()))
