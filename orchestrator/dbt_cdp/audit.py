"""The health of the identity graph: sizes of people, what holds them together, what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables

# Bands of the histogram: from so many identifiers to so many; None is no upper end.
_BANDS = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, None))

_DAYS = 30

# Identifiers whose blocking is tried. One with n links can part its person into n people at most,
# so those with the most links are the ones to try.
_TRIED = 1_000

_SIZES = """
with

sized as (

    select
        canonical_id,
        count(*) as count_identifiers

    from {cdp__identity_graph}

    where canonical_id is not null

    group by canonical_id

)

select
    count_identifiers,
    count(*) as count_people

from sized

group by count_identifiers
"""

_LARGEST = """
with

graph as (

    select * from {cdp__identity_graph}

    where canonical_id is not null

),

ranked as (

    select
        canonical_id,
        count(*) as count_identifiers,
        row_number() over (order by count(*) desc, canonical_id) as place

    from graph

    group by canonical_id

)

select
    ranked.canonical_id,
    ranked.count_identifiers,
    graph.identifier_type,
    count(*) as count_of_type

from ranked

inner join graph on ranked.canonical_id = graph.canonical_id

where ranked.place <= ?

group by ranked.place, ranked.canonical_id, ranked.count_identifiers, graph.identifier_type

order by ranked.place, count_of_type desc, graph.identifier_type
"""

# The recursion ends because `union distinct` leaves out what was reached before, and stays within
# the people of the identifiers that are tried.
_HUBS = """
with recursive

graph as (

    select * from {cdp__identity_graph}

),

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

-- A decision may link people by way of an identifier that nobody has seen, and so is nobody's.
roads as (

    select
        links.identifier_id,
        links.other_id,
        others.canonical_id,
        others.identifier_id is null as is_unseen

    from links

    left join graph as others on links.other_id = others.identifier_id

),

linked as (

    select
        graph.identifier_id,
        graph.canonical_id,
        graph.is_shared,
        count(
            case when graph.is_shared or graph.canonical_id = roads.canonical_id then 1 end
        ) as count_links,
        count(distinct roads.canonical_id) as count_people

    from graph

    inner join roads on graph.identifier_id = roads.identifier_id

    where not roads.is_unseen

    group by graph.identifier_id, graph.canonical_id, graph.is_shared

),

placed as (

    select
        *,
        row_number() over (
            partition by is_shared
            order by count_links desc, count_people desc, identifier_id
        ) as place

    from linked

),

tried as (

    select * from placed

    where place <= {tried}

),

-- Whoever a neighbour of the identifier still reaches without it.
reached as (

    select
        tried.identifier_id as without_id,
        tried.canonical_id,
        roads.other_id as start_id,
        roads.other_id as identifier_id

    from tried

    inner join roads
        on
            tried.identifier_id = roads.identifier_id
            and (tried.canonical_id = roads.canonical_id or roads.is_unseen)

    where not tried.is_shared

    union distinct

    select
        reached.without_id,
        reached.canonical_id,
        reached.start_id,
        roads.other_id as identifier_id

    from reached

    inner join roads
        on
            reached.identifier_id = roads.identifier_id
            and (reached.canonical_id = roads.canonical_id or roads.is_unseen)

    where roads.other_id <> reached.without_id

),

reached_parts as (

    select
        reached.without_id,
        reached.start_id,
        min(reached.identifier_id) as part_id,
        count(*) as count_identifiers

    from reached

    inner join graph on reached.identifier_id = graph.identifier_id

    group by reached.without_id, reached.start_id

),

parts as (

    select distinct
        without_id,
        part_id,
        count_identifiers

    from reached_parts

),

parted as (

    select
        without_id,
        count(*) as count_parts

    from parts

    group by without_id

),

ranked as (

    select
        tried.*,
        row_number() over (
            partition by tried.is_shared
            order by coalesce(parted.count_parts, 0) desc, tried.place
        ) as final_place

    from tried

    left join parted on tried.identifier_id = parted.without_id

)

select
    ranked.is_shared,
    ranked.final_place,
    graph.identifier_type,
    graph.identifier_value,
    ranked.canonical_id,
    ranked.count_links,
    ranked.count_people,
    parts.count_identifiers

from ranked

inner join graph on ranked.identifier_id = graph.identifier_id

left join parts on ranked.identifier_id = parts.without_id

where
    ranked.final_place <= ?
    and ranked.count_links > 0

order by ranked.is_shared, ranked.final_place, parts.count_identifiers desc
""".replace("{tried}", str(_TRIED))

# The detail of a never_link is the decision, another one for each.
_REFUSED = """
with

refused as (

    select
        rule,
        reason,
        case
            when reason = 'shared' and canonical_id_b is null then identifier_type_b
            when reason = 'shared' and canonical_id_a is null then identifier_type_a
            when reason <> 'never_link' then detail
        end as detail

    from {cdp__identity_conflicts}

)

select
    rule,
    reason,
    detail,
    count(*) as count_links

from refused

group by rule, reason, detail

order by count_links desc, rule, reason, detail
"""

_CANDIDATES = """
select
    rule,
    status,
    count(*) as count_pairs

from {cdp__identity_candidates}

group by rule, status

order by rule, count_pairs desc, status
"""

_CHANGES = """
with

changes as (

    select
        cast(merged_at as date) as changed_date,
        1 as merges,
        0 as splits

    from {cdp__identity_merges}

    union all

    select
        cast(split_at as date) as changed_date,
        0 as merges,
        1 as splits

    from {cdp__identity_splits}

)

