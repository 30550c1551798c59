"""What the demonstration shows of its warehouse: figures, segments, one person's identifiers."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt_cdp.dbt import Dbt
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_warehouse


@dataclass(frozen=True)
class Truth:
    """The resolved people against those that the generator made.

    Attributes:
        false_merges: how many people share a canonical id with another person.
        recall: of the pairs of one person's identifiers that events and records connect, the
            share that has one canonical id, from 0 to 1.
        recall_of_all: the same of all pairs, also those that no data connects.
    """

    false_merges: int
    recall: float
    recall_of_all: float


@dataclass(frozen=True)
class MatchRule:
    """How good a match rule is on this data, from its threshold on.

    Attributes:
        rule: the rule's name.
        candidates: pairs of people that it finds.
        precision: of these, the share that is one person, from 0 to 1; None without any.
        recall: of the pairs for which the generator left clues for this rule, the share that it
            finds, from 0 to 1; None without any.
    """

    rule: str
    candidates: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class SegmentSize:
    """How many people are in a segment now."""

    name: str
    members: int


@dataclass(frozen=True)
class Sighting:
    """One identifier of a person, and where it was first seen.

    Attributes:
        source: the entry of `cdp_sources`.
        event_type: the event that showed it; None for a record.
        first_seen: when (UTC); None where a record has no time.
    """

    identifier_type: str
    identifier_value: str
    source: str
    event_type: str | None
    first_seen: datetime | None


@dataclass(frozen=True)
class Figures:
    """The figures of a built demonstration.

    Attributes:
        events: distinct events in raw_events.
        rejected_events: events that name nobody or have no readable time.
        identifiers: distinct usable identifiers.
        people: distinct canonical ids.
        identified_people: those known by more than cookies and devices.
        joined_browsers: cookies and devices that belong to identified people.
        reattributed_events: events that named a browser alone and belong to identified people.
        refused_links: links that would have merged people, see identity_conflicts.
        shared_identifiers: identifiers that lead to several people, and so belong to nobody.
    """

    events: int
    rejected_events: int
    identifiers: int
    people: int
    identified_people: int
    joined_browsers: int
    reattributed_events: int
    refused_links: int
    shared_identifiers: int
    match_rules: list[MatchRule]
    segments: list[SegmentSize]
    canonical_id: str
    sightings: list[Sighting]
    truth: Truth


_COUNTED = [
    "events",
    "rejected_events",
    "identifiers",
    "people",
    "identified_people",
    "joined_browsers",
    "reattributed_events",
    "refused_links",
    "shared_identifiers",
]

_COUNTS = """
    with profiles as (
        select canonical_id from {cdp__user_profiles} where is_identified
    )
    select
        (select count(*) from {cdp__raw_events}),
        (select count(*) from {stg_cdp__rejected_events}),
        count(*),
        count(distinct canonical_id),
        (select count(*) from profiles),
        count(case
            when identifier_type in ('anonymous_id', 'device_id')
                and canonical_id in (select canonical_id from profiles)
                then 1
        end),
        (
            select count(*) from {cdp__resolved_events}
            where coalesce(user_id, email, phone) is null
                and canonical_id in (select canonical_id from profiles)
        ),
        (select count(*) from {cdp__identity_conflicts}),
        count(case when is_shared then 1 end)
    from {cdp__identity_graph}
"""

_SEGMENTS = """
    select segment_name, count(*) from {cdp__segments}
    where exited_at is null group by segment_name order by segment_name
"""

_SIGHTINGS = """
    select graph.identifier_type, graph.identifier_value, edges.source, events.event_type,
        graph.first_seen, graph.canonical_id
    from {cdp__identity_graph} as graph
    inner join {int_cdp__edges} as edges
        on graph.identifier_id = edges.node_a and edges.node_a = edges.node_b
    left join {cdp__raw_events} as events
        on edges.rule = 'event' and edges.evidence_id = events.event_id
        and edges.source = events.source
    where graph.canonical_id in (
        select canonical_id from {cdp__identity_graph}
        where identifier_type = 'email' and identifier_value = ?
    )
    order by graph.first_seen, graph.identifier_type, graph.identifier_value
