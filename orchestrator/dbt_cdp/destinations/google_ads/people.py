"""People as Google Ads is told of them: normalised by the rules of the Data Manager API, and hashed
but for the country and the postal code.

https://developers.google.com/data-manager/api/devguides/concepts/formatting
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from dbt_cdp.destinations.identifiers import (
    Person,
    Rule,
    UnusableValueError,
    country_code,
    email_address,
    hashing,
)

# The domains whose mailboxes dots and tags lead to.
_GMAIL = {"gmail.com", "googlemail.com"}

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
# What people write between the digits; a zero in brackets is dialled within the country alone.
_BETWEEN_DIGITS = re.compile(r"\(0\)|[\s().\-/]")

_EMAILS = ("email", "email_2", "email_3")
_PHONES = ("phone", "phone_2", "phone_3")
_ADDRESS = {
    "first_name": "givenName",
    "last_name": "familyName",
    "country": "regionCode",
    "postal_code": "postalCode",
}


def _email(text: str, country: str) -> str:
    local, _, domain = email_address("".join(text.split())).partition("@")
    if domain in _GMAIL:
        local = local.partition("+")[0].replace(".", "")
    if not local:
        raise UnusableValueError("email is no e-mail address")
    return f"{local}@{domain}"


def _phone(text: str, country: str) -> str:
    number = _BETWEEN_DIGITS.sub("", text)
    if number.startswith("00"):
        number = "+" + number[2:]
    if not _PHONE.fullmatch(number):
        raise UnusableValueError("phone is no number that begins with + and a country's code")
    return number


def _name(text: str, country: str) -> str:
    letters = unicodedata.normalize("NFC", text.lower())
    kept = "".join(one for one in letters if not unicodedata.category(one).startswith("P"))
    return " ".join(kept.split())


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_EMAILS, hashing(_email)),
    **dict.fromkeys(_PHONES, hashing(_phone)),
    "first_name": hashing(_name),
    "last_name": hashing(_name),
    "country": lambda text, country: country_code(text).upper(),
    "postal_code": lambda text, country: text,
}


def identifiers(person: Person) -> Sequence[Mapping[str, Any]]:
    """What Google matches a person by, as its API takes it. An address is one with all its parts;
    else it is none."""
    found: list[Mapping[str, Any]] = [
        *({"emailAddress": person[name]} for name in _EMAILS if name in person),
        *({"phoneNumber": person[name]} for name in _PHONES if name in person),
    ]
    address = {theirs: person[ours] for ours, theirs in _ADDRESS.items() if ours in person}
    return [*found, {"address": address}] if len(address) == len(_ADDRESS) else found


def missing_parts(fields: Sequence[str]) -> Sequence[str]:
    """The parts of an address that are none of the fields, where others are."""
    missing = [name for name in _ADDRESS if name not in fields]
    return missing if len(missing) < len(_ADDRESS) else []
