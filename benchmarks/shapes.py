"""Graphs whose shape is hard: for the rounds of connected components, for splitting people."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from components import MODEL, Partition, partition, through_scipy
from project import BenchProject, connect, in_child

PEOPLE = "int_cdp__deterministic_people"


@dataclass(frozen=True)
class Shape:
    """A graph: a query of its edges (a, b) between nodes numbered as they come to mind.

    The ids that the nodes get are in the order of those numbers or, shuffled, of their hashes.
    """

    name: str
    edges: str
    is_shuffled: bool


@dataclass(frozen=True)
class Chain:
    """E-mails, each of which shares a phone number with the next: one component, never one person.

    Every pair was seen once. Ordered, all at one time, so that values decide between the pairs and
    a pair is never first before its predecessor is done; otherwise at random times.
    """

    name: str
    emails: int
    is_ordered: bool


_PATH = "select number as a, number + 1 as b from range(9999) as numbers (number)"

# Of a million nodes 30 % are a tree that grew at random, with an edge more for every second node;
# 35 % are pairs and 35 % stars of four leaves.
_GIANT = """
select cast(hash('tree', number) % number as bigint) as a, number as b
from range(1, 300000) as numbers (number)
union all
select cast(hash('a', number) % 300000 as bigint), cast(hash('b', number) % 300000 as bigint)
from range(150000) as numbers (number)
union all
select 300000 + 2 * number, 300001 + 2 * number
from range(175000) as numbers (number)
union all
select 650000 + number // 4 * 5, 650001 + number // 4 * 5 + number % 4
from range(280000) as numbers (number)
"""

SHAPES = (
    Shape("path, ids in its order", _PATH, is_shuffled=False),
    Shape("path, ids shuffled", _PATH, is_shuffled=True),
    Shape(
        "star",
        "select 0 as a, number as b from range(1, 1000001) as numbers (number)",
        is_shuffled=False,
    ),
    Shape("giant of 30 % among small ones", _GIANT, is_shuffled=True),
    Shape(
        "pairs",
        "select 2 * number as a, 2 * number + 1 as b from range(1000000) as numbers (number)",
        is_shuffled=True,
    ),
)

# In order a round decides one pair: 10,000 e-mails would take half an hour.
CHAINS = (
    Chain("in order", 50, is_ordered=True),
    Chain("in order", 100, is_ordered=True),
    Chain("in order", 200, is_ordered=True),
    Chain("at random times", 1_000, is_ordered=False),
    Chain("at random times", 10_000, is_ordered=False),
)

_EDGES = """
create or replace temp table shape as {edges};

create or replace temp table nodes as
select node, row_number() over (order by {order}) as id
from (select a as node from shape union select b from shape) as distinct_nodes;

create schema if not exists bench;

create or replace table bench.edges as
select nodes_a.id as node_a, nodes_b.id as node_b
from shape
inner join nodes as nodes_a on shape.a = nodes_a.node
inner join nodes as nodes_b on shape.b = nodes_b.node
order by hash(node_a, node_b);
"""

# Numbers are padded, so that as text they are in the order of the chain.
_CHAIN = """
create schema if not exists bench;

create or replace table bench.events as
select
    'event' || number as event_id,
    timestamp '2026-01-01 00:00:00' + to_seconds(cast({seconds} as bigint)) as occurred_at,
    'person' || lpad(cast((number + 1) // 2 as varchar), 7, '0') || '@chain.example' as email,
    '+1555' || lpad(cast(number // 2 as varchar), 7, '0') as phone
from range(2 * {emails} - 1) as numbers (number);
"""

# In place of what dbt_project.yml says.
_CHAIN_VARS = {
    "cdp_sources": [
        {
            "name": "chain",
            "events": "stg_bench__events",
            "columns": {
                "event_id": "event_id",
                "timestamp": "occurred_at",
                "email": "email",
                "phone": "phone",
            },
        }
    ],
    "cdp_traits": [],
    "cdp_segments": [],
}


@dataclass(frozen=True)
class Solved(Partition):
    """A shape through the materialization; the flattenings of all rounds are added up."""

    shape: str
    contraction_rounds: int
    flattening_rounds: int
    seconds: list[float]


@dataclass(frozen=True)
class Split:
    """A chain through the package's models."""

    chain: str
    emails: int
    edges: int
    people: int
    joining_rounds: int
    seconds: float


def solve_shapes(project: BenchProject, rounds: int) -> Iterator[Solved]:
    """Solve each shape `rounds` times by the materialization and once by scipy."""
    for shape in SHAPES:
        in_child(_make_edges, project.database, shape)
        runs = [project.dbt("run", "--full-refresh", "--select", MODEL) for _ in range(rounds)]
        in_child(through_scipy, project.database)
        yield Solved(
            **asdict(in_child(partition, project.database)),
            shape=shape.name,
            contraction_rounds=sum(project.rounds(MODEL, "contraction")),
            flattening_rounds=sum(project.rounds(MODEL, "flattening")),
            seconds=[run.model_seconds[MODEL] for run in runs],
        )


def split_chains(folder: Path) -> Iterator[Split]:
    """Build the people of each chain once, in a project of its own below the folder."""
    for chain in CHAINS:
        project = BenchProject(folder / f"{chain.name.replace(' ', '-')}-{chain.emails}")
        in_child(_make_chain, project.database, chain)
        run = project.dbt(
            "build",
            *("--select", f"+{PEOPLE}"),
            *("--resource-type", "model", "--resource-type", "seed"),
            *("--vars", json.dumps(_CHAIN_VARS)),
        )
        edges, people = in_child(_count_chain, project.database)
        yield Split(
            chain=chain.name,
            emails=chain.emails,
            edges=edges,
            people=people,
            joining_rounds=sum(project.rounds(PEOPLE, r"joining of tier \d+")),
            seconds=run.model_seconds[PEOPLE],
        )


def _make_edges(database: Path, shape: Shape) -> None:
    order = "hash(node), node" if shape.is_shuffled else "node"
    with connect(database) as connection:
        connection.execute(_EDGES.format(edges=shape.edges, order=order))


def _make_chain(database: Path, chain: Chain) -> None:
    seconds = "0" if chain.is_ordered else "hash('time', number) % 10000000"
    with connect(database) as connection:
        connection.execute(_CHAIN.format(emails=chain.emails, seconds=seconds))


def _count_chain(database: Path) -> tuple[int, ...]:
    with connect(database) as connection:
        row = connection.execute(f"""
            select
                (select count(*) from main_cdp.int_cdp__edges where node_a <> node_b),
                (select count(distinct person_id) from main_cdp.{PEOPLE})
        """).fetchone()
    assert row is not None
    return row
