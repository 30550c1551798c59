"""People who were erased and must not come back: their events are dropped at the door.

The list holds keyed digests of normalised identifiers and no identifier. Its text is of lines:

    key HEX                    the secret that the digests below are made with
    country DIGITS             cdp_default_country_code of the project, if it has one
    HEX                        sha256(key || type || value), one a line

A second `key` line begins the digests of another key, so that a key can be replaced.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt_cdp.collector.watched import WatchedFile
from dbt_cdp.errors import ConfigurationError

# The list in a spool, which `cdp run` writes there.
LIST_FILE = "suppressed.txt"

# Where an event may name a person: identifier type -> paths, as in cdp_landed_event_paths.
IDENTIFIER_PATHS = {
    "user_id": ("user_id", "userId"),
    "crm_id": ("crm_id",),
    "billing_id": ("billing_id",),
    "support_id": ("support_id",),
    "anonymous_id": ("previous_id", "previousId", "anonymous_id", "anonymousId"),
    "email": ("email", "traits.email", "context.traits.email"),
    "phone": ("phone", "traits.phone", "context.traits.phone"),
    "device_id": ("device_id", "context.device.id"),
}

# What is dialled before a number within a country: 0 nearly everywhere.
_TRUNKS = {"1": "1", "7": "8", "39": ""}
# What the macro cdp_trim trims.
_BLANKS = " \t\n\v\r"
_DIGEST = re.compile("[0-9a-f]{64}")
_KEY = re.compile("(?:[0-9a-f]{2}){16,}")


@dataclass
class _List:
    """Digests of one key."""

    key: bytes = field(repr=False)
    digests: set[bytes] = field(default_factory=set, repr=False)


class Suppressions:
    """The exported list of suppressed people.

    Args:
        path: the file, read again when it changes; None suppresses nobody.
        may_be_missing: whether nobody is suppressed while there is no such file.

    Raises:
        ConfigurationError: the file is missing or not as it must be.
    """

    def __init__(self, path: Path | None, *, may_be_missing: bool = False) -> None:
        self._path, self._may_be_missing = path, may_be_missing
        self._watched = WatchedFile(path) if path else None
        self._lists, self._country = self._read()

    def refresh(self) -> None:
        """Read the file again if it has changed.

        Raises:
            ConfigurationError: the file is not as it must be; the list stays as it was.
        """
        if self._watched and self._watched.has_changed():
            self._lists, self._country = self._read()

    def __bool__(self) -> bool:
        return any(group.digests for group in self._lists)

    def __contains__(self, event: dict[str, Any]) -> bool:
        """Whether an event names somebody who is suppressed."""
        return bool(self._lists) and any(
            digest(group.key, kind, value) in group.digests
            for kind, value in _identifiers(event, self._country)
            for group in self._lists
        )

    def _read(self) -> tuple[list[_List], str]:
        if self._path is None:
            return [], ""
        lists: list[_List] = []
        country = ""
        try:
            with self._path.open(encoding="ascii") as file:
                for number, line in enumerate(file, 1):
                    word, _, value = line.strip().partition(" ")
                    if word == "key" and _KEY.fullmatch(value):
                        lists.append(_List(bytes.fromhex(value)))
                    elif word == "country" and value.isdecimal():
                        country = value
                    elif lists and _DIGEST.fullmatch(word) and not value:
                        lists[-1].digests.add(bytes.fromhex(word))
                    elif word:
                        raise self._error(
                            "A line is neither a key, a country nor a digest.", number
                        )
        except FileNotFoundError:
            if self._may_be_missing:
                return [], ""
            raise self._error("There is no such list of suppressions.") from None
        except UnicodeDecodeError:
            raise self._error("The list of suppressions is not text.") from None
        return lists, country

    def _error(self, problem: str, line: int | None = None) -> ConfigurationError:
        where = f"{self._path}, line {line}" if line else str(self._path)
        return ConfigurationError(problem, where=where, remedy="export the list again.")


def digest(key: bytes, kind: str, value: str) -> bytes:
    """sha256(key || type || value), 32 bytes.

    Args:
        key: the secret.
        kind: the identifier's type, such as email.
        value: the identifier, normalised.
    """
    return hashlib.sha256(key + kind.encode() + value.encode("utf-8", "surrogatepass")).digest()


def normalized(kind: str, value: str, country: str = "") -> str:
    """An identifier in its normal form, the same as the macro cdp_normalize_identifier gives.

    Args:
        kind: the identifier's type.
        value: the identifier as it came.
        country: the calling code that national phone numbers get, such as 49.
    """
    return _NORMAL_FORMS.get(kind, _id)(value, country)


def _id(value: str, country: str) -> str:
    return value.strip(_BLANKS)


def _email(value: str, country: str) -> str:
    # Warehouses lower a letter to a letter; Python lowers this one to two.
    text = unicodedata.normalize("NFKC", value).replace("İ", "i")
    return text.lower().strip(_BLANKS)


def _phone(value: str, country: str) -> str:
    text = unicodedata.normalize("NFKC", value).lower().replace("(0)", "")
    number = re.sub("(ext|x|#)[^0-9]*[0-9]+[^0-9]*$", "", text)
    dialled = re.sub("[^0-9+]", "", number)
    digits = re.sub("[^0-9]", "", number)
    if dialled.startswith("+"):
        return f"+{digits}"
    if dialled.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{country}{digits.removeprefix(_TRUNKS.get(country, '0'))}" if country else digits


_NORMAL_FORMS: dict[str, Callable[[str, str], str]] = {"email": _email, "phone": _phone}


def _identifiers(event: dict[str, Any], country: str) -> Iterator[tuple[str, str]]:
    for kind, paths in IDENTIFIER_PATHS.items():
        for path in paths:
            value = _at(event, path)
            if value is not None and (text := normalized(kind, value, country)):
                yield kind, text


def _at(event: dict[str, Any], path: str) -> str | None:
    value: Any = event
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)
