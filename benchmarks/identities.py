"""Identity alone: from raw events to the written graph, and by a script that is written by hand.

Everybody has a user id, an e-mail address, a device and two cookies, and was seen with eight pairs
of them: five identifiers and eight edges a person. The script uses the method of the package: keys
of identifiers, edges from the strongest identifier of an event, least labels spread in rounds.
It knows which identifiers there are, checks none of them, keeps nothing for a later run.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from limit import spread
from project import TESTS, BenchProject, DbtRun, connect, in_child
from world import make_world

_IDENTIFIERS = 5
_GRAPH = "cdp__identity_graph"
_EVENTS = "cdp__raw_events"
_FEW = 1_000

_PAIRS = """
delete from bench.events;

insert into bench.events by name
with people as (
    select number, hash('person', number) as person
    from range(getvariable('people')) as numbers (number)
),
pairs (pair, one, other) as (
    values
        (0, 'user_id', 'cookie_1'), (1, 'user_id', 'cookie_2'), (2, 'user_id', 'email'),
        (3, 'user_id', 'device_id'), (4, 'email', 'cookie_1'), (5, 'email', 'cookie_2'),
        (6, 'device_id', 'cookie_1'), (7, 'device_id', 'cookie_2')
),
seen as (
    select
        people.number * 8 + pairs.pair as event,
        timestamp '2025-07-01'
        + to_seconds(hash(people.number, pairs.pair) % 31000000) as occurred_at,
        person, one, other
    from people
    cross join pairs
)
select
    'event-' || event as event_id,
    'page_viewed' as event_name,
    occurred_at,
    occurred_at as received_at,
    occurred_at as loaded_at,
    case when 'user_id' in (one, other) then 'user-' || person end as user_id,
    case when 'email' in (one, other) then person || '@people.example' end as email,
    case when 'device_id' in (one, other) then 'device-' || person end as device_id,
    case when other like 'cookie%' then other || '-' || person end as anonymous_id
from seen
order by occurred_at;

delete from bench.contacts;
"""

_SEEN = """
create or replace temp table seen as
select
    row_number() over () as tuple, user_id, email, device_id, anonymous_id,
    count(*) as event_count, min(occurred_at) as first_seen, max(occurred_at) as last_seen
from bench.events
group by user_id, email, device_id, anonymous_id;

create or replace temp table members as
select tuple, type, value
from seen
unpivot (value for type in (user_id, email, device_id, anonymous_id));

create or replace temp table nodes as
select
    type, value,
    row_number() over (
        order by case type
            when 'user_id' then 1 when 'email' then 2 when 'device_id' then 3 else 4
        end
    ) as node
from (select distinct type, value from members) as identifiers;

create or replace temp table links as
select members.tuple, nodes.node, min(nodes.node) over (partition by members.tuple) as hub
from members
inner join nodes using (type, value);

create or replace temp table labels as
select node, min(hub) as label from links group by node;
"""
_WRITTEN = """
create or replace table bench.graph as
select
    nodes.node as identifier_id, nodes.type as identifier_type, nodes.value as identifier_value,
    people.canonical_id, sightings.first_seen, sightings.last_seen, sightings.event_count
from nodes
inner join labels using (node)
inner join (
    select label, uuid() as canonical_id from (select distinct label from labels) as roots
) as people using (label)
inner join (
    select
        links.node, min(seen.first_seen) as first_seen, max(seen.last_seen) as last_seen,
        sum(seen.event_count) as event_count
    from links
    inner join seen using (tuple)
    group by links.node
) as sightings using (node);
"""


@dataclass(frozen=True)
class Identities:
    """What both took.

    Attributes:
        identifiers: how many there are.
        edges: how many pairs of them were seen, each once.
        people: by the package and by the script.
        runs: of the package, without the models before the raw events.
        script_seconds: of the script.
    """

    identifiers: int
    edges: int
    people: tuple[int, int]
    runs: list[DbtRun]
    script_seconds: list[float]

    @property
    def ratio(self) -> float:
        """Median of the package over median of the script."""
        return median(run.total_seconds for run in self.runs) / median(self.script_seconds)


def measure_identities(
    folder: Path, identifiers: int, rounds: int, memory: str | None = None
) -> Identities:
    """Resolve so many identifiers, from raw events that are there, in both ways."""
    people = identifiers // _IDENTIFIERS
    project = BenchProject(folder)
    if memory:
        project.limit_memory(memory)
    project.set_vars(
        cdp_match_rules=[
            {"name": name, "action": "ignore"}
            for name in ("same_device", "same_name_and_title", "continued_visit")
        ]
    )
    in_child(make_world, project.database, _FEW)
    in_child(_make_pairs, project.database, people)
    project.dbt("build", "--select", f"+{_EVENTS}", "--exclude", *TESTS)
    before = folder / "before.duckdb"
    shutil.copyfile(project.database, before)
    runs, script_seconds = [], []
    for _ in range(rounds):
        shutil.copyfile(before, project.database)
        runs.append(
            project.dbt("build", "--select", f"+{_GRAPH}", "--exclude", f"+{_EVENTS}", *TESTS)
        )
        script_seconds.append(in_child(_by_hand, project.database))
    found = in_child(_count, project.database)
    before.unlink()
    return Identities(people * _IDENTIFIERS, people * 8, found, runs, script_seconds)


def _make_pairs(database: Path, people: int) -> None:
    with connect(database) as connection:
        connection.execute(f"set variable people = {people}")
        connection.execute(_PAIRS)


def _by_hand(database: Path) -> float:
    started = time.perf_counter()
    with connect(database) as connection:
        connection.execute(_SEEN)
        spread(connection)
        connection.execute(_WRITTEN)
        return time.perf_counter() - started


def _count(database: Path) -> tuple[int, int]:
    with connect(database) as connection:
        ours, theirs = (
            connection.execute(f"select count(distinct canonical_id) from {table}").fetchone()
            for table in ("main_cdp.identity_graph", "bench.graph")
        )
    return (ours or (0,))[0], (theirs or (0,))[0]
