"""Connected components: through the materialization, and out of the database to scipy and back."""

import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from project import BenchProject, connect, in_child, peak_bytes

MODEL = "bench_components"

# Nine edges of ten are in stars of ten leaves, nine of a hundred in chains of 1,000 nodes, one of
# a hundred in a tree that grew at random. As in the identity graph an edge leads from a hub to a
# leaf, hubs have the smaller ids, and neither ids nor rows are in the order of the components.
_EDGES = """
create or replace temp table shapes as
select 'star' as part, number // 10 as hub, number as leaf
from range(cast(getvariable('edges') * 0.9 as bigint)) as numbers (number)
union all
select
    'chain',
    number // 999 * 500 + (number % 999 + 1) // 2,
    number // 999 * 500 + number % 999 // 2
from range(cast(getvariable('edges') * 0.09 as bigint)) as numbers (number)
union all
select
    'tree',
    case when number % 2 = 0 then number // 2 + 1 else hash('tree', number) % (number // 2 + 1) end,
    number // 2
from range(cast(getvariable('edges') * 0.01 as bigint)) as numbers (number);

create or replace temp table hubs as
select part, hub, row_number() over (order by hash(part, hub), part, hub) as id
from (select distinct part, hub from shapes) as distinct_hubs;

create or replace temp table leaves as
select
    part,
    leaf,
    (select count(*) from hubs) + row_number() over (order by hash(part, leaf), part, leaf) as id
from (select distinct part, leaf from shapes) as distinct_leaves;

create schema if not exists bench;

create or replace table bench.edges as
select hubs.id as node_a, leaves.id as node_b
from shapes
inner join hubs on shapes.part = hubs.part and shapes.hub = hubs.hub
inner join leaves on shapes.part = leaves.part and shapes.leaf = leaves.leaf
order by hash(node_a, node_b);
"""

# As 32 bits, which is what scipy computes with: it would copy wider ones.
_EDGES_FOR_SCIPY = """
select cast(node_a as integer) as node_a, cast(node_b as integer) as node_b from bench.edges
"""

# One partition equals the other when every label of one meets one label of the other.
_COMPARISON = f"""
with pairs as (
    select ours.component_id, theirs.component
    from main.{MODEL} as ours
    inner join bench.labels as theirs on ours.identifier_id = theirs.node
)
select
    (select count(*) from bench.edges),
    (select count(*) from main.{MODEL}),
    (select count(*) from bench.labels),
    (select count(*) from pairs),
    count(distinct component_id),
    count(distinct component),
    count(*)
from (select distinct component_id, component from pairs) as distinct_pairs
"""


@dataclass(frozen=True)
class Partition:
    """What the two ways have made of one graph, and whether they agree."""

    edges: int
    nodes: int
    components: int
    is_equal: bool


@dataclass(frozen=True)
class Comparison(Partition):
    """The two ways side by side."""

    sql_seconds: list[float]
    scipy_seconds: list[float]
    sql_peak_bytes: int
    scipy_peak_bytes: int

    @property
    def ratio(self) -> float:
        """Median of the materialization over median of scipy: below one, the warehouse wins."""
        return median(self.sql_seconds) / median(self.scipy_seconds)


def make_edges(database: Path, edges: int) -> None:
    """Write bench.edges (node_a, node_b): undirected, each given once, ids from 1 without a gap."""
    with connect(database) as connection:
        connection.execute(f"set variable edges = {edges}")
        connection.execute(_EDGES)


def through_scipy(database: Path) -> tuple[float, int]:
    """Read the edges, label them with scipy, write bench.labels: seconds and peak bytes.

    Starting Python and importing is not in the time, as it is not in a model's either.
    """
    import numpy
    import pyarrow
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    started = time.perf_counter()
    with connect(database) as connection:
        edges = connection.execute(_EDGES_FOR_SCIPY).fetchnumpy()
        size = int(max(edges["node_a"].max(), edges["node_b"].max())) + 1
        weights = numpy.ones(len(edges["node_a"]), dtype=numpy.int8)
        graph = coo_array((weights, (edges["node_a"], edges["node_b"])), shape=(size, size))
        _, labels = connected_components(graph.tocsr(), directed=False)
        # Ids begin with 1: the node 0 of the matrix is none.
        rows = pyarrow.table({"node": numpy.arange(1, size), "component": labels[1:]})
        connection.register("labelled", rows)
        connection.execute("create or replace table bench.labels as select * from labelled")
    seconds = time.perf_counter() - started
    return seconds, peak_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def compare(project: BenchProject, edges: int, rounds: int) -> Comparison:
    """Make a graph and solve it both ways in turn."""
    in_child(make_edges, project.database, edges)
    sql_seconds, scipy_seconds, sql_peaks, scipy_peaks = [], [], [], []
    for _ in range(rounds):
        run = project.dbt("run", "--full-refresh", "--select", MODEL)
        sql_seconds.append(run.model_seconds[MODEL])
        sql_peaks.append(run.peak_bytes)
        seconds, peak = in_child(through_scipy, project.database)
        scipy_seconds.append(seconds)
        scipy_peaks.append(peak)
    return Comparison(
        **asdict(in_child(partition, project.database)),
        sql_seconds=sql_seconds,
        scipy_seconds=scipy_seconds,
        sql_peak_bytes=max(sql_peaks),
        scipy_peak_bytes=max(scipy_peaks),
    )


def partition(database: Path) -> Partition:
    """Compare what the materialization and scipy have made of bench.edges."""
    with connect(database) as connection:
        row = connection.execute(_COMPARISON).fetchone()
    assert row is not None
    edges, ours, theirs, both, our_labels, their_labels, pairs = row
    return Partition(
        edges=edges,
        nodes=ours,
        components=our_labels,
        is_equal=ours == theirs == both and our_labels == their_labels == pairs,
    )
