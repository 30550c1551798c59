"""Ledgers that are only ever added to, of which each entry holds the hash of the one before it.

Whoever changes, removes or inserts an entry of a request afterwards breaks its chain. The entries
of one request are one chain, whatever tables they stand in.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dbt_cdp.destinations.values import json_value

PREVIOUS, HASH = "previous_hash", "entry_hash"

# What the first entry of a chain follows.
START = "0" * 64


def entry_hash(entry: Mapping[str, Any]) -> str:
    """The hash of an entry: SHA-256 of its values as JSON, by the names of their columns, without
    the hash itself. Times are ISO 8601 in UTC, and what is null is left out."""
    said = {
        name: json_value(value)
        for name, value in entry.items()
        if name != HASH and value is not None
    }
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Chain:
    """The chain of one request, to which entries are added.

    Attributes:
        request_id: the request.
        position: of the last entry; 0 where there is none.
        last_hash: of the last entry.
    """

    request_id: str
    position: int = 0
    last_hash: str = START

    def add(self, entered_at: datetime, by: str | None, **values: Any) -> dict[str, Any]:
        """The next entry, a row of its table."""
        self.position += 1
        entry = {
            "entry_id": f"{self.request_id}-{self.position}",
            "request_id": self.request_id,
            "position": self.position,
            "entered_at": entered_at,
            "entered_by": by,
            **values,
            PREVIOUS: self.last_hash,
        }
        self.last_hash = entry_hash(entry)
        return {**entry, HASH: self.last_hash}


def broken_entry(entries: Sequence[Mapping[str, Any]]) -> int | None:
    """The position of the first entry that is not as it was written; None where all are.

    Args:
        entries: those of one request, in the order of their positions.
    """
    last = START
    for position, entry in enumerate(entries, 1):
        is_next = entry["position"] == position and entry[PREVIOUS] == last
        if not is_next or entry[HASH] != entry_hash(entry):
            return position
        last = str(entry[HASH])
    return None
