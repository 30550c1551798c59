"""People as Meta is told of them: normalised by the rules of its customer lists, and hashed but for
the ids.

https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date

from dbt_cdp.destinations.identifiers import (
    Person,
    Rule,
    UnusableValueError,
    country_code,
    email_address,
    hashed,
    hashing,
)

# What Meta calls the fields; it takes a date in three parts.
_COLUMNS = {
    "email": ("EMAIL",),
    "phone": ("PHONE",),
    "external_id": ("EXTERN_ID",),
    "madid": ("MADID",),
    "first_name": ("FN",),
    "last_name": ("LN",),
    "city": ("CT",),
    "state": ("ST",),
    "postal_code": ("ZIP",),
    "country": ("COUNTRY",),
    "date_of_birth": ("DOBY", "DOBM", "DOBD"),
    "gender": ("GEN",),
}

# What is somebody's own; the other fields only make a match likelier.
KEYS = ("email", "phone", "external_id", "madid")

_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_MADID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BIRTH = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T.*)?")
_HASHED_BIRTH = re.compile(r"[0-9a-f]{64}(-[0-9a-f]{64}){2}")
_US_ZIP = re.compile(r"([0-9]{5})(-?[0-9]{4})?")
# Its district and sector, without the two letters of the unit.
_GB_POSTCODE = re.compile(r"([a-z]{1,2}[0-9][0-9a-z]?[0-9])([a-z]{2})?")
_GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f"}

# Letters that are not a Roman one with a mark.
_ROMAN = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\u0131": "i",
    }
)


def _phone(text: str, country: str) -> str:
    # A zero in brackets is dialled within the country alone.
    digits = re.sub(r"[^0-9]", "", text.replace("(0)", ""))
    if digits.startswith("0") and not digits.startswith("00") and not country:
        raise UnusableValueError("phone has no country's code, and the row has no country")
    number = digits.lstrip("0")
    if not _DIGITS.fullmatch(number):
        raise UnusableValueError("phone is no phone number")
    return number


def _name(text: str, country: str) -> str:
    letters = unicodedata.normalize("NFC", text.lower())
    return "".join(one for one in letters if unicodedata.category(one)[0] not in "PZC")


def _place(text: str, country: str) -> str:
    letters = unicodedata.normalize("NFKD", text.lower().translate(_ROMAN))
    return re.sub(r"[^a-z]", "", letters)


def _state(text: str, country: str) -> str:
    state = _place(text, country)
    if country == "us" and len(state) != 2:
        raise UnusableValueError("state is not the code of two letters that it has in the US")
    return state


def _postal_code(text: str, country: str) -> str:
    code = "".join(text.lower().split())
    rule = {"us": _US_ZIP, "gb": _GB_POSTCODE}.get(country)
    match = rule.fullmatch(code) if rule else None
    if rule and not match:
        raise UnusableValueError(f"postal_code is none of the country {country}")
    return match[1] if match else code


def _date_of_birth(text: str, country: str) -> str:
    """The hashes of year, month and day, between hyphens."""
    if _HASHED_BIRTH.fullmatch(text):
        return text
    match = _BIRTH.fullmatch(text)
    try:
        born = date.fromisoformat(match[1] if match else "")
    except ValueError:
        born = date.max
    if not date(1900, 1, 1) <= born <= date.today():
        raise UnusableValueError("date_of_birth is no day from 1900 on, such as 1990-04-30")
    return "-".join(hashed(part) for part in born.isoformat().split("-"))


def _madid(text: str, country: str) -> str:
    if not _MADID.fullmatch(text.lower()):
        raise UnusableValueError("madid is not the advertising id of a device")
    return text.lower()


RULES: Mapping[str, Rule] = {
    "email": hashing(email_address),
    "phone": hashing(_phone),
    "external_id": lambda text, country: text,
    "madid": _madid,
    "first_name": hashing(_name),
    "last_name": hashing(_name),
    "city": hashing(_place),
    "state": hashing(_state),
    "postal_code": hashing(_postal_code),
    "country": hashing(country_code),
    "date_of_birth": _date_of_birth,
    # Meta has no word for others.
    "gender": hashing(lambda text, country: _GENDERS.get(text.lower(), "")),
}


def table(people: Sequence[Person]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """People as Meta's API takes them.

    Returns:
        The columns, and a row for each person; what is not known of one is empty.
    """
    names = [name for name in _COLUMNS if any(name in person for person in people)]
    columns = [column for name in names for column in _COLUMNS[name]]
    rows = [[cell for name in names for cell in _cells(person, name)] for person in people]
    return columns, rows


def _cells(person: Person, name: str) -> Sequence[str]:
    width = len(_COLUMNS[name])
    if name not in person:
        return [""] * width
    return person[name].split("-") if width > 1 else [person[name]]
