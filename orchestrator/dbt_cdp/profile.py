"""All that is known of one person, who is asked for by any of their identifiers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dbt_cdp.decisions import Identifier, identifier_types
from dbt_cdp.finder import Finder, parse_asked
from dbt_cdp.payloads import storable
from dbt_cdp.person import (
    ActiveDay,
    Attribute,
    Change,
    Consent,
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
from dbt_cdp.queries import Queries, open_queries

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
    asked = parse_asked(text, identifier_types(project), where)
    with open_queries(project, ["finder", "profile"]) as queries:
        identifier, canonical_id = Finder(queries).find(asked)
        return _Reader(queries, canonical_id).person(identifier)


class _Reader:
    """Reads one person, a query for each kind of thing."""

    def __init__(self, queries: Queries, canonical_id: str) -> None:
        self._queries = queries
        self._canonical_id = canonical_id
        self._defined_traits = {trait["name"]: trait for trait in queries.settings["traits"]}
        self._descriptions = {
            segment["name"]: segment.get("description") for segment in queries.settings["segments"]
        }

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
                Membership(name, self._descriptions.get(name), *stay)
                for name, *stay in self._rows("memberships")
            ],
            consents=[Consent(*row) for row in self._rows("consents")],
            history=[_change(row) for row in self._rows("changes")],
            events=[_event(row) for row in self._rows("events")],
            days=[ActiveDay(*row) for row in self._rows("days")],
            **dict(zip(_COLUMNS, columns, strict=True)),
        )

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        return self._queries.run(name, self._canonical_id)

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
