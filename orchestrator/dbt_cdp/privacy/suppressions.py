"""Who must not come back: the tables suppressions and suppression_keys.

The list holds keyed digests of identifiers in their normal forms, and no identifier. What an
identifier was cannot be read from it, nor found by trying all e-mail addresses without the key,
which stands in a table of its own that nobody but the `cdp` command and dbt needs to read.
"""

import os
import secrets
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from dbt_cdp.batches import batches
from dbt_cdp.clock import utc_now
from dbt_cdp.collector.suppression import LIST_FILE, digest
from dbt_cdp.decisions import Identifier
from dbt_cdp.landing import ensure_tables
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_when_free

KEYS, SUPPRESSIONS = "cdp__suppression_keys", "cdp__suppressions"

_KEY_BYTES = 32
_CHUNK_ROWS = 10_000


def suppress(
    project: Project, identifiers: Iterable[tuple[str, Identifier]], at: datetime | None = None
) -> int:
    """Suppress identifiers. Those that are suppressed already stay as they are.

    Args:
        project: the project.
        identifiers: in their normal forms, each with the id of the request that it belongs to.
        at: when (UTC); now without it.

    Returns:
        How many were not suppressed before.

    Raises:
        DbtError: the tables cannot be made.
        WarehouseError: they cannot be written.
    """
    keys, suppressions = ensure_tables(project, [KEYS, SUPPRESSIONS])
    added = 0
    with open_when_free(project) as warehouse:
        key_id, secret = _newest_key(warehouse, keys)
        for chunk in batches(identifiers, _CHUNK_ROWS):
            rows = {
                f"{request_id}-{key_id}-{name}": (one.type, name, request_id)
                for request_id, one in chunk
                for name in [digest(bytes.fromhex(secret), one.type, one.value).hex()]
            }
            added += warehouse.insert_new(
                suppressions,
                {
                    "suppression_id": list(rows),
                    "key_id": [key_id] * len(rows),
                    "identifier_type": [kind for kind, _, _ in rows.values()],
                    "digest": [name for _, name, _ in rows.values()],
                    "request_id": [request_id for _, _, request_id in rows.values()],
                    "suppressed_at": [at or utc_now()] * len(rows),
                },
                "suppression_id",
            )
    return added


def lift(project: Project, request_id: str, by: str | None, reason: str) -> int:
    """Let the people of a request come back.

    Returns:
        How many identifiers were suppressed by it.
    """
    (suppressions,) = ensure_tables(project, [SUPPRESSIONS])
    with open_when_free(project) as warehouse:
        return warehouse.execute(
            f"update {suppressions} set lifted_at = ?, lifted_by = ?, lift_reason = ?"  # noqa: S608
            " where request_id = ? and lifted_at is null",
            [utc_now(), by or "", reason, request_id],
        )


def rotate_key(project: Project) -> int:
    """Digest by a new key from now on. What was digested by older ones stays valid: nobody knows
    any more what it was made of.

    Returns:
        How many keys there are.
    """
    (keys,) = ensure_tables(project, [KEYS])
    with open_when_free(project) as warehouse:
        _make_key(warehouse, keys)
        return len(_keys(warehouse, keys))


def exported(project: Project) -> Iterator[str]:
    """The list as the collector reads it, line by line: a line for each key, and after it its
    digests."""
    keys, suppressions = ensure_tables(project, [KEYS, SUPPRESSIONS])
    country = project.var("cdp_default_country_code")
    if country:
        yield f"country {country}"
    with open_when_free(project) as warehouse:
        for key_id, secret in _keys(warehouse, keys):
            yield f"key {secret}"
            found = warehouse.query(
                f"select distinct digest from {suppressions}"  # noqa: S608
                " where key_id = ? and lifted_at is null order by digest",
                [key_id],
            )
            yield from (name for (name,) in found)


def write_list(project: Project, spool: Path) -> None:
    """Write the list for a collector on this machine; nothing where its spool is not there."""
    if not spool.is_dir():
        return
    file = spool / LIST_FILE
    new = file.with_name(f"{LIST_FILE}.new")
    new.touch(mode=0o600)
    with new.open("w", encoding="ascii") as out:
        out.writelines(f"{line}\n" for line in exported(project))
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def _keys(warehouse: Warehouse, keys: object) -> list[tuple[str, str]]:
    """The keys with their ids, the oldest first."""
    return [
        (key_id, secret)
        for key_id, secret in warehouse.query(
            f"select key_id, secret from {keys} order by made_at, key_id"  # noqa: S608
        )
    ]


def _newest_key(warehouse: Warehouse, keys: object) -> tuple[str, str]:
    found = _keys(warehouse, keys)
    return found[-1] if found else _make_key(warehouse, keys)


def _make_key(warehouse: Warehouse, keys: object) -> tuple[str, str]:
    key_id, secret = uuid.uuid4().hex, secrets.token_hex(_KEY_BYTES)
    warehouse.execute(
        f"insert into {keys} (key_id, secret, made_at) values (?, ?, ?)",  # noqa: S608
        [key_id, secret, utc_now()],
    )
    return key_id, secret
