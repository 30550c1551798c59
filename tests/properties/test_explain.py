"""Explained chains against a plain search: in random graphs and worlds, in a long chain, at a hub.

What people and refused links there are is taken from the tables; those of worlds are compared with
the rules by other tests.
"""

import json
import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import duckdb
import pytest

from consumer import Consumer
from dbt_cdp.dbt import Dbt
from dbt_cdp.project import Project
from harness import DATABASE, SCHEMA, Compiled, Database, Warehouse, make_project
from reference import TYPES, Identifier, Pieces
from worlds import BATCHES, NAMES, World, random_life, spelled_otherwise

ROUNDS = int(os.environ.get("PROPERTY_ROUNDS", "2"))
GRAPHS, NODES, LINKS_OF_A_GRAPH = 40, 20, 36
WORLDS = 60
MATCHES = 1000

# What a chain's query reads, for graphs that nobody has built.
TABLES = {
    "int_cdp__identifier_keys": "identifier_id bigint, identifier_type text, identifier_value text",
    "int_cdp__components": "identifier_id bigint, component_id bigint",
    "int_cdp__people": """
        identifier_id bigint, identifier_type text, person_id bigint, is_shared boolean
    """,
    "int_cdp__links": """
        node_a bigint, node_b bigint, tier integer, is_live boolean, event_count bigint,
        first_seen timestamp, last_seen timestamp, rule text, source text, evidence_id text
    """,
    "identity_conflicts": """
        identifier_type_a text, identifier_value_a text, identifier_type_b text,
        identifier_value_b text, reason text, detail text
    """,
}

# What has to be among the chains, or they would test nothing.
TURNS = [
    "no links",
    "1 link",
    "2 links",
    "3 links",
    "4 links",
    "event",
    "record",
    "link",
    "accepted",
    "refused: limit",
    "refused: shared",
    "refused: never_link",
    "by way of somebody never seen",
]

ASKED = "('?', '?', '?', '?')"
QUERIES = f"{{{{ tojson([cdp.cdp_explain_sql{ASKED}, cdp.cdp_explain_verdict_sql{ASKED}]) }}}}"
LAYERED = """
    {% macro duckdb__cdp_distances(start, steps, bounds) %}
        {{- return(cdp.bigquery__cdp_distances(start, steps, bounds)) -}}
    {% endmacro %}
"""
LINKS = """
    select
        (keys_a.identifier_type, keys_a.identifier_value),
        (keys_b.identifier_type, keys_b.identifier_value),
        tier, event_count, first_seen, last_seen, rule, source, evidence_id
    from int_cdp__links as links
    inner join int_cdp__identifier_keys as keys_a on links.node_a = keys_a.identifier_id
    inner join int_cdp__identifier_keys as keys_b on links.node_b = keys_b.identifier_id
    where is_live
"""
COMPONENTS = """
    select (identifier_type, identifier_value), component_id
    from int_cdp__components inner join int_cdp__identifier_keys using (identifier_id)
"""
CONFLICTS = """
    select
        (identifier_type_a, identifier_value_a), (identifier_type_b, identifier_value_b),
        reason, detail
    from identity_conflicts where reason <> 'blocked'
"""
CANONICAL_IDS = """
    select (identifier_type, identifier_value), canonical_id from identity_graph
"""
BLOCKED = """
    select (identifier_type, identifier_value), block_reason
    from int_cdp__identifiers where block_reason is not null
"""
PEOPLE = """
    select (people.identifier_type, identifier_value), person_id, is_shared
    from int_cdp__people as people
    inner join int_cdp__identifier_keys using (identifier_id)
"""


class Link(NamedTuple):
    one: Identifier
    other: Identifier
    tier: int
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    rule: str
    source: str | None
    evidence: str

    @property
    def order(self) -> tuple[Any, ...]:
        first_seen = self.first_seen or datetime(9999, 12, 31)
        return self.tier, -self.count, first_seen, self.one, self.other, self.rule, self.evidence

    def leads_from(self, one: Identifier) -> Identifier:
        return self.other if one == self.one else self.one


