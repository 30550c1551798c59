"""Finds and writes records of Zendesk, and says what became of each row.

Outcomes are by the rows' delivery ids. A row that has none in what these return has no record, or
none that Zendesk says anything of.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dbt_cdp.destinations.base import Outcome, Row, Status, Sync
from dbt_cdp.destinations.zendesk.answers import CallRefusedError, Record, Result, folded
from dbt_cdp.destinations.zendesk.api import NotEnabledError, ZendeskApi
from dbt_cdp.destinations.zendesk.fields import USERS, record_of

STAFF = "the user is an agent or an administrator, whom no sync deletes, merges or readdresses"

# What Zendesk says of an e-mail that another user has.
_TAKEN = "already being used"

_SILENT = "the job does not say what became of it"


class Writer:
    """Writes the records of a sync.

    Args:
        api: where to.
        sync: the sync.
    """

    def __init__(self, api: ZendeskApi, sync: Sync) -> None:
        self._api, self._sync = api, sync
        self._is_users = sync.object == USERS
        # Until Zendesk says otherwise.
        self._has_jobs = True

    def update(self, rows: Sequence[Row], records: Mapping[str, Record]) -> dict[str, Outcome]:
        """Change records.

        Args:
            rows: whose values they get.
            records: by the rows' delivery ids; rows without one are left out.
        """
        targets = [row for row in rows if row.delivery_id in records]
        outcomes = self._readdress(targets, records) if self._is_users else {}
        rest = [row for row in targets if row.delivery_id not in outcomes]
        if not rest:
            return outcomes
        written = [
            {**_without_email(self._record(row)), "id": records[row.delivery_id].id} for row in rest
        ]
        return outcomes | outcomes_of(rest, self._api.write_many("update_many", written))

    def update_by_key(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        """Change the records that have the rows' keys."""
        return self.update(rows, self.by_key(rows))

    def upsert(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        """Change the records that have the rows' keys, and create the others."""
        if not rows:
            return {}
        if self._is_users:
            return self._write_users(rows, "create_or_update_many", "/create_or_update")
        outcomes = self.update_by_key(rows)
        created = self._create([row for row in rows if row.delivery_id not in outcomes])
        # A call that was made twice meets what it has created itself.
        failed = [row for row in rows if not is_done((outcomes | created).get(row.delivery_id))]
        return outcomes | created | self.update_by_key(failed)

    def insert(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        """Create the records that are not there; the others are left as they are."""
        outcomes = self._existing(rows)
        created = self._create([row for row in rows if row.delivery_id not in outcomes])
        failed = [row for row in rows if not is_done((outcomes | created).get(row.delivery_id))]
        # A search may lag behind: whom it does not find yet is looked for by the next run.
        waiting = {
            row.delivery_id: Outcome.retry(row, reason)
            for row in failed
            if _TAKEN in (reason := created[row.delivery_id].reason or "")
        }
        return outcomes | created | waiting | self._existing(failed)

    def by_id(self, rows: Sequence[Row]) -> dict[str, Record]:
        """The records that are there under the ids that the rows' records were given."""
        ids = {row.delivery_id: int(row.remote_id) for row in rows if row.remote_id}
        there = self._api.show(ids.values()) if ids else {}
        return {name: there[one] for name, one in ids.items() if one in there}

    def by_key(self, rows: Sequence[Row]) -> dict[str, Record]:
        """The records that have the rows' keys."""
        found = self._api.find(self._sync.key, [row.key for row in rows]) if rows else {}
        return {row.delivery_id: found[folded(row.key)] for row in rows if folded(row.key) in found}

    def find(self, rows: Sequence[Row]) -> dict[str, Record]:
        """The rows' records, by their ids, and by their keys else."""
        found = self.by_id(rows)
        return found | self.by_key([row for row in rows if row.delivery_id not in found])

    def _readdress(self, rows: Sequence[Row], users: Mapping[str, Record]) -> dict[str, Outcome]:
        """Give users their new addresses; an e-mail that is written like other fields would be
        added as a further one. What could not be done is in the outcomes."""
        outcomes = {}
        for row in rows:
            user, email = users[row.delivery_id], str(row.fields.get("email") or "")
            if not email or folded(email) == folded(user.email or ""):
                continue
            if user.is_staff:
                outcomes[row.delivery_id] = Outcome.rejected(row, STAFF)
                continue
            try:
                self._api.set_email(user.id, email)
            except CallRefusedError as error:
                outcomes[row.delivery_id] = Outcome.rejected(row, error.problem)
        return outcomes

    def _create(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        if not rows:
            return {}
        if self._is_users:
            return self._write_users(rows, "create_many", "")
        records = [self._record(row) for row in rows]
        return outcomes_of(rows, self._api.write_many("create_many", records))

    def _write_users(self, rows: Sequence[Row], verb: str, single: str) -> dict[str, Outcome]:
        """Write users by a job, or one at a time where the account does not allow that."""
        if self._has_jobs:
            try:
                records = [self._record(row) for row in rows]
                return outcomes_of(rows, self._api.write_many(verb, records))
            except NotEnabledError:
                self._has_jobs = False

        def write(row: Row) -> Outcome:
            return Outcome.acknowledged(row, str(self._api.write_user(single, self._record(row))))

        return {row.delivery_id: tried(row, write) for row in rows}

    def _existing(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        found = self.by_key(rows)
        return {
            row.delivery_id: Outcome.acknowledged(
                row, str(found[row.delivery_id].id), {self._sync.key: row.key}
            )
            for row in rows
            if row.delivery_id in found
        }

    def _record(self, row: Row) -> Mapping[str, Any]:
        return record_of(self._sync.object, row, self._sync.key)


def outcomes_of(
    rows: Sequence[Row], said: tuple[Sequence[Result | None], str]
) -> dict[str, Outcome]:
    """What became of rows.

    Args:
        rows: those that a job was given.
        said: what it says of each of them, and of itself.
    """
    results, message = said
    return {
        row.delivery_id: _outcome(row, result, message)
        for row, result in zip(rows, results, strict=True)
    }


def tried(row: Row, write: Callable[[Row], Outcome]) -> Outcome:
    """What became of a row that was sent alone."""
    try:
        return write(row)
    except CallRefusedError as error:
        return Outcome.rejected(row, error.problem)


def is_done(outcome: Outcome | None) -> bool:
    """Whether a row was acknowledged."""
    return outcome is not None and outcome.status is Status.ACKNOWLEDGED


def _outcome(row: Row, result: Result | None, message: str) -> Outcome:
    if result is not None and result.is_done:
        return Outcome.acknowledged(row, str(result.id))
    if result is None or not result.is_failed:
        return Outcome.retry(row, f"{_SILENT} ({message})" if message else _SILENT)
    make = Outcome.retry if result.is_passing else Outcome.rejected
    return make(row, result.reason)


def _without_email(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "email"}
