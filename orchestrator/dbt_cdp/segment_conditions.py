"""Why somebody is in a segment, and who would be in one that does not exist yet.

The database judges every part of a condition: nothing is worked out here but `and`, `or`, `not`.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dbt_cdp.conditions import (
    IN_SEGMENT,
    Combination,
    Condition,
    Predicate,
    names_in,
    parse_condition,
    predicates,
    truth,
)
from dbt_cdp.errors import CdpError, ConfigurationError, WarehouseError
from dbt_cdp.segments import KEYS, SHOWN, Segment, Segments, Stay


@dataclass(frozen=True)
class Term:
    """A part of a condition, as it is for one profile.

    Attributes:
        depth: how many parts it is a part of.
        text: the part as it is written, or what combines those below: all of, any of, not.
        result: whether it holds; None where that is unknown, which counts as no.
        value: what is compared; None for what compares nothing.
        limit: what it is compared with, with the operator, as it is written.
        limit_value: what that is, where it depends on the profile.
        segment: the segment that it is in_segment('x') of; its own parts are those below.
    """

    depth: int
    text: str
    result: bool | None
    value: Any = field(default=None, repr=False)
    limit: str | None = None
    limit_value: Any = field(default=None, repr=False)
    segment: str | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a person or an account is in a segment, or is not.

    Attributes:
        segment: its name.
        entity: person or account.
        member_id: the canonical id, or the account's id.
        is_met: whether the profile meets the condition, by today's definition.
        is_member: whether the last build left the member in the segment.
        is_current: whether that build knew today's definition.
        due_at: when the member enters or leaves at the earliest, where the segment waits with that.
        stays: the times in the segment, the last one first.
        terms: the parts of the condition, each before those that it is made of.
    """

    segment: str
    entity: str
    member_id: str
    is_met: bool
    is_member: bool
    is_current: bool
    due_at: datetime | None
    stays: Sequence[Stay]
    terms: Sequence[Term]


@dataclass(frozen=True)
class Part:
    """How many profiles meet a part of a condition by itself; of unknown ones nobody can say."""

    text: str
    met: int
    unknown: int


@dataclass(frozen=True)
class Shared:
    """How many would also be in a segment that there is, of how many."""

    segment: str
    members: int
    members_of_both: int


@dataclass(frozen=True)
class Preview:
    """Who meets a condition now.

    Attributes:
        entity: person or account.
        members: how many do.
        profiles: of how many.
        parts: its predicates.
        shared: the segments that share some of them, those that share the most first.
        sample: some of them: the id, a few columns, and whatever the condition compares.
    """

    entity: str
    members: int
    profiles: int
    parts: Sequence[Part]
    shared: Sequence[Shared]
    sample: Sequence[Mapping[str, Any]] = field(repr=False)


def explain(segments: Segments, segment: Segment, member_id: str, dialect: str) -> Explanation:
    """Tell why a person or an account is in a segment, or is not.

    Args:
        segments: those of the project.
        segment: one that is defined.
        member_id: the canonical id, or the account's id.
        dialect: the type of the warehouse.

    Raises:
        CdpError: there is no profile of that id.
        WarehouseError: the profiles lack a column that the condition needs.
    """
    conditions = _conditions(segments, segment, dialect)
    asked = [one for condition in conditions.values() for one in predicates(condition)]
    known = _judged(segments, segment.entity, member_id, list(dict.fromkeys(asked)))
    results = {predicate: judgement[0] for predicate, judgement in known.items()}
    is_met = truth(conditions[segment.name], results) is True
    stays = segments.stays(segment, member_id)
    is_member = any(stay.exited_at is None for stay in stays)
    return Explanation(
        segment=segment.name,
        entity=segment.entity,
        member_id=member_id,
        is_met=is_met,
        is_member=is_member,
        is_current=segments.is_current(segment),
        due_at=_due_at(segments, segment, member_id) if is_met != is_member else None,
        stays=stays,
        terms=list(_terms(conditions[segment.name], 0, conditions, known, results)),
    )


