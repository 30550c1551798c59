"""Erases people from Salesforce, for good where the user of the app may."""

from collections.abc import Iterable, Sequence

from dbt_cdp.destinations.base import Outcome, Row
from dbt_cdp.destinations.salesforce.api import SalesforceApi
from dbt_cdp.destinations.salesforce.bulk import NoHardDeleteError, delete_for_good
from dbt_cdp.destinations.salesforce.find import SEVERAL, Finder, Held

_NOT_FOR_GOOD = (
    "the record is in Salesforce's recycle bin, where it can be restored for 15 days: the app's"
    " user lacks the permission Bulk API Hard Delete; delete it there for good"
)
_IN_THE_BIN = "the record is in Salesforce's recycle bin, and could not be deleted there"


def erase(api: SalesforceApi, finder: Finder, kind: str, rows: Sequence[Row]) -> Iterable[Outcome]:
    """Delete for good what Salesforce holds of rows; as many as a call may hold.

    Args:
        api: the org's.
        finder: of the object.
        kind: the object.
        rows: of whom.
    """
    held = {row.delivery_id: finder.held(row) for row in rows}
    clear = {name: records for name, records in held.items() if _there(records) <= 1}
    records = {one.id: one for some in clear.values() for one in some}
    problems = _deleted(api, kind, list(records.values())) if records else {}
    for row in rows:
        if row.delivery_id not in clear:
            yield Outcome.rejected(row, SEVERAL)
            continue
        wrong = [problems[one.id] for one in clear[row.delivery_id]]
        reason = next((one for one in wrong if one), None)
        yield Outcome.rejected(row, reason) if reason else Outcome.acknowledged(row)


def _there(records: Sequence[Held]) -> int:
    return sum(not one.is_deleted for one in records)


def _deleted(api: SalesforceApi, kind: str, records: Sequence[Held]) -> dict[str, str | None]:
    """Why records are not gone for good, by their ids; None for those that are."""
    try:
        problems = dict(delete_for_good(api, kind, [one.id for one in records]))
    except NoHardDeleteError:
        problems = dict.fromkeys([one.id for one in records], _NOT_FOR_GOOD)
        ids = [one.id for one in records if not one.is_deleted]
        results = api.delete(ids) if ids else []
        for record_id, result in zip(ids, results, strict=True):
            if not result.success:
                problems[record_id] = result.problem.reason
        return problems
    for one in records:
        if one.is_deleted and problems[one.id]:
            problems[one.id] = f"{_IN_THE_BIN} ({problems[one.id]})"
    return problems
