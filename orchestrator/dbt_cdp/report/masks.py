"""Identifiers as somebody may see them who need not know whose they are."""

from dbt_cdp.decisions import Identifier
from dbt_cdp.person import CANONICAL_ID

_HIDDEN = "•••"

_SHOWN = {"phone": 3, CANONICAL_ID: 8}


def masked(identifier: Identifier) -> str:
    """The value, but for so much of it as tells what kind of value it is.

    Of an e-mail address the first letter and the last part of the domain stay, of a phone number
    the country's first digits, of a canonical id enough to know it again, of anything else the
    first two characters.
    """
    value = identifier.value
    if identifier.type == "email" and "@" in value:
        return f"{value[0]}{_HIDDEN}@{_HIDDEN}.{value.rsplit('.', 1)[-1]}"
    return value[: _SHOWN.get(identifier.type, 2)] + _HIDDEN
