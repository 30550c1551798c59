"""The rules of identity resolution, told a second time: plainly, one step after the other.

Nothing here is taken from the package's SQL. An identifier is its type and its normal value.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple

Identifier = tuple[str, str]
Pair = tuple[Identifier, Identifier]
Person = frozenset[Identifier]

EARLIEST, LATEST = datetime(1970, 1, 1), datetime(9999, 12, 31)
COUNT_HEIRS = 200


class Type(NamedTuple):
    """The numbers of an identifier type."""

    priority: int
    max_per_person: int
    max_people: int
    counts: str


# The package's types with numbers that make small worlds conflict, and two pairs of equals.
TYPES = {
    "user_id": Type(1, 1, 1, "all"),
    "crm_id": Type(2, 2, 1, "all"),
    "billing_id": Type(2, 1, 1, "all"),
    "email": Type(3, 2, 1, "user_id"),
    "phone": Type(4, 2, 2, "named"),
    "device_id": Type(5, 2, 1, "named"),
    "anonymous_id": Type(5, 3, 1, "named"),
}
COUNTED = {"all": set(TYPES), "user_id": {"user_id"}, "named": {"user_id", "email"}}


class ImpossibleError(Exception):
    """Decisions that cannot all be kept."""


class Sighting(NamedTuple):
    """Identifiers that one source has seen together."""

    group_key: str
    identifiers: frozenset[Identifier]
    source: str
    origin: str
    evidence: str
    count: int
    first_seen: datetime | None
    last_seen: datetime | None


class Decision(NamedTuple):
    """What somebody has decided on one identifier or a pair."""

    decision_id: str
    decision: str
    one: Identifier
    other: Identifier | None
    decided_at: datetime | None
    is_spelled_otherwise: bool = False


class Candidate(NamedTuple):
    """What a match rule says of a pair, the stronger identifier first."""

    score: float
    is_merge: bool
    is_live: bool
    has_been_merge: bool


class Edge(NamedTuple):
    """What all sightings of a pair say together."""

    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    sources: int
    rule: str
    source: str
    evidence: str


class Pieces:
    """Union-find."""

    def __init__(self, members: Iterable[Identifier] = ()) -> None:
        self.parents = {member: member for member in members}

    def __getitem__(self, member: Identifier) -> Identifier:
        while (parent := self.parents.setdefault(member, member)) != member:
            member = parent
        return member

    def union(self, one: Identifier, other: Identifier) -> None:
        self.parents[self[one]] = self[other]

    def members(self, piece: Identifier) -> set[Identifier]:
        return {member for member in self.parents if self[member] == piece}

    def groups(self) -> list[frozenset[Identifier]]:
        found = defaultdict(set)
        for member in list(self.parents):
            found[self[member]].add(member)
        return [frozenset(group) for group in found.values()]


class Rulings:
    """The decisions in force; raises ImpossibleError where they contradict one another."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self.links: list[Pair] = []
        self.parted: dict[Pair, str] = {}
        self.shared: set[Identifier] = set()
        self.not_shared: set[Identifier] = set()
        by_subject: dict[Pair, list[Decision]] = defaultdict(list)
        for decision in decisions:
            subject = decision.one, decision.other or decision.one
            # Linked to itself an identifier is anyway.
            if decision.one != decision.other:
                by_subject[min(subject), max(subject)].append(decision)
        for subject, made in by_subject.items():
            self._rule(subject, made)
        self.groups = Pieces()
        for link in self.links:
            self.groups.union(*link)
        for one, other in self.parted:
            if self.groups[one] == self.groups[other]:
                raise ImpossibleError(one, other)

    def _rule(self, subject: Pair, made: list[Decision]) -> None:
        """What was decided last on a subject counts."""
        last = max(decision.decided_at or EARLIEST for decision in made)
        final = [one for one in made if (one.decided_at or EARLIEST) == last]
        if len({one.decision for one in final}) > 1:
            raise ImpossibleError(subject)
        match final[0].decision:
            case "link":
                self.links.append(subject)
            case "never_link":
                self.parted[subject] = min(one.decision_id for one in final)
            case "shared":
                self.shared.add(subject[0])
            case "not_shared":
                self.not_shared.add(subject[0])


def priority(identifier: Identifier) -> int:
    return TYPES[identifier[0]].priority


