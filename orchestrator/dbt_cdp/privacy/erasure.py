"""Erases people: finds all that is tied to them, deletes it here and in destinations, looks again.

An erasure is done in two parts, with a build of dbt between them. `begin` looks up all that the
people are known by, suppresses it, deletes what dbt reads, and withdraws the identifiers, so that
the build computes identities, profiles and segments without them. `finish` deletes what the build
has left, asks the destinations, rewrites archives, and looks whether anything is still there. Each
part can be killed anywhere and done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dbt_cdp.privacy.archives import erase_archives
from dbt_cdp.privacy.downstream import erase_downstream
from dbt_cdp.privacy.ledger import DONE, IN_WORK, LEFT, Request, Status, Task, opened_ledger
from dbt_cdp.privacy.leftovers import forget_bytes
from dbt_cdp.privacy.suppressions import suppress
from dbt_cdp.privacy.work import Work, opened
from dbt_cdp.project import Project


@dataclass(frozen=True)
class Erasures:
    """What a part of the work has done.

    Attributes:
        requests: how many requests it was about.
        rows: how many rows were deleted or emptied.
        confirmed: how many requests are confirmed by it.
        left: how many wait for something.
    """

    requests: int = 0
    rows: int = 0
    confirmed: int = 0
    left: int = 0


def begin(project: Project, salt: str = "") -> Erasures:
    """Do the first part for what is approved, or was begun before. To be called by who has the lock
    of a run, before dbt builds.

    Args:
        project: the project.
        salt: that of the run, for what is hashed; a new one without it.

    Raises:
        ConfigurationError: a table's description is not as it must be.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse refuses.
    """
    requests = _in_work(project)
    if not requests:
        return Erasures()
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests)
        work.find()
        work.sort_shared()
        identifiers = work.identifiers()
    # The list of suppressions has a connection of its own.
    added = suppress(project, identifiers)
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests, salt=salt)
        for request in requests:
            if request.status == Status.APPROVED:
                ledger.enter(request, Status.RUNNING, None, None)
        work.enter(Task("suppression", "suppressions", "suppress", DONE, added))
        rows = work.erase(before_build=True)
        work.withdraw()
        ledger.write()
    return Erasures(len(requests), rows)


def finish(project: Project, salt: str = "", *, is_deep: bool = False) -> Erasures:
    """Do the second part, after dbt has built, for what `begin` has done the first part of.

    Args:
        project: the project.
        salt: as for `begin`.
        is_deep: whether every column is searched for the people (see `search`).

    Returns:
        What it has done; nothing, where dbt has not built since.

    Raises:
        As `begin`.
    """
    requests = [one for one in _in_work(project) if one.status != Status.APPROVED]
    if not requests:
        return Erasures()
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests)
        if work.is_unbuilt():
            return Erasures(left=len(requests))
        # What still was sent somewhere, and yet is done, a person has done.
        done = {
            (request_id, one.subject)
            for request_id, tasks in ledger.tasks().items()
            for one in tasks
            if one.kind == "destination" and one.status == DONE
        }
    left = erase_downstream(project, [one.request_id for one in requests], done)
    archived = erase_archives(project, requests)
    with opened(project) as (queries, ledger):
        work = Work(project, queries, ledger, requests, salt=salt)
        for request_id, task in [*left, *archived]:
            ledger.enter_task(request_id, task)
        # What the destinations were sent is known until they have erased it.
        waits = {request_id for request_id, task in left if task.status == LEFT}
        rows = work.erase(before_build=True) + work.erase(
            before_build=False, but_ledgers=bool(waits)
        )
        work.forget_unused()
        work.look_at_sources()
        work.clear_leftovers()
        remains = work.scan()
        if is_deep:
            work.search(waits)
        ledger.write()
        finished = work.conclude(waits, remains)
        ledger.write()
    # A request may wait for weeks, in which nothing more is deleted by it.
    is_clear = forget_bytes(project) if rows or finished else True
    confirmed = _confirm(project, finished, is_clear=is_clear)
    return Erasures(len(requests), rows, confirmed, len(requests) - confirmed)


def _confirm(project: Project, finished: Sequence[Request], *, is_clear: bool) -> int:
    """Confirm requests of which nothing is left in tables, if nothing is in the file either; how
    many those are."""
    with opened_ledger(project) as ledger:
        for request in finished:
            if is_clear:
                ledger.enter(request, Status.CONFIRMED, None, None)
            elif request.status != Status.WAITING:
                ledger.enter(request, Status.WAITING, None, "left: the bytes in the file")
        ledger.write()
    return len(finished) if is_clear else 0


def _in_work(project: Project) -> list[Request]:
    with opened_ledger(project) as ledger:
        return [one for one in ledger.read() if one.status in IN_WORK]
