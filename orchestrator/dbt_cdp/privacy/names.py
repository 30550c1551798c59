"""Tells by the name of a column whether people's data are in it.

A name is cut into words (`contactEMail` is contact, e, mail), and the last ones say what it is: an
`email_address` is one, an `email_subject` is not. What only qualifies is passed over, as in
`email_2_normalized`. The words are in `names.yml`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


class Kind(StrEnum):
    """What people's data there are."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"
    ADDRESS = "address"
    IP = "ip"
    BIRTH_DATE = "birth date"
    GENDER = "gender"
    NATIONAL_ID = "national id"
    BANK_ACCOUNT = "bank account"
    CARD = "card number"
    PERSON_ID = "person id"
    DEVICE_ID = "device id"
    DECLARED = "declared"


_LISTS: Mapping[str, Any] = yaml.safe_load(
    Path(__file__).with_suffix(".yml").read_text(encoding="utf-8")
)


def _words_of(name: str) -> frozenset[str]:
    return frozenset(_LISTS[name].split())


def _by_kind(name: str) -> dict[Kind, list[str]]:
    return {Kind(kind): text.split() for kind, text in _LISTS[name].items()}


# The longest phrase of a kind is tried first.
_PHRASES = {
    kind: sorted((tuple(one.split("_")) for one in phrases), key=len, reverse=True)
    for kind, phrases in _by_kind("phrases").items()
}
_WHOLE = {name: kind for kind, names in _by_kind("whole").items() for name in names}
_OTHERS = _by_kind("others")
_PEOPLE, _ADDRESSEES = _words_of("people"), _words_of("addressees")
_NAMES, _IDS = _words_of("names"), _words_of("ids")
_QUALIFIERS, _DIGESTS = _words_of("qualifiers"), _words_of("digests")
_NO_DATA, _TABLE_QUALIFIERS = _words_of("no_data"), _words_of("table_qualifiers")

# After the words of a kind these are whose it is: `ip_customer`. An `email_client` is a program.
_OWNERS = _PEOPLE - _ADDRESSEES - {"client", "clients"}

_SHORT_WORDS = frozenset(("id", "ip"))
_VOCABULARY = frozenset(
    word
    for words in (
        *(phrase for phrases in _PHRASES.values() for phrase in phrases),
        *(_PEOPLE, _QUALIFIERS, _NAMES, _IDS),
    )
    for word in words
    if len(word) > 2 or word in _SHORT_WORDS
)

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_A-Za-z]+")

# How much of a name is looked at; names of keys in JSON are whatever somebody sends.
_LONGEST, _LONGEST_WORD = 200, 40
_REMEMBERED = 10_000


@lru_cache(_REMEMBERED)
def kind_of_name(column: str, table: str = "", types: tuple[str, ...] = ()) -> Kind | None:
    """What is in a column, by its name; None where the name tells of nothing personal.

    Args:
        column: its name.
        table: the name of its table: `name` and `id` of `customers` are people's.
        types: the project's identifier types, whose names are identifiers.
    """
    words = _words(column)
    if not words or words[0] in _NO_DATA or "is" in words or "has" in words:
        return None
    if kind := _kind(words):
        return kind
    if len(words) > 1 and words[-1] in _OWNERS and (kind := _kind((words[-1], *words[:-1]))):
        return kind
    if words in (("name",), ("display", "name"), ("id",), ("uuid",)):
        return _kind((_rows_of(table), words[-1]))
    name = "_".join(words)
    return Kind.PERSON_ID if name in types else _WHOLE.get(name)


def is_digest(column: str) -> bool:
    """Whether a column has digests, by its name: they are no identifiers as others know them."""
    return not _DIGESTS.isdisjoint(_words(column))


def plain_name(column: str) -> str:
    """The name in snake case, as identifier types are written: `userId` is user_id."""
    return "_".join(_words(column))


def _kind(words: tuple[str, ...]) -> Kind | None:
    """What words mean that end with a phrase, or did before they were qualified."""
    for end in range(len(words), 0, -1):
        if kind := _kind_at_end(words[:end]):
            return kind
        if words[end - 1] not in _QUALIFIERS:
            return None
    return None


def _kind_at_end(words: tuple[str, ...]) -> Kind | None:
    for kind, phrases in _PHRASES.items():
        for phrase in phrases:
            if words[-len(phrase) :] == phrase:
                before = words[-len(phrase) - 1] if len(words) > len(phrase) else ""
                return None if before in _OTHERS.get(kind, ()) else kind
    if len(words) < 2 or words[-2] not in _PEOPLE:
        return None
    if words[-1] in _NAMES:
        return Kind.NAME
    is_id = words[-1] in _IDS and words[-2] not in _ADDRESSEES
    is_other = len(words) > 2 and words[-3] in _OTHERS[Kind.PERSON_ID]
    return Kind.PERSON_ID if is_id and not is_other else None


def _rows_of(table: str) -> str:
    """The word for what the rows of a table are: customers for `dim_customers_history`."""
    words = (word for word in reversed(_words(table)) if word not in _TABLE_QUALIFIERS)
    return next(words, "")


@lru_cache(_REMEMBERED)
def _words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, without accents and digits."""
    plain = unicodedata.normalize("NFKD", name[:_LONGEST].replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(part for word in _WORD.findall(plain) for part in _parts(word.lower()))


def _parts(word: str) -> list[str]:
    """A word, or the words that it is joined from, as `customeremail` is."""
    is_known = word in _VOCABULARY or len(word) > _LONGEST_WORD
    return [word] if is_known else next(_joined(word), [word])


def _joined(word: str) -> Iterator[list[str]]:
    """Ways to cut a word into words that are known, the longest first word first."""
    for end in range(len(word), 1, -1):
        if word[:end] in _VOCABULARY:
            if end == len(word):
                yield [word]
            else:
                yield from ([word[:end], *rest] for rest in _joined(word[end:]))
