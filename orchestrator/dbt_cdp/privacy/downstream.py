"""Erases people in the destinations that were sent something of them."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from dbt_cdp.activation.definition import Definition, read_syncs
from dbt_cdp.activation.engine import destination_of
from dbt_cdp.activation.ledger import make_tables as make_sync_tables
from dbt_cdp.dbt import Dbt
from dbt_cdp.destinations.base import Outcome, Row, Status
from dbt_cdp.errors import CdpError
from dbt_cdp.privacy.ledger import DONE, IDENTIFIERS, LEFT, RUNNING, Task
from dbt_cdp.privacy.staged import delete_rows
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_when_free

# What is known of each record: what was acknowledged, and what was tried since.
_SENT = """
select distinct
    staged.request_id,
    sent.sync_name,
    sent.destination,
    sent.object,
    sent.record_id,
    sent.key_value,
    sent.remote_id,
    sent.sent,
    sent.tried
from (
    select
        coalesce(deliveries.sync_name, attempts.sync_name) as sync_name,
        coalesce(deliveries.destination, attempts.destination) as destination,
        coalesce(deliveries.object, attempts.object) as object,
        coalesce(deliveries.record_id, attempts.record_id) as record_id,
        coalesce(deliveries.row_id, attempts.row_id) as row_id,
        coalesce(deliveries.key_value, attempts.key_value) as key_value,
        coalesce(deliveries.remote_id, attempts.remote_id) as remote_id,
        coalesce(deliveries.sent, attempts.sent) as sent,
        case when deliveries.record_id is not null then attempts.sent end as tried
    from {deliveries} as deliveries
    full outer join {attempts} as attempts on deliveries.record_id = attempts.record_id
) as sent
inner join (
    select distinct request_id, identifier_type, identifier_value
    from {staged}
    where stage = ?
) as staged
    on
        (staged.identifier_type = 'canonical_id' and sent.row_id = staged.identifier_value)
        or (
            staged.identifier_type not in ('canonical_id', 'identifier_id', 'tuple_key')
            and lower(sent.key_value) = lower(staged.identifier_value)
        )
"""


@dataclass(frozen=True)
class _Place:
    """Where something was sent to."""

    sync: str
    destination: str
    object: str

    @property
    def name(self) -> str:
        return f"{self.destination}/{self.object}" if self.object else self.destination


def erase_downstream(
    project: Project, request_ids: Sequence[str], done: Collection[tuple[str, str]]
) -> list[tuple[str, Task]]:
    """Ask every destination that was sent something to erase it.

    Args:
        project: the project.
        request_ids: the requests.
        done: requests and names of places where a person has done it.

    Returns:
        What became of it, with the request, a task a place. What has been erased is deleted from
        the ledgers of syncs.
    """
    sent = _read(project, RUNNING, set(request_ids))
    if not sent:
        return []
    syncs = {one.name: one for one in read_syncs(project)}
    tasks: list[tuple[str, Task]] = []
    for place, found in sent.items():
        by_hand = [row for one, row in found if (one, place.name) in done]
        _forget(project, [row.delivery_id for row in by_hand])
        rows = [(one, row) for one, row in found if (one, place.name) not in done]
        if not rows:
            continue
        outcomes, problem = _ask(project, syncs.get(place.sync), place, [row for _, row in rows])
        tasks += _tasks(place, rows, outcomes, problem)
        _forget(project, [row.delivery_id for _, row in rows if _is_erased(outcomes, row)])
    return tasks


def count_downstream(project: Project, stage: str) -> list[tuple[str, int]]:
    """How many records of the people each destination was sent."""
    return [(place.name, len(rows)) for place, rows in _read(project, stage, None).items()]


def _read(
    project: Project, stage: str, request_ids: set[str] | None
) -> dict[_Place, list[tuple[str, Row]]]:
    deliveries, _, _, attempts = make_sync_tables(project)
    staged = Dbt(project).manifest().relation(IDENTIFIERS)
    sql = _SENT.format(deliveries=deliveries, attempts=attempts, staged=staged)
    found: dict[_Place, dict[str, tuple[str, Row]]] = defaultdict(dict)
    with open_when_free(project) as warehouse:
        for request_id, sync, destination, kind, *record in warehouse.query(sql, [stage]):
            if request_ids is None or request_id in request_ids:
                row = _row(*record)
                place = _Place(sync, destination, kind or "")
                found[place].setdefault(row.delivery_id, (request_id, row))
    return {place: list(rows.values()) for place, rows in found.items()}


def _row(
    record_id: str, key: str | None, remote_id: str | None, sent: str | None, tried: str | None
) -> Row:
    values = [json.loads(text) if text else {} for text in (sent, tried)]
    return Row(record_id, key or "", {}, remote_id, None, *values)


def _ask(
    project: Project, sync: Definition | None, place: _Place, rows: Sequence[Row]
) -> tuple[dict[str, Outcome], str | None]:
    """What the destination says of the rows, and what went wrong with all of them."""
    if sync is None or (sync.destination, sync.target) != (place.destination, place.object):
        return {}, "its sync is gone; delete the records there"
    outcomes: dict[str, Outcome] = {}
    try:
        with destination_of(project, sync) as destination:
            for start in range(0, len(rows), destination.max_rows):
                some = rows[start : start + destination.max_rows]
                outcomes |= {one.delivery_id: one for one in destination.erase(some)}
    except CdpError as error:
        return outcomes, error.problem
    return outcomes, None


def _tasks(
    place: _Place,
    rows: Sequence[tuple[str, Row]],
    outcomes: dict[str, Outcome],
    problem: str | None,
) -> Iterator[tuple[str, Task]]:
    by_request: dict[str, list[Row]] = defaultdict(list)
    for request_id, row in rows:
        by_request[request_id].append(row)
    for request_id, some in by_request.items():
        left = [row for row in some if not _is_erased(outcomes, row)]
        said = [one.reason for row in left if (one := outcomes.get(row.delivery_id)) and one.reason]
        status, count = (LEFT, len(left)) if left else (DONE, len(some))
        detail = (said[0] if said else problem) if left else None
        yield request_id, Task("destination", place.name, "erase", status, count, detail)


def _is_erased(outcomes: dict[str, Outcome], row: Row) -> bool:
    outcome = outcomes.get(row.delivery_id)
    return bool(outcome and outcome.status is Status.ACKNOWLEDGED)


def _forget(project: Project, record_ids: Sequence[str]) -> None:
    """Delete what was sent from the ledgers."""
    deliveries, _, rejects, attempts = make_sync_tables(project)
    with open_when_free(project) as warehouse:
        for table in (deliveries, rejects, attempts):
            delete_rows(warehouse, table, "record_id", record_ids)