"""

# Pairs are counted a group: n things make n (n - 1) / 2 pairs.
_TRUTH = """
    with truth as (
        select truth.person, truth.evidence_group,
            coalesce(graph.canonical_id, truth.identifier_type || truth.identifier_value) as found
        from read_csv(?, all_varchar = true) as truth
        left join {cdp__identity_graph} as graph using (identifier_type, identifier_value)
    ),
    counted as (
        select grouping(evidence_group) = 1 as is_person, grouping(found) = 0 as is_found,
            count(*) * (count(*) - 1) / 2 as pairs
        from truth
        group by grouping sets (
            (person), (person, found), (person, evidence_group), (person, evidence_group, found)
        )
    )
    select
        (
            select coalesce(sum(people), 0) from (
                select count(distinct person) as people from truth group by found
            ) as merged where people > 1
        ),
        sum(case when not is_person and is_found then pairs end)
            / sum(case when not is_person and not is_found then pairs end),
        sum(case when is_person and is_found then pairs end)
            / sum(case when is_person and not is_found then pairs end)
    from counted
"""


# Pairs of people as the other rules leave them: whether a match is merged changes nothing.
_MATCH_RULES = """
    with nodes as (
        select keys.identifier_type, keys.identifier_value, people.identifier_id, people.person_id
        from {int_cdp__deterministic_people} as people
        inner join {int_cdp__identifier_keys} as keys using (identifier_id)
        where not people.is_shared
    ),
    truth as (
        select nodes.identifier_id, nodes.person_id, truth.person
        from read_csv(?, all_varchar = true) as truth
        inner join nodes using (identifier_type, identifier_value)
    ),
    found as (
        select candidates.rule, least(one.person_id, other.person_id) as person_a,
            greatest(one.person_id, other.person_id) as person_b,
            coalesce(one_truth.person = other_truth.person, false) as is_true
        from {int_cdp__candidates} as candidates
        inner join nodes as one on candidates.node_a = one.identifier_id
        inner join nodes as other on candidates.node_b = other.identifier_id
        left join truth as one_truth on candidates.node_a = one_truth.identifier_id
        left join truth as other_truth on candidates.node_b = other_truth.identifier_id
        where candidates.is_live and candidates.is_above_threshold
    ),
    clues as (
        select distinct clues.rule, least(one.person_id, other.person_id) as person_a,
            greatest(one.person_id, other.person_id) as person_b
        from read_csv(?, all_varchar = true) as clues
        inner join nodes as one
            on clues.identifier_type_a = one.identifier_type
            and clues.identifier_value_a = one.identifier_value
        inner join nodes as other
            on clues.identifier_type_b = other.identifier_type
            and clues.identifier_value_b = other.identifier_value
        where one.person_id <> other.person_id
    ),
    recalled as (
        select clues.rule, avg(case when found.rule is null then 0 else 1 end) as recall
        from clues left join found using (rule, person_a, person_b) group by clues.rule
    ),
    precise as (
        select rule, count(*) as candidates, avg(case when is_true then 1 else 0 end) as precision
        from found group by rule
    )
    select rule, coalesce(precise.candidates, 0), precise.precision, recalled.recall
    from recalled full join precise using (rule) order by rule
"""


def read_figures(project: Project, truth: Path, clues: Path, showcase_email: str) -> Figures:
    """Read the figures of a demonstration that is built.

    Args:
        project: the demonstration's project.
        truth: the generator's file of which identifier is whose.
        clues: the generator's file of what match rules may find.
        showcase_email: an address of the person whose identifiers are shown.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    manifest = Dbt(project).manifest()
    with open_warehouse(project) as warehouse:

        def query(sql: str, *parameters: str) -> list[tuple[Any, ...]]:
            return warehouse.query(manifest.with_tables(sql), parameters)

        sightings = query(_SIGHTINGS, showcase_email)
        return Figures(
            **dict(zip(_COUNTED, query(_COUNTS)[0], strict=True)),
            match_rules=[MatchRule(*row) for row in query(_MATCH_RULES, str(truth), str(clues))],
            segments=[SegmentSize(*row) for row in query(_SEGMENTS)],
            canonical_id=sightings[0][-1],
            sightings=[Sighting(*row[:-1]) for row in sightings],
            truth=Truth(*query(_TRUTH, str(truth))[0]),
        )
