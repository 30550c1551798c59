"""What a database says of worlds and what it should say, in one form, and the comparison."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from harness import Database
from reference import (
    Edge,
    Identifier,
    Pair,
    Partition,
    Person,
    Registry,
    components,
    edges_of,
    matched,
    priority,
    why_apart,
)
from worlds import World, number_of

# What is said of things: a key is the number of a world, and a thing in it.
Layer = dict[tuple[int, Any], Any]
Picture = dict[str, Layer]

# What holds identifiers together, has done so, or keeps them apart.
LINKS = """
    select node_a, node_b, is_live, rule, evidence_id, batch_id
    from int_cdp__edges where node_a <> node_b
    union all
    select node_a, node_b, is_live and decision = 'link', decision, decision_id, batch_id
    from int_cdp__decision_edges
    where node_a + node_b is not null and (decision = 'link' or is_live)
    union all
    select node_a, node_b, is_live and is_merge, rule, candidate_id, batch_id
    from int_cdp__candidates where has_been_merge
"""


class DifferenceError(AssertionError):
    """A database does not say of a world what it should."""

    def __init__(self, world: World, text: str) -> None:
        super().__init__("\n".join([text, "", *world.told]))
        self.number = world.number


def compare(found: Picture, expected: Picture, worlds: Sequence[World]) -> None:
    """Raise the difference of the first world that differs in the first layer with one."""
    for layer, things in expected.items():
        said = found[layer]
        differing = [
            key
            for key in said.keys() | things.keys()
            if said.get(key, "nothing") != things.get(key, "nothing")
        ]
        if differing:
            number = min(number for number, _ in differing)
            lines = [
                f"{key[1]}: found {said.get(key, 'nothing')}, expected {things.get(key, 'nothing')}"
                for key in sorted(differing, key=str)
                if key[0] == number
            ]
            raise DifferenceError(_by_number(worlds)[number], "\n".join([layer, *lines]))


def _by_number(worlds: Iterable[World]) -> dict[int, World]:
    return {world.number: world for world in worlds}


# What a database says


def found(database: Database, worlds: Sequence[World]) -> Picture:
    """What a database says. Canonical ids are told by the order of births in their world."""
    names = {number: identifier for identifier, number in database.keys().items()}
    births = births_in(database)
    birth = {None: None} | {canonical: number for canonical, (_, number) in births.items()}
    return {
        "edges": _edges_in(database, names),
        "components": _components_in(database, names),
        "people": partition_in(database),
        **_ids_in(database, names, births, birth),
        "graph": _graph_in(database, birth),
        "conflicts": _conflicts_in(database),
        "tuples": _tuples_in(database, worlds, names, birth),
    }


def births_in(database: Database) -> dict[str, tuple[int, int]]:
    """The world of every canonical id, and its place among the births there."""
    born: Counter[int] = Counter()
    births = {}
    for canonical, *anchor in database.query("""
        select canonical_id, identifier_type, identifier_value
        from int_cdp__canonical_ids as registry
        inner join int_cdp__identifier_keys as keys on registry.anchor_id = keys.identifier_id
        order by birth_number
    """):
        number = number_of(tuple(anchor))
        born[number] += 1
        births[canonical] = (number, born[number])
    return births


def partition_in(database: Database) -> Layer:
    """Who is with whom in the graph: a person goes by its smallest identifier."""
    graph = database.query("""
        select (identifier_type, identifier_value), canonical_id, is_shared from identity_graph
    """)
    people = _grouped((one, canonical) for one, canonical, is_shared in graph if not is_shared)
    shared = _by_world((one, "shared") for one, _, is_shared in graph if is_shared)
    return people | shared


def _edges_in(database: Database, names: Mapping[int, Identifier]) -> Layer:
    rows = database.query("""
        select
            node_a, node_b, event_count, first_seen, last_seen, source_count, rule, source,
            evidence_id
        from int_cdp__edges where is_live
    """)
    return _by_world(((names[one], names[other]), Edge(*rest)) for one, other, *rest in rows)


def _components_in(database: Database, names: Mapping[int, Identifier]) -> Layer:
    rows = database.query("select identifier_id, component_id from int_cdp__components")
    return _grouped((names[one], component) for one, component in rows)


def _ids_in(
    database: Database,
    names: Mapping[int, Identifier],
    births: Mapping[str, tuple[int, int]],
    birth: Mapping[str | None, int | None],
) -> Picture:
    ids = {}
    for canonical, anchor, heirs, parent, current, status in database.query("""
        select canonical_id, anchor_id, heirs, born_from, current_canonical_id, status
        from int_cdp__canonical_ids inner join canonical_id_history using (canonical_id)
    """):
        inherit = tuple(names[int(heir)] for heir in heirs.split(";"))
        ids[births[canonical]] = (names[anchor], inherit, birth[parent], birth[current], status)
    log = defaultdict(list)
    for change, canonical, other in database.query("""
        select 'merge', canonical_id, merged_canonical_id from identity_merges
        union all
        select 'split', canonical_id, split_canonical_id from identity_splits
    """):
        log[births[other]].append((change, birth[canonical]))
    return {"ids": ids, "log": {key: sorted(changes) for key, changes in log.items()}}


def _graph_in(database: Database, birth: Mapping[str | None, int | None]) -> Layer:
    rows = database.query("""
        select
            (identifier_type, identifier_value), canonical_id, is_shared, event_count, first_seen,
            last_seen, source_count, first_source
        from identity_graph
    """)
    return _by_world((one, (birth[canonical], *rest)) for one, canonical, *rest in rows)


def _conflicts_in(database: Database) -> Layer:
    rows = database.query("""
        select
            (identifier_type_a, identifier_value_a), (identifier_type_b, identifier_value_b),
            reason, case when reason <> 'blocked' then detail end,
            event_count, first_seen, last_seen
        from identity_conflicts
    """)
    return _by_world((_either_way(one, other), tuple(rest)) for one, other, *rest in rows)


def _tuples_in(
    database: Database,
    worlds: Iterable[World],
    names: Mapping[int, Identifier],
    birth: Mapping[str | None, int | None],
) -> Layer:
    world_of = {key: world.number for world in worlds for key in world.tuples}
    rows = database.query("""
        select tuple_key, identifier_id, canonical_id, previous_canonical_id
        from int_cdp__tuple_people
    """)
    return {
        (world_of[key], key): (names.get(one), birth[canonical], birth[previous])
        for key, one, canonical, previous in rows
    }


def _by_world(things: Iterable[tuple[Any, Any]]) -> Layer:
    return {(number_of(about), about): said for about, said in things}


def _grouped(things: Iterable[tuple[Identifier, Any]]) -> Layer:
    """Every member with the smallest one of its group."""
    groups = defaultdict(list)
    for one, group in things:
        groups[group].append(one)
    return _by_world((one, min(group)) for group in groups.values() for one in group)


def _either_way(one: Identifier, other: Identifier) -> Pair:
    return min(one, other), max(one, other)


# What it should say


class Teller:
    """What should be said of one world, batch after batch. `story` counts what happened in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.registry = Registry()
        self.log: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self.tuples: dict[str, tuple[Identifier | None, int | None, int | None]] = {}
        self.story: Counter[str] = Counter()
        self.edges: dict[Pair, Edge] = {}
        self.person_of: dict[Identifier, Person] = {}
        self.shared: set[Identifier] = set()

    def tell(
        self, keys: Mapping[Identifier, int], built: AbstractSet[str], is_refresh: bool
    ) -> Picture:
        """The picture after the present batch. `keys` are the numbers of identifiers."""
        world = self.world
        self.edges = edges_of(world.sightings.values(), world.is_usable)
        connected = components(self.edges, world.rulings)
        partition = Partition(self.edges, world.rulings)
        people = matched(partition, world.candidates, world.rulings)
        self.story += partition.story
        self.shared = partition.shared
        self.person_of = {one: person for person in people for one in person}
        births: dict[Identifier, int] = {}
        if "int_cdp__canonical_ids" in built:
            self.registry.advance(people, keys)
            births = self._births()
        if "int_cdp__id_changes" in built:
            for change, canonical, other in self.registry.log():
                self.log[other].append((change, canonical))
        if "int_cdp__tuple_people" in built:
            self._attribute(births, is_refresh)
        layers: dict[str, dict[Any, Any]] = {
            "edges": self.edges,
            "components": {one: min(group) for group in connected for one in group},
            "people": {one: min(person) for one, person in self.person_of.items()}
            | dict.fromkeys(self.shared, "shared"),
            "ids": dict(self._ids()),
            "log": {other: sorted(changes) for other, changes in self.log.items()},
            "graph": dict(self._graph(births)),
            "conflicts": dict(self._conflicts()),
            "tuples": self.tuples,
        }
        return {
            layer: {(world.number, about): said for about, said in things.items()}
            for layer, things in layers.items()
        }

    def _births(self) -> dict[Identifier, int]:
        """The birth number of everybody's canonical id."""
        return {
            one: number
            for number, canonical in self.registry.ids.items()
            if canonical.current == number
            for one in self.person_of[canonical.anchor]
        }

    def _ids(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, one in self.registry.ids.items():
            status = {number: "current", None: "retired"}.get(one.current, "merged")
            yield number, (one.anchor, one.heirs, one.born_from, one.current, status)

    def _graph(self, births: Mapping[Identifier, int]) -> Iterator[tuple[Identifier, tuple]]:
        for (one, other), edge in self.edges.items():
            if one == other:
                seen = (edge.count, edge.first_seen, edge.last_seen, edge.sources, edge.source)
                yield one, (births.get(one), one in self.shared, *seen)

    def _conflicts(self) -> Iterator[tuple[Pair, tuple[Any, ...]]]:
        """Why links were refused: those between people, and those to shared or blocked values."""
        is_usable = self.world.is_usable
        seen = {one for pair in self.edges for one in pair}
        for pair, edge in edges_of(self.world.sightings.values(), lambda _: True).items():
            if any(one in seen for one in pair) and not all(map(is_usable, pair)):
                self.story["refused: blocked"] += 1
                yield _either_way(*pair), ("blocked", None, *edge[:3])
        for pair, edge in self.edges.items():
            one, other = (self.person_of.get(side, frozenset()) for side in pair)
            if one != other or (not one and pair[0] != pair[1]):
                reason, detail = why_apart(one, other, self.world.rulings) or ("shared", None)
                self.story[f"refused: {reason}"] += 1
                yield _either_way(*pair), (reason, detail, *edge[:3])

    def _attribute(self, births: Mapping[Identifier, int], is_refresh: bool) -> None:
        """Every tuple belongs to the person of its strongest identifier that is somebody's."""
        if is_refresh:
            self.tuples = {}
        for key, members in self.world.tuples.items():
            somebody = [one for one in members if one in births]
            strongest = min(somebody, key=lambda one: (priority(one), one[0]), default=None)
            now = (strongest, births[strongest] if strongest else None)
            stored = self.tuples.get(key)
            if stored is None or stored[:2] != now:
                self.tuples[key] = (*now, stored[1] if stored else None)

    def check_cause(
        self,
        change: str,
        birth: int,
        links: Iterable[tuple[Any, ...]],
        named: tuple[Any, ...],
    ) -> None:
        """A merge names the newest of the links that hold an id's own identifiers to the rest of
        the person, a split the newest of all other links between them and anybody else."""
        seen = {one for pair in self.edges for one in pair}
        own = seen & set(self.registry.ids[birth].heirs)
        choices: dict[tuple[Any, ...], int] = {}
        for one, other, is_live, rule, evidence, batch in links:
            persons = self.person_of.get(one, one), self.person_of.get(other, other)
            holds = is_live and persons[0] == persons[1]
            if (one in own) != (other in own) and holds == (change == "merge"):
                choices[one, other, rule, evidence] = batch
        newest = max(choices.values(), default=None)
        causes = [link for link, batch in choices.items() if batch == newest]
        if named not in (causes or [(None, None, None, None)]):
            text = f"{change} of {birth} names {named} and none of {causes}"
            raise DifferenceError(self.world, text)


def tell(
    tellers: Iterable[Teller],
    keys: Mapping[Identifier, int],
    built: AbstractSet[str],
    is_refresh: bool,
) -> Picture:
    """The picture of all worlds."""
    picture: Picture = defaultdict(dict)
    for teller in tellers:
        for layer, things in teller.tell(keys, built, is_refresh).items():
            picture[layer] |= things
    return picture


def check_causes(database: Database, tellers: Iterable[Teller], batch: int) -> None:
    """What the log of ids names as the causes of this batch's changes."""
    names = {number: identifier for identifier, number in database.keys().items()}
    of_world = {teller.world.number: teller for teller in tellers}
    links = defaultdict(list)
    for one, other, *rest in database.query(LINKS):
        links[number_of(names[one])].append((names[one], names[other], *rest))
    births = births_in(database)
    for change, canonical, one, other, *rest in database.query(f"""
        select change, other_canonical_id, node_a, node_b, rule, evidence_id
        from int_cdp__id_changes where batch_id = {batch}
    """):
        number, birth = births[canonical]
        named = (names.get(one), names.get(other), *rest)
        of_world[number].check_cause(change, birth, links[number], named)
