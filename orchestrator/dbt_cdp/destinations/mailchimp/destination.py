"""Mailchimp: the members of an audience, and who has a tag or is in a static segment.

Nobody is subscribed who is not to be: new members get the status that the destination's entry
names, and the status of those who are members is never written. So members are created in batches,
which tell who is there already, and those are changed one by one, by calls without a status.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from typing_extensions import override

from dbt_cdp.destinations.base import (
    Action,
    Destination,
    Mode,
    Outcome,
    Row,
    Settings,
    Status,
    Sync,
)
from dbt_cdp.destinations.errors import DestinationRefusedError
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.mailchimp.api import (
    MAX_MEMBERS,
    CallRefusedError,
    MailchimpApi,
    MergeField,
    folded,
    without_addresses,
)
from dbt_cdp.destinations.values import json_value, plain_text
from dbt_cdp.errors import ConfigurationError, listed

# What a sync calls a member's address.
_ADDRESS = "email"

# Mailchimp allows ten connections; half of them are left to others.
_CONNECTIONS = 5

_AUDIENCE_ID = re.compile(r"[0-9A-Za-z]+")
_DATA_CENTER = re.compile(r".+-([a-z]+[0-9]+)")

# Made of several values, which a sync has no form for.
_ADDRESS_TYPE = "address"

_NOT_THERE = "Mailchimp has no such member, or has archived it"
_NOT_TAGGED = "Mailchimp does not say that the member has been put into the segment"
_STILL_TAGGED = "Mailchimp does not say that the member has left the segment"

_Result = TypeVar("_Result")


class MailchimpSettings(Settings):
    """An entry of type mailchimp.

    Attributes:
        api_key_env: the environment variable that holds a key of the Marketing API.
        status_if_new: what new members are: transactional (no campaigns), pending (Mailchimp asks
            them to confirm) or subscribed.
        base_url: the API's address, where it does not follow from the key.
    """

    api_key_env: str
    status_if_new: Literal["transactional", "pending", "subscribed"] = "transactional"
    base_url: str | None = None


class MailchimpDestination(Destination):
    """Members of an audience. The sync's `object` is the audience's id; its `audience` a tag's name
    or the number of a static segment."""

    settings_model = MailchimpSettings
    modes = frozenset({Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR, Mode.AUDIENCE})
    max_rows = MAX_MEMBERS
    updates_by_id = True
    ignores_case = True
    is_partial = True

    settings: MailchimpSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        where = f"destination '{settings.name}'"
        if not _AUDIENCE_ID.fullmatch(sync.object):
            raise ConfigurationError(
                "A sync to Mailchimp does not say which audience it is about.",
                where=f"sync '{sync.name}', object",
                remedy="give the id that Mailchimp shows in the settings of the audience.",
            )
        if sync.key != _ADDRESS:
            raise ConfigurationError(
                "Members of Mailchimp are told apart by their addresses alone.",
                where=f"sync '{sync.name}', key",
                remedy=f"call the field with the address `{_ADDRESS}`, and give it as `key`.",
            )
        key = read_secret(settings.api_key_env, f"{where}, api_key_env")
        self._api = MailchimpApi(
            check_url(settings.base_url or _address_of(key, where), f"{where}, base_url"),
            key,
            key_env=settings.api_key_env,
            audience=sync.object,
            account=settings.name,
        )

    @override
    def check(self) -> str:
        name = self._api.name()
        found = f"the {len(self._fields)} fields are merge fields of '{name}'"
        if self.sync.audience:
            found += f", and segment {self._segment} is static"
        return f"{found}; new members are {self.settings.status_if_new}"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action in (Action.REMOVE, Action.MERGE):
            if self.sync.mode is Mode.AUDIENCE:
                return self._leave(rows)
            return self._each(self._archive, rows)
        outcomes = self._write(action, rows)
        return self._join(rows, outcomes) if self.sync.mode is Mode.AUDIENCE else outcomes.values()

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return self._each(self._erase, rows)

    @override
    def close(self) -> None:
        self._api.close()

    # What the sync asks for

    @cached_property
    def _fields(self) -> Mapping[str, MergeField]:
        """The merge fields of the sync's fields, by the names of those. Of one that is not there
        Mailchimp would say nothing.

        Raises:
            DestinationRefusedError: one is not there, or cannot be filled.
        """
        there = self._api.merge_fields()
        names = {name: name.upper() for name in self.sync.fields if name != _ADDRESS}
        problems = [
            f"the audience has no merge field {one}" for one in names.values() if one not in there
        ]
        for tag, field in there.items():
            if field.type == _ADDRESS_TYPE and tag in names.values():
                problems.append(f"the merge field {tag} is an address, which cannot be synced")
            if field.required and tag not in names.values() and self.sync.mode is not Mode.UPDATE:
                problems.append(f"the audience takes nobody without {tag}, which is no field here")
        if problems:
            raise DestinationRefusedError(
                "\n".join(["Mailchimp would not take the rows:", *listed(problems)]),
                where=f"sync '{self.sync.name}'",
                remedy="change the sync, or the audience's fields in Mailchimp.",
            )
        return {name: there[tag] for name, tag in names.items()}

    @cached_property
    def _segment(self) -> int:
        """The id of the tag or static segment.

        Raises:
            DestinationRefusedError: there is none, or Mailchimp keeps it itself.
        """
        found = self._api.segment(self.sync.audience)
        if found and found.is_static:
            return found.id
        problem = "keeps it itself" if found else "has none"
        raise DestinationRefusedError(
            f"'{self.sync.audience}' is no tag or static segment of the audience: Mailchimp"
            f" {problem}.",
            where=f"sync '{self.sync.name}', audience",
            remedy="give the name of a tag, or the number of a static segment.",
        )

    # To write

    def _write(self, action: Action, rows: Sequence[Row]) -> dict[str, Outcome]:
        if self.sync.mode is Mode.INSERT:
            outcomes, there = self._create(rows)
            # They are left as they are.
            return outcomes | {row.delivery_id: _left(row) for row in there}
        # An id that an added row comes with is of a member that was removed.
        known = [row for row in rows if row.remote_id and action is Action.CHANGE]
        outcomes = self._change(known, lambda row: str(row.remote_id))
        rest = [row for row in rows if row.delivery_id not in outcomes]
        if self.sync.mode is not Mode.UPDATE:
            created, rest = self._create(rest)
            outcomes |= created
        outcomes |= self._change(rest, lambda row: _hash(row.key))
        for row in rest:
            outcomes.setdefault(row.delivery_id, Outcome.rejected(row, _NOT_THERE))
        return outcomes

    def _create(self, rows: Sequence[Row]) -> tuple[dict[str, Outcome], list[Row]]:
        """Create members; those that are there already are given back."""
        if not rows:
            return {}, []
        created = self._api.create(
            [
                {
                    "email_address": row.key,
                    "status": status,
                    "merge_fields": self._values(row),
                }
                for row, status in zip(rows, self._statuses(rows), strict=True)
            ]
        )
        by_address = {folded(row.key): row for row in rows}
        outcomes, there = {}, []
        for member in created.new:
            if row := by_address.get(folded(member.address)):
                outcomes[row.delivery_id] = self._acknowledged(row, member.contact_id)
        for refusal in created.errors:
            row = by_address.get(folded(refusal.address))
            if row and refusal.is_there:
                there.append(row)
            elif row:
                make = Outcome.retry if refusal.is_passing else Outcome.rejected
                outcomes[row.delivery_id] = make(row, refusal.reason)
        return outcomes, there

    def _statuses(self, rows: Sequence[Row]) -> Sequence[str]:
        """What the members are to be if they are new. Of an archived one nobody can tell whether
        it had unsubscribed: it is asked to confirm, and not subscribed."""
        wanted = self.settings.status_if_new
        if wanted != "subscribed":
            return [wanted] * len(rows)
        members = self._each(lambda row: self._api.member(_hash(row.key)), rows)
        return ["pending" if one and one.is_archived else wanted for one in members]

    def _change(self, rows: Sequence[Row], name: Callable[[Row], str]) -> dict[str, Outcome]:
        """Change members; of those that are not there nothing is said."""

        values = {row.delivery_id: self._values(row) for row in rows}

        def change(row: Row) -> Outcome | None:
            body = {"email_address": row.key, "merge_fields": values[row.delivery_id]}
            try:
                member = self._api.change(name(row), body)
            except CallRefusedError as error:
                return Outcome.rejected(row, without_addresses(error.problem))
            if member is None or member.is_archived:
                return None
            return self._acknowledged(row, member.contact_id)

        outcomes = self._each(change, rows)
        return {one.delivery_id: one for one in outcomes if one}

    def _join(self, rows: Sequence[Row], outcomes: dict[str, Outcome]) -> Iterable[Outcome]:
        """Put the members that were written into the segment."""
        written = [row for row in rows if _is_done(outcomes.get(row.delivery_id))]
        joined = self._api.move(self._segment, add=[one.key for one in written]) if written else ()
        # Who was in it before need not be named.
        silent = [row for row in written if folded(row.key) not in joined]
        members = self._each(lambda row: self._api.member(_hash(row.key)), silent)
        for row, member in zip(silent, members, strict=True):
            if not (member and member.has(self._segment)):
                outcomes[row.delivery_id] = Outcome.retry(row, _NOT_TAGGED)
        return outcomes.values()

    # To remove and to erase

    def _leave(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Take members out of the segment; they stay members."""
        left = self._api.move(self._segment, remove=[row.key for row in rows])

        def leave(row: Row) -> Outcome:
            member = None if folded(row.key) in left else self._api.member(_name(row))
            if member and member.has(self._segment):
                # It has another address there now.
                gone = self._api.move(self._segment, remove=[member.address])
                if folded(member.address) not in gone:
                    return Outcome.retry(row, _STILL_TAGGED)
            return Outcome.acknowledged(row)

        return self._each(leave, rows)

    def _archive(self, row: Row) -> Outcome:
        name = _name(row)
        try:
            self._api.archive(name)
        except CallRefusedError as error:
            member = None if error.is_not_found else self._api.member(name)
            if member and not member.is_archived:
                return Outcome.rejected(row, without_addresses(error.problem))
        return Outcome.acknowledged(row)

    def _erase(self, row: Row) -> Outcome:
        """Delete a member for good, under the address that it has now."""
        member = self._api.member(row.remote_id) if row.remote_id else None
        try:
            self._api.delete_for_good(member.hash if member else _hash(row.key))
        except CallRefusedError as error:
            if not error.is_not_found:
                return Outcome.rejected(row, without_addresses(error.problem))
        return Outcome.acknowledged(row)

    # Rows

    def _each(self, act: Callable[[Row], _Result], rows: Sequence[Row]) -> Sequence[_Result]:
        """Do something with each row, some of them at a time."""
        if not rows:
            return []
        with ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="mailchimp") as pool:
            return list(pool.map(act, rows))

    def _values(self, row: Row) -> Mapping[str, Any]:
        return {
            field.tag: _value(row.fields[name], field.type)
            for name, field in self._fields.items()
            if name in row.fields
        }

    def _acknowledged(self, row: Row, contact_id: str) -> Outcome:
        values = self._values(row)
        sent = {
            name: None if row.fields[name] is None else values[field.tag]
            for name, field in self._fields.items()
            if name in row.fields
        }
        return Outcome.acknowledged(row, contact_id, {**row.sent, _ADDRESS: row.key, **sent})


