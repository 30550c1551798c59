"""All that is known of one person, who is asked for by any of their identifiers.

What is asked for goes to the warehouse as a parameter alone. No error quotes it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier, identifier_problem, identifier_types
from dbt_cdp.errors import CdpError, ConfigurationError, WarehouseError
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
from dbt_cdp.warehouse import Warehouse, open_warehouse, require_table

# How many of the last events are read.
LAST_EVENTS = 20

_TABLES = (
    "cdp__identity_graph",
    "cdp__user_profiles",
    "cdp__segments",
    "cdp__identity_merges",
    "cdp__identity_splits",
    "cdp__canonical_id_history",
    "cdp__resolved_events",
    "cdp__raw_events",
    "int_cdp__identifiers",
    "int_cdp__edges",
    "int_cdp__links",
    "int_cdp__tuple_members",
    "int_cdp__tuple_people",
    "int_cdp__identity_observations",
)

# What only the project knows, compiled together, since dbt takes seconds to start.
_DEFINITIONS = """
{%- set tables = {} %}
{%- for name in [TABLES] %}
{%- do tables.update({name: ref(name) | string}) %}
{%- endfor %}
{%- set types = cdp.cdp_identifier_types() %}
{%- set spelled %}
{%- for type in types %}
    select
        '{{ type.name }}' as identifier_type,
        {{ cdp.cdp_normalize_identifier(type.form, "written") }} as identifier_value

    from asked
    {{ "union all" if not loop.last }}
{%- endfor %}
{%- endset %}
{{ tojson({
    "tables": tables,
    "asked": "select cast(? as " ~ dbt.type_string() ~ ") as written",
    "spelled": spelled,
    "types": types,
    "traits": cdp.cdp_traits(),
    "segments": cdp.cdp_segments(),
}) }}""".replace("TABLES", ", ".join(f'"{name}"' for name in _TABLES))

_FOUND = """
with

asked as (

    {asked}

),

spelled as (

    {spelled}

),

blocked as (

    select
        spelled.identifier_type,
        min(identifiers.block_reason) as block_reason

    from spelled

    inner join {int_cdp__identifiers} as identifiers
        on
            spelled.identifier_type = identifiers.identifier_type
            and spelled.identifier_value = identifiers.identifier_value

    where identifiers.block_reason is not null

    group by spelled.identifier_type

)

select
    spelled.identifier_type,
    spelled.identifier_value,
    case
        when graph.is_shared then 'shared'
        when graph.is_shared is not null then 'person'
        when blocked.block_reason is not null then 'blocked'
        else 'unknown'
    end as status,
    graph.canonical_id,
    blocked.block_reason

from spelled

left join {cdp__identity_graph} as graph
    on
        spelled.identifier_type = graph.identifier_type
        and spelled.identifier_value = graph.identifier_value

left join blocked on spelled.identifier_type = blocked.identifier_type

union all

select
    'canonical_id' as identifier_type,
    asked.written as identifier_value,
    case when history.current_canonical_id is null then 'retired' else 'person' end as status,
    history.current_canonical_id as canonical_id,
    null as block_reason

from asked

inner join {cdp__canonical_id_history} as history on asked.written = history.canonical_id
"""

_SHARED_BY = """
with

links as (

    select
        node_a as identifier_id,
        node_b as other_id

    from {int_cdp__links}

    where is_live

    union distinct

    select
        node_b as identifier_id,
        node_a as other_id

    from {int_cdp__links}

    where is_live

),

people as (

    select distinct others.canonical_id

    from {cdp__identity_graph} as graph

    inner join links on graph.identifier_id = links.identifier_id

    inner join {cdp__identity_graph} as others on links.other_id = others.identifier_id

    where
        graph.identifier_type = ?
        and graph.identifier_value = ?
        and others.canonical_id is not null

)

select
    canonical_id,
    count(*) over () as total

from people

order by canonical_id

limit 10
"""

_PROFILE = """
select
    email,
    name,
    company,
    first_seen,
    last_active,
    is_identified,
    is_business_email,
    attribute_conflicts,
    attributes,
    attribute_sources,
    traits,
    scores

from {cdp__user_profiles}

where canonical_id = ?
"""

# The pair of an identifier with itself holds what showed it first.
_IDENTIFIERS = """
select
    graph.identifier_id,
    graph.identifier_type,
    graph.identifier_value,
    graph.first_seen,
    graph.last_seen,
    graph.event_count,
    sightings.rule,
    sightings.source,
    sightings.evidence_id,
    events.event_type

from {cdp__identity_graph} as graph