class Queries(NamedTuple):
    """The queries of the macros, as dbt compiles them."""

    chain: str
    verdict: str


class Graph:
    """What links and people there are, and what the chains between them must be."""

    def __init__(self, database: Database) -> None:
        self.component_of = dict(database.query(COMPONENTS))
        self.links_of = defaultdict[Identifier, list[Link]](list)
        for link in (Link(*row) for row in database.query(LINKS)):
            # A match of what is not there any more leads nowhere.
            if self.component_of.keys() >= {link.one, link.other}:
                self.links_of[link.one].append(link)
                self.links_of[link.other].append(link)
        for links in self.links_of.values():
            links.sort(key=lambda link: link.order)
        self.people = {one: rest for one, *rest in database.query(PEOPLE)}
        self.why = {
            frozenset([one, other]): (reason, detail)
            for one, other, reason, detail in database.query(CONFLICTS)
        }

    def is_accepted(self, one: Identifier, other: Identifier) -> bool:
        """What nobody has seen has no person; decisions alone link it, and hold."""
        known = [self.people[side] for side in (one, other) if side in self.people]
        is_one = len({person for person, _ in known}) <= 1
        return is_one and not any(is_shared for _, is_shared in known)

    def chain(self, start: Identifier, end: Identifier) -> list[tuple[Any, ...]]:
        person = self.people.get(start)
        is_one = person and end in self.people and self.is_accepted(start, end)

        def is_open(one: Identifier) -> bool:
            return not is_one or self.people.get(one, person) == person

        distance = self.distances(end, is_open)
        return list(self._walk(start, distance)) if start in distance else []

    def is_connected(self, one: Identifier, other: Identifier) -> bool:
        """Whether the two are in one component, which matches do not make."""
        return self.component_of.get(one, one) == self.component_of.get(other, other)

    def distances(
        self, end: Identifier, is_open: Callable[[Identifier], bool] = lambda one: True
    ) -> dict[Identifier, int]:
        """How many links lead from an identifier to the end."""
        distance = {end: 0}
        queue = deque([end])
        while queue:
            here = queue.popleft()
            for link in self.links_of[here]:
                there = link.leads_from(here)
                if there not in distance and is_open(there):
                    distance[there] = distance[here] + 1
                    queue.append(there)
        return distance

    def _walk(
        self, here: Identifier, distance: Mapping[Identifier, int]
    ) -> Iterator[tuple[Any, ...]]:
        for step in range(1, distance[here] + 1):
            nearer = [
                link
                for link in self.links_of[here]
                if distance.get(link.leads_from(here)) == distance[here] - 1
            ]
            link, came_from, here = nearer[0], here, nearer[0].leads_from(here)
            is_accepted = self.is_accepted(came_from, here)
            why = (None, None) if is_accepted else self._why(came_from, here)
            event = f"{link.source} {link.evidence}" if link.rule == "event" else None
            seen = (link.rule, link.source, link.evidence, event, link.count, *link[4:6])
            yield (step, *came_from, *here, *seen, is_accepted, *why)

    def _why(self, one: Identifier, other: Identifier) -> tuple[str | None, str | None]:
        """Of what was seen together the table tells; of all else, whether a side is shared."""
        is_shared = any(self.people.get(side, (None, False))[1] for side in (one, other))
        return self.why.get(frozenset([one, other]), ("shared" if is_shared else None, None))


