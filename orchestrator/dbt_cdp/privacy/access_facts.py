"""What is told of a person beside the rows: from where, for what, to whom, for how long."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbt_cdp import __version__
from dbt_cdp.clock import utc_now
from dbt_cdp.privacy.access_values import plain
from dbt_cdp.privacy.extract import Extract

# Of the package's tables: what destinations were sent, and when; what they may have been sent.
_SENT = {"deliveries": "acknowledged_at", "sync_attempts": "attempted_at"}
_PROFILES, _SEGMENTS, _CONSENTS = "user_profiles", "segments", "consents"

# Columns of profiles with JSON text.
_DOCUMENTS = ("attributes", "attribute_sources", "traits", "scores")

_EVER = "as long as the person is known"
_UNREADABLE = "its lines could not be read, so that nobody can tell whose they are"


@dataclass(frozen=True)
class Facts:
    """What the warehouse was asked for beside the rows.

    Attributes:
        ids: the canonical ids, with status and since when.
        identifiers: what the person is known by, each as it is told.
        sources: which source has said something: source, event or record, how often, first, last.
        purposes: those of the var cdp_consent.
        retention: the var cdp_retention, checked.
        left_out: tables of which nobody can tell whose rows they hold.
    """

    ids: Sequence[tuple[Any, ...]]
    identifiers: Sequence[Mapping[str, Any]]
    sources: Sequence[tuple[Any, ...]]
    purposes: Sequence[str]
    retention: Mapping[str, Any]
    left_out: Sequence[str]


def document_of(project: str, facts: Facts, extracts: Sequence[Extract]) -> dict[str, Any]:
    """All that is told but the tables, as JSON has it."""
    own = {one.name: one for one in extracts if one.is_own}
    profile = next(_rows(own.get(_PROFILES)), None)
    found: dict[str, Any] = {
        "about": {
            "document": "cdp access",
            "made_by": f"dbt-cdp {__version__}",
            "made_at": utc_now(),
            "project": project,
            "is_known": bool(extracts or facts.identifiers),
        },
        "person": {
            "canonical_ids": [
                {"canonical_id": one, "status": status, "since": since}
                for one, status, since in facts.ids
            ],
            "identifiers": facts.identifiers,
        },
        "profile": profile and {name: _read(name, value) for name, value in profile.items()},
        "segments": list(_rows(own.get(_SEGMENTS))),
        "purposes": _purposes(facts, own),
        "sources": [
            dict(zip(("source", "kind", "count", "first_at", "last_at"), one, strict=True))
            for one in facts.sources
        ],
        "recipients": _recipients(own),
        "retention": _retention(facts, extracts),
        "left_out": [{"table": name, "reason": _UNREADABLE} for name in facts.left_out],
    }
    return {name: plain(part) for name, part in found.items()}


def notes_of(document: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """Sources, purposes, recipients and retention as rows of one table: what it is about, name,
    text, first and last time."""
    for one in document["sources"]:
        text = f"{one['count']} {one['kind']}{'' if one['count'] == 1 else 's'}"
        yield "source", one["source"], text, one["first_at"], one["last_at"]
    for one in document["purposes"]:
        text = "granted" if one["is_granted"] else "not granted"
        text += f", said by {one['source']}" if one["source"] else ""
        yield "purpose", one["purpose"], text, None, one["said_at"]
    for one in document["recipients"]:
        text = f"{', '.join(one['keys'])}: {', '.join(one['fields'])}"
        name = "/".join(filter(None, (one["destination"], one["object"])))
        yield "recipient", f"{name}, sync {one['sync']}", text, one["first_at"], one["last_at"]
    for one in document["retention"]:
        yield "retention", one["what"], one["kept"], None, None
    for one in document["left_out"]:
        yield "left out", one["table"], one["reason"], None, None


def _purposes(facts: Facts, own: Mapping[str, Extract]) -> list[dict[str, Any]]:
    """What the person has said to each purpose; who has said nothing has not consented."""
    said = {row["purpose"]: row for row in _rows(own.get(_CONSENTS))}
    unsaid = {"is_granted": False, "said_at": None, "source": None}
    keys = ("is_granted", "said_at", "source")
    return [
        {"purpose": name, **{key: said.get(name, unsaid)[key] for key in keys}}
        for name in facts.purposes
    ]


def _rows(one: Extract | None) -> Iterator[dict[str, Any]]:
    if one:
        for row in one.read():
            yield dict(zip(one.columns, row, strict=True))


def _read(name: str, value: Any) -> Any:
    return _loads(value) if name in _DOCUMENTS else value


def _loads(text: Any) -> Any:
    """What a JSON text holds; a text that is none stays as it is."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _recipients(own: Mapping[str, Extract]) -> list[dict[str, Any]]:
    """Each place that was sent something, by which keys, which fields, from when to when."""
    places: dict[tuple[Any, ...], dict[str, Any]] = {}
    for table, time in _SENT.items():
        for row in _rows(own.get(table)):
            names = row["destination"], row["object"], row["sync_name"]
            new = {"keys": set(), "fields": set(), "times": [], "is_acknowledged": False}
            place = places.setdefault(names, new)
            place["keys"] |= {row["key_value"]} - {None}
            sent = _loads(row["sent"])
            place["fields"] |= set(sent) if isinstance(sent, dict) else set()
            known = [*place["times"], row[time]]
            place["times"] = [min(known), max(known)]
            place["is_acknowledged"] |= table == "deliveries"
    return [
        {
            "destination": destination,
            "object": kind,
            "sync": sync,
            "keys": sorted(one["keys"]),
            "fields": sorted(one["fields"]),
            "first_at": one["times"][0],
            "last_at": one["times"][1],
            "is_acknowledged": one["is_acknowledged"],
        }
        for (destination, kind, sync), one in sorted(places.items(), key=repr)
    ]


def _retention(facts: Facts, extracts: Sequence[Extract]) -> list[dict[str, str]]:
    """How long what is kept, in words."""
    found = []
    by_source = facts.retention.get("sources", {})
    for source in sorted({one[0] for one in facts.sources if one[1] == "event"}):
        months = (by_source.get(source) or facts.retention.get("default") or {}).get("months")
        if months:
            found.append({"what": f"events of {source}", "kept": f"{months} months"})
    for one in extracts:
        found += [{"what": f"table {one.name}", "kept": reason} for reason in one.reasons]
    return [*found, {"what": "everything else" if found else "everything", "kept": _EVER}]
