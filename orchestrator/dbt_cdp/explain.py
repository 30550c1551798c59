"""Why two identifiers are one person's, or are not: who each belongs to, and what links them.

Both queries are macros of the dbt package; identifiers go to them as parameters alone. No error
quotes an identifier, nor what stands in the place of its type.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier, identifier_problem, identifier_types
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables

# Compiled together, since dbt takes seconds to start.
_QUERIES = """{{ tojson({
    "verdict": cdp.cdp_explain_verdict_sql("?", "?", "?", "?"),
    "chain": cdp.cdp_explain_sql("?", "?", "?", "?"),
    "candidates": "
        select candidate_id, rule, score, status
        from " ~ ref("cdp__identity_candidates") ~ "
        where least(canonical_id_a, canonical_id_b) = ?
            and greatest(canonical_id_a, canonical_id_b) = ?
        order by score desc, candidate_id"
}) }}"""

_ORDINALS = ("first", "second")
_TOO_LONG = "the chain of links between them is longer than the search goes"


@dataclass(frozen=True)
class Side:
    """One of the two identifiers, and who it belongs to.

    Attributes:
        identifier: in normal form.
        status: person, shared, blocked, or unknown where no event or record shows it.
        canonical_id: of the person that it belongs to.
        block_reason: why it is blocked.
        count_people: how many people it leads to, where it is shared.
    """

    identifier: Identifier
    status: str
    canonical_id: str | None
    block_reason: str | None
    count_people: int | None


@dataclass(frozen=True)
class Link:
    """A link of the chain.

    Attributes:
        step: its place in the chain, from 1.
        identifier_a: where it comes from.
        identifier_b: where it leads.
        rule: event or record where the two were seen together, link where somebody decided it,
            else the rule that matched them.
        source: the entry of `cdp_sources` that showed them first; None for a decision or match.
        evidence_id: id of the event, the record, the decision or the match.
        event_type: of the event that showed them first; None for all else.
        event_count: how many events and records show them together.
        first_seen: when first (UTC); None where that is not known.
        last_seen: when last (UTC).
        is_accepted: whether the link makes the two one person's.
        reason: why it does not, as in identity_conflicts; None for a match, which is not in there
            unless a side of it is shared.
        detail: the type whose limit is meant, or the decision.
    """

    step: int
    identifier_a: Identifier
    identifier_b: Identifier
    rule: str
    source: str | None
    evidence_id: str
    event_type: str | None
    event_count: int
    first_seen: datetime | None
    last_seen: datetime | None
    is_accepted: bool
    reason: str | None
    detail: str | None


@dataclass(frozen=True)
class Proposal:
    """A match rule takes the two people for one.

    Attributes:
        score: how sure the rule is, from 0.20 to 1.
        status: what became of it, as in identity_candidates.
    """

    candidate_id: str
    rule: str
    score: float
    status: str


@dataclass(frozen=True)
class Explanation:
    """What is known of two identifiers.

    Attributes:
        verdict: what it comes to, in words.
        sides: the two, in the order in which they were given.
        is_connected: whether links connect the two, accepted or not.
        never_link_decision_id: the decision that the two are not one person's.
        links: the shortest chain from the first to the second, of accepted links alone where the
            two are one person's; empty where there is none.
        candidates: what match rules say of two people, the surest first.
    """

    verdict: str = field(repr=False)
    sides: tuple[Side, Side]
    is_connected: bool
    never_link_decision_id: str | None
    links: list[Link]
    candidates: list[Proposal]


def read_pair(project: Project, texts: Sequence[str], where: str) -> tuple[Identifier, Identifier]:
    """Two identifiers from their texts.

    Args:
        project: the project, whose identifier types are the known ones.
        texts: each TYPE=VALUE.
        where: what the texts were read from, in words.

    Raises:
        ConfigurationError: there are not two, or one of them is none.
    """
    types = identifier_types(project)
    identifiers = list(map(Identifier.parse, texts))
    problem = "" if len(identifiers) == len(_ORDINALS) else f"there are {len(identifiers)}, not two"
    for ordinal, identifier in zip(_ORDINALS, identifiers, strict=False):
        fault = identifier_problem(identifier, types)
        problem = problem or (f"the {ordinal} identifier {fault}" if fault else "")
    if problem:
        raise ConfigurationError(
            f"These are no two identifiers: {problem}.",
            where=where,
            remedy="give two, each as TYPE=VALUE.",
        )
    first, second = identifiers
    return first, second


def explain(project: Project, first: Identifier, second: Identifier) -> Explanation:
    """What makes two identifiers one person's, or keeps them apart.

    Args:
        project: the project whose warehouse holds the identity graph.
        first: where the chain begins, spelled as events may spell it.
        second: where it ends.

    Raises:
        ConfigurationError: the identity graph has not been built yet.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse cannot be opened or read.
    """
    queries = json.loads(Dbt(project).compile_inline(_QUERIES))
    asked = [first.type, first.value, second.type, second.value]
    with open_tables(project, ["cdp__identity_graph"]) as warehouse:
        rows = warehouse.query(queries["verdict"], asked)
        links = [_link(row) for row in warehouse.query(queries["chain"], asked)]
        side_a, side_b = map(_side, rows)
        people = sorted({side_a.canonical_id or "", side_b.canonical_id or ""})
        found = warehouse.query(queries["candidates"], people) if len(people) > 1 else []
    *_, is_connected, never_link = rows[0]
    is_connected = is_connected or bool(links)
    verdict = _verdict(side_a, side_b, is_connected, never_link, links)
    candidates = [Proposal(id_, rule, float(score), status) for id_, rule, score, status in found]
    return Explanation(verdict, (side_a, side_b), is_connected, never_link, links, candidates)


def _link(row: tuple[Any, ...]) -> Link:
    step, type_a, value_a, type_b, value_b, *rest = row
    return Link(step, Identifier(type_a, value_a), Identifier(type_b, value_b), *rest)


def _side(row: tuple[Any, ...]) -> Side:
    _, type_, value, *rest = row
    return Side(Identifier(type_, value), *rest[:4])


def _verdict(
    side_a: Side,
    side_b: Side,
    is_connected: bool,
    never_link: str | None,
    links: Sequence[Link],
) -> str:
    is_one = side_a.identifier == side_b.identifier
    nobodys = [_nobodys(side) for side in (side_a, side_b) if side.canonical_id is None]
    if nobodys:
        apart = "" if links or is_one else f" {_unlinked(is_connected).capitalize()}."
        return " ".join(dict.fromkeys(nobodys)) + apart
    if side_a.canonical_id == side_b.canonical_id:
        subject = "One identifier" if is_one else "One person"
        found = "" if is_one else f": {_count(links) if links else _TOO_LONG}"
        return f"{subject}, canonical id {side_a.canonical_id}{found}."
    why = f"decision {never_link} says so" if never_link else _refusal(links, is_connected)
    return f"Two people, canonical ids {side_a.canonical_id} and {side_b.canonical_id}: {why}."


def _nobodys(side: Side) -> str:
    """Why an identifier belongs to nobody, as a sentence."""
    if side.status == "blocked":
        return f"{side.identifier} is blocked: {side.block_reason}."
    if side.status == "shared":
        people = "1 person" if side.count_people == 1 else f"{side.count_people:,} people"
        return f"{side.identifier} is shared by {people}, and so belongs to nobody."
    return f"{side.identifier} is unknown: no event or record shows it."


def _refusal(links: Sequence[Link], is_connected: bool) -> str:
    refused = [link for link in links if not link.is_accepted]
    if not refused:
        return _unlinked(is_connected)
    detail = refused[0].detail
    why = {
        "limit": f"would give one person more identifiers of type {detail} than they may have",
        "shared": "has an identifier that is shared by several people",
        "never_link": f"joins what decision {detail} keeps apart",
    }.get(refused[0].reason or "", "joins two people")
    if len(refused) == 1:
        return f"a link was refused, because it {why}"
    return f"{len(refused)} links were refused, the first because it {why}"


def _unlinked(is_connected: bool) -> str:
    return _TOO_LONG if is_connected else "no chain of links connects them"


def _count(links: Sequence[Link]) -> str:
    return "1 link" if len(links) == 1 else f"{len(links):,} links"