def edges_of(
    sightings: Iterable[Sighting], is_usable: Callable[[Identifier], bool]
) -> dict[Pair, Edge]:
    """Every pair that was seen together, the stronger first, and every identifier with itself."""
    seen: dict[Pair, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        if sighting.count > 0:
            usable = filter(is_usable, sighting.identifiers)
            order = sorted(usable, key=lambda one: (priority(one), one))
            for pair in (*combinations(order, 2), *zip(order, order, strict=True)):
                seen[pair].append(sighting)
    return {pair: _edge(together) for pair, together in seen.items()}


def _edge(together: Sequence[Sighting]) -> Edge:
    first = min(together, key=lambda one: f"{one.first_seen or '9999'} {one.group_key}")
    return Edge(
        count=sum(one.count for one in together),
        first_seen=min((one.first_seen for one in together if one.first_seen), default=None),
        last_seen=max((one.last_seen for one in together if one.last_seen), default=None),
        sources=len({one.source for one in together}),
        rule=first.origin,
        source=first.source,
        evidence=first.evidence,
    )


def components(edges: Iterable[Pair], rulings: Rulings) -> list[frozenset[Identifier]]:
    """What edges and links by decision connect."""
    pieces = Pieces()
    for one, other in (*edges, *rulings.links):
        pieces.union(one, other)
    return pieces.groups()


class Partition:
    """Who is with whom: `people`, and the identifiers that are `shared` and belong to nobody.

    `story` counts what happened on the way.
    """

    def __init__(self, edges: Mapping[Pair, Edge], rulings: Rulings) -> None:
        self.edges, self.rulings = edges, rulings
        self.nodes = {one for one, other in edges if one == other}
        self.pieces = Pieces(self.nodes)
        self.marked = rulings.shared & self.nodes
        self.story: Counter[str] = Counter()
        self.fellows = {
            node: {other for other in self.nodes if rulings.groups[other] == rulings.groups[node]}
            for node in self.nodes
        }
        linked = {node for node, fellows in self.fellows.items() if len(fellows) > 1}
        for node in linked:
            for other in self.fellows[node]:
                self.pieces.union(node, other)
        for tier in sorted({priority(node) for node in self.nodes}):
            self._walk(tier)
        self.shared = self.marked - linked
        self.people = [group - self.shared for group in self.pieces.groups() if group - self.shared]
        self.story["linked and marked"] += len(self.marked & linked)

    def _walk(self, tier: int) -> None:
        """One tier: set aside what leads to too many people, then join the pieces of the others."""
        ties = [pair for pair in self.edges if pair[0] != pair[1] and priority(pair[1]) == tier]
        here = {node for node in self.nodes if priority(node) == tier}
        self.marked |= {
            node for node in here - self.rulings.not_shared if self._leads_too_far(node, ties)
        }
        for one, other in sorted(ties, key=self._place):
            piece, another = self.pieces[one], self.pieces[other]
            if not self.marked & {one, other} and piece != another:
                sides = self.pieces.members(piece), self.pieces.members(another)
                if not why_apart(*sides, self.rulings):
                    self.pieces.union(one, other)

    def _leads_too_far(self, node: Identifier, ties: Iterable[Pair]) -> bool:
        ends = {one if other == node else other for one, other in ties if node in (one, other)}
        # What a record was merged into is no neighbour.
        ends = {one for one in ends if one[0] != node[0]}
        neighbours = (ends | self.fellows[node]) - {node} - self.marked
        rules = TYPES[node[0]]
        stronger = {self.pieces[one] for one in neighbours if priority(one) < rules.priority}
        people = [
            piece
            for piece in stronger
            if any(kind in COUNTED[rules.counts] for kind, _ in self.pieces.members(piece))
        ]
        if len(people) > rules.max_people:
            self.story["marked by people"] += 1
            return True
        for name, limits in TYPES.items():
            held = {one for one in neighbours if one[0] == name}
            if len(held) > limits.max_per_person and len({self.pieces[one] for one in held}) > 1:
                self.story["marked by its own neighbours"] += 1
                return True
        return False

    def _place(self, pair: Pair) -> tuple[Any, ...]:
        edge = self.edges[pair]
        return (-edge.count, edge.first_seen or LATEST, *pair)


def matched(
    partition: Partition, candidates: Mapping[Pair, Candidate], rulings: Rulings
) -> list[Person]:
    """The people of a partition, joined by matches in the order of their scores."""
    person_of = {one: person for person in partition.people for one in person}
    pieces = Pieces(person_of)
    for person in partition.people:
        for one in person:
            pieces.union(one, min(person))
    taken = [pair for pair, found in candidates.items() if found.is_live and found.is_merge]
    for one, other in sorted(taken, key=lambda pair: (-candidates[pair].score, *pair)):
        if one in person_of and other in person_of and pieces[one] != pieces[other]:
            sides = pieces.members(pieces[one]), pieces.members(pieces[other])
            is_apart = why_apart(*sides, rulings)
            partition.story["match refused" if is_apart else "matched"] += 1
            if not is_apart:
                pieces.union(one, other)
    return pieces.groups()


def why_apart(
    one: AbstractSet[Identifier], other: AbstractSet[Identifier], rulings: Rulings
) -> tuple[str, str] | None:
    """Why two pieces must not be one person, and the decision or the type that forbids it."""
    parting = [
        decision
        for (a, b), decision in rulings.parted.items()
        if (a in one and b in other) or (b in one and a in other)
    ]
    if parting:
        return "never_link", min(parting)
    held, others = Counter(kind for kind, _ in one), Counter(kind for kind, _ in other)
    for name in sorted(held.keys() & others.keys(), key=lambda name: (TYPES[name].priority, name)):
        if held[name] + others[name] > TYPES[name].max_per_person:
            return "limit", name
    return None


@dataclass
class CanonicalId:
    """An id of the registry.

    `current` is the birth number of the id that it resolves to, None for a retired one; `logged`
    that of the id that the log says it has been merged into.
    """

    birth_number: int
    anchor: Identifier
    heirs: tuple[Identifier, ...]
    current: int | None
    born_from: int | None = None
    is_told: bool = False
    logged: int | None = None


class Change(NamedTuple):
    """A row of the log: an id has been merged into another one, or split off from it."""

    change: str
    canonical: int
    other: int


@dataclass
class Registry:
    """The lives of canonical ids."""

    ids: dict[int, CanonicalId] = field(default_factory=dict)
    story: Counter[str] = field(default_factory=Counter)
    keys: Mapping[Identifier, int] = field(default_factory=dict)

    def advance(self, people: Iterable[Person], keys: Mapping[Identifier, int]) -> None:
        """One batch: every person gets an id.

        Of two identifiers the stronger type is the stronger one, then the smaller key.
        """
        self.keys = keys
        persons = [sorted(person, key=self._strength) for person in people]
        person_of = {one: person for person in persons for one in person}
        before = {number: one.current for number, one in self.ids.items()}
        owners = {
            heir: number
            for number, one in self.ids.items()
            if one.current == number
            for heir in one.heirs
        }
        self._inherit(person_of)
        held = defaultdict(list)
        for one in self.ids.values():
            if one.anchor in person_of:
                held[person_of[one.anchor][0]].append(one)
        for person in persons:
            if person[0] in held:
                self._continue(held[person[0]], person)
        self._abandon([one for one in self.ids.values() if one.anchor not in person_of])
        for person in sorted(persons, key=lambda person: keys[person[0]]):
            if person[0] not in held:
                number = len(self.ids) + 1
                born_from = next((owners[one] for one in person if one in owners), None)
                heirs = tuple(person[:COUNT_HEIRS])
                self.ids[number] = CanonicalId(number, person[0], heirs, number, born_from)
        self._tell(before)

    def _strength(self, one: Identifier) -> tuple[int, int]:
        return priority(one), self.keys[one]

    def _inherit(self, person_of: Mapping[Identifier, list[Identifier]]) -> None:
        """Ids whose anchor is nobody's any more go to the strongest of their heirs.

        An id that a person went by goes to any; one that was merged or retired comes back only for
        a person that would be given a new id.
        """
        lost = [one for one in self.ids.values() if one.anchor not in person_of]
        current = [one for one in lost if one.current == one.birth_number]
        for one in current:
            self._anchor(one, person_of, set())
        named = {person_of[one.anchor][0] for one in self.ids.values() if one.anchor in person_of}
        for one in lost:
            if one not in current:
                self._anchor(one, person_of, named)

    def _anchor(
        self,
        one: CanonicalId,
        person_of: Mapping[Identifier, list[Identifier]],
        named: AbstractSet[Identifier],
    ) -> None:
        heirs = [
            heir for heir in one.heirs if heir in person_of and person_of[heir][0] not in named
        ]
        if heirs:
            one.anchor = min(heirs, key=self._strength)
            kind = "current" if one.current == one.birth_number else "merged or retired"
            self.story[f"inherited anchor of a {kind} id"] += 1

    def _continue(self, held: list[CanonicalId], person: list[Identifier]) -> None:
        """A person goes by the id born first of those it holds; the others are merged into it."""
        first = min(held, key=lambda one: one.birth_number)
        for one in held:
            one.current = first.birth_number
        if priority(person[0]) < priority(first.anchor):
            first.anchor = person[0]
            self.story["moved anchor"] += 1
        first.heirs = tuple(person[:COUNT_HEIRS])

    def _abandon(self, lost: list[CanonicalId]) -> None:
        """An id that nothing holds is retired, or goes where the id goes that it is merged into."""
        for one in lost:
            if one.current == one.birth_number:
                one.current = None
        for one in lost:
            if one.current is not None:
                self.story["followed"] += self.ids[one.current].current != one.current
                one.current = self.ids[one.current].current

    def _tell(self, before: Mapping[int, int | None]) -> None:
        for number, one in self.ids.items():
            states = {None: "retired", number: "current"}
            old = states.get(before[number], "merged") if number in before else "unborn"
            if number not in before or before[number] != one.current:
                self.story[f"{old} to {states.get(one.current, 'merged')}"] += 1

    def log(self) -> list[Change]:
        """What has to be said so that whoever follows the log knows where every id is."""
        changes = []
        for number, one in self.ids.items():
            if one.born_from and not one.is_told:
                changes.append(Change("split", one.born_from, number))
            one.is_told = True
            if one.current is None:
                continue
            if one.logged and one.current != self.ids[one.logged].current:
                changes.append(Change("split", one.logged, number))
                one.logged = None
            if one.current != number and not one.logged:
                changes.append(Change("merge", one.current, number))
                one.logged = one.current
        return changes
