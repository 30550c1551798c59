"""What became of requests for erasure: the tables erasure_requests and erasure_actions.

Both are only ever added to, and the entries of one request are one chain (see `chain`). Neither
holds anything by which a person could be told. Whom a request is about stands in
erasure_identifiers, until it is confirmed or denied.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from dbt_cdp.batches import batches
from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Relation
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.landing import ensure_tables
from dbt_cdp.privacy.chain import Chain
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_when_free

REQUESTS, ACTIONS = "cdp__erasure_requests", "cdp__erasure_actions"
IDENTIFIERS = "cdp__erasure_identifiers"

# What rows of erasure_identifiers are for: what was asked for, and is approved by now; what is
# erased, what is counted.
ASKED, APPROVED, RUNNING, PREVIEW = "asked", "approved", "running", "preview"

# What the law gives: a month (GDPR, article 12, 3).
DUE = timedelta(days=30)
# So long before its end people are told.
SOON = timedelta(days=7)

_WRITTEN_ROWS = 5_000

_STATES = """
select
    request_id,
    status,
    received_at,
    entered_at,
    due_at,
    count_people,
    count_identifiers,
    review
from (
    select
        *,
        min(entered_at) over (partition by request_id) as received_at,
        row_number() over (partition by request_id order by position desc) as age
    from {requests}
) as numbered
where age = 1
order by received_at, request_id
"""
_LAST_ENTRIES = """
select request_id, position, entry_hash
from (
    select
        request_id,
        position,
        entry_hash,
        row_number() over (partition by request_id order by position desc) as age
    from (
        select request_id, position, entry_hash from {requests}
        union all
        select request_id, position, entry_hash from {actions}
    ) as entries
) as numbered
where age = 1
"""
_LAST_ACTIONS = """
select request_id, kind, subject, action, status, count_rows, detail
from (
    select
        *,
        row_number() over (
            partition by request_id, kind, subject, action
            order by position desc
        ) as age
    from {actions}
) as numbered
where age = 1
order by request_id, kind, subject
"""


class Status(StrEnum):
    """What a request has come to.

    received: it was entered. verified: somebody has made sure who asks. approved: it will be done
    by the next run. running: it has begun. waiting: what is left is done elsewhere, by a
    destination that did not answer or by a person. confirmed: nothing is left.
    """

    RECEIVED = "received"
    VERIFIED = "verified"
    APPROVED = "approved"
    RUNNING = "running"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    FAILED = "failed"


ENDED = (Status.CONFIRMED, Status.DENIED)
IN_WORK = (Status.APPROVED, Status.RUNNING, Status.WAITING, Status.FAILED)

DONE, LEFT, KEPT = "done", "left", "kept"


@dataclass(frozen=True)
class Request:
    """A request for erasure.

    Attributes:
        status: what it has come to.
        received_at: when it was entered (UTC).
        changed_at: since when it has this status (UTC).
        due_at: by when it has to be confirmed (UTC).
        people: how many people its identifiers mean.
        identifiers: how many identifiers they are known by.
        review: why somebody has to look at it before it is approved; None where nobody has to.
    """

    request_id: str
    status: str
    received_at: datetime
    changed_at: datetime
    due_at: datetime
    people: int
    identifiers: int
    review: str | None

    @property
    def is_open(self) -> bool:
        """Whether something is left to be done or decided."""
        return self.status not in ENDED

    def is_overdue(self, now: datetime) -> bool:
        """Whether it ought to have been confirmed by now."""
        return self.is_open and self.due_at < now


@dataclass(frozen=True)
class Task:
    """What was done, or is left to do, for a request in one place.

    Attributes:
        kind: table, destination, source, archive, suppression, scan, search (a column in which
            people were found) or searched (that every column was).
        subject: which.
        action: what is done there.
        status: done, left (it is tried again, or a person has to do it) or kept.
        rows: how many rows or records; None where nobody counts.
        detail: what the other side said, what a person has to do, or why it is kept.
    """

    kind: str
    subject: str
    action: str
    status: str
    rows: int | None = None
    detail: str | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is, and what is done there."""
        return self.kind, self.subject, self.action


