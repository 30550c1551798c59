"""HubSpot: contacts, companies, deals, tickets and custom objects, and the members of static lists.

Records are found by the ids that HubSpot gave them, so that an e-mail may change, and by a property
with unique values else. A merge in HubSpot makes a new record, which is found by the ids of the two
that it was made of; so whatever is deleted or taken off a list is looked up first, and is left
alone where it has become a part of somebody else's record.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

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
from dbt_cdp.destinations.hubspot.api import (
    MAX_RECORDS,
    Batch,
    CallRefusedError,
    HubSpotApi,
    MemberList,
    Problem,
    Record,
)
from dbt_cdp.destinations.values import plain_text
from dbt_cdp.errors import ConfigurationError, listed

# How lists name the kinds of records.
_TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "tickets": "0-5"}

# The lists whose members others may change.
_STATIC = {"MANUAL", "SNAPSHOT"}

_OBJECT = re.compile(r"\w[\w-]*", re.ASCII)
_TYPE_ID = re.compile(r"[0-9]+-[0-9]+")

_NO_SURVIVOR = "the record that it is to be put into is not there"
_NOT_FOR_GOOD = (
    "HubSpot deletes only contacts for good; the record is deleted, but can be restored there for"
    " 90 days"
)
_DELETED_BEFORE = (
    "the contact was deleted before and can be restored in HubSpot for 90 days; delete it there for"
    " good"
)


class HubSpotSettings(Settings):
    """An entry of type hubspot.

    Attributes:
        token_env: the environment variable that holds the access token of a private app.
        base_url: the API's address.
    """

    token_env: str
    base_url: str = "https://api.hubapi.com"


class HubSpotDestination(Destination):
    """Records of HubSpot. The sync's `object` is their type, its `audience` the id of a list."""

    settings_model = HubSpotSettings
    modes = frozenset({Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR, Mode.AUDIENCE})
    max_rows = MAX_RECORDS
    merges = True
    updates_by_id = True
    ignores_case = True
    is_partial = True

    settings: HubSpotSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        where = f"destination '{settings.name}'"
        if not _OBJECT.fullmatch(sync.object):
            raise ConfigurationError(
                "A sync to HubSpot does not say which records it is about.",
                where=f"sync '{sync.name}', object",
                remedy="give contacts, companies, deals, tickets or the type of a custom object.",
            )
        if sync.mode is Mode.AUDIENCE and not re.fullmatch(r"[0-9]+", sync.audience):
            raise ConfigurationError(
                "The audience of a sync to HubSpot is not the id of a list.",
                where=f"sync '{sync.name}', audience",
                remedy="give the number that HubSpot shows among the details of the list.",
            )
        self._is_contacts = sync.object in ("contacts", _TYPE_IDS["contacts"])
        self._api = HubSpotApi(
            check_url(settings.base_url, f"{where}, base_url"),
            read_secret(settings.token_env, f"{where}, token_env"),
            token_env=settings.token_env,
            kind=sync.object,
            account=settings.name,
        )

    @override
    def check(self) -> str:
        problems = [*self._field_problems()]
        found = f"the {len(self.sync.fields)} fields are properties of {self.sync.object}"
        if self.sync.mode is Mode.AUDIENCE:
            members = self._api.member_list(self.sync.audience)
            problems += self._list_problems(members)
            found += f", and the list '{members.name}' is static"
        if problems:
            raise DestinationRefusedError(
                "\n".join(["HubSpot would not take the rows:", *listed(problems)]),
                where=f"sync '{self.sync.name}'",
                remedy="change the sync, or the properties and lists in HubSpot.",
            )
        return found

    def _field_problems(self) -> Iterable[str]:
        properties, kind = self._api.properties(), self.sync.object
        for name in self.sync.fields:
            if name not in properties:
                yield f"{kind} have no property {name}"
            elif properties[name].access.is_read_only:
                yield f"the property {name} of {kind} cannot be written"
        key = properties.get(self.sync.key)
        is_email = self._is_contacts and self.sync.key == "email"
        if key and not key.is_unique and not is_email:
            yield (
                f"the values of {key.name} need not be unique among {kind}, so it can be no key;"
                " create a property that has unique values"
            )

    def _list_problems(self, members: MemberList) -> Iterable[str]:
        if members.processing_type not in _STATIC:
            yield (
                f"HubSpot keeps the members of list {self.sync.audience} itself"
                f" ({members.processing_type}); only those of static lists can be changed"
            )
        type_id = _TYPE_IDS.get(self.sync.object, self.sync.object)
        # A custom object may be given by its name, which lists do not tell.
        if _TYPE_ID.fullmatch(type_id) and members.object_type_id != type_id:
            yield f"list {self.sync.audience} is not one of {self.sync.object}"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action is Action.REMOVE:
            return self._remove(rows)
        if action is Action.MERGE:
            merge = self._leave if self.sync.mode is Mode.AUDIENCE else self._merge
            return [merge(row) for row in rows]
        if self.sync.mode is Mode.INSERT:
            return self._insert(rows).values()
        # An id that an added row comes with is of a record that was removed, or put into another.
        by_id = [(row, row.remote_id) for row in rows if row.remote_id and action is Action.CHANGE]
        outcomes = self._update(by_id)
        rest = [row for row in rows if row.delivery_id not in outcomes]
        if self.sync.mode is Mode.UPDATE:
            outcomes |= self._update_by_key(rest)
        else:
            outcomes |= self._upsert(rest)
        return self._join(rows, outcomes) if self.sync.mode is Mode.AUDIENCE else outcomes.values()

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        if self._is_contacts:
            return [self._erase_contact(row) for row in rows]
        return [
            outcome
            for start in range(0, len(rows), MAX_RECORDS)
            for outcome in self._erase_others(rows[start : start + MAX_RECORDS])
        ]

    @override
    def close(self) -> None:
        self._api.close()

    # To write. What is not in the outcomes that these return, HubSpot says nothing of, or that it
    # has no such record.

    def _update(self, targets: Sequence[tuple[Row, str]]) -> dict[str, Outcome]:
        """Change records by their ids."""
        if not targets:
            return {}
        rows = [row for row, _ in targets]
        inputs = [{"id": record_id, **_input(row)} for row, record_id in targets]
        try:
            batch = self._api.write("update", inputs)
        except CallRefusedError as error:
            if error.is_not_found and len(targets) == 1:
                return {}
            raise
        return self._outcomes(rows, batch, {record_id: row for row, record_id in targets})

    def _update_by_key(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        ids = self._by_key(rows)
        known = [(row, ids[row.delivery_id]) for row in rows if row.delivery_id in ids]
        unknown = [row for row in rows if row.delivery_id not in ids]
        return self._update(known) | {
            row.delivery_id: Outcome.rejected(row, "HubSpot has no such record") for row in unknown
        }

    def _upsert(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        if not rows:
            return {}
        inputs = [{"id": row.key, "idProperty": self.sync.key, **_input(row)} for row in rows]
        return self._outcomes(rows, self._api.write("upsert", inputs))

    def _insert(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        """Create the records that are not there; the others are left as they are."""
        outcomes = self._existing(rows)
        new = [row for row in rows if row.delivery_id not in outcomes]
        if not new:
            return outcomes
        inputs = [{"associations": [], **_input(row)} for row in new]
        created = self._outcomes(new, self._api.write("create", inputs))
        # A call that was made twice meets what it has created itself.
        refused = [row for row in new if not _is_done(created.get(row.delivery_id))]
        return outcomes | created | self._existing(refused)

    def _existing(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        ids = self._by_key(rows)
        return {
            row.delivery_id: Outcome.acknowledged(
                row, ids[row.delivery_id], {self.sync.key: row.key}
            )
            for row in rows
            if row.delivery_id in ids
        }

    def _outcomes(
        self, rows: Sequence[Row], batch: Batch, by_id: Mapping[str, Row] | None = None
    ) -> dict[str, Outcome]:
        """What became of rows.

        Args:
            rows: those that were sent.
            batch: the answer.
            by_id: the rows by the ids that were given with them; None where those were the keys.
        """
        by_trace = {row.delivery_id: row for row in rows}
        by_key = {_folded(row.key): row for row in rows}
        by_id = by_id or {}
        outcomes = {}
        for record in batch.results:
            # HubSpot need not repeat what was given to trace a record.
            row = (
                by_trace.get(record.trace_id or "")
                or by_id.get(record.id)
                or by_key.get(self._key_of(record))
            )
            if row:
                outcomes[row.delivery_id] = Outcome.acknowledged(row, record.id, _sent(row))
        for problem in batch.errors:
            for row in _rows_of(problem, by_trace, by_id or by_key):
                outcomes.pop(row.delivery_id, None)
                if not problem.is_not_found:
                    make = Outcome.rejected if problem.is_lasting else Outcome.retry
                    outcomes[row.delivery_id] = make(row, problem.reason)
        return outcomes

    def _join(self, rows: Sequence[Row], outcomes: dict[str, Outcome]) -> Iterable[Outcome]:
        """Put the records that were written on the list."""
        written = {one.remote_id for one in outcomes.values() if _is_done(one) and one.remote_id}
        missing = self._change_members(add=sorted(written))
        for row in rows:
            outcome = outcomes.get(row.delivery_id)
            if outcome and outcome.remote_id in missing:
                outcomes[row.delivery_id] = Outcome.retry(
                    row, "HubSpot does not find the record that is to be put on the list"
                )
        return outcomes.values()

    # To remove and to merge

    def _remove(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        found = self._find(rows)
        ids = sorted(set(found.values()))
        if self.sync.mode is Mode.AUDIENCE:
            self._change_members(remove=ids)
        elif ids:
            self._api.archive(ids)
        return [Outcome.acknowledged(row, found.get(row.delivery_id)) for row in rows]

    def _merge(self, row: Row) -> Outcome:
        """Put a record into the one of the person that it turned out to be."""
        record_id = self._known_id(row)
        if not record_id:
            return Outcome.acknowledged(row)
        into = row.into_remote_id
        if not into:
            return Outcome.retry(row, _NO_SURVIVOR)
        try:
            return Outcome.acknowledged(row, self._api.merge(record_id, into))
        except CallRefusedError as error:
            current, current_into = self._api.current_id(record_id), self._api.current_id(into)
            # It is gone, or was merged before.
            if current in (None, current_into):
                return Outcome.acknowledged(row)
            if not current_into:
                return Outcome.retry(row, _NO_SURVIVOR)
            return Outcome.rejected(row, error.problem)

    def _leave(self, row: Row) -> Outcome:
        """Take a record off the list whose person has turned out to be another member. Another
        sync may have merged the two records already."""
        record_id = self._known_id(row)
        current = self._api.current_id(record_id) if record_id else None
        into = self._api.current_id(row.into_remote_id) if row.into_remote_id else None
        if current and current != into:
            self._change_members(remove=[current])
        return Outcome.acknowledged(row)

    def _change_members(
        self, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> frozenset[str]:
        if not add and not remove:
            return frozenset()
        return self._api.change_members(self.sync.audience, add=add, remove=remove)

    # To erase

    def _erase_contact(self, row: Row) -> Outcome:
        try:
            if self._erased_by_id(row):
                return Outcome.acknowledged(row)
            is_kept = bool(row.remote_id and self._archived([row.remote_id]))
            for name, value in ((self.sync.key, row.key), ("email", row.sent.get("email"))):
                if value and self._api.delete_contact_for_good(str(value), name):
                    break
        except CallRefusedError as error:
            return Outcome.rejected(row, error.problem)
        return Outcome.rejected(row, _DELETED_BEFORE) if is_kept else Outcome.acknowledged(row)

    def _erased_by_id(self, row: Row) -> bool:
        """Delete a contact for good by its id, or by the one that it has since a merge."""
        if not row.remote_id:
            return False
        if self._api.delete_contact_for_good(row.remote_id, None):
            return True
        current = self._api.current_id(row.remote_id)
        return bool(current and self._api.delete_contact_for_good(current, None))

    def _erase_others(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        found = self._find(rows)
        if found:
            self._api.archive(sorted(set(found.values())))
        ids = {row.delivery_id: found.get(row.delivery_id) or row.remote_id for row in rows}
        kept = self._archived(sorted({one for one in ids.values() if one}))
        return [
            Outcome.rejected(row, _NOT_FOR_GOOD)
            if row.delivery_id in found or ids[row.delivery_id] in kept
            else Outcome.acknowledged(row)
            for row in rows
        ]

    def _archived(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids whose records were deleted and can be restored."""
        records = self._api.read(ids, [], archived=True) if ids else []
        return frozenset(one.id for one in records)

    # To find

    def _known_id(self, row: Row) -> str | None:
        """The id that a row's record was given; by its key where none is known."""
        return row.remote_id or self._by_key([row]).get(row.delivery_id)

    def _find(self, rows: Sequence[Row]) -> dict[str, str]:
        """The ids of records that are the rows' own, by the rows' delivery ids."""
        asked = {row.remote_id: row for row in rows if row.remote_id}
        records = self._api.read(list(asked), [self.sync.key]) if asked else []
        # One that was put into another record is answered by that one.
        found = {asked[one.id].delivery_id: one.id for one in records if one.id in asked}
        return found | self._by_key([row for row in rows if row.delivery_id not in found])

    def _by_key(self, rows: Sequence[Row]) -> dict[str, str]:
        """The ids of the records that have the rows' keys, by the rows' delivery ids."""
        by_key = {_folded(row.key): row for row in rows}
        if not by_key:
            return {}
        keys = [row.key for row in by_key.values()]
        found = {}
        for record in self._api.read(keys, [self.sync.key], by=self.sync.key):
            # Contacts are found by their further e-mails too, which others had before a merge.
            row = by_key.get(self._key_of(record))
            if row:
                found[row.delivery_id] = record.id
        return found

    def _key_of(self, record: Record) -> str:
        return _folded(record.properties.get(self.sync.key) or "")


def _is_done(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status is Status.ACKNOWLEDGED


def _input(row: Row) -> Mapping[str, Any]:
    """A row as HubSpot takes it: all values are texts, and an empty one empties a property."""
    return {
        "objectWriteTraceId": row.delivery_id,
        "properties": {name: _text(value) for name, value in row.fields.items()},
    }


def _sent(row: Row) -> Mapping[str, Any]:
    """The values as they were sent; null for those that were emptied."""
    sent = {name: None if value is None else _text(value) for name, value in row.fields.items()}
    return {**row.sent, **sent}


def _text(value: Any) -> str:
    """A value as HubSpot reads it: times in UTC to the millisecond, numbers without an exponent,
    the choices of a list with semicolons between them."""
    if isinstance(value, datetime):
        in_utc = value.astimezone(UTC) if value.tzinfo else value
        return in_utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, float | Decimal):
        text = format(Decimal(str(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, list | tuple):
        return ";".join(_text(one) for one in value)
    return plain_text(value)


def _rows_of(
    problem: Problem, by_trace: Mapping[str, Row], by_name: Mapping[str, Row]
) -> Iterable[Row]:
    """The rows that a problem is about, by what was given to trace them or by ids or keys."""
    traced = [by_trace.get(one) for one in problem.named("objectWriteTraceId")]
    named = [by_name.get(_folded(one)) for one in problem.named("ids")]
    return [row for row in traced or named if row]


def _folded(key: str) -> str:
    """A key as HubSpot compares them."""
    return key.strip().casefold()
