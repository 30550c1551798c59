"""Values as other tools read them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def json_value(value: Any) -> Any:
    """A value as JSON can hold it: times as ISO 8601 in UTC, decimals as numbers, what JSON has no
    word for as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    if isinstance(value, dict):
        return {str(key): json_value(one) for key, one in value.items()}
    return str(value)


def time_text(value: datetime) -> str:
    """A time as ISO 8601 in UTC; one without a zone is UTC."""
    in_utc = value.astimezone(UTC) if value.tzinfo else value
    return in_utc.replace(tzinfo=None).isoformat() + "Z"


def plain_text(value: Any) -> str:
    """A value as text, as in a file of text: empty for None, true and false, times as ISO 8601."""
    found = json_value(value)
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)
