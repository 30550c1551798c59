"""Tells by the values of a column whether people's data are in it, whole or within longer texts.

Whatever has the shape of something is checked for what that something is: a number of a card by
its checksum, an IBAN by its own, a phone number by its country. Where most of what has the shape
fails, as with order numbers, what passes does so by chance, and does not count.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from dbt_cdp.privacy.names import Kind, kind_of_name

# How many values tell; fewer do where they are half of all.
ENOUGH = 3

# How much of a long value is looked at.
_LETTERS = 4_000

_DEEPEST = 20


def _split(text: str) -> list[str]:
    return text.split()


_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}([^\W\d_]{2,24})(?![\w@:-])"
)
# What follows the @ in names of files, as in logo@2x.png.
_FILES = frozenset(_split("avif bmp css gif heic ico jpeg jpg js json mjs pdf png svg webp"))

_PLUS = re.compile(r"(?<![\w+.])(?:\+|00(?=[1-9]\d{0,2}[ /-]))[1-9](?:[ ()./-]{0,3}\d){6,14}(?!\w)")
_NORTH_AMERICAN = re.compile(
    r"(?<![\w+.-])(?:\([2-9]\d\d\) ?|[2-9]\d\d([ .-]))[2-9]\d\d(?(1)\1|[ .-])\d{4}(?![\w-])"
)
# With what is dialled before a number within a country; only as a whole value.
_NATIONAL = re.compile(r"\(?0[1-9]\d{0,4}\)?(?:[ /-]{1,3}\d{2,9}){1,5}")
_DATE_OR_DECIMAL = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*|[+-]?\d+\.\d+")
# The length of numbers, without the country's code, where it is but one.
_NATIONAL_LENGTHS = {"1": (10, 10), "7": (10, 10), "33": (9, 9), "34": (9, 9), "44": (9, 10)}
_CODES = frozenset(
    _split(
        "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62"
        " 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"
    )
)
_LONG_CODES = re.compile(
    r"2[1-69]\d|3[578]\d|42[013]|50\d|59\d|67\d|68\d|69[0-2]|8[058]\d|9[679]\d"
)

_QUAD = re.compile(r"(?<![\w./-])\d{1,4}(?:\.\d{1,5}){3}(?![\w/-]|\.\d)")
_SIX = re.compile(r"(?<![\w:.])[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){3,7}(?![\w:.])")

_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_IBAN_LENGTHS = {
    one[:2]: int(one[2:])
    for one in _split(
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28"
        " EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26"
        " IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30"
        " NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23"
        " TN24 TR26 UA29 VA22 VG24 XK20"
    )
}

_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){13,18}(?![\w-]|\.\d)")
# How numbers of cards begin and how long they are, without spaces.
_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)


@dataclass(frozen=True)
class Told:
    """What values tell of a column.

    Attributes:
        share: of the values that are not empty, how many have it (0 to 1).
        is_within: whether it mostly stands within longer texts, or JSON.
    """

    kind: Kind
    share: float
    is_within: bool


def told_by(values: Iterable[Any], types: tuple[str, ...] = ()) -> list[Told]:
    """What a sample of a column's values tells.

    A kind counts where three values have it or half of all have, if at least half of what has its
    shape is valid.

    Args:
        values: texts, and what JSON, structs and lists become in Python; numbers tell nothing.
        types: the project's identifier types, whose names are identifiers as keys of JSON.
    """
    total = 0
    hits: Counter[Kind] = Counter()
    misses: Counter[Kind] = Counter()
    within: Counter[Kind] = Counter()
    for value in values:
        if value is None or value == "":
            continue
        total += 1
        found = _kinds(value, types)
        for kind, (is_valid, is_whole) in found.items():
            (hits if is_valid else misses)[kind] += 1
            within[kind] += is_valid and not is_whole
    return [
        Told(kind, hits[kind] / total, within[kind] * 2 > hits[kind])
        for kind in Kind
        if hits[kind] >= min(ENOUGH, max(1, total / 2)) and hits[kind] >= misses[kind]
    ]


def kinds_in(text: str) -> dict[Kind, bool]:
    """What stands in a text: by kind, whether it is valid; what has no shape of it is left out."""
    return {kind: is_valid for kind, (is_valid, _) in _kinds_in_text(text).items()}


def _kinds(value: Any, types: tuple[str, ...]) -> dict[Kind, tuple[bool, bool]]:
    """By kind, whether a value has a valid one, and whether that is the whole value."""
    if isinstance(value, str):
        text = value[:_LETTERS]
        content = _parsed(text)
        if content is None:
            return _kinds_in_text(text)
        value = content
    found: dict[Kind, tuple[bool, bool]] = {}
    for key, leaf in _leaves(value):
        named = kind_of_name(key, types=types) if key else None
        # A flag, or a count, is called as what it is about.
        if named and (isinstance(leaf, str) or named not in (Kind.EMAIL, Kind.NAME)):
            found[named] = True, False
        if isinstance(leaf, str):
            for kind, (is_valid, _) in _kinds_in_text(leaf[:_LETTERS]).items():
                found[kind] = is_valid or found.get(kind, (False, False))[0], False
    return found


def _parsed(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The texts and numbers within lists and mappings, each with the nearest name of a field."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(one, str(name), depth + 1) if depth < _DEEPEST else ()
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _leaves(one, key, depth + 1) if depth < _DEEPEST else ()
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
        yield key, value


def _kinds_in_text(text: str) -> dict[Kind, tuple[bool, bool]]:
    text = text.strip()
    found: dict[Kind, tuple[bool, bool]] = {}
    for kind, part, is_valid in _shapes(text):
        is_known, is_whole = found.get(kind, (False, False))
        found[kind] = is_known or is_valid, is_whole or (is_valid and part == text)
    return found


def _shapes(text: str) -> Iterator[tuple[Kind, str, bool]]:
    """Each part of a text that has the shape of a kind, and whether it is one."""
    if "@" in text:
        for found in _EMAIL.finditer(text):
            yield Kind.EMAIL, found[0], found[1].lower() not in _FILES
    if not any(map(str.isdecimal, text)):
        return
    for found in _IBAN.finditer(text):
        is_iban = _is_iban(found[0])
        yield Kind.BANK_ACCOUNT, found[0], is_iban
        if is_iban:  # its groups may look like the number of a phone or a card
            text = text.replace(found[0], " ")
    for found in _PLUS.finditer(text):
        yield Kind.PHONE, found[0], _is_phone(found[0])
    for found in _NORTH_AMERICAN.finditer(text):
        yield Kind.PHONE, found[0], True
    if _NATIONAL.fullmatch(text):
        yield Kind.PHONE, text, _is_national(text)
    for pattern in (_QUAD, _SIX):
        for found in pattern.finditer(text):
            yield Kind.IP, found[0], _is_ip(found[0])
    for found in _CARD.finditer(text):
        yield Kind.CARD, found[0], _is_card(found[0])


def _is_phone(text: str) -> bool:
    """Whether what begins with + or 00 is a phone number: a country's code, and as many digits as
    there may be. A number with one point is a decimal."""
    digits = re.sub(r"\(0\)|\D", "", text).removeprefix("00")
    code = next((digits[:n] for n in (1, 2) if digits[:n] in _CODES), "")
    if not code and _LONG_CODES.match(digits):
        code = digits[:3]
    least, most = _NATIONAL_LENGTHS.get(code, (6, 12))
    return bool(code) and least <= len(digits) - len(code) <= most and text.count(".") != 1


def _is_national(text: str) -> bool:
    digits = sum(map(str.isdecimal, text))
    return 9 <= digits <= 12 and not _DATE_OR_DECIMAL.fullmatch(text)


def _is_ip(text: str) -> bool:
    """Whether it is the address of somebody's machine. A version has as many parts, and seldom one
    of three digits."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved:
        return False
    if address.version == 4:
        return any(len(part) == 3 for part in text.split("."))
    return sum(map(bool, text.split(":"))) >= 3


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    if len(plain) != _IBAN_LENGTHS.get(plain[:2]):
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """Whether an issuer has such numbers, and the last digit is the sum of the others by Luhn."""
    digits = re.sub(r"\D", "", text)
    if not _ISSUED.fullmatch(digits):
        return False
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
