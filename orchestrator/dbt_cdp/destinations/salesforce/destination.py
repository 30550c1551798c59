"""Salesforce: contacts, leads, accounts and custom objects, and the members of campaigns.

Records are found by the ids that Salesforce gave them, so that an e-mail may change; else by an
external id, which Salesforce compares itself, or by a plain field, which is looked for by a query.
A plain field need not be unique: of several records none is taken.
"""

import re
from collections.abc import Iterable, Sequence
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
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.retries import retried
from dbt_cdp.destinations.salesforce.api import MAX_RECORDS, SalesforceApi, UnansweredError
from dbt_cdp.destinations.salesforce.check import checked
from dbt_cdp.destinations.salesforce.erase import erase
from dbt_cdp.destinations.salesforce.find import SEVERAL, Finder, Place
from dbt_cdp.destinations.salesforce.records import outcome_of, record_of
from dbt_cdp.destinations.salesforce.soql import quoted
from dbt_cdp.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_CAMPAIGN = re.compile(r"701[A-Za-z0-9]{12}([A-Za-z0-9]{3})?")

# The objects whose records campaigns have as members.
_MEMBERS = {"Contact", "Lead"}

_SAME = "another row has the same record in Salesforce"
_NO_RECORD = "Salesforce has no such record"


class SalesforceSettings(Settings):
    """An entry of type salesforce.

    Attributes:
        base_url: the address of the org's My Domain.
        client_id_env: the environment variable that holds the app's consumer key.
        client_secret_env: the environment variable that holds the app's consumer secret.
    """

    base_url: str
    client_id_env: str
    client_secret_env: str