inner join {int_cdp__edges} as sightings
    on
        graph.identifier_id = sightings.node_a
        and graph.identifier_id = sightings.node_b

left join {cdp__raw_events} as events
    on
        sightings.rule = 'event'
        and sightings.evidence_id = events.event_id
        and sightings.source = events.source

where graph.canonical_id = ?
"""

# An identifier that is spelled in two ways is in a tuple twice.
_SOURCES = """
with

members as (

    select distinct
        members.identifier_id,
        members.tuple_key

    from {cdp__identity_graph} as graph

    inner join {int_cdp__tuple_members} as members on graph.identifier_id = members.identifier_id

    where graph.canonical_id = ?

)

select
    members.identifier_id,
    observations.source,
    sum(observations.event_count) as event_count

from members

inner join {int_cdp__identity_observations} as observations
    on members.tuple_key = observations.tuple_key

where observations.event_count > 0

group by members.identifier_id, observations.source

order by event_count desc, observations.source
"""

_LINKS = """
with

graph as (

    select * from {cdp__identity_graph}

    where canonical_id = ?

)

select
    links.node_a,
    links.node_b,
    links.event_count,
    links.first_seen,
    links.last_seen,
    links.rule,
    links.source,
    links.evidence_id,
    events.event_type

from {int_cdp__links} as links

inner join graph as side_a on links.node_a = side_a.identifier_id

inner join graph as side_b on links.node_b = side_b.identifier_id

left join {cdp__raw_events} as events
    on
        links.rule = 'event'
        and links.evidence_id = events.event_id
        and links.source = events.source

where links.is_live

order by
    links.tier,
    links.event_count desc,
    links.first_seen,
    side_a.identifier_type,
    side_a.identifier_value,
    side_b.identifier_type,
    side_b.identifier_value
"""

_MEMBERSHIPS = """
select
    segment_name,
    entered_at,
    exited_at

from {cdp__segments}

where canonical_id = ?

order by
    case when exited_at is null then 0 else 1 end,
    entered_at desc,
    segment_name
"""

# Also what became of the ids that have been merged into the person's.
_CHANGES = """
with

ids as (

    select canonical_id

    from {cdp__canonical_id_history}

    where current_canonical_id = ?

),

changes as (

    select
        'merge' as change,
        merged_at as changed_at,
        canonical_id,
        merged_canonical_id as other_canonical_id,
        rule,
        source,
        evidence_id,
        identifier_type_a,
        identifier_value_a,
        identifier_type_b,
        identifier_value_b

    from {cdp__identity_merges}

    union all

    select
        'split' as change,
        split_at as changed_at,
        canonical_id,
        split_canonical_id as other_canonical_id,
        rule,
        source,
        evidence_id,
        identifier_type_a,
        identifier_value_a,
        identifier_type_b,
        identifier_value_b

    from {cdp__identity_splits}

)

select *

from changes

where
    canonical_id in (select ids.canonical_id from ids)
    or other_canonical_id in (select ids.canonical_id from ids)

order by changed_at desc, change, other_canonical_id
"""

_EVENTS = f"""
select
    event_id,
    timestamp,
    source,
    event_type,
    page_path,
    properties,
    traits

from {{cdp__resolved_events}}

where canonical_id = ?

order by timestamp desc, source, event_id

limit {LAST_EVENTS}
"""  # noqa: S608

# Read where days outlive their events.
_DAYS = """
select
    cast(observations.first_seen as date) as active_date,
    sum(observations.event_count) as event_count

from {int_cdp__tuple_people} as people

inner join {int_cdp__identity_observations} as observations
    on people.tuple_key = observations.tuple_key

where
    people.canonical_id = ?
    and observations.origin = 'event'
    and observations.event_count > 0

group by 1