def preview(segments: Segments, where: str, entity: str, sample: int, dialect: str) -> Preview:
    """Count who meets a condition that is not saved yet.

    Args:
        segments: those of the project, which the condition may name.
        where: the condition.
        entity: person or account.
        sample: how many to show.
        dialect: the type of the warehouse.

    Raises:
        ConfigurationError: the condition is broken, or names a segment or a column that is not
            there.
        WarehouseError: the profiles have not been built.
    """
    parts = list(dict.fromkeys(predicates(parse_condition(where, dialect))))
    for name in IN_SEGMENT.findall(where):
        segments.find(name, entity)
    others = list(segments.defined(entity))
    try:
        met, profiles, by_part, by_other = _counts(segments, where, entity, parts, others)
    except WarehouseError as error:
        raise _refused(segments, where, entity, dialect, error) from None
    return Preview(
        entity=entity,
        members=met,
        profiles=profiles,
        parts=[Part(str(part), *counts) for part, counts in zip(parts, by_part, strict=True)],
        shared=_shared(others, by_other),
        sample=_sample(segments, where, entity, parts, sample),
    )


# What is asked of the database


def _judged(
    segments: Segments, entity: str, member_id: str, asked: Sequence[Predicate]
) -> dict[Predicate, tuple[Any, Any, Any]]:
    """Of each predicate whether it holds, what it compares, and with what."""
    columns = []
    for predicate in asked:
        limit = predicate.limit if predicate.limit_varies else None
        columns += [_sql(predicate.sql), _sql(predicate.value), _sql(limit)]
    # Within a query of its own, so that what looks at other profiles too still sees them.
    named = ", ".join(f"{column} as column_{n}" for n, column in enumerate(columns))
    key = KEYS[entity]
    query = f"select * from (select {key}, {named} from flags_{entity}) as judged where {key} = ?"  # noqa: S608
    rows = segments.queries.run_within(f"flags_{entity}", query, member_id)
    if not rows:
        raise CdpError(
            "There is no profile to explain.",
            where=f"{key} {member_id}" if entity == "person" else None,
            remedy="run `dbt build`; what is known of nobody has no profile.",
        )
    _, *values = rows[0]
    triples = zip(values[::3], values[1::3], values[2::3], strict=True)
    return dict(zip(asked, triples, strict=True))


def _counts(
    segments: Segments,
    where: str,
    entity: str,
    parts: Sequence[Predicate],
    others: Sequence[str],
) -> tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]]:
    """Who meets the condition, of how many; of each part who meets it, and of whom that is unknown;
    of each other segment who is in it, and who is in both."""
    columns = [f"{_sql(where)} as is_met"]
    counts = ["count(*)", _count("is_met")]
    for n, part in enumerate(parts):
        columns.append(f"{_sql(part.sql)} as part_{n}")
        counts += [_count(f"part_{n}"), _count(f"part_{n} is null")]
    for name in others:
        flag = f"is_in_segment_{name}"
        columns.append(flag)
        counts += [_count(flag), _count(f"is_met and {flag}")]
    query = (
        f"select {', '.join(counts)} from (select {', '.join(columns)} from flags_{entity}) as met"  # noqa: S608
    )
    ((profiles, met, *rest),) = segments.queries.run_within(f"flags_{entity}", query)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    return met, profiles, pairs[: len(parts)], pairs[len(parts) :]


def _sample(
    segments: Segments, where: str, entity: str, parts: Sequence[Predicate], limit: int
) -> list[dict[str, Any]]:
    names = [KEYS[entity], *SHOWN[entity]]
    values = list(dict.fromkeys(part.value for part in parts if part.value))
    values = [value for value in values if value not in names]
    columns = [*names, *(f"{_sql(value)} as value_{n}" for n, value in enumerate(values))]
    query = (
        f"select * from (select {_sql(where)} as is_met, {', '.join(columns)}"  # noqa: S608
        f" from flags_{entity}) as met where is_met order by {names[0]} limit {limit}"
    )
    rows = segments.queries.run_within(f"flags_{entity}", query)
    titles = [*names, *(" ".join(value.split()) for value in values)]
    return [dict(zip(titles, row[1:], strict=True)) for row in rows]