class SalesforceDestination(Destination):
    """Records of an org. The sync's `object` is their object, its `audience` the id of a campaign,
    for contacts and leads."""

    settings_model = SalesforceSettings
    modes = frozenset({Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR, Mode.AUDIENCE})
    max_rows = MAX_RECORDS
    updates_by_id = True
    ignores_case = True
    is_partial = True

    settings: SalesforceSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        _check(sync)
        where = f"destination '{settings.name}'"
        self._api = SalesforceApi(
            check_url(settings.base_url, f"{where}, base_url"),
            read_secret(settings.client_id_env, f"{where}, client_id_env"),
            read_secret(settings.client_secret_env, f"{where}, client_secret_env"),
            credentials=f"{settings.client_id_env} and {settings.client_secret_env}",
            account=settings.name,
        )
        self._finder = Finder(self._api, sync)
        self._members = Place(
            "CampaignMember",
            f"{sync.object}Id",
            f"{sync.object}.{sync.key}",
            f"CampaignId = {quoted(sync.audience)}",
        )

    @override
    def check(self) -> str:
        return checked(self._api, self.sync)

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action is Action.REMOVE:
            return self._remove(rows)
        outcomes: dict[str, Outcome] = {}
        # An id that an added row comes with is of a record that was removed.
        if action is Action.CHANGE and self.sync.mode is not Mode.INSERT:
            outcomes = self._change([(row, row.remote_id) for row in rows if row.remote_id])
        rest = [row for row in rows if row.delivery_id not in outcomes]
        if rest:
            outcomes |= self._write(rest)
        return self._join(rows, outcomes) if self.sync.mode is Mode.AUDIENCE else outcomes.values()

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        return [
            outcome
            for start in range(0, len(rows), MAX_RECORDS)
            for outcome in erase(
                self._api, self._finder, self.sync.object, rows[start : start + MAX_RECORDS]
            )
        ]

    @override
    def close(self) -> None:
        self._api.close()

    # To write. What is not in the outcomes that these return, Salesforce has no such record of.

    def _change(self, targets: Sequence[tuple[Row, str]]) -> dict[str, Outcome]:
        """Change records by their ids; also those that were merged into others, in these."""
        outcomes, gone = self._update(targets)
        if not gone:
            return outcomes
        current = self._finder.current(
            [record_id for row, record_id in targets if row.delivery_id in gone]
        )
        moved = []
        for row, record_id in targets:
            if row.delivery_id in gone and current.get(record_id) == record_id:
                # It is there: what is gone is a record that it refers to.
                outcomes[row.delivery_id] = gone[row.delivery_id]
            elif row.delivery_id in gone and record_id in current:
                moved.append((row, current[record_id]))
        return outcomes | self._update(moved)[0]

    def _write(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        """Write rows whose records are known by their keys only."""
        if self._finder.key.is_external_id and self.sync.mode not in (Mode.INSERT, Mode.UPDATE):
            records = [record_of(self.sync.object, row) for row in rows]
            results = self._api.upsert(self.sync.object, self.sync.key, records)
            outcomes = zip(rows, results, strict=True)
            return {row.delivery_id: outcome_of(row, result) for row, result in outcomes}
        # What may have created records is not asked again before they were looked for.
        return retried(UnansweredError, self._look_and_write, rows)

    def _look_and_write(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        found = self._finder.by_key(self._finder.records, rows)
        outcomes, known, new = {}, [], []
        for row in rows:
            ids = found.get(row.delivery_id, [])
            if len(ids) > 1:
                outcomes[row.delivery_id] = Outcome.rejected(row, SEVERAL)
            elif ids and self.sync.mode is Mode.INSERT:
                kept = {self.sync.key: row.key}
                outcomes[row.delivery_id] = Outcome.acknowledged(row, ids[0], kept)
            elif ids:
                known.append((row, ids[0]))
            elif self.sync.mode is Mode.UPDATE:
                outcomes[row.delivery_id] = Outcome.rejected(row, _NO_RECORD)
            else:
                new.append(row)
        changed, gone = self._update(known)
        return outcomes | changed | gone | self._create(new)

    def _update(
        self, targets: Sequence[tuple[Row, str]]
    ) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
        """Change records by their ids.

        Returns:
            What became of the rows, and apart from it of those whose records, or others that they
            refer to, are not there.
        """
        outcomes: dict[str, Outcome] = {}
        gone: dict[str, Outcome] = {}
        by_id: dict[str, Row] = {}
        for row, record_id in targets:
            # A call may not name a record twice.
            if by_id.setdefault(record_id, row) is not row:
                outcomes[row.delivery_id] = Outcome.rejected(row, _SAME)
        if by_id:
            records = [
                record_of(self.sync.object, row, record_id) for record_id, row in by_id.items()
            ]
            for row, result in zip(by_id.values(), self._api.update(records), strict=True):
                part = gone if result.is_gone else outcomes
                part[row.delivery_id] = outcome_of(row, result)
        return outcomes, gone

    def _create(self, rows: Sequence[Row]) -> dict[str, Outcome]:
        if not rows:
            return {}
        results = self._api.create([record_of(self.sync.object, row) for row in rows])
        outcomes = zip(rows, results, strict=True)
        return {row.delivery_id: outcome_of(row, result) for row, result in outcomes}

    def _join(self, rows: Sequence[Row], outcomes: dict[str, Outcome]) -> Iterable[Outcome]:
        """Make the records that were written members of the campaign."""
        by_id = {
            one.remote_id: row
            for row in rows
            if (one := outcomes.get(row.delivery_id)) and one.status is Status.ACKNOWLEDGED
        }
        members = [
            {
                "attributes": {"type": self._members.table},
                "CampaignId": self.sync.audience,
                self._members.id: record_id,
            }
            for record_id in by_id
        ]
        results = retried(UnansweredError, self._api.create, members) if members else []
        for row, result in zip(by_id.values(), results, strict=True):
            # Whoever is a member stays the one that they are.
            if not result.success and result.problem.code != "DUPLICATE_VALUE":
                outcomes[row.delivery_id] = outcome_of(row, result)
        return outcomes.values()

    # To remove

    def _remove(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Put records into the recycle bin, or take them off the campaign."""
        place = self._members if self.sync.mode is Mode.AUDIENCE else self._finder.records
        found = self._finder.by_id(place, rows)
        found |= self._finder.by_key(place, [row for row in rows if row.delivery_id not in found])
        outcomes, targets = [], []
        for row in rows:
            ids = found.get(row.delivery_id, [])
            if len(ids) > 1:
                outcomes.append(Outcome.rejected(row, SEVERAL))
            elif ids:
                targets.append((row, ids[0]))
            else:
                outcomes.append(Outcome.acknowledged(row))
        return [*outcomes, *self._delete(targets)]

    def _delete(self, targets: Sequence[tuple[Row, str]]) -> Iterable[Outcome]:
        ids = list(dict.fromkeys(record_id for _, record_id in targets))
        results = dict(zip(ids, self._api.delete(ids) if ids else [], strict=True))
        for row, record_id in targets:
            result = results[record_id]
            if result.success or result.is_gone:
                yield Outcome.acknowledged(row)
            else:
                yield outcome_of(row, result)


def _check(sync: Sync) -> None:
    """Refuse a sync that cannot be one to Salesforce."""
    where = f"sync '{sync.name}'"
    if not _NAME.fullmatch(sync.object):
        raise ConfigurationError(
            "A sync to Salesforce does not say which records it is about.",
            where=f"{where}, object",
            remedy="give Contact, Lead, Account or the API name of another object, such as"
            " Thing__c.",
        )
    for name in sync.fields:
        if not all(_NAME.fullmatch(part) for part in name.split(".", 1)):
            raise ConfigurationError(
                f"'{name}' is the name of no field.",
                where=f"{where}, fields",
                remedy="give API names, such as LastName, Tier__c or Account.Customer_Id__c.",
            )
    if sync.mode is not Mode.AUDIENCE:
        return
    if sync.object not in _MEMBERS:
        raise ConfigurationError(
            f"Records of {sync.object} are no members of campaigns.",
            where=f"{where}, object",
            remedy="give Contact or Lead.",
        )
    if not _CAMPAIGN.fullmatch(sync.audience):
        raise ConfigurationError(
            "The audience of a sync to Salesforce is not the id of a campaign.",
            where=f"{where}, audience",
            remedy="give the 15 or 18 letters, beginning with 701, that the campaign's address"
            " holds.",
        )
