"""Values in queries of Salesforce: nothing that stands in a row can become a part of the query, and
no query is longer than an address may be."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

# An address and the headers may have 16,384 bytes together.
_MAX_BYTES = 8_000

_NUMBERS = {"double", "int", "long", "currency", "percent"}
_TEXTS = {"string", "email", "phone", "url", "picklist", "id", "reference", "textarea", "combobox"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
        "\0": None,
    }
)


def can_be_compared(kind: str) -> bool:
    """Whether keys of a type of field can be looked for."""
    return kind in _NUMBERS or kind in _TEXTS


def literal(value: str, kind: str = "string") -> str | None:
    """A value as it stands in a query; None where no record can have it.

    Args:
        value: of a key.
        kind: the type of its field.
    """
    if kind in _NUMBERS:
        return value.strip() if _NUMBER.fullmatch(value.strip()) else None
    return quoted(value.strip())


def quoted(value: str) -> str:
    """A text as it stands in a query."""
    return f"'{value.translate(_ESCAPES)}'"


def folded(value: Any, kind: str = "string") -> str:
    """A value as Salesforce compares it: upper and lower case are one, and 7.0 is 7."""
    text = "" if value is None else str(value).strip()
    if kind in _NUMBERS and _NUMBER.fullmatch(text):
        return format(Decimal(text).normalize(), "f")
    return text.casefold()


def queries(
    names: Iterable[str], table: str, field: str, literals: Iterable[str], and_also: str = ""
) -> Iterator[str]:
    """Queries that find the records of many values, none too long.

    Args:
        names: the fields that are asked for.
        table: the object.
        field: what has the values.
        literals: the values, as `literal` gives them.
        and_also: a further condition.
    """
    end = f") AND {and_also}" if and_also else ")"
    # Names are checked when a sync is read, and values are literals.
    start = f"SELECT {', '.join(dict.fromkeys(names))} FROM {table} WHERE {field} IN ("  # noqa: S608
    room = _MAX_BYTES - _bytes(start + end)
    part: list[str] = []
    size = 0
    for one in literals:
        added = _bytes(f",{one}")
        if part and size + added > room:
            yield start + ",".join(part) + end
            part, size = [], 0
        part.append(one)
        size += added
    if part:
        yield start + ",".join(part) + end


def value_of(record: Any, path: str) -> Any:
    """The value of a field of a record that a query has found, such as `Contact.Email`; None where
    there is none. Salesforce writes names in its own case."""
    for name in path.casefold().split("."):
        if not isinstance(record, dict):
            return None
        record = {key.casefold(): value for key, value in record.items()}.get(name)
    return record


def _bytes(text: str) -> int:
    return len(quote(text, safe=""))