order by 1
"""

# What a value without a type has to look like to be one of a type with this normal form. A cookie
# has digits too, and must not be taken for a phone number.
_LOOKS_LIKE = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "phone": re.compile(r"[+(]?\d[\d\s()./-]*"),
}

_TEXT_LITERAL = re.compile(r"'[^']*'")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


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
    dbt = Dbt(project)
    definitions = json.loads(dbt.compile_inline(_DEFINITIONS))
    try:
        with open_warehouse(project) as warehouse:
            reader = _Reader(warehouse, definitions)
            found = reader.find(asked)
            return reader.person(found)
    except WarehouseError:
        manifest = dbt.manifest()
        with open_warehouse(project) as warehouse:
            for name in _TABLES:
                require_table(warehouse, manifest.relation(name))
        raise


@dataclass(frozen=True)
class _Meaning:
    """What a text is taken for, and what there is under that name."""

    identifier: Identifier
    status: str
    canonical_id: str | None
    block_reason: str | None


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


class _Reader:
    """Reads a person, one query a table."""

    def __init__(self, warehouse: Warehouse, definitions: Mapping[str, Any]) -> None:
        self._warehouse = warehouse
        self._definitions = definitions
        types = definitions["types"]
        self._forms = {type_["name"]: type_["form"] for type_ in types}
        self._places = {type_["name"]: place for place, type_ in enumerate(types)}

    def find(self, asked: Identifier) -> _Meaning:
        """The one person that is asked for."""
        meanings = [
            _Meaning(Identifier(type_, value), *rest)
            for type_, value, *rest in self._query(_FOUND, asked.value)
            if (type_ == asked.type if asked.type else self._may_be(type_, asked.value))
        ]
        meanings.sort(key=lambda meaning: self._places.get(meaning.identifier.type, -1))
        people = {
            meaning.canonical_id: meaning
            for meaning in reversed(meanings)
            if meaning.status == "person"
        }
        if len(people) == 1:
            return next(iter(people.values()))
        if people:
            raise _ambiguous([meaning.identifier.type for meaning in people.values()])
        for status in ("shared", "blocked", "retired"):
            for meaning in meanings:
                if meaning.status == status:
                    raise self._nobody(meaning)
        raise CdpError(
            "No event or record shows this identifier, at present.",
            remedy="check how it is spelled; what came in after the last `dbt build` is known from"
            f" the next one on. A type may stand before it: {', '.join(self._forms)}.",
        )

    def person(self, found: _Meaning) -> Person:
        """All that is known of the person that was found."""
        canonical_id = found.canonical_id or ""
        row = next(iter(self._query(_PROFILE, canonical_id)), (None,) * 12)
        *columns, conflicts, attributes, sources, traits, scores = row
        email, name, company, first_seen, last_active, is_identified, is_business_email = columns
        said, computed = _object(attributes), _object(traits)
        columns_by_name = {
            "email": email,
            "first_seen": first_seen,
            "last_active": last_active,
            "is_identified": is_identified,
            "is_business_email": is_business_email,
        }
        known = {**columns_by_name, **said, "name": name, "company": company, **computed}
        identifiers, links = self._identity(canonical_id)
        return Person(
            asked=found.identifier,
            canonical_id=canonical_id,
            name=name,
            email=email,
            company=company,
            engagement=computed.get("engagement_level"),
            first_seen=first_seen,
            last_active=last_active,
            is_identified=is_identified,
            is_business_email=is_business_email,
            attribute_conflicts=conflicts or 0,
            identifiers=identifiers,
            links=links,
            attributes=_attributes(said, _object(sources)),
            traits=self._traits(computed),
            scores=[self._score(*item, known) for item in _object(scores).items()],
            segments=self._segments(canonical_id),
            history=[_change(row) for row in self._query(_CHANGES, canonical_id)],
            events=[_event(row) for row in self._query(_EVENTS, canonical_id)],
            days=[ActiveDay(*row) for row in self._query(_DAYS, canonical_id)],
        )

    def _query(self, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
        definitions = self._definitions
        return self._warehouse.query(
            sql.format(
                asked=definitions["asked"], spelled=definitions["spelled"], **definitions["tables"]
            ),
            parameters,
        )

    def _may_be(self, type_: str, value: str) -> bool:
        looks_like = _LOOKS_LIKE.get(self._forms.get(type_, ""))
        return looks_like is None or bool(looks_like.fullmatch(value))

    def _nobody(self, meaning: _Meaning) -> CdpError:
        """Why what is asked for is no person."""
        type_ = meaning.identifier.type
        if meaning.status == "shared":
            rows = self._query(_SHARED_BY, type_, meaning.identifier.value)
            total = rows[0][1] if rows else 0
            lines = [
                f"The {type_} is shared, and so belongs to nobody. It leads to {total:,} people:"
            ]
            lines += [f"  {canonical_id}" for canonical_id, _ in rows]
            if total > len(rows):
                lines.append(f"  and {total - len(rows):,} more")
            return CdpError(
                "\n".join(lines),
                remedy="ask for one of them by canonical id; if it is one person's all the same,"
                " say so with `cdp identity decide not_shared`.",
            )
        if meaning.status == "blocked":
            return CdpError(
                f"The {type_} is blocked, and so names nobody: {meaning.block_reason}.",
                remedy="ask for another identifier; if it is one person's all the same, say so"
                " with `cdp identity decide not_shared`.",
            )
        return CdpError(
            "The canonical id has ended: nothing that its person was known by is left.",
            remedy="ask for an identifier that the person may have now.",
        )

    def _identity(self, canonical_id: str) -> tuple[list[KnownIdentifier], list[PersonLink]]:
        sources: dict[int, dict[str, int]] = {}
        for identifier_id, source, count in self._query(_SOURCES, canonical_id):
            sources.setdefault(identifier_id, {})[source] = int(count)
        known = {}
        for id_, type_, value, first, last, count, *evidence in self._query(
            _IDENTIFIERS, canonical_id
        ):
            identifier = Identifier(type_, value)
            known[id_] = KnownIdentifier(
                identifier, first, last, count, sources.get(id_, {}), Evidence(*evidence)
            )
        links = []
        for id_a, id_b, count, first, last, *evidence in self._query(_LINKS, canonical_id):
            # A build may come between the two queries.
            if id_a in known and id_b in known:
                sides = known[id_a].identifier, known[id_b].identifier
                links.append(PersonLink(*sides, Evidence(*evidence), count, first, last))
        return sorted(known.values(), key=self._strength), links

    def _strength(self, known: KnownIdentifier) -> tuple[int, float, str]:
        last = known.last_seen.replace(tzinfo=UTC).timestamp() if known.last_seen else 0.0
        return self._places.get(known.identifier.type, -1), -last, known.identifier.value

    def _traits(self, values: Mapping[str, Any]) -> list[Trait]:
        defined = {trait["name"]: trait for trait in self._definitions["traits"]}
        traits = []
        for name, value in values.items():
            definition = defined.get(name, {})
            if definition.get("aggregate") == "recent" and isinstance(value, str):
                value = json.loads(value)  # a list, which is text within the object
            traits.append(Trait(name, value, definition.get("description")))
        return sorted(traits, key=lambda trait: trait.is_empty)

    def _score(self, name: str, content: Any, known: Mapping[str, Any]) -> Score:
        if isinstance(content, Mapping):
            parts = content.get("parts")
            others = {
                key: value
                for key, value in content.items()
                if key not in ("value", "score", "parts")
            }
            named = parts if isinstance(parts, Mapping) else {"parts": parts} if parts else {}
            return Score(
                name, content.get("value", content.get("score")), {**named, **others}, None
            )
        traits = self._definitions["traits"]
        formulas = {one["name"]: one["field"] for one in traits if one["aggregate"] == "sql"}
        formula = formulas.get(name)
        words = _WORD.findall(_TEXT_LITERAL.sub(" ", (formula or "").lower()))
        return Score(name, content, {word: known[word] for word in words if word in known}, formula)

    def _segments(self, canonical_id: str) -> list[Membership]:
        described = {one["name"]: one.get("description") for one in self._definitions["segments"]}
        return [
            Membership(name, described.get(name), entered_at, exited_at)
            for name, entered_at, exited_at in self._query(_MEMBERSHIPS, canonical_id)
        ]


def _ambiguous(types: Sequence[str]) -> ConfigurationError:
    named = ", ".join(f"one has it as {type_}" for type_ in sorted(types))
    return ConfigurationError(
        f"This names {len(types)} people: {named}.",
        remedy=f"say which one is meant, such as {sorted(types)[0]}=VALUE.",
    )


def _object(text: str | None) -> dict[str, Any]:
    """The object in a column of JSON text; empty where there is none."""
    content = storable(json.loads(text)) if text else None
    return content if isinstance(content, dict) else {}


def _attributes(values: Mapping[str, Any], sources: Mapping[str, Any]) -> list[Attribute]:
    attributes = []
    for name, value in values.items():
        if value is not None:
            origin = sources.get(name) or {}
            said_at, count = _time(origin.get("said_at")), origin.get("values") or 1
            attributes.append(Attribute(name, value, origin.get("source"), said_at, count))
    return attributes


def _time(text: str | None) -> datetime | None:
    """A time out of JSON, as the warehouse writes it; UTC without a zone."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _change(row: tuple[Any, ...]) -> Change:
    change, changed_at, canonical_id, other_id, rule, source, evidence_id, *sides = row
    pairs = [Identifier(*pair) for pair in (sides[:2], sides[2:]) if pair[0] is not None]
    evidence = Evidence(rule, source, evidence_id)
    return Change(change, changed_at, canonical_id, other_id, evidence, tuple(pairs))


def _event(row: tuple[Any, ...]) -> Event:
    event_id, timestamp, source, event_type, page_path, properties, traits = row
    said = _object(properties), _object(traits)
    return Event(event_id, timestamp, source, event_type, page_path, *said)
