"""Sends rows to a destination in batches, and says what became of each of them."""

from collections.abc import Callable, Iterable, Sequence

from dbt_cdp.activation.difference import Change
from dbt_cdp.batches import batches
from dbt_cdp.destinations.base import Action, Destination, Outcome
from dbt_cdp.destinations.errors import BatchRejectedError, DestinationUnavailableError

# After so many batches one after the other that a destination has not answered for, it is asked for
# no more.
_MAX_FAILURES = 3


class Sender:
    """Sends rows to a destination.

    Args:
        destination: where to.
        enter: called with each row and what became of it. Of a batch that the destination has not
            answered for nothing is said.
    """

    def __init__(self, destination: Destination, enter: Callable[[Change, Outcome], None]) -> None:
        self._destination, self._enter = destination, enter
        self._failures = 0
        self._is_answered = True

    def send(self, action: Action, changes: Iterable[Change]) -> None:
        """Send rows by an action.

        Raises:
            DestinationRefusedError: the destination refuses every row.
            DestinationUnavailableError: it does not answer any more.
        """
        destination = self._destination
        limit = destination.max_bytes

        def bytes_of(change: Change) -> int:
            return destination.bytes_of(action, change.row) if limit else 0

        for batch in batches(changes, destination.max_rows, limit or 0, bytes_of):
            if action is Action.MERGE:
                self._merge(batch)
            else:
                self._ask(action, batch)

    def end(self) -> None:
        """Make sure that all batches were answered for.

        Raises:
            DestinationUnavailableError: one was not.
        """
        if not self._is_answered:
            raise DestinationUnavailableError(
                "The destination has not answered for all rows; the next run sends them again."
            )

    def _merge(self, batch: Sequence[Change]) -> None:
        """Records of people who have become another one are put into that one's record, or
        removed where the destination cannot, or has none."""
        parts: dict[Action, list[Change]] = {Action.MERGE: [], Action.REMOVE: []}
        for change in batch:
            can = self._destination.merges and change.row.into_remote_id
            parts[Action.MERGE if can else Action.REMOVE].append(change)
        for action, part in parts.items():
            if part:
                self._ask(action, part)

    def _ask(self, action: Action, batch: Sequence[Change]) -> None:
        """Send a batch, and its halves where it is refused because of one of its rows."""
        try:
            outcomes = list(self._destination.send(action, [one.row for one in batch]))
        except BatchRejectedError as error:
            self._failures = 0
            if len(batch) == 1:
                self._enter(batch[0], Outcome.rejected(batch[0].row, error.problem))
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
            self._enter_all(batch, outcomes)

    def _enter_all(self, batch: Sequence[Change], outcomes: Iterable[Outcome]) -> None:
        """Say what became of the rows. One of which the answer says nothing, or which it tells of
        twice, is not delivered."""
        found: dict[str, Outcome | None] = {}
        for outcome in outcomes:
            is_new = outcome.delivery_id not in found
            found[outcome.delivery_id] = outcome if is_new else None
        for change in batch:
            unknown = Outcome.retry(change.row, "the destination's answer does not say")
            self._enter(change, found.get(change.row.delivery_id) or unknown)