def live(compiled: Compiled, builds: Iterable[int]) -> tuple[Warehouse, list[World]]:
    """Random worlds, always the same ones, that are built after these batches of their lives."""
    rng = Random(3)
    worlds = [World(10 + number) for number in range(WORLDS)]
    lives = [random_life(rng) for _ in worlds]
    warehouse = Warehouse(compiled)
    for batch in range(BATCHES):
        for world, life in zip(worlds, lives, strict=True):
            world.live(life[batch], f"batch {batch}")
        if batch in builds:
            warehouse.give(worlds, batch + 1)
            warehouse.build(batch + 1)
    settle(warehouse)
    return warehouse, worlds


def add_events(database: Database) -> None:
    database.connection.execute("""
        create table raw_events as
        select distinct evidence_id as event_id, source, source || ' ' || evidence_id as event_type
        from int_cdp__links where rule = 'event'
    """)


def settle(warehouse: Warehouse) -> None:
    """Add the events, and keep the rows of views, which would be worked out for every question."""
    add_events(warehouse)
    for view in ("int_cdp__links", "identity_conflicts"):
        warehouse.connection.execute(f"""
            create table kept as from {view};
            drop view {view};
            alter table kept rename to {view}
        """)


def ask(database: Database, query: str, *pair: Identifier) -> list[tuple[Any, ...]]:
    asked = [part for identifier in pair for part in identifier]
    return database.connection.execute(query, asked).fetchall()


def random_graphs(rng: Random) -> Database:
    """Tables of graphs with links of every kind, several of them between some pairs."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(f"attach ':memory:' as {DATABASE}; create schema {SCHEMA}; use {SCHEMA}")
    for name, columns in TABLES.items():
        connection.execute(f"create table {name} ({columns})")
    for graph in range(GRAPHS):
        for name, rows in _random_graph(rng, graph * NODES).items():
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"insert into {name} values ({places})", rows)
    database = Database(connection)
    add_events(database)
    return database


def _random_graph(rng: Random, first: int) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of the tables. Who is whose is left to chance, and some are nobody's, never seen."""
    names = {number: _random_name(rng) for number in range(first, first + NODES)}
    links = [_random_link(rng, list(names)) for _ in range(LINKS_OF_A_GRAPH)]
    people = {
        number: (first + rng.randrange(2), rng.random() < 0.2)
        for number in names
        if rng.random() < 0.85
    }
    pieces, conflicts = Pieces(names.values()), []
    for one, other, tier, is_live, *_ in links:
        if is_live and tier < MATCHES:
            pieces.union(names[one], names[other])
    for pair in {frozenset(link[:2]) for link in links}:
        sides = rng.sample(sorted(pair), 2)
        why = rng.choice([("limit", "email"), ("shared", None), ("never_link", "d1")])
        if people.keys() >= pair:
            named = names[sides[0]] + names[sides[1]]
            conflicts += [(*named, *why), (*named, "blocked", "a")]
    numbers = {name: number for number, name in names.items()}
    return {
        "int_cdp__identifier_keys": [(number, *name) for number, name in names.items()],
        "int_cdp__components": [(numbers[one], numbers[pieces[one]]) for one in pieces.parents],
        "int_cdp__people": [(number, names[number][0], *rest) for number, rest in people.items()],
        "int_cdp__links": links,
        "identity_conflicts": conflicts,
    }


def _random_name(rng: Random) -> Identifier:
    kind, digits = rng.choice(list(TYPES)), rng.randrange(10**12)
    return kind, f"+49{digits}" if kind == "phone" else f"{digits}"


def _random_link(rng: Random, nodes: Sequence[int]) -> tuple[Any, ...]:
    one, other = rng.sample(nodes, 2)
    rule = rng.choice(["event", "event", "record", "link", "same_device"])
    source = rng.choice(["app", "crm"]) if rule in ("event", "record") else None
    first_seen = rng.choice([None, *(datetime(2026, 1, day) for day in (1, 2, 3))])
    tier = {"link": 0, "same_device": MATCHES}.get(rule, rng.randint(2, 3))
    seen = (rng.choice([1, 1, 2]), first_seen, first_seen)
    return one, other, tier, rng.random() < 0.9, *seen, rule, source, f"{rng.randrange(99)}"


