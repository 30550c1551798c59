"""Values of any table as JSON, CSV and a page hold them."""

import base64
import json
import math
import re
from typing import Any

from dbt_cdp.destinations.values import json_value
from dbt_cdp.person import shortened

# A program for tables takes a cell that begins so for a formula, and may send what it holds
# elsewhere. Anybody can send an event with such a text.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# A text that is a time and nothing else.
_TIME = re.compile(r"\A(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*Z\Z")

_SHOWN_LENGTH = 300


def plain(value: Any) -> Any:
    """A value as JSON has it: bytes are Base64; a number that is none is text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return json_value(value)


def cell(value: Any) -> Any:
    """A value as a CSV file has it; a text that would be a formula begins with an apostrophe."""
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def shown(value: Any) -> str:
    """The beginning of a value as a page shows it."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    return shortened(_TIME.sub(r"\1 \2", str(value)), _SHOWN_LENGTH)
