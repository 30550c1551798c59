"""Requests for erasure: entered, approved, denied, and ticked off."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier, identifier_problem, identifier_types
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.person import CANONICAL_ID
from dbt_cdp.privacy.ledger import (
    ASKED,
    DONE,
    DUE,
    IDENTIFIERS,
    LEFT,
    Request,
    Status,
    Task,
    check_open,
    find_request,
    opened_ledger,
)
from dbt_cdp.privacy.rules import INTERNAL
from dbt_cdp.privacy.staged import forget, stage_rows
from dbt_cdp.privacy.work import opened
from dbt_cdp.project import Project
from dbt_cdp.queries import Queries

# More identifiers than a person usually has; a person of so many may be several.
_MANY_IDENTIFIERS = 100


def add_requests(
    project: Project,
    people: Sequence[Sequence[Identifier]],
    *,
    due: timedelta = DUE,
    evidence: str | None = None,
    by: str | None = None,
) -> list[Request]:
    """Enter requests, and find whom they mean.

    Args:
        project: the project.
        people: for each request, what the person is known by.
        due: within which time each has to be confirmed.
        evidence: how somebody has made sure that it is this person who asks; None if nobody has.
        by: who enters them.

    Raises:
        ConfigurationError: an identifier is none, or the project has not been built.
        DbtError: the project cannot be compiled, or the ledger cannot be made.
        WarehouseError: the warehouse refuses.
    """
    check_identifiers(project, people)
    now = utc_now()
    asked = {uuid.uuid4().hex: group for group in people}
    with opened(project) as (queries, ledger):
        staged = Dbt(project).manifest().relation(IDENTIFIERS)
        stage_rows(
            queries.warehouse,
            staged,
            (
                (one, identifier.type, identifier.value)
                for one, group in asked.items()
                for identifier in group
            ),
            ASKED,
        )
        requests = _found(queries, [*asked], now, due)
        for request in requests:
            ledger.enter(request, Status.RECEIVED, by, None)
            if evidence:
                ledger.enter(request, Status.VERIFIED, by, evidence)
        ledger.write()
        known = {one.request_id: one for one in ledger.read()}
    return [known[one] for one in asked]


def check_identifiers(project: Project, people: Sequence[Sequence[Identifier]]) -> None:
    """Make sure that what people are said to be known by can be identifiers.

    Raises:
        ConfigurationError: one is none, or somebody has none.
    """
    types = [*identifier_types(project), CANONICAL_ID]
    problems = [identifier_problem(one, types) for group in people for one in group]
    if any(problems) or not all(people):
        raise ConfigurationError(
            f"An identifier {next(filter(None, problems), 'is missing')}.",
            remedy="give each as TYPE=VALUE, such as email=ann@shop.example.",
        )


def _found(
    queries: Queries, request_ids: Sequence[str], now: datetime, due: timedelta
) -> list[Request]:
    """The requests, with whom they mean and why somebody has to look at them."""
    wanted = set(request_ids)
    meanings: dict[str, list[tuple[Any, ...]]] = {one: [] for one in request_ids}
    for request_id, *meaning in queries.run("asked"):
        if request_id in wanted:
            meanings[request_id].append(tuple(meaning))
    internal = ", ".join(f"'{kind}'" for kind in INTERNAL)
    counts = dict(
        queries.run_within(
            "found",
            "select request_id, count(*) from found"  # noqa: S608
            f" where identifier_type not in ({internal}) group by request_id",
        )
    )
    requests = []
    for request_id, rows in meanings.items():
        people = {canonical_id for _, _, canonical_id, _, _ in rows if canonical_id}
        count = counts.get(request_id, 0)
        review = "; ".join(reasons_for_review(rows, len(people), count)) or None
        requests.append(
            Request(request_id, Status.RECEIVED, now, now, now + due, len(people), count, review)
        )
    return requests


def reasons_for_review(
    rows: Sequence[tuple[Any, ...]], people: int, identifiers: int
) -> Iterator[str]:
    """Why somebody has to look at what was asked for.

    Args:
        rows: what each identifier means: its type, its value, the canonical id, whether it is
            shared, and why it is blocked.
        people: how many people that are.
        identifiers: how many identifiers those are known by.
    """
    for kind, _, _, is_shared, block_reason in rows:
        if is_shared:
            yield f"the {kind} is shared, and so nobody's alone; it is left where it is"
        elif block_reason:
            yield f"the {kind} names nobody: {block_reason}"
    if people > 1:
        yield f"what was given means {people} people"
    if identifiers > _MANY_IDENTIFIERS * max(people, 1):
        yield f"the person has {identifiers:,} identifiers, and may be several"


def approve(
    project: Project,
    request_ids: Sequence[str],
    *,
    is_reviewed: bool = False,
    evidence: str | None = None,
    by: str | None = None,
) -> list[Request]:
    """Let requests be done by the next run, all of them or none.

    Args:
        project: the project.
        request_ids: their ids, or how those begin; none for all that are verified and do not stop
            for review.
        is_reviewed: whether somebody has looked at why they stop for review.
        evidence: how somebody has made sure that it is these people who ask.
        by: who approves them.

    Raises:
        CdpError: one stops for review, nobody has made sure who asks, or it was approved or ended
            before.
    """
    with opened_ledger(project) as ledger:
        known = ledger.read()
        chosen = [find_request(known, one) for one in request_ids]
        if not request_ids:
            chosen = [one for one in known if one.status == Status.VERIFIED and not one.review]
        for request in chosen:
            _check_approvable(request, is_reviewed=is_reviewed, has_evidence=bool(evidence))
            if evidence:
                ledger.enter(request, Status.VERIFIED, by, evidence)
            ledger.enter(request, Status.APPROVED, by, "reviewed" if request.review else None)
        ledger.write()
        ids = {one.request_id for one in chosen}
        return [one for one in ledger.read() if one.request_id in ids]


def _check_approvable(request: Request, *, is_reviewed: bool, has_evidence: bool) -> None:
    check_open(request, [Status.RECEIVED, Status.VERIFIED], "approve")
    where = f"request {request.request_id}"
    if request.status == Status.RECEIVED and not has_evidence:
        raise CdpError(
            "Nobody has made sure that it is this person who asks.",
            where=where,
            remedy='say how you did, such as --evidence "signed in, and asked by e-mail".',
        )
    if request.review and not is_reviewed:
        raise CdpError(
            f"The request stops for review: {request.review}.",
            where=where,
            remedy="look at what it would touch with `cdp erase run --dry-run`, then approve it"
            " with --reviewed, or deny it.",
        )


def deny(project: Project, request_id: str, reason: str, by: str | None) -> Request:
    """Refuse a request; what it was about is forgotten.

    Raises:
        CdpError: it has begun, or ended before.
    """
    with opened_ledger(project) as ledger:
        request = ledger.find(request_id)
        check_open(request, [Status.RECEIVED, Status.VERIFIED, Status.APPROVED], "deny")
        ledger.enter(request, Status.DENIED, by, reason)
        ledger.write()
        forget(ledger.warehouse, Dbt(project).manifest(), [request.request_id])
        return ledger.find(request.request_id)


def tick(project: Project, request_id: str, subject: str, note: str, by: str | None) -> Request:
    """Enter that a person has done what was left to do in a place.

    Raises:
        CdpError: nothing is left to do there.
    """
    with opened_ledger(project) as ledger:
        request = ledger.find(request_id)
        tasks = ledger.tasks().get(request.request_id, [])
        left = [one for one in tasks if one.status == LEFT]
        found = [one for one in left if one.subject == subject]
        if not found:
            raise CdpError(
                f"Nothing is left to do in '{subject}'.",
                where=f"request {request.request_id}",
                remedy=f"left is: {', '.join(one.subject for one in left) or 'nothing'}.",
            )
        for task in found:
            ledger.enter_task(request.request_id, replace(task, status=DONE, detail=note), by)
        ledger.write()
        return request


def read_requests(project: Project) -> tuple[list[Request], Mapping[str, list[Task]]]:
    """All requests, and what was done and is left for each."""
    with opened_ledger(project) as ledger:
        return ledger.read(), ledger.tasks()
