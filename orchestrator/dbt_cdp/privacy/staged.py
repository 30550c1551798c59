"""Whom requests are about: the table erasure_identifiers, until they are confirmed or denied."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from dbt_cdp.batches import batches
from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.privacy.ledger import IDENTIFIERS
from dbt_cdp.queries import Queries
from dbt_cdp.warehouse import Warehouse

_CHUNK_ROWS, _VALUES_AT_ONCE = 10_000, 500


def stage_rows(
    warehouse: Warehouse,
    staged: Relation,
    rows: Iterable[tuple[str, str, str]],
    stage: str,
) -> None:
    """Write whom requests are about.

    Args:
        warehouse: the warehouse.
        staged: the table.
        rows: the request, an identifier's type, and its value; those that are there stay.
        stage: what they are for: asked, running, preview or access.
    """
    for chunk in batches(rows, _CHUNK_ROWS):
        by_id = {_entry_id(stage, row): row for row in chunk}
        columns: dict[str, list[str]] = {
            "entry_id": list(by_id),
            "request_id": [one for one, _, _ in by_id.values()],
            "identifier_type": [kind for _, kind, _ in by_id.values()],
            "identifier_value": [value for _, _, value in by_id.values()],
            "stage": [stage] * len(by_id),
        }
        warehouse.insert_new(staged, columns, "entry_id")


def stage_found(queries: Queries, stage: str, requests: str, *parameters: str) -> None:
    """Look up and write all that the people of requests are known by.

    Args:
        queries: those of erasures, on an open warehouse.
        stage: what it is for.
        requests: whose requests are meant, as SQL.
        parameters: those of that SQL.
    """
    sql = queries.settings["stage_found"].replace("{requests}", requests)
    queries.warehouse.execute(sql, [stage, *parameters])


def _entry_id(stage: str, row: tuple[str, str, str]) -> str:
    text = json.dumps([stage, *row], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def forget(warehouse: Warehouse, manifest: Manifest, request_ids: Sequence[str]) -> None:
    """Forget whom requests are about."""
    delete_rows(warehouse, manifest.relation(IDENTIFIERS), "request_id", request_ids)


def delete_rows(warehouse: Warehouse, table: Relation, column: str, values: Sequence[str]) -> None:
    """Delete the rows of a table that have one of these values in a column."""
    for some in batches(values, _VALUES_AT_ONCE):
        marks = ", ".join("?" for _ in some)
        sql = f"delete from {table} where {column} in ({marks})"  # noqa: S608
        warehouse.execute(sql, some)
