"""Finds the person whom an identifier means.

What is asked for goes to the warehouse as a parameter alone. No error quotes it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dbt_cdp.decisions import Identifier, identifier_problem
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.person import CANONICAL_ID
from dbt_cdp.queries import Queries

# What a value without a type has to look like to be one of a type with this normal form. A cookie
# has digits too, and must not be taken for a phone number.
_LOOKS_LIKE = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "phone": re.compile(r"[+(]?\d[\d\s()./-]*"),
}


def parse_asked(text: str, types: Sequence[str], where: str) -> Identifier:
    """What is asked for; without a type where the text begins with none."""
    type_, equals, _ = text.partition("=")
    is_typed = bool(equals) and type_.strip() in (*types, CANONICAL_ID)
    asked = Identifier.parse(text) if is_typed else Identifier.stripped("", text)
    problem = identifier_problem(asked, [*types, CANONICAL_ID, ""])
    if problem:
        raise ConfigurationError(
            f"The identifier {problem}.", where=where, remedy="give TYPE=VALUE, or a value."
        )
    return asked


@dataclass(frozen=True)
class _Meaning:
    """What a text may be taken for, and whose that is."""

    identifier: Identifier
    canonical_id: str | None
    is_shared: bool
    block_reason: str | None


class Finder:
    """Finds whom an identifier means."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._forms = {type_["name"]: type_["form"] for type_ in queries.settings["types"]}

    def find(self, asked: Identifier) -> tuple[Identifier, str]:
        """What was asked for, in normal form, and the canonical id of the one person it means."""
        meanings = self._meanings(asked)
        people: dict[str, Identifier] = {}
        for meaning in meanings:
            if meaning.canonical_id:
                people.setdefault(meaning.canonical_id, meaning.identifier)
        if len(people) > 1:
            raise _ambiguous(sorted(identifier.type for identifier in people.values()))
        for canonical_id, identifier in people.items():
            return identifier, canonical_id
        raise self._nobody(meanings)

    def _meanings(self, asked: Identifier) -> list[_Meaning]:
        """What it may mean, a canonical id first, then the strongest type."""
        order = [CANONICAL_ID, *self._forms]
        meanings = [
            _Meaning(Identifier(type_, value), *rest)
            for type_, value, *rest in self._queries.run("found", asked.value)
            if (type_ == asked.type if asked.type else self._may_be(type_, asked.value))
        ]
        return sorted(meanings, key=lambda meaning: order.index(meaning.identifier.type))

    def _may_be(self, type_: str, value: str) -> bool:
        looks_like = _LOOKS_LIKE.get(self._forms.get(type_, ""))
        return looks_like is None or bool(looks_like.fullmatch(value))

    def _nobody(self, meanings: Sequence[_Meaning]) -> CdpError:
        """Why what is asked for is no person."""
        for meaning in meanings:
            if meaning.is_shared:
                return self._shared(meaning.identifier)
        for meaning in meanings:
            if meaning.block_reason:
                return CdpError(
                    f"The {meaning.identifier.type} is blocked, and so names nobody:"
                    f" {meaning.block_reason}.",
                    remedy="ask for another identifier; if it is one person's all the same, say so"
                    " with `cdp identity decide not_shared`.",
                )
        if any(meaning.identifier.type == CANONICAL_ID for meaning in meanings):
            return CdpError(
                "The canonical id has ended: nothing that its person was known by is left.",
                remedy="ask for an identifier that the person may have now.",
            )
        return CdpError(
            "No event or record shows this identifier, at present.",
            remedy="check how it is spelled; what came in after the last `dbt build` is known from"
            f" the next one on. A type may stand before it: {', '.join(self._forms)}.",
        )

    def _shared(self, identifier: Identifier) -> CdpError:
        rows = self._queries.run("shared_by", identifier.type, identifier.value)
        total = rows[0][1] if rows else 0
        more = [f"  and {total - len(rows):,} more"] if total > len(rows) else []
        lines = [
            f"The {identifier.type} is shared, and so belongs to nobody."
            f" It leads to {total:,} people:",
            *(f"  {canonical_id}" for canonical_id, _ in rows),
            *more,
        ]
        return CdpError(
            "\n".join(lines),
            remedy="ask for one of them by canonical id; if it is one person's all the same,"
            " say so with `cdp identity decide not_shared`.",
        )


def _ambiguous(types: Sequence[str]) -> ConfigurationError:
    named = ", ".join(f"one has it as {type_}" for type_ in types)
    return ConfigurationError(
        f"This names {len(types)} people: {named}.",
        remedy=f"say which one is meant, such as {types[0]}=VALUE.",
    )
