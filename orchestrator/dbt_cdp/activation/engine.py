"""Runs a sync: sends what differs, and takes note of what became of every row."""

from collections.abc import Mapping
from contextlib import suppress

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import (
    DOUBLED,
    ORDER,
    Counts,
    Difference,
    open_difference,
)
from dbt_cdp.activation.hand_over import hand_over
from dbt_cdp.activation.ledger import HELD, PARTIAL, Report, SyncLedger, doubled
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Settings
from dbt_cdp.destinations.hand_over import HandOver
from dbt_cdp.destinations.registry import (
    VARIABLE,
    open_destination,
    open_hand_over,
    read_destinations,
)
from dbt_cdp.errors import CdpError, ConfigurationError, stopped_by
from dbt_cdp.ledger import FAILED, OK, STOPPED
from dbt_cdp.project import PROJECT_FILE, Project

# The guard that nobody has set stops no removal of so few records: half of three is nothing odd.
_FEW = 10


def destination_of(project: Project, sync: Definition) -> Destination:
    """The destination of a sync.

    Raises:
        ConfigurationError: there is none of that name, or it or the sync is not as it must be.
    """
    return open_destination(project, _entry_of(project, sync), sync.for_destination())


def tool_of(project: Project, sync: Definition) -> HandOver:
    """The tool that a sync is handed over to.

    Raises:
        ConfigurationError: there is none of that name, or it or the sync is not as it must be.
    """
    return open_hand_over(project, _entry_of(project, sync), sync.for_destination())


def _entry_of(project: Project, sync: Definition) -> Settings:
    destinations = read_destinations(project)
    if sync.destination not in destinations:
        raise ConfigurationError(
            f"There is no destination '{sync.destination}'.",
            where=f"sync '{sync.name}'",
            remedy=f"add it to {VARIABLE} in {PROJECT_FILE}; there are:"
            f" {', '.join(destinations) or 'none'}.",
        )
    return destinations[sync.destination]


def run_sync(
    project: Project,
    sync: Definition,
    *,
    run_id: str | None = None,
    is_confirmed: bool = False,
    retries: bool = False,
) -> tuple[Report, CdpError | None]:
    """Send what differs, or have another tool do so. To be called by who has the lock of a run.

    Args:
        project: the project.
        sync: the sync.
        run_id: the run that it is a part of; None for none.
        is_confirmed: whether somebody has said yes to what its guard would stop.
        retries: whether rows are sent, too, that were rejected for good or too often.

    Returns:
        What became of it, and what went wrong if it could not be done to its end.

    Raises:
        ClockError: this machine's clock is behind the last run of the sync.
        DbtError: the ledger cannot be made.
        WarehouseError: the ledger cannot be written.
    """
    ledger = SyncLedger(project, sync, run_id)
    lost = ledger.begin()
    try:
        if sync.mode is Mode.HAND_OVER:
            ledger.give_up(lost)
            with tool_of(project, sync) as tool:
                return hand_over(tool, ledger), None
        with destination_of(project, sync) as destination:
            for one, remote_ids in lost.items():
                destination.discard(one, remote_ids)
            ledger.give_up(lost)
            with open_difference(project, sync, destination, retries=retries) as difference:
                numbers = {action: difference.number(action) for action in ORDER}
                ledger.count(difference.counts, numbers)
                problem = guard_problem(sync, difference.counts, numbers)
                if problem and not is_confirmed:
                    return ledger.end(HELD, problem), None
                destination.begin(ledger.report.sync_run_id)
                _deliver(destination, difference, ledger)
    except CdpError as error:
        return ledger.end(FAILED, error.problem), error
    except BaseException as reason:
        # What the destination has taken is written, so that it need not be sent again.
        with suppress(CdpError):
            ledger.end(STOPPED, stopped_by(reason))
        raise
    return ledger.end(PARTIAL if ledger.report.rejected else OK), None


def guard_problem(sync: Definition, counts: Counts, numbers: Mapping[Action, int]) -> str | None:
    """Why a sync is to be held before it sends anything; None where it need not.

    Args:
        sync: the sync.
        counts: how many rows there are.
        numbers: by action how many are to be sent.
    """
    guard, total = sync.guard, sum(numbers.values())
    gone = numbers[Action.REMOVE] + numbers[Action.MERGE]
    if guard.min_rows is not None and counts.source_rows < guard.min_rows:
        return f"it has {counts.source_rows:,} rows, and its guard asks for {guard.min_rows:,}"
    if sync.removes and counts.present_records and not counts.model_rows:
        return f"the model {sync.model_name} is empty; everything delivered would be removed"
    if guard.max_rows is not None and total > guard.max_rows:
        return f"it would send {total:,} rows; its guard lets {guard.max_rows:,} pass"
    is_set = "max_delete_percent" in guard.model_fields_set
    most = counts.present_records * guard.max_delete_percent / 100
    if gone > most and (is_set or gone > _FEW):
        return (
            f"it would remove {gone:,} of {counts.present_records:,} records; its guard lets"
            f" {guard.max_delete_percent:g} % pass"
        )
    return None


def _deliver(destination: Destination, difference: Difference, ledger: SyncLedger) -> None:
    """Send a difference.

    Raises:
        DestinationError: the destination refuses everything, or does not answer.
    """
    for change in difference.changes(DOUBLED):
        ledger.enter(change, doubled(change))
    if not ledger.report.to_do:
        return
    for action in ORDER:
        ledger.attempt(difference.changes(action))
    if destination.sync.mode in destination.replaces:
        destination.replace(change.row for change in difference.everything())
        for action in ORDER:
            for change in difference.changes(action):
                ledger.enter(change, Outcome.acknowledged(change.row))
        return
    sender = Sender(destination, ledger.enter)
    for action in ORDER:
        sender.send(action, difference.changes(action))
    sender.end()
