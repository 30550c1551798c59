"""Takes identifiers out of payloads that are somebody else's."""

import json
from collections.abc import Mapping
from typing import Any

from dbt_cdp.payloads import canonical_json

# What may stand among properties and traits, too; a short id or a number there is something else.
ADDRESSES = ("email", "phone")

_DETAILS = ("properties", "traits")
# What the macro cdp_trim trims.
_BLANKS = " \t\n\v\r"


def without(payload: str, named: Mapping[str, str]) -> str:
    """A payload without identifiers. What else it says stays as it is.

    Args:
        payload: JSON.
        named: the identifiers by type, as they are spelled in it.
    """
    texts = frozenset(named.values())
    addresses = frozenset(text for kind, text in named.items() if kind in ADDRESSES)
    return canonical_json(_without(json.loads(payload), texts, addresses))


def _without(value: Any, gone: frozenset[str], gone_from_details: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _without(one, gone_from_details if name in _DETAILS else gone, gone_from_details)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_without(one, gone, gone_from_details) for one in value]
    if isinstance(value, str):
        # Not null: then the next place would be read where an event may say it.
        return "" if value.strip(_BLANKS) in gone else value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if is_number and str(value) in gone else value
