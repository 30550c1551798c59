"""Runs a sync: sends what differs, and takes note of what became of every row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import (
    DOUBLED,
    ORDER,
    Change,
    Counts,
    Difference,
    open_difference,
)
from dbt_cdp.activation.ledger import (
    FAILED,
    HELD,
    OK,
    PARTIAL,
    STOPPED,
    Report,
    SyncLedger,
    doubled,
)
from dbt_cdp.destinations.base import Action, Destination, Outcome
from dbt_cdp.destinations.errors import BatchRejectedError, DestinationUnavailableError
from dbt_cdp.destinations.registry import VARIABLE, open_destination, read_destinations
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import PROJECT_FILE, Project

# After so many batches one after the other that a destination has not answered for, it is asked for
# no more.
_MAX_FAILURES = 3

# The guard that nobody has set stops no removal of so few records: half of three is nothing odd.
_FEW = 10


def destination_of(project: Project, sync: Definition) -> Destination:
    """The destination of a sync.

    Raises:
        ConfigurationError: there is none of that name, or it or the sync is not as it must be.
    """
    destinations = read_destinations(project)
    if sync.destination not in destinations:
        raise ConfigurationError(
            f"There is no destination '{sync.destination}'.",
            where=f"sync '{sync.name}'",
            remedy=f"add it to {VARIABLE} in {PROJECT_FILE}; there are:"
            f" {', '.join(destinations) or 'none'}.",
        )
    return open_destination(project, destinations[sync.destination], sync.for_destination())


def run_sync(
    project: Project,
    sync: Definition,
    *,
    run_id: str | None = None,
    is_confirmed: bool = False,
    retries: bool = False,
) -> tuple[Report, CdpError | None]:
    """Send what differs. To be called by who has the lock of a run.

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
        ConfigurationError: the destination or the sync is not as it must be.
        WarehouseError: the ledger cannot be written.
    """
    with destination_of(project, sync) as destination:
        ledger = SyncLedger(project, sync, run_id)
        for lost, remote_ids in ledger.lost_runs():
            destination.discard(lost, remote_ids)
        ledger.begin()
        try:
            with open_difference(project, sync, destination, retries=retries) as difference:
                numbers = {action: difference.number(action) for action in ORDER}
                ledger.count(difference.counts, numbers)
                problem = guard_problem(sync, difference.counts, numbers)
                if problem and not is_confirmed:
                    return ledger.end(HELD, problem), None
                destination.begin(ledger.report.sync_run_id)
                _Delivery(destination, difference, ledger).do()
        except CdpError as error:
            return ledger.end(FAILED, error.problem), error
        except BaseException as reason:
            # What the destination has taken is written, so that it need not be sent again.
            with suppress(CdpError):
                ledger.end(STOPPED, f"stopped by {type(reason).__name__}")
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


class _Delivery:
    """Sends a difference."""

    def __init__(
        self, destination: Destination, difference: Difference, ledger: SyncLedger
    ) -> None:
        self._destination, self._difference, self._ledger = destination, difference, ledger
        self._failures = 0
        self._is_answered = True

    def do(self) -> None:
        """Send it.

        Raises:
            DestinationError: the destination refuses everything, or does not answer.
        """
        for change in self._difference.changes(DOUBLED):
            self._ledger.enter(change, doubled(change))
        if not self._ledger.report.to_do:
            return
        if self._destination.sync.mode in self._destination.replaces:
            self._replace()
            return
        for action in ORDER:
            for batch in _batches(self._difference.changes(action), self._destination.max_rows):
                self._send(action, batch)
        if not self._is_answered:
            raise DestinationUnavailableError(
                "The destination has not answered for all rows; the others are sent again by the"
                " next run."
            )

    def _replace(self) -> None:
        self._destination.replace(change.row for change in self._difference.everything())
        for action in ORDER:
            for change in self._difference.changes(action):
                self._ledger.enter(change, Outcome.acknowledged(change.row))

    def _send(self, action: Action, batch: Sequence[Change]) -> None:
        if action is Action.MERGE:
            self._merge(batch)
            return
        self._ask(action, batch)

    def _merge(self, batch: Sequence[Change]) -> None:
        """Records of people who have become another one are put into that one's record, or
        removed where the destination cannot, or has none."""
        can = [one for one in batch if self._destination.merges and one.row.into_remote_id]
        cannot = [one for one in batch if one not in can]
        for action, part in ((Action.MERGE, can), (Action.REMOVE, cannot)):
            if part:
                self._ask(action, part)

    def _ask(self, action: Action, batch: Sequence[Change]) -> None:
        """Send a batch, and its halves where it is refused because of one of its rows."""
        try:
            outcomes = list(self._destination.send(action, [one.row for one in batch]))
        except BatchRejectedError as error:
            self._failures = 0
            if len(batch) == 1:
                self._ledger.enter(batch[0], Outcome.rejected(batch[0].row, error.problem))
                return
            middle = len(batch) // 2
            self._ask(action, batch[:middle])
            self._ask(action, batch[middle:])
        except DestinationUnavailableError:
            self._failures += 1
            self._is_answered = False
            if self._failures >= _MAX_FAILURES:
                raise
        else:
            self._failures = 0
            self._enter(batch, outcomes)

    def _enter(self, batch: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        """Take note of the outcomes. A row of which the answer says nothing, or twice, is not
        delivered."""
        found: dict[str, Outcome | None] = {}
        for outcome in outcomes:
            is_new = outcome.delivery_id not in found
            found[outcome.delivery_id] = outcome if is_new else None
        for change in batch:
            unknown = Outcome.retry(change.row, "the destination's answer does not say")
            self._ledger.enter(change, found.get(change.row.delivery_id) or unknown)


def _batches(changes: Iterator[Change], size: int) -> Iterator[list[Change]]:
    batch: list[Change] = []
    for change in changes:
        batch.append(change)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
