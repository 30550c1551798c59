"""A shop with two people, for tests of all that is done with a person on one warehouse."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from consumer import write_shop
from dbt_cdp.cli import run

# All that the one who is erased is known by.
ANN = ("ann-7", "ann@gone-shop.example", "cookie-ann", "c-ann")

EVENTS: list[dict[str, Any]] = [
    {"type": "page", "anonymousId": "cookie-ann"},
    {"event": "ordered", "userId": "ann-7", "anonymousId": "cookie-ann", "email": ANN[1].upper()},
    {"event": "ordered", "userId": "bob-1", "context": {"device": {"id": "till"}}},
    {"event": "ordered", "userId": "ann-7", "context": {"device": {"id": "till"}}},
    {"event": "ordered", "userId": "bob-1", "properties": {"cc": "cid"}},
]
CONTACT = {"contact_id": "c-ann", "email": "Ann@gone-shop.example"}

_SYNC = {
    "destination": "files",
    "object": "buyers",
    "mode": "mirror",
    "key": "user",
    "segment": "buyers",
    "fields": {"user": "canonical_id", "email": "email", "orders": "orders"},
}
_EXPOSURE = {
    "name": "buyers",
    "type": "application",
    "owner": {"name": "Growth"},
    "depends_on": ["ref('cdp', 'cdp__user_profiles')", "ref('cdp', 'cdp__segments')"],
    "config": {"meta": {"cdp_sync": _SYNC}},
}
_VARS = {
    "cdp_traits": [{"name": "orders", "count": "events", "event": "ordered"}],
    "cdp_segments": [{"name": "buyers", "where": "orders > 0"}],
    "cdp_destinations": [{"name": "files", "type": "file", "path": "out"}],
}


def write_whole_shop(
    folder: Path, target: Mapping[str, Any], more: list[dict[str, Any]] | None = None
) -> Path:
    """The project in this folder, with the files of what it loads; `more` events than the usual."""
    shop = write_shop(folder, target)
    set_vars(shop, _VARS)
    (shop / "models").mkdir()
    (shop / "models" / "syncs.yml").write_text(json.dumps({"exposures": [_EXPOSURE]}))
    times = {"receivedAt": "2026-06-01T10:01:00Z", "timestamp": "2026-06-01T10:00:00Z"}
    lines = [
        json.dumps({"messageId": f"m{number}", "type": "track", **times, **event})
        for number, event in enumerate([*EVENTS, *(more or [])])
    ]
    (shop / "events.ndjson").write_text("\n".join(lines))
    (shop / "contacts.ndjson").write_text(json.dumps(CONTACT))
    return shop


def load_whole_shop() -> None:
    """Load the files of the shop that is the current folder."""
    assert run(["load", "events.ndjson", "--source", "web"]) == 0
    assert run(["load", "contacts.ndjson", "--source", "crm"]) == 0


def set_vars(shop: Path, variables: Mapping[str, Any], **settings: Any) -> None:
    """Change variables, and other settings, of the project."""
    file = shop / "dbt_project.yml"
    known = yaml.safe_load(file.read_text())
    known["vars"].update(variables)
    file.write_text(yaml.safe_dump({**known, **settings}))
