"""Identifiers as somebody may see them who need not know whose they are."""

from dbt_cdp.decisions import Identifier
from dbt_cdp.person import CANONICAL_ID

_HIDDEN = "•••"

_SHOWN = {"phone": 3, CANONICAL_ID: 8}


def masked(identifier: Identifier) -> str:
    """The value, but for so much of it as tells what kind of value it is.

    Of an e-mail address the first letter and the last part of the domain stay, of a phone number
    the country's first digits, of a canonical id enough to know it again, of anything else the
    first two characters; of what is short nothing.
    """
    kind, value = identifier.type, identifier.value
    if kind == "email" and "@" in value:
        name, domain = value.rsplit("@", 1)
        return f"{_begun(name, 1)}@{_HIDDEN}.{domain.rsplit('.', 1)[-1]}"
    return _begun(value, _SHOWN.get(kind, 2))


def _begun(value: str, letters: int) -> str:
    """The first letters, where more than those are hidden."""
    return (value[:letters] if len(value) > 2 * letters else "") + _HIDDEN
