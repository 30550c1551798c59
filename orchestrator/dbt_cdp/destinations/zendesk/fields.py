"""Which fields of users and organizations a sync may write, and how values are sent."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dbt_cdp.destinations.base import Mode, Row, Sync
from dbt_cdp.destinations.values import json_value

USERS, ORGANIZATIONS = "users", "organizations"

# What may be a key: what Zendesk finds records by.
_KEYS = {USERS: ("email", "external_id"), ORGANIZATIONS: ("external_id",)}

# Not among them: what people may do (role, suspended), and tags, which would replace all others.
_OWN = {
    USERS: {
        "alias",
        "details",
        "email",
        "external_id",
        "locale",
        "name",
        "notes",
        "organization_id",
        "phone",
        "time_zone",
        "verified",
    },
    ORGANIZATIONS: {"details", "domain_names", "external_id", "group_id", "name", "notes"},
}

# One word; Zendesk makes several tags of several.
_TAG = re.compile(r"\w[\w/:-]*")

_CUSTOM = {USERS: "user_fields", ORGANIZATIONS: "organization_fields"}


def problems_of(sync: Sync) -> Iterable[tuple[str, str, str]]:
    """What a sync to Zendesk cannot be: the problem, the sync's key, and the remedy."""
    if sync.object not in _KEYS:
        yield (
            "A sync to Zendesk does not say which records it is about.",
            "object",
            "give users or organizations.",
        )
        return
    keys = _KEYS[sync.object]
    if sync.key not in keys:
        yield (
            f"Zendesk does not find {sync.object} by '{sync.key}'.",
            "key",
            f"take {' or '.join(keys)}.",
        )
    for name in _unknown(sync.object, sync.fields):
        yield (
            f"A sync cannot write '{name}' of Zendesk's {sync.object}.",
            "fields",
            f"take {', '.join(sorted(_OWN[sync.object]))}, or {_CUSTOM[sync.object]}.KEY for a"
            " custom field; tags are kept by mode audience.",
        )
    is_tag = _TAG.fullmatch(sync.audience) and sync.audience == sync.audience.lower()
    if sync.mode is Mode.AUDIENCE and not is_tag:
        yield (
            "The audience of a sync to Zendesk is not a tag.",
            "audience",
            "give one word in lower case, such as hot_lead.",
        )


def custom_fields(kind: str, names: Sequence[str]) -> list[str]:
    """The keys of the custom fields among the names."""
    prefix = f"{_CUSTOM[kind]}."
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def record_of(kind: str, row: Row, key: str) -> Mapping[str, Any]:
    """A row as Zendesk takes it. Nobody is sent a mail for being written."""
    record: dict[str, Any] = {"skip_verify_email": True} if kind == USERS else {}
    custom: dict[str, Any] = {}
    for name, value in row.fields.items():
        group, dot, custom_key = name.partition(".")
        target = custom if dot and group == _CUSTOM[kind] else record
        target[custom_key if dot else name] = json_value(value)
    if custom:
        record[_CUSTOM[kind]] = custom
    return {**record, key: row.key}


def _unknown(kind: str, names: Sequence[str]) -> list[str]:
    """The names that are none of the fields that a sync may write."""
    prefix = f"{_CUSTOM[kind]}."
    return [name for name in names if name not in _OWN[kind] and not name.startswith(prefix)]
