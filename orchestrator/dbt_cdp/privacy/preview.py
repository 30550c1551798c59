"""Counts what open requests would touch."""

from collections.abc import Sequence
from dataclasses import dataclass

from dbt_cdp.dbt import Dbt
from dbt_cdp.privacy.downstream import count_downstream
from dbt_cdp.privacy.ledger import IDENTIFIERS, PREVIEW, Request
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.privacy.work import Work, opened
from dbt_cdp.project import Project


@dataclass(frozen=True)
class Count:
    """What a request would touch in one place.

    Attributes:
        place: a table or a destination.
        action: delete, null, keep, manual or erase.
        rows: how many rows or records.
    """

    request_id: str
    place: str
    action: str
    rows: int


def preview(project: Project) -> list[Count]:
    """Count what each open request would touch; nothing is deleted.

    Raises:
        ConfigurationError: a table's description is not as it must be, or nothing has been built.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse refuses.
    """
    requests = [one for one in read_requests(project)[0] if one.is_open]
    return [count for request in requests for count in _counts(project, request)]


def _counts(project: Project, request: Request) -> Sequence[Count]:
    staged = Dbt(project).manifest().relation(IDENTIFIERS)
    forget = f"delete from {staged} where stage = ?"  # noqa: S608
    with opened(project) as (queries, ledger):
        # Of a preview that was killed.
        queries.warehouse.execute(forget, [PREVIEW])
        work = Work(project, queries, ledger, [request], PREVIEW)
        work.find_of(request.request_id)
        tables = list(work.count())
    try:
        sent = count_downstream(project, PREVIEW)
    finally:
        with opened(project) as (queries, _):
            queries.warehouse.execute(forget, [PREVIEW])
    return [
        *(Count(request.request_id, *one) for one in tables),
        *(Count(request.request_id, place, "erase", count) for place, count in sent),
    ]
