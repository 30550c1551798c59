"""Whom requests are about: the table erasure_identifiers, until they are confirmed or denied."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.privacy.ledger import IDENTIFIERS
from dbt_cdp.warehouse import Warehouse

_CHUNK_ROWS = 10_000


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
        stage: what they are for: asked, running or preview.
    """
    chunk: dict[str, tuple[str, str, str]] = {}

    def write() -> None:
        if chunk:
            columns: dict[str, list[Any]] = {
                "entry_id": list(chunk),
                "request_id": [one for one, _, _ in chunk.values()],
                "identifier_type": [kind for _, kind, _ in chunk.values()],
                "identifier_value": [value for _, _, value in chunk.values()],
                "stage": [stage] * len(chunk),
            }
            warehouse.insert_new(staged, columns, "entry_id")
            chunk.clear()

    for row in rows:
        text = json.dumps([stage, *row], ensure_ascii=False)
        chunk[hashlib.sha256(text.encode()).hexdigest()[:32]] = row
        if len(chunk) == _CHUNK_ROWS:
            write()
    write()


def forget(warehouse: Warehouse, manifest: Manifest, request_ids: Sequence[str]) -> None:
    """Forget whom requests are about."""
    staged = manifest.relation(IDENTIFIERS)
    for request_id in request_ids:
        warehouse.execute(f"delete from {staged} where request_id = ?", [request_id])  # noqa: S608
