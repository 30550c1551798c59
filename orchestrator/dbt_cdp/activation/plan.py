"""What a sync would send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import ORDER, Change, Counts, open_difference
from dbt_cdp.activation.engine import destination_of, guard_problem
from dbt_cdp.activation.ledger import make_tables
from dbt_cdp.destinations.base import Action
from dbt_cdp.project import Project


@dataclass(frozen=True)
class Plan:
    """What a sync would send.

    Attributes:
        sync: the sync.
        counts: how many rows there are.
        numbers: by action how many would be sent.
        doubled: how many are newly found not to be alone with their id or key.
        parked: how many wait, since they were rejected for good or too often.
        problem: why its guard would hold it; None where it would not.
        sample: some rows of each action.
    """

    sync: Definition
    counts: Counts
    numbers: Mapping[Action, int]
    doubled: int
    parked: int
    problem: str | None
    sample: Sequence[Change]


def plan_sync(project: Project, sync: Definition, sample: int) -> Plan:
    """What a sync would send, with so many rows of each action as a sample.

    Raises:
        ConfigurationError: the destination or the sync is not as it must be.
        DbtError: the project cannot be compiled, or the sync does not fit it.
        WarehouseError: the warehouse refuses the query.
    """
    make_tables(project)
    with (
        destination_of(project, sync) as destination,
        open_difference(project, sync, destination) as difference,
    ):
        numbers = {action: difference.number(action) for action in ORDER}
        return Plan(
            sync,
            difference.counts,
            numbers,
            difference.new_doubled,
            difference.parked,
            guard_problem(sync, difference.counts, numbers),
            [change for action in ORDER for change in difference.sample(action, sample)],
        )