def _refused(
    segments: Segments, where: str, entity: str, dialect: str, error: WarehouseError
) -> CdpError:
    """What to say of a condition that the warehouse refuses."""
    columns = segments.columns(entity)
    if not columns:
        return error
    for name in names_in(IN_SEGMENT.sub("true", where), dialect):
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=3)
            return ConfigurationError(
                f"The profiles have no column '{name}'."
                + (f" Did you mean {' or '.join(near)}?" if near else ""),
                remedy=f"choose among: {', '.join(columns)}.",
            )
    return ConfigurationError(f"The warehouse refuses the condition: {error.message}")


def _sql(text: str | None) -> str:
    """A text of a condition as a column; its last line may end in a comment."""
    if text is None:
        return "null"
    plain = IN_SEGMENT.sub(r"is_in_segment_\1", text)
    return f"({plain}\n)"


def _count(condition: str) -> str:
    return f"count(case when {condition} then 1 end)"


# Putting it together


def _conditions(segments: Segments, segment: Segment, dialect: str) -> dict[str, Condition]:
    """The conditions of a segment and of all that it needs, by name."""
    defined = segments.defined(segment.entity)
    conditions: dict[str, Condition] = {}
    waiting = [segment.name]
    while waiting:
        name = waiting.pop()
        if name not in conditions:
            conditions[name] = _condition(defined[name], dialect)
            waiting += IN_SEGMENT.findall(defined[name].definition.get("where", ""))
    return conditions


def _condition(segment: Segment, dialect: str) -> Condition:
    """All that makes a member, the lists too."""
    definition = segment.definition
    ways: list[Condition] = []
    if "where" in definition:
        ways.append(parse_condition(definition["where"], dialect))
    for kind in ("model", "include"):
        if kind in definition:
            ways.append(_listed(segment, kind))
    condition = ways[0] if len(ways) == 1 else Combination("any", tuple(ways))
    if "exclude" not in definition:
        return condition
    others: Sequence[Condition] = (condition,)
    if isinstance(condition, Combination) and condition.kind == "all":
        others = condition.parts
    return Combination("all", (*others, Combination("not", (_listed(segment, "exclude"),))))


def _listed(segment: Segment, kind: str) -> Predicate:
    model = segment.definition[kind]
    return Predicate(f"{kind}_of_segment_{segment.name}", label=f"listed in {model} ({kind})")


def _terms(
    condition: Condition,
    depth: int,
    conditions: Mapping[str, Condition],
    known: Mapping[Predicate, tuple[Any, Any, Any]],
    results: Mapping[Predicate, bool | None],
) -> Iterator[Term]:
    result = truth(condition, results)
    if isinstance(condition, Combination):
        yield Term(depth, str(condition), result)
        for part in condition.parts:
            yield from _terms(part, depth + 1, conditions, known, results)
        return
    _, value, limit_value = known[condition]
    limit = condition.limit and f"{condition.operator} {' '.join(condition.limit.split())}"
    yield Term(depth, str(condition), result, value, limit, limit_value, condition.segment)
    if condition.segment:
        yield from _terms(conditions[condition.segment], depth + 1, conditions, known, results)


def _due_at(segments: Segments, segment: Segment, member_id: str) -> datetime | None:
    rows = segments.queries.run(f"state_{segment.entity}", member_id, segment.name)
    if not rows:
        return None
    is_met, since = rows[0]
    wait = segment.dwell["enter_after" if is_met else "exit_after"]
    return since + timedelta(minutes=wait) if wait else None


def _shared(others: Sequence[str], counts: Sequence[tuple[int, int]]) -> list[Shared]:
    shared = [Shared(name, *pair) for name, pair in zip(others, counts, strict=True)]
    shared = [one for one in shared if one.members_of_both]
    return sorted(shared, key=lambda one: (-one.members_of_both, one.segment))
