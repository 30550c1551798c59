"""All that is known of one person, who is asked for by any of their identifiers.

What is asked for goes to the warehouse as a parameter alone. No error quotes it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier, identifier_problem, identifier_types
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.payloads import storable
from dbt_cdp.person import (
    CANONICAL_ID,
    ActiveDay,
    Attribute,
    Change,
    Event,
    Evidence,
    KnownIdentifier,
    Membership,
    Person,
    PersonLink,
    Score,
    Trait,
)
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables

_QUERIES = Path(__file__).with_name("profile_queries.sql")
_REFERENCE = re.compile(r'\bref\("(\w+)"\)')

# The columns of the query `profile` that are shown as they are.
_COLUMNS = (
    "email",
    "name",
    "company",
    "account_id",
    "first_seen",
    "last_active",
    "is_identified",
    "attribute_conflicts",
)

# What a value without a type has to look like to be one of a type with this normal form. A cookie
# has digits too, and must not be taken for a phone number.
_LOOKS_LIKE = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "phone": re.compile(r"[+(]?\d[\d\s()./-]*"),
}

# Runs a query, which is given by its name, with its parameters.
_Query: TypeAlias = Callable[..., list[tuple[Any, ...]]]


def read_person(project: Project, text: str, where: str) -> Person:
    """Read all that is known of a person.

    Args:
        project: the project whose warehouse holds the person.
        text: any identifier, as TYPE=VALUE or the value alone, spelled as events may spell it; or
            a canonical id, also one that has been merged into another.
        where: what the text was read from, in words.

    Raises:
        ConfigurationError: the text is no identifier, it names several people, or the project has
            not been built.
        CdpError: the identifier is unknown, shared or blocked, or nothing of the person is left.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse cannot be opened or read.
    """
    asked = _asked(text, identifier_types(project), where)
    jinja = _QUERIES.read_text(encoding="utf-8")
    compiled = json.loads(Dbt(project).compile_inline(jinja))
    with open_tables(project, _REFERENCE.findall(jinja)) as warehouse:

        def query(name: str, *parameters: str) -> list[tuple[Any, ...]]:
            return warehouse.query(compiled["queries"][name], parameters)

        identifier, canonical_id = _Finder(query, compiled["types"]).find(asked)
        reader = _Reader(query, canonical_id, compiled["traits"], compiled["segments"])
        return reader.person(identifier)


def _asked(text: str, types: Sequence[str], where: str) -> Identifier:
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


class _Finder:
    """Finds whom an identifier means."""

    def __init__(self, query: _Query, types: Sequence[Mapping[str, Any]]) -> None:
        self._query = query
        self._forms = {type_["name"]: type_["form"] for type_ in types}

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
            for type_, value, *rest in self._query("found", asked.value)
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
        rows = self._query("shared_by", identifier.type, identifier.value)
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


class _Reader:
    """Reads one person, a query for each kind of thing."""

    def __init__(
        self,
        query: _Query,
        canonical_id: str,
        traits: Sequence[Mapping[str, Any]],
        segments: Sequence[Mapping[str, Any]],
    ) -> None:
        self._query = query
        self._canonical_id = canonical_id
        self._defined_traits = {trait["name"]: trait for trait in traits}
        self._descriptions = {segment["name"]: segment.get("description") for segment in segments}

    def person(self, asked: Identifier) -> Person:
        """All that is known of the person."""
        ((*columns, attributes, sources, traits, scores),) = self._rows("profile")
        computed, scored = _object(traits), _object(scores)
        identifiers, links = self._identity()
        return Person(
            asked=asked,
            canonical_id=self._canonical_id,
            engagement=computed.get("engagement_level"),
            identifiers=identifiers,
            links=links,
            attributes=_attributes(_object(attributes), _object(sources)),
            traits=self._traits({key: computed[key] for key in computed if key not in scored}),
            scores=[_score(name, content) for name, content in scored.items()],
            segments=[
                Membership(name, self._descriptions.get(name), entered_at, exited_at)
                for name, entered_at, exited_at in self._rows("memberships")
            ],
            history=[_change(row) for row in self._rows("changes")],
            events=[_event(row) for row in self._rows("events")],
            days=[ActiveDay(*row) for row in self._rows("days")],
            **dict(zip(_COLUMNS, columns, strict=True)),
        )

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        return self._query(name, self._canonical_id)

    def _identity(self) -> tuple[list[KnownIdentifier], list[PersonLink]]:
        event_types = {
            (source, event_id): event_type
            for source, event_id, event_type in self._rows("evidence")
        }

        def evidence(rule: str, source: str | None, evidence_id: str) -> Evidence:
            event_type = event_types.get((source, evidence_id)) if rule == "event" else None
            return Evidence(rule, source, evidence_id, event_type)

        sources: dict[int, dict[str, int]] = {}
        for key, source, count in self._rows("sources"):
            sources.setdefault(key, {})[source] = int(count)
        known = {}
        for key, type_, value, first_seen, last_seen, count, *shown_by in self._rows("identifiers"):
            known[key] = KnownIdentifier(
                identifier=Identifier(type_, value),
                first_seen=first_seen,
                last_seen=last_seen,
                event_count=count,
                sources=sources.get(key, {}),
                evidence=evidence(*shown_by),
            )
        links = []
        for key_a, key_b, count, first_seen, last_seen, *shown_by in self._rows("links"):
            # A build may come between the two queries.
            if key_a in known and key_b in known:
                sides = known[key_a].identifier, known[key_b].identifier
                link = PersonLink(*sides, evidence(*shown_by), count, first_seen, last_seen)
                links.append(link)
        return list(known.values()), links

    def _traits(self, values: Mapping[str, Any]) -> list[Trait]:
        traits = []
        for name, value in values.items():
            definition = self._defined_traits.get(name, {})
            if definition.get("aggregate") == "recent" and isinstance(value, str):
                value = json.loads(value)  # a list, which is text within the object
            traits.append(Trait(name, value, definition.get("description")))
        return sorted(traits, key=lambda trait: trait.is_empty)


def _object(text: str | None) -> dict[str, Any]:
    """The object in a column of JSON text; empty where there is none."""
    content = storable(json.loads(text)) if text else None
    return content if isinstance(content, dict) else {}


def _attributes(values: Mapping[str, Any], sources: Mapping[str, Any]) -> list[Attribute]:
    attributes = []
    for name, value in values.items():
        if value is not None:
            origin = sources[name]
            said_at = _time(origin["said_at"])
            attributes.append(Attribute(name, value, origin["source"], said_at, origin["values"]))
    return attributes


def _time(text: str | None) -> datetime | None:
    """A time out of JSON, as the warehouse writes it; UTC without a zone."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _score(name: str, content: Mapping[str, Any]) -> Score:
    return Score(name, content["value"], content["parts"], content["version"])


def _change(row: tuple[Any, ...]) -> Change:
    change, changed_at, canonical_id, other_id, rule, source, evidence_id, *sides = row
    pairs = [Identifier(*pair) for pair in (sides[:2], sides[2:]) if pair[0] is not None]
    evidence = Evidence(rule, source, evidence_id)
    return Change(change, changed_at, canonical_id, other_id, evidence, tuple(pairs))


def _event(row: tuple[Any, ...]) -> Event:
    event_id, timestamp, source, event_type, page_path, properties, traits = row
    said = _object(properties), _object(traits)
    return Event(event_id, timestamp, source, event_type, page_path, *said)
