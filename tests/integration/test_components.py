"""The materialization of connected components against scipy, in full and bit by bit."""

import random
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy
import pytest
import yaml
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from consumer import Consumer, new_project

NODES = 12_000
MODEL = """
    {{ config(materialized="cdp_connected_components") }}
    select node_a, node_b, is_live, batch_id from {{ source("graph", "edges") }}
"""

Edge = tuple[int, int]


@pytest.fixture
def graph(tmp_path: Path) -> Consumer:
    source = {"name": "graph", "schema": "main", "tables": [{"name": "edges"}]}
    models = {"components.sql": MODEL, "sources.yml": yaml.safe_dump({"sources": [source]})}
    consumer = new_project(tmp_path / "graph", "network", models, schema="main")
    with duckdb.connect(consumer.database) as connection:
        connection.execute("""
            create table edges (node_a bigint, node_b bigint, is_live boolean, batch_id bigint,
                primary key (node_a, node_b))
        """)
    return consumer


def shapes(rng: random.Random) -> Iterator[Edge]:
    """Edges of every kind over the nodes from 1: each in a thousand nodes of its own."""
    for start in range(1, NODES - 1000, 3000):
        chain = list(range(start, start + 1000))
        if start > 3000:
            rng.shuffle(chain)
        yield from pairwise(chain)
        hubs = range(start + 1000, start + 1100)
        yield from ((rng.choice(hubs), leaf) for leaf in range(start + 1100, start + 2000))
        sparse = range(start + 2000, start + 3000)
        yield from ((rng.choice(sparse), rng.choice(sparse)) for _ in range(rng.randint(300, 900)))
    yield from ((node, node) for node in range(1, NODES, 7))


def write(graph: Consumer, edges: Iterable[Edge], is_live: bool, batch: int) -> None:
    side_a, side_b = zip(*edges, strict=True)
    rows = "select unnest(?), unnest(?), ?, ?"
    with duckdb.connect(graph.database) as connection:
        connection.execute(f"insert or replace into edges {rows}", [side_a, side_b, is_live, batch])


def assert_same_components(graph: Consumer) -> int:
    """Compare the two partitions; returns how many components there are."""
    edges = numpy.array(graph.query("select node_a, node_b from edges where is_live")).T
    weights = numpy.ones(edges.shape[1], dtype=numpy.int8)
    matrix = coo_array((weights, (edges[0], edges[1])), shape=(NODES + 1, NODES + 1))
    _, labels = connected_components(matrix.tocsr(), directed=False)
    expected = {node: int(labels[node]) for node in numpy.unique(edges).tolist()}
    found = dict(graph.query("select identifier_id, component_id from components"))
    assert found.keys() == expected.keys()
    assert all(found[label] == label for label in set(found.values()))
    pairs = {(expected[node], found[node]) for node in found}
    assert len(pairs) == len(set(expected.values())) == len(set(found.values()))
    return len(pairs)


def test_the_components_are_those_that_scipy_finds(graph: Consumer) -> None:
    rng = random.Random(5)
    edges = sorted({(min(edge), max(edge)) for edge in shapes(rng)}, key=lambda _: rng.random())
    first, later = edges[: len(edges) * 3 // 4], edges[len(edges) * 3 // 4 :]

    def run(*arguments: str) -> int:
        graph.runs("run", *arguments)
        return assert_same_components(graph)

    write(graph, first, True, 1)
    assert run() > 1000

    # What comes joins components; what goes takes them apart, whole nodes too.
    write(graph, later, True, 2_000_000_000_000_000)
    joined = run()
    with_full = run("--full-refresh")
    assert joined == with_full
    write(graph, rng.sample(first, 300), False, 4_000_000_000_000_000)
    assert run() > joined
    backwards = [(b, a) for a, b in rng.sample(later, 50) if a != b]
    write(graph, backwards, True, 6_000_000_000_000_000)
    run()


def test_an_empty_graph_has_no_components_and_the_first_edge_makes_one(graph: Consumer) -> None:
    graph.runs("run")
    assert graph.query("select count(*) from components") == [(0,)]
    write(graph, [(3, 4)], True, 1)
    graph.runs("run")
    assert graph.query("select distinct component_id from components") == [(3,)]
