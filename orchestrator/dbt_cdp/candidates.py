"""Probable matches: what the match rules have found, for people to decide on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import (
    IDENTIFIER_COLUMNS,
    LEDGER,
    LEDGER_SQL,
    Decision,
    Identifier,
    Written,
    write_decisions,
)
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_tables

CANDIDATES = "cdp__identity_candidates"
DECISIONS = {"accept": "link", "refuse": "never_link"}
_SHORTEST_ID = 6

# A decision that the last build has not followed yet is told by its decision_id.
_CANDIDATES_SQL = """
with

ledger as (

    {ledger}

),

candidates as (

    select
        candidates.*,
        ledger.decision_id is distinct from candidates.decision_id
        and ledger.decision_id is not null as is_waiting

    from {candidates} as candidates

    left join ledger
        on
            least(
                candidates.identifier_type_a || ' ' || candidates.identifier_value_a,
                candidates.identifier_type_b || ' ' || candidates.identifier_value_b
            ) = least(
                ledger.identifier_type_a || ' ' || ledger.identifier_value_a,
                ledger.identifier_type_b || ' ' || ledger.identifier_value_b
            )
            and greatest(
                candidates.identifier_type_a || ' ' || candidates.identifier_value_a,
                candidates.identifier_type_b || ' ' || candidates.identifier_value_b
            ) = greatest(
                ledger.identifier_type_a || ' ' || ledger.identifier_value_a,
                ledger.identifier_type_b || ' ' || ledger.identifier_value_b
            )

)

select
    candidate_id,
    rule,
    score,
    case when is_waiting then 'decided' else status end as status,
    identifier_type_a,
    identifier_value_a,
    canonical_id_a,
    identifier_type_b,
    identifier_value_b,
    canonical_id_b,
    evidence,
    matched_at,
    found_at,
    count(*) over () as total

from candidates

where {condition}

order by score desc, rule, candidate_id

{limit}
"""
_OPEN = "status = 'open' and not is_waiting"
_BY_ID = "substr(candidate_id, 1, length(?)) = ?"


@dataclass(frozen=True)
class Candidate:
    """Two identifiers of two people that a match rule takes for one.

    Attributes:
        score: how sure the rule is, from 0.20 to 1.
        status: as in the table `identity_candidates`, or decided: somebody has decided on the two
            identifiers since the last build.
        evidence: what the score is made of.
        matched_at: when the second was seen where the first had been (UTC); None for a rule that
            compares no times.
        found_at: when a build found the pair first (UTC).
    """

    candidate_id: str
    rule: str
    score: float
    status: str
    one: Identifier
    canonical_id_a: str | None
    other: Identifier
    canonical_id_b: str | None
    evidence: Mapping[str, Any] = field(repr=False)
    matched_at: datetime | None
    found_at: datetime


def read_candidates(
    project: Project, limit: int, *, everything: bool = False
) -> tuple[list[Candidate], int]:
    """The candidates that wait for a decision, the surest first.

    Args:
        project: the project whose warehouse holds them.
        limit: how many to read.
        everything: also those that are decided, merged or below their rule's threshold.

    Returns:
        The candidates, and how many there are without the limit.

    Raises:
        ConfigurationError: nothing has been built yet.
        DbtError: the project cannot be parsed, or the ledger cannot be made.
        WarehouseError: the warehouse cannot be opened or read.
    """
    rows = _query(project, "true" if everything else _OPEN, [], limit)
    return [_candidate(row) for row in rows], rows[0][-1] if rows else 0


def decide_candidates(
    project: Project,
    answers: Mapping[str, str],
    reason: str | None,
    decided_by: str | None,
) -> list[Written]:
    """Write a decision on each of several candidates to the ledger, all of them or none.

    Args:
        project: the project whose warehouse holds the ledger.
        answers: accept or refuse, by candidate_id or the first characters of one.
        reason: why; by default the rule and its score.
        decided_by: who decided; None if nobody knows.

    Returns:
        What was written, in the order given.

    Raises:
        ConfigurationError: a candidate is unknown, named twice or meant by two ids.
        DbtError: the project cannot be parsed, or the ledger cannot be made.
        WarehouseError: the warehouse cannot be opened or written to.
    """
    short = next((start for start in answers if len(start) < _SHORTEST_ID), None)
    if short is not None:
        raise _no_candidate(f"The id '{short}' is too short.")
    condition = " or ".join([_BY_ID] * len(answers))
    rows = _query(project, condition, [start for start in answers for _ in range(2)])
    candidates = [_candidate(row) for row in rows]
    chosen = {start: _find(start, candidates) for start in answers}
    if len({candidate.candidate_id for candidate in chosen.values()}) < len(answers):
        raise ConfigurationError(
            "A candidate is named more than once.",
            where="the arguments of `cdp identity review`",
            remedy="accept or refuse each candidate once.",
        )
    decisions = [
        _decision(candidate, DECISIONS[answers[start]], reason)
        for start, candidate in chosen.items()
    ]
    return write_decisions(project, decisions, decided_by)


def _query(
    project: Project, condition: str, parameters: list[str], limit: int | None = None
) -> list[tuple[Any, ...]]:
    """The rows of candidates for which the condition holds, the surest first."""
    (ledger,) = ensure_tables(project, [LEDGER])
    candidates = Dbt(project).manifest().relation(CANDIDATES)
    sql = _CANDIDATES_SQL.format(
        ledger=LEDGER_SQL.format(ledger=ledger, keys=", ".join(IDENTIFIER_COLUMNS)),
        candidates=candidates,
        condition=condition,
        limit="" if limit is None else f"limit {limit}",
    )
    with open_tables(project, [CANDIDATES]) as warehouse:
        return warehouse.query(sql, [False, *parameters])


def _candidate(row: Sequence[Any]) -> Candidate:
    candidate_id, rule, score, status, *sides, evidence, matched_at, found_at, _ = row
    type_a, value_a, canonical_id_a, type_b, value_b, canonical_id_b = sides
    return Candidate(
        candidate_id=candidate_id,
        rule=rule,
        score=float(score),
        status=status,
        one=Identifier(type_a, value_a),
        canonical_id_a=canonical_id_a,
        other=Identifier(type_b, value_b),
        canonical_id_b=canonical_id_b,
        evidence=json.loads(evidence),
        matched_at=matched_at,
        found_at=found_at,
    )


def _find(start: str, candidates: Sequence[Candidate]) -> Candidate:
    """The candidate whose id has that start."""
    found = [candidate for candidate in candidates if candidate.candidate_id.startswith(start)]
    if len(found) != 1:
        what = "several candidates" if found else "no candidate"
        raise _no_candidate(f"The id '{start}' is that of {what}.")
    return found[0]


def _no_candidate(problem: str) -> ConfigurationError:
    return ConfigurationError(
        problem,
        where="the arguments of `cdp identity review`",
        remedy=f"give at least the first {_SHORTEST_ID} characters of an id that"
        " `cdp identity review --all` lists.",
    )


def _decision(candidate: Candidate, decision: str, reason: str | None) -> Decision:
    why = reason or f"{candidate.rule}, score {candidate.score:.2f}"
    return Decision(decision, (candidate.one, candidate.other), why)