def _address_of(key: str, where: str) -> str:
    """The API's address, of which a key's end names the data center."""
    found = _DATA_CENTER.fullmatch(key)
    if not found:
        raise ConfigurationError(
            "The key of Mailchimp does not end in its data center, such as -us6.",
            where=f"{where}, api_key_env",
            remedy="take the whole key, or set base_url.",
        )
    return f"https://{found[1]}.api.mailchimp.com"


def _hash(address: str) -> str:
    """What Mailchimp calls the member of an address."""
    return hashlib.md5(address.strip().lower().encode(), usedforsecurity=False).hexdigest()


def _name(row: Row) -> str:
    """What calls name a row's member by: what stays when the address changes, where it is known."""
    return row.remote_id or _hash(row.key)


def _left(row: Row) -> Outcome:
    return Outcome.acknowledged(row, None, {_ADDRESS: row.key})


def _is_done(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status is Status.ACKNOWLEDGED


def _value(value: Any, kind: str) -> Any:
    """A value as Mailchimp reads it, by the type of its merge field; an empty text empties it."""
    if value is None:
        return ""
    if isinstance(value, date) and kind == "birthday":
        return f"{value:%m/%d}"
    if isinstance(value, datetime) and kind == "date":
        return value.date().isoformat()
    if kind == "number" and not isinstance(value, bool):
        return json_value(value)
    return plain_text(value)