@dataclass
class ErasureLedger:
    """The ledgers, on an open warehouse. Entries are written by `write`.

    Args:
        warehouse: the warehouse.
        requests: the table erasure_requests.
        actions: the table erasure_actions.
    """

    warehouse: Warehouse
    requests: Relation
    actions: Relation
    _chains: dict[str, Chain] = field(default_factory=dict)
    _states: list[dict[str, Any]] = field(default_factory=list)
    _tasks: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> list[Request]:
        """All requests, the oldest first."""
        rows = self.warehouse.query(_STATES.format(requests=self.requests))
        return [Request(*row) for row in rows]

    def find(self, request_id: str) -> Request:
        """A request, see `find_request`."""
        return find_request(self.read(), request_id)

    def tasks(self) -> Mapping[str, list[Task]]:
        """What was done and is left, by request: the last entry of each place."""
        found: dict[str, list[Task]] = {}
        for request_id, *values in self.warehouse.query(_LAST_ACTIONS.format(actions=self.actions)):
            found.setdefault(request_id, []).append(Task(*values))
        return found

    def enter(self, request: Request, status: Status, by: str | None, note: str | None) -> None:
        """Add what a request has come to."""
        self._states.append(
            self._chain(request.request_id).add(
                utc_now(),
                by,
                status=str(status),
                note=note,
                due_at=request.due_at,
                count_people=request.people,
                count_identifiers=request.identifiers,
                review=request.review,
            )
        )

    def enter_task(self, request_id: str, task: Task, by: str | None = None) -> None:
        """Add what was done or is left."""
        self._tasks.append(
            self._chain(request_id).add(
                utc_now(),
                by,
                kind=task.kind,
                subject=task.subject,
                action=task.action,
                status=task.status,
                count_rows=task.rows,
                detail=task.detail,
            )
        )

    def write(self) -> None:
        """Write what was entered."""
        for table, entries in ((self.requests, self._states), (self.actions, self._tasks)):
            for rows in batches(entries, _WRITTEN_ROWS):
                columns = {name: [row[name] for row in rows] for name in rows[0]}
                self.warehouse.insert_new(table, columns, "entry_id")
            entries.clear()

    def _chain(self, request_id: str) -> Chain:
        if not self._chains:
            sql = _LAST_ENTRIES.format(requests=self.requests, actions=self.actions)
            self._chains = {row[0]: Chain(*row) for row in self.warehouse.query(sql)}
        return self._chains.setdefault(request_id, Chain(request_id))


def make_tables(project: Project) -> list[Relation]:
    """Make the tables of requests, of actions and of identifiers, where they are missing."""
    return ensure_tables(project, [REQUESTS, ACTIONS, IDENTIFIERS])


def find_request(requests: Sequence[Request], request_id: str) -> Request:
    """A request, by its id or by how that begins.

    Raises:
        ConfigurationError: there is none, or several.
    """
    found = [one for one in requests if request_id and one.request_id.startswith(request_id)]
    if len(found) != 1:
        raise ConfigurationError(
            f"{len(found) or 'No'} requests have an id that begins so.",
            where="the argument of `cdp erase`",
            remedy="`cdp erase status --all` shows their ids.",
        )
    return found[0]


def check_open(request: Request, statuses: Iterable[Status], what: str) -> None:
    """Make sure that a request is in one of some statuses.

    Raises:
        CdpError: it is not.
    """
    allowed: Sequence[str] = [str(one) for one in statuses]
    if request.status not in allowed:
        raise CdpError(
            f"The request is {request.status}; {what} only what is {' or '.join(allowed)}.",
            where=f"request {request.request_id}",
        )


@contextmanager
def opened_ledger(project: Project) -> Iterator[ErasureLedger]:
    """The ledgers, on an open warehouse."""
    requests, actions, _ = make_tables(project)
    with open_when_free(project) as warehouse:
        yield ErasureLedger(warehouse, requests, actions)
