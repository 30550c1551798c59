"""What ad platforms know people by. Each brings values into a form of its own before it hashes
them; here is only what they have in common."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from dbt_cdp.destinations.base import Outcome, Row, Sync
from dbt_cdp.destinations.values import plain_text
from dbt_cdp.errors import ConfigurationError

# A person as a platform is told of it: values by the names of the sync's fields, as they are sent.
Person = Mapping[str, str]

_HASH = re.compile(r"[0-9a-f]{64}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


class UnusableValueError(ValueError):
    """A platform cannot use a value. Says what is wrong with it, and not what it is."""


class Rule(Protocol):
    """How a platform wants the values of a field."""

    def __call__(self, text: str, country: str) -> str:
        """A value as it is sent; empty where it has to be left out.

        Args:
            text: the value, without spaces around it, and not empty.
            country: what the row says of the person's country, lowercase; empty where nothing.

        Raises:
            UnusableValueError: it cannot be sent.
        """


def person_of(values: Mapping[str, object], rules: Mapping[str, Rule]) -> Person:
    """A person, of a row's values or of what was sent before.

    Args:
        values: by the names of fields; those without a rule are passed over.
        rules: by the names of fields.

    Raises:
        UnusableValueError: a value cannot be sent.
    """
    texts = {name: plain_text(values.get(name)).strip() for name in rules}
    country = texts.get("country", "").lower()
    sent = {name: rule(texts[name], country) for name, rule in rules.items() if texts[name]}
    return {name: value for name, value in sent.items() if value}


def people_of(
    rows: Sequence[Row],
    fields: Sequence[str],
    rules: Mapping[str, Rule],
    identifies: Callable[[Person], object],
    lack: str,
) -> tuple[list[tuple[Row, Person]], list[Outcome]]:
    """The people of rows, and the outcomes of those that cannot be sent.

    Args:
        rows: what is to be added.
        fields: the sync's.
        rules: by the names of fields.
        identifies: whether a person could be recognised at all by what is known.
        lack: what to say of those who could not.
    """
    names = {name: rules[name] for name in fields if name in rules}
    people, outcomes = [], []
    for row in rows:
        try:
            person = person_of(row.fields, names)
        except UnusableValueError as error:
            outcomes.append(Outcome.rejected(row, str(error)))
            continue
        if identifies(person):
            people.append((row, person))
        else:
            outcomes.append(Outcome.rejected(row, lack))
    return people, outcomes


def sent_people(row: Row, key: str, rules: Mapping[str, Rule]) -> list[Person]:
    """Whom a row was sent as, and may have been since; none where it cannot have been sent.

    Args:
        row: what is to be removed. What was tried and not answered for is there as it was before it
            was hashed.
        key: the field that rows are told apart by.
        rules: by the names of fields.
    """
    people: list[Person] = []
    for values in (row.sent or {key: row.key}, row.tried):
        with suppress(UnusableValueError):
            person = person_of(values, rules)
            if person and person not in people:
                people.append(person)
    return people


def check_fields(sync: Sync, rules: Mapping[str, Rule], platform: str) -> None:
    """Make sure that a platform takes the fields of a sync. The key may be one that it does not.

    Raises:
        ConfigurationError: it does not take one of them.
    """
    unknown = [name for name in sync.fields if name not in rules and name != sync.key]
    if unknown:
        raise ConfigurationError(
            f"{platform} takes no field {', '.join(unknown)}.",
            where=f"sync '{sync.name}', fields",
            remedy=f"its fields are: {', '.join(rules)}.",
        )


def check_audience(sync: Sync, what: str) -> None:
    """Make sure that the audience of a sync is a number.

    Raises:
        ConfigurationError: it is none.
    """
    if not re.fullmatch(r"[0-9]+", sync.audience):
        raise ConfigurationError(
            f"The audience of a sync is not the id of {what}.",
            where=f"sync '{sync.name}', audience",
            remedy="give the number that stands among its details.",
        )


def hashing(rule: Rule) -> Rule:
    """The rule, and then SHA-256; what is hashed already is left alone."""

    def hashing_rule(text: str, country: str) -> str:
        if _HASH.fullmatch(text.lower()):
            return text.lower()
        return hashed(rule(text, country))

    return hashing_rule


def hashed(text: str) -> str:
    """The SHA-256 of a value, in hexadecimal digits; empty for an empty one."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def email_address(text: str, country: str = "") -> str:
    """An e-mail in lowercase.

    Args:
        text: the e-mail.
        country: is of no matter.

    Raises:
        UnusableValueError: it is none.
    """
    if not _EMAIL.fullmatch(text):
        raise UnusableValueError("email is no e-mail address")
    return text.lower()


def country_code(text: str, country: str = "") -> str:
    """A country's code in lowercase.

    Args:
        text: the code.
        country: is of no matter.

    Raises:
        UnusableValueError: it is none.
    """
    if not _COUNTRY.fullmatch(text):
        raise UnusableValueError("country is no code of two letters (ISO 3166-1)")
    return text.lower()
