"""Finds records of Salesforce: by their ids, by their keys, and after merges.

A merge puts the record that goes into the recycle bin, and notes there which one has stayed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dbt_cdp.destinations.base import Row, Sync
from dbt_cdp.destinations.errors import BatchRejectedError
from dbt_cdp.destinations.salesforce.answers import Described
from dbt_cdp.destinations.salesforce.api import SalesforceApi
from dbt_cdp.destinations.salesforce.soql import folded, literal, queries, quoted, value_of

SEVERAL = "several records have this key, and which one is meant cannot be known"

# How often a record is followed that was merged into another one, which was merged in turn.
_LONGEST_CHAIN = 5


@dataclass(frozen=True)
class Place:
    """Where records are looked for: the object's own, or the members of a campaign.

    Attributes:
        table: the object that is queried.
        id: its field that has the ids of the records.
        key: its field that has the keys.
        condition: a further condition.
    """

    table: str
    id: str
    key: str
    condition: str = ""


@dataclass(frozen=True)
class Held:
    """A record that a person has; `is_deleted` where it is in the recycle bin."""

    id: str
    is_deleted: bool


class Finder:
    """Finds the records of a sync's object.

    Args:
        api: the org's.
        sync: whose object and key.
    """

    def __init__(self, api: SalesforceApi, sync: Sync) -> None:
        self._api, self._sync = api, sync
        self.records = Place(sync.object, "Id", sync.key)

    @cached_property
    def key(self) -> Described:
        """The field that is the key."""
        found = self._api.describe(self._sync.object).field(self._sync.key)
        # Where there is none, Salesforce says so when it is used.
        return found or Described(name=self._sync.key, type="string")

    def by_id(self, place: Place, rows: Sequence[Row]) -> dict[str, list[str]]:
        """What is there with the ids of the rows' records, by the rows' delivery ids."""
        ids = dict.fromkeys(row.remote_id for row in rows if row.remote_id)
        literals = map(quoted, ids)
        found: dict[str, list[str]] = {}
        for query in queries(["Id", place.id], place.table, place.id, literals, place.condition):
            for record in self._api.select(query):
                found.setdefault(value_of(record, place.id), []).append(value_of(record, "Id"))
        return {row.delivery_id: found[row.remote_id] for row in rows if row.remote_id in found}

    def by_key(self, place: Place, rows: Sequence[Row]) -> dict[str, list[str]]:
        """What is there with the rows' keys, by the rows' delivery ids; without the record of the
        person that a row's person has become.

        Raises:
            BatchRejectedError: Salesforce takes a key for another one, and it is not clear which.
        """
        by_key = {folded(row.key, self.key.type): row for row in rows}
        found: dict[str, list[Mapping[str, Any]]] = {}
        for record in self._with_keys(place, rows):
            row = by_key.get(folded(value_of(record, place.key), self.key.type))
            row = rows[0] if len(rows) == 1 else row
            if row is None:
                raise BatchRejectedError("Salesforce's records fit none of the rows' keys")
            if value_of(record, place.id) != row.into_remote_id:
                found.setdefault(row.delivery_id, []).append(record)
        return {name: _open_ones(records) for name, records in found.items()}

    def current(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The ids under which records are there now: their own, or those of the records that they
        were merged into. What is in the recycle bin is not among them."""
        current: dict[str, str] = {}
        wanted = {one: one for one in ids}
        for _ in range(_LONGEST_CHAIN):
            records = self._all_with_ids(wanted.values())
            merged = {}
            for first, one in wanted.items():
                if one in records and not value_of(records[one], "IsDeleted"):
                    current[first] = one
                elif master := value_of(records.get(one), "MasterRecordId"):
                    merged[first] = master
            wanted = merged
        return current

    def held(self, row: Row) -> Sequence[Held]:
        """All that Salesforce holds of a row: its record, those that it was merged into and, where
        none of these is there, those with its key; also in the recycle bin."""
        found: dict[str, Mapping[str, Any]] = {}
        one = row.remote_id
        while one and one not in found:
            found |= self._all_with_ids([one])
            one = value_of(found.get(one), "MasterRecordId")
        if all(value_of(record, "IsDeleted") for record in found.values()):
            for record in self._with_keys(self.records, [row], deleted=True):
                found[value_of(record, "Id")] = record
        return [Held(name, bool(value_of(one, "IsDeleted"))) for name, one in found.items()]

    def _with_keys(
        self, place: Place, rows: Sequence[Row], *, deleted: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        literals = [one for row in rows if (one := literal(row.key, self.key.type))]
        names = ["Id", place.id, place.key, *(self._status if place is self.records else ())]
        return [
            record
            for query in queries(names, place.table, place.key, literals, place.condition)
            for record in self._api.select(query, deleted=deleted)
        ]

    def _all_with_ids(self, ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """The records of ids, deleted or not, by their ids."""
        literals = map(quoted, dict.fromkeys(ids))
        return {
            value_of(record, "Id"): record
            for query in queries(["Id", *self._status], self.records.table, "Id", literals)
            for record in self._api.select(query, deleted=True)
        }

    @cached_property
    def _status(self) -> Sequence[str]:
        """The fields that say what has become of a record, as far as the object has them."""
        described = self._api.describe(self._sync.object)
        names = ("IsDeleted", "MasterRecordId", "IsConverted")
        return [name for name in names if described.field(name)]


def _open_ones(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of records; of leads those that have not been converted, if there are such."""
    still_open = [one for one in records if not value_of(one, "IsConverted")]
    return [value_of(one, "Id") for one in still_open or records]