def random_pairs(graph: Graph, count: int) -> Iterator[tuple[Identifier, Identifier]]:
    """Pairs that links connect mostly, and not by one alone."""
    rng = Random(5)
    nodes = sorted(graph.links_of)
    for _ in range(count):
        one = rng.choice(nodes)
        distance = graph.distances(one)
        far = sorted(other for other in distance if distance[other] > 1)
        [others] = rng.choices([far or nodes, sorted(distance), nodes], (7, 2, 1))
        yield one, rng.choice(others)


def told(chain: Sequence[tuple[Any, ...]], graph: Graph) -> Iterator[str]:
    """What can be told of a chain."""
    yield "1 link" if len(chain) == 1 else f"{len(chain) or 'no'} links"
    for row in chain:
        yield row[5]
        yield "accepted" if row[12] else f"refused: {row[13]}"
        if row[0] > 1 and row[1:3] not in graph.people:
            yield "by way of somebody never seen"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    identifiers = [{"name": name, **limits._asdict()} for name, limits in TYPES.items()]
    return make_project(tmp_path_factory.mktemp("explained") / "worlds", identifiers)


def compile_queries(project: Consumer) -> Queries:
    dbt = Dbt(Project.find(project.folder))
    return Queries(*json.loads(dbt.compile_inline(QUERIES)))


@pytest.fixture(scope="module")
def queries(project: Consumer) -> Queries:
    return compile_queries(project)


@pytest.fixture(scope="module")
def layered(project: Consumer, queries: Queries) -> Queries:
    """The queries with the search that BigQuery has."""
    folder = project.folder / "macros"
    folder.mkdir()
    (folder / "duckdb__cdp_distances.sql").write_text(LAYERED)
    found = compile_queries(project)
    assert "distances_20" in found.chain and "distances_20" not in queries.chain
    return found


def test_chains_are_those_of_a_plain_search(queries: Queries, layered: Queries) -> None:
    database = random_graphs(Random(7))
    graph = Graph(database)
    story: Counter[str] = Counter()
    for number, (one, other) in enumerate(random_pairs(graph, 250 * ROUNDS)):
        chain = ask(database, queries.chain, one, other)
        assert chain == graph.chain(one, other), (one, other)
        story.update(told(chain, graph))
        if number % 5 == 0:
            assert ask(database, layered.chain, one, other) == chain, (one, other)
    assert all(story[turn] >= 3 for turn in [*TURNS, "same_device"]), story


def test_chains_do_not_depend_on_the_order_of_builds(compiled: Compiled, queries: Queries) -> None:
    warehouse, _ = live(compiled, builds=[BATCHES - 1])
    bit_by_bit, _ = live(compiled, builds=range(BATCHES))
    assert bit_by_bit.keys() != warehouse.keys()
    graph = Graph(warehouse)
    story: Counter[str] = Counter()
    for one, other in random_pairs(graph, 75 * ROUNDS):
        chain = ask(warehouse, queries.chain, one, other)
        assert chain == graph.chain(one, other), (one, other)
        otherwise = one[0], spelled_otherwise(one)
        assert ask(bit_by_bit, queries.chain, otherwise, other) == chain, (one, other)
        story.update(told(chain, graph))
    assert all(story[turn] for turn in (*TURNS[:3], "event", "record", "link", "accepted")), story


