"""Rows as Salesforce takes them, and its results as outcomes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dbt_cdp.destinations.base import Outcome, Row
from dbt_cdp.destinations.salesforce.answers import Result
from dbt_cdp.destinations.values import json_value


def record_of(kind: str, row: Row, record_id: str | None = None) -> Mapping[str, Any]:
    """A row as a record. A field such as `Account.Customer_Id__c` names another record by its
    external id.

    Args:
        kind: the object.
        row: the row.
        record_id: of the record that is to be changed.
    """
    record: dict[str, Any] = {"attributes": {"type": kind}}
    if record_id:
        record["id"] = record_id
    for name, value in row.fields.items():
        relation, _, field = name.partition(".")
        if not field:
            record[name] = _value(value)
        elif value is None:
            record[reference_of(relation)] = None
        else:
            record[relation] = {field: _value(value)}
    return record


def reference_of(relation: str) -> str:
    """The field that has the ids of the records that a relationship leads to."""
    custom = relation.removesuffix("__r")
    return f"{custom}__c" if custom != relation else f"{relation}Id"


def outcome_of(row: Row, result: Result) -> Outcome:
    """What became of a row, by what Salesforce says of its record."""
    if result.success:
        sent = {name: _value(value) for name, value in row.fields.items()}
        return Outcome.acknowledged(row, result.id, {**row.sent, **sent})
    make = Outcome.retry if result.problem.is_passing else Outcome.rejected
    return make(row, result.problem.reason)


def _value(value: Any) -> Any:
    """A value as Salesforce reads it: times in UTC to the millisecond, the choices of a list with
    semicolons between them."""
    if isinstance(value, datetime):
        in_utc = value.astimezone(UTC) if value.tzinfo else value
        return in_utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, list | tuple):
        return ";".join(str(_value(one)) for one in value)
    return json_value(value)
