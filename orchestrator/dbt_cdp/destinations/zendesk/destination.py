"""Zendesk: users and organizations, and a tag of those who are in a segment.

Records are found by the ids that Zendesk gave them, and by e-mail or external id else. Agents and
administrators are written like others, but never deleted, merged, or given another address.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from typing_extensions import override

from dbt_cdp.destinations.base import (
    Action,
    Destination,
    Mode,
    Outcome,
    Row,
    Settings,
    Sync,
)
from dbt_cdp.destinations.errors import DestinationRefusedError
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.zendesk import api as zendesk_api
from dbt_cdp.destinations.zendesk.answers import CallRefusedError, Record
from dbt_cdp.destinations.zendesk.api import MAX_RECORDS, ZendeskApi
from dbt_cdp.destinations.zendesk.fields import USERS, custom_fields, problems_of
from dbt_cdp.destinations.zendesk.writer import STAFF, Writer, is_done, outcomes_of, tried
from dbt_cdp.errors import ConfigurationError, listed

_NO_SURVIVOR = "the user that it is to be put into is not there"
_NOT_SETTLED = "Zendesk has deleted the user, but not yet for good; erase again"


class ZendeskSettings(Settings):
    """An entry of type zendesk.

    Attributes:
        base_url: the account's address, such as https://shop.zendesk.com.
        token_env: the environment variable that holds a token: of the API if there is an
            `email_env`, of OAuth else.
        email_env: the one that holds the e-mail of the agent whose API token it is.
        per_minute: how many calls are made in a minute at most.
    """

    base_url: str
    token_env: str
    email_env: str | None = None
    per_minute: int = Field(default=200, ge=1)


class ZendeskDestination(Destination):
    """Records of Zendesk. The sync's `object` is users or organizations, its `audience` a tag."""

    settings_model = ZendeskSettings
    modes = frozenset({Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR, Mode.AUDIENCE})
    max_rows = MAX_RECORDS
    merges = True
    updates_by_id = True
    ignores_case = True
    is_partial = True

    settings: ZendeskSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        for problem, key, remedy in problems_of(sync):
            raise ConfigurationError(problem, where=f"sync '{sync.name}', {key}", remedy=remedy)
        where = f"destination '{settings.name}'"
        token = read_secret(settings.token_env, f"{where}, token_env")
        authorization, credentials = zendesk_api.bearer(token), settings.token_env
        if settings.email_env:
            email = read_secret(settings.email_env, f"{where}, email_env")
            authorization = zendesk_api.basic(email, token)
            credentials = f"{settings.email_env} and {settings.token_env}"
        self._kind, self._is_users = sync.object, sync.object == USERS
        self._api = ZendeskApi(
            check_url(settings.base_url, f"{where}, base_url"),
            authorization,
            secrets=[token],
            credentials=credentials,
            kind=sync.object,
            account=settings.name,
            per_minute=settings.per_minute,
        )
        self._writer = Writer(self._api, sync)

    @override
    def check(self) -> str:
        role, mode = self._api.role(), self.sync.mode
        problems = [*self._role_problems(role), *self._field_problems()]
        if mode is Mode.AUDIENCE and not self._api.has_tags():
            problems.append("users and organizations have no tags in this account")
        if problems:
            raise DestinationRefusedError(
                "\n".join(["Zendesk would not take the rows:", *listed(problems)]),
                where=f"sync '{self.sync.name}'",
                remedy="change the sync, or the fields, rights and settings in Zendesk.",
            )
        found = f"the {len(self.sync.fields)} fields are fields of {self._kind}"
        if self._is_users and mode is not Mode.UPDATE and not self._api.is_import_enabled():
            found += (
                "; the import of users by jobs is not enabled in this account, so they are sent one"
                " at a time (Zendesk's support enables it, for the owner of the account)"
            )
        return found

    def _role_problems(self, role: str | None) -> Iterable[str]:
        if role not in ("admin", "agent"):
            yield "the credentials are not an agent's"
        elif role == "agent" and self.sync.mode is Mode.MIRROR:
            yield "mode mirror deletes, which the credentials of an administrator alone may"

    def _field_problems(self) -> Iterable[str]:
        known, kind = self._api.custom_fields(), self._kind
        for key in custom_fields(kind, self.sync.fields):
            if key not in known:
                yield f"{kind} have no custom field with the key {key}"
            elif not known[key].active:
                yield f"the custom field {key} of {kind} is not active"
        if "name" not in self.sync.fields and self.sync.mode is not Mode.UPDATE:
            yield f"new {kind} need a name, which is none of the sync's fields"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action is Action.REMOVE:
            return self._leave(rows) if self.sync.mode is Mode.AUDIENCE else self._delete(rows)
        if action is Action.MERGE:
            return self._merge(rows)
        if self.sync.mode is Mode.INSERT:
            return self._writer.insert(rows).values()
        writer = self._writer
        # An id that an added row comes with is of a record that was removed, or put into another.
        known = writer.by_id(rows) if action is Action.CHANGE else {}
        outcomes = writer.update(rows, known)
        rest = [row for row in rows if row.delivery_id not in outcomes]
        if self.sync.mode is Mode.UPDATE:
            outcomes |= writer.update_by_key(rest)
            outcomes |= {
                row.delivery_id: Outcome.rejected(row, f"Zendesk has none of these {self._kind}")
                for row in rest
                if row.delivery_id not in outcomes
            }
        else:
            outcomes |= writer.upsert(rest)
        if self.sync.mode is Mode.AUDIENCE:
            self._join(rows, outcomes)
        return outcomes.values()

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return [
            outcome
            for start in range(0, len(rows), MAX_RECORDS)
            for outcome in self._erase(rows[start : start + MAX_RECORDS])
        ]

    @override
    def close(self) -> None:
        self._api.close()

    # Tags

    def _join(self, rows: Sequence[Row], outcomes: dict[str, Outcome]) -> None:
        """Give the records that were written the tag."""
        for row in rows:
            outcome = outcomes.get(row.delivery_id)
            if outcome is None or not is_done(outcome) or not outcome.remote_id:
                continue
            try:
                self._api.tag(int(outcome.remote_id), self.sync.audience, is_on=True)
            except CallRefusedError as error:
                outcomes[row.delivery_id] = Outcome.retry(row, error.problem)

    def _leave(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Take the tag off records."""
        found = self._writer.find(rows)

        def leave(row: Row) -> Outcome:
            if row.delivery_id in found:
                self._untag(found[row.delivery_id].id)
            return Outcome.acknowledged(row)

        return [tried(row, leave) for row in rows]

    def _untag(self, record_id: int) -> None:
        try:
            self._api.tag(record_id, self.sync.audience, is_on=False)
        except CallRefusedError as error:
            if not error.is_not_found:
                raise

    # To delete and to merge

    def _delete(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Delete records. Who has no record any more, or is one of the staff, is left alone."""
        found = self._writer.find(rows)
        outcomes = {row.delivery_id: Outcome.acknowledged(row) for row in rows}
        outcomes |= {
            row.delivery_id: Outcome.rejected(row, STAFF)
            for row in rows
            if row.delivery_id in found and found[row.delivery_id].is_staff
        }
        doomed = [
            row for row in rows if row.delivery_id in found and is_done(outcomes[row.delivery_id])
        ]
        if doomed:
            ids = [found[row.delivery_id].id for row in doomed]
            told = outcomes_of(doomed, self._api.destroy_many(ids))
            # What a job says of a deletion is not all: what is gone is gone.
            there = self._api.show(ids)
            outcomes |= {
                row.delivery_id: told[row.delivery_id]
                if not is_done(told[row.delivery_id])
                else Outcome.retry(row, "the record is still there")
                for row in doomed
                if found[row.delivery_id].id in there
            }
        return outcomes.values()

    def _merge(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        if not self._is_users:
            return self.send(Action.REMOVE, rows)
        if self.sync.mode is Mode.AUDIENCE:
            # Who is the same user by now keeps the tag.
            same = [row for row in rows if row.remote_id == row.into_remote_id]
            others = [row for row in rows if row not in same]
            return [*map(Outcome.acknowledged, same), *self._leave(others)]
        return [tried(row, self._merge_one) for row in rows]

    def _merge_one(self, row: Row) -> Outcome:
        """Put a user into the one of the person that it turned out to be."""
        found = self._writer.find([row])
        if row.delivery_id not in found:
            return Outcome.acknowledged(row)
        loser, into = found[row.delivery_id], int(row.into_remote_id or 0)
        if loser.id == into:
            return Outcome.acknowledged(row)
        survivor = self._api.show([into]).get(into)
        if survivor is None:
            return Outcome.retry(row, _NO_SURVIVOR)
        if loser.is_staff or survivor.is_staff:
            return Outcome.rejected(row, STAFF)
        try:
            self._api.merge(loser.id, into)
        except CallRefusedError:
            # It was merged by a call whose answer was lost.
            if self._api.show([loser.id]):
                raise
        return Outcome.acknowledged(row, str(into))

    # To erase

    def _erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        if not self._is_users:
            return self._delete(rows)
        found = self._writer.find(rows)
        return [tried(row, lambda one: self._erase_user(one, found)) for row in rows]

    def _erase_user(self, row: Row, found: Mapping[str, Record]) -> Outcome:
        user = found.get(row.delivery_id)
        if user and user.is_staff:
            return Outcome.rejected(row, STAFF)
        ids = {user.id} if user else set()
        if row.remote_id and self._api.is_deleted(int(row.remote_id)):
            ids.add(int(row.remote_id))
        if user:
            self._api.delete_user(user.id)
        is_gone = [self._delete_for_good(one) for one in sorted(ids)]
        return Outcome.acknowledged(row) if all(is_gone) else Outcome.retry(row, _NOT_SETTLED)

    def _delete_for_good(self, user_id: int) -> bool:
        for seconds in zendesk_api.DELETION_WAITS:
            if self._api.delete_for_good(user_id):
                return True
            zendesk_api.pause(seconds)
        return False