def test_verdicts_are_those_of_the_tables(compiled: Compiled, queries: Queries) -> None:
    warehouse, worlds = live(compiled, builds=[BATCHES - 1])
    graph = Graph(warehouse)
    canonical = dict(warehouse.query(CANONICAL_IDS))
    blocked = dict(warehouse.query(BLOCKED))

    def expected(one: Identifier) -> tuple[Any, ...]:
        if one not in canonical:
            return "blocked" if one in blocked else "unknown", None, blocked.get(one), None
        if canonical[one]:
            return "person", canonical[one], None, None
        people = {canonical.get(link.leads_from(one)) for link in graph.links_of[one]}
        return "shared", None, None, len(people - {None})

    story: Counter[str] = Counter()
    for world in worlds:
        names = map(world.identifier, range(len(NAMES)))
        known = [one for one in names if one in canonical or one in blocked]
        pairs = pairwise([*known, ("user_id", f"w{world.number}-nobody")])
        for one, other in [*world.rulings.parted, *pairs]:
            apart = world.rulings.parted.get((min(one, other), max(one, other)))
            pair = graph.is_connected(one, other), apart
            assert ask(warehouse, queries.verdict, one, other) == [
                ("a", *one, *expected(one), *pair),
                ("b", *other, *expected(other), *pair),
            ]
            story.update([expected(one)[0], expected(other)[0]])
            story.update([f"connected: {pair[0]}", f"apart: {bool(apart)}"])
    assert len(story) == 8 and min(story.values()) >= 3, story


def see(warehouse: Warehouse, rows: str) -> None:
    """Let a query of (seen, identifier_type, raw_value) be what was seen: each number once."""
    warehouse.connection.execute(f"""
        create temp table seen as {rows};
        insert into given.int_cdp__identifier_tuples
        select 't' || seen, identifier_type, raw_value, 1 from seen;
        insert into given.int_cdp__identity_observations
        select distinct
            'g' || seen, 't' || seen, 'app', 'event', 1, timestamp '2026-01-01',
            timestamp '2026-01-01', 'e' || seen, null, 1
        from seen
    """)


def test_a_person_of_500_links_is_walked_from_end_to_end(
    compiled: Compiled, queries: Queries
) -> None:
    """By way of 499 that nobody has seen, and no farther."""
    warehouse = Warehouse(compiled)
    see(
        warehouse,
        """
        select number as seen, 'device_id' as identifier_type, 'n' || number as raw_value
        from (values (0), (500), (501)) as ends (number)
        """,
    )
    warehouse.connection.execute("""
        insert into given.my_decisions
        select 'd' || i, 'link', 'device_id', 'n' || i, 'device_id', 'n' || (i + 1), '2026-01-01'
        from range(501) as numbers (i)
    """)
    warehouse.build(1)
    settle(warehouse)
    one, other, farther = (("device_id", f"n{number}") for number in (0, 500, 501))
    chain = ask(warehouse, queries.chain, one, other)
    assert [(row[0], row[2], row[4]) for row in chain] == [
        (step, f"n{step - 1}", f"n{step}") for step in range(1, 501)
    ]
    assert all(row[12] for row in chain)
    assert ask(warehouse, queries.chain, one, farther) == []
    sides = ask(warehouse, queries.verdict, one, farther)
    assert len({row[4] for row in sides}) == 1 and all(row[7] for row in sides)


def test_a_hub_of_100_000_people_is_passed(compiled: Compiled, queries: Queries) -> None:
    warehouse = Warehouse(compiled)
    see(
        warehouse,
        """
        select i as seen, 'user_id' as identifier_type, 'u' || i as raw_value
        from range(100000) as numbers (i)
        union all
        select i, 'device_id', 'kiosk' from range(100000) as numbers (i)
        """,
    )
    warehouse.build(1)
    settle(warehouse)
    chain = ask(warehouse, queries.chain, ("user_id", "u7"), ("user_id", "u77777"))
    assert [row[1:6] + row[12:14] for row in chain] == [
        ("user_id", "u7", "device_id", "kiosk", "event", False, "shared"),
        ("device_id", "kiosk", "user_id", "u77777", "event", False, "shared"),
    ]
    [hub, _] = ask(warehouse, queries.verdict, ("device_id", "kiosk"), ("user_id", "u7"))
    assert hub[3:7] == ("shared", None, None, 100_000)