select
    changed_date,
    sum(merges) as merges,
    sum(splits) as splits

from changes

group by changed_date

order by changed_date desc

limit ?
"""


@dataclass(frozen=True)
class SizeBand:
    """People with about as many identifiers.

    Attributes:
        smallest: the least number of identifiers in the band.
        largest: the greatest; None where there is no upper end.
        people: how many people are in it.
        share: of all people, from 0 to 1.
    """

    smallest: int
    largest: int | None
    people: int
    share: float


@dataclass(frozen=True)
class Cluster:
    """One person, and how many identifiers of each type it has."""

    canonical_id: str
    identifiers: int
    by_type: dict[str, int]


@dataclass(frozen=True)
class Hub:
    """An identifier that is linked to others.

    Attributes:
        canonical_id: its person; None for a shared one.
        links: the identifiers of its person that it is linked to; of a shared one, all those that
            it was refused.
        people: the people that its links lead to, its own among them.
        parts_if_blocked: how many identifiers each of the people would have that its person fell
            into without it, the largest first; None for a shared one, which holds nobody together.
    """

    identifier: Identifier
    canonical_id: str | None
    is_shared: bool
    links: int
    people: int
    parts_if_blocked: list[int] | None


@dataclass(frozen=True)
class Refusal:
    """Links that were refused for one reason.

    Attributes:
        rule: what showed the two together, such as `event` or `record`.
        reason: shared, limit, blocked or never_link, as in identity_conflicts.
        detail: of `limit` the type whose limit is meant, of `shared` the type of the shared side,
            of `blocked` why such values are blocked; else None.
    """

    rule: str
    reason: str
    detail: str | None
    links: int


@dataclass(frozen=True)
class Proposal:
    """Pairs that a match rule takes for one person.

    Attributes:
        rule: the match rule.
        status: what became of them, as in identity_candidates.
    """

    rule: str
    status: str
    pairs: int


@dataclass(frozen=True)
class Day:
    """How many people merged and split on a day (UTC)."""

    changed_date: date
    merges: int
    splits: int


@dataclass(frozen=True)
class Audit:
    """What `cdp identity audit` shows.

    Attributes:
        sizes: people by the number of their identifiers; every band, also an empty one.
        largest_people: those with the most identifiers.
        connecting_identifiers: what holds people together; first what parts its person into the
            most people when it is blocked, then what has the most links.
        shared_identifiers: those that belong to nobody, the one with the most links first.
        refused_links: by rule, reason and detail, the most frequent first.
        candidates: pairs that are probably one person, by rule and status.
        changes: the last days on which anybody merged or split, the newest first.
    """

    sizes: list[SizeBand]
    largest_people: list[Cluster]
    connecting_identifiers: list[Hub]
    shared_identifiers: list[Hub]
    refused_links: list[Refusal]
    candidates: list[Proposal]
    changes: list[Day]


def read_audit(
    project: Project, top: int = 10, *, days: int = _DAYS, with_hubs: bool = True
) -> Audit:
    """Read the health of the identity graph as the last build left it.

    Args:
        project: the project whose warehouse holds the graph.
        top: how many of the largest people and of the identifiers are wanted.
        days: how many days with changes are.
        with_hubs: whether the connecting and the shared identifiers are looked for, which takes
            longer than all else.

    Raises:
        ConfigurationError: the project has not been built.
        DbtError: the project cannot be parsed.
        WarehouseError: the warehouse cannot be opened or read.
    """
    manifest = Dbt(project).manifest()
    with open_tables(project, ["cdp__identity_graph"]) as warehouse:

        def query(sql: str, *parameters: int) -> list[tuple[Any, ...]]:
            return warehouse.query(manifest.with_tables(sql), parameters)

        hubs = _hubs(query(_HUBS, top)) if with_hubs else []
        return Audit(
            sizes=_bands(query(_SIZES)),
            largest_people=_clusters(query(_LARGEST, top)),
            connecting_identifiers=[hub for hub in hubs if not hub.is_shared],
            shared_identifiers=[hub for hub in hubs if hub.is_shared],
            refused_links=[Refusal(*row) for row in query(_REFUSED)],
            candidates=[Proposal(*row) for row in query(_CANDIDATES)],
            changes=[Day(*row) for row in query(_CHANGES, days)],
        )


def _bands(rows: Sequence[tuple[int, int]]) -> list[SizeBand]:
    total = sum(people for _, people in rows)
    bands = []
    for smallest, largest in _BANDS:
        people = sum(n for size, n in rows if smallest <= size <= (largest or size))
        bands.append(SizeBand(smallest, largest, people, people / total if total else 0.0))
    return bands


def _clusters(rows: Sequence[tuple[Any, ...]]) -> list[Cluster]:
    return [
        Cluster(canonical_id, identifiers, {row[2]: row[3] for row in group})
        for (canonical_id, identifiers), group in groupby(rows, key=itemgetter(0, 1))
    ]


def _hubs(rows: Sequence[tuple[Any, ...]]) -> list[Hub]:
    """One hub of its rows, of which there is one for every part that its person fell into."""
    hubs = []
    for _, group in groupby(rows, key=itemgetter(0, 1)):
        parts = list(group)
        is_shared, _, type_, value, canonical_id, links, people, _ = parts[0]
        sizes = None if is_shared else [row[-1] for row in parts]
        hubs.append(Hub(Identifier(type_, value), canonical_id, is_shared, links, people, sizes))
    return hubs
