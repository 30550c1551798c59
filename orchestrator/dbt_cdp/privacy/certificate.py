"""What was done for a request, as a document that proves itself.

It holds the entries of the ledgers, each with the hash of the one before it, and nothing that names
the person.
"""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dbt_cdp import __version__
from dbt_cdp.clock import utc_now
from dbt_cdp.destinations.values import json_value
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.privacy.chain import HASH, broken_entry
from dbt_cdp.privacy.ledger import DONE, KEPT, Status, find_request, make_tables
from dbt_cdp.privacy.rules import Action
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_when_free

_KIND = "cdp erasure certificate"

# The bytes of what was deleted may be read for so long after it.
_REMAINS = {
    "duckdb": "The database file was written anew: it holds no bytes of what was deleted. Backups"
    " of it are not known here.",
    "postgres": "Postgres keeps the bytes of deleted rows until VACUUM FULL, and in archived logs"
    " and replicas.",
    "bigquery": "BigQuery can show deleted rows for the time travel of the dataset (2 to 7 days),"
    " and restore them by its support for 7 days more.",
    "snowflake": "Snowflake can show deleted rows for the time travel of the table (0 to 90 days;"
    " of a transient one, as dbt makes them, 1 at most); its support can restore those of a table"
    " that is not transient for 7 days more.",
}


def make_certificate(project: Project, request_id: str) -> dict[str, Any]:
    """The certificate of a request, as JSON holds it.

    Raises:
        ConfigurationError: there is no such request.
    """
    entries = _read(project, request_id)
    states = [one for one in entries if "kind" not in one]
    tasks = [one for one in entries if "kind" in one]
    last = states[-1]
    return {
        "document": _KIND,
        "made_by": f"dbt-cdp {__version__}",
        "made_at": json_value(utc_now()),
        "project": project.name,
        "warehouse": project.target.type,
        "request_id": last["request_id"],
        "status": last["status"],
        "received_at": states[0]["entered_at"],
        "due_at": last["due_at"],
        "confirmed_at": last["entered_at"] if last["status"] == Status.CONFIRMED else None,
        "people": last["count_people"],
        "identifiers": last["count_identifiers"],
        "tables": _summed(tasks, "table"),
        "destinations": _last(tasks, "destination"),
        "sources": _last(tasks, "source"),
        "archives": _last(tasks, "archive"),
        "searched_at": next(
            (one["entered_at"] for one in reversed(tasks) if one["kind"] == "searched"), None
        ),
        "found": _last(tasks, "search"),
        "suppressed": sum(
            one.get("count_rows") or 0 for one in tasks if one["kind"] == "suppression"
        ),
        "kept": [one for one in _last(tasks, "table") if one["status"] == KEPT],
        "remains": _REMAINS[project.target.type],
        "entries": entries,
    }


def _read(project: Project, request_id: str) -> list[dict[str, Any]]:
    """The entries of a request, in their order, as JSON holds them."""
    requests, actions, _ = make_tables(project)
    with open_when_free(project) as warehouse:
        found: list[dict[str, Any]] = []
        known = [
            row[0]
            for row in warehouse.query(f"select distinct request_id from {requests}")  # noqa: S608
        ]
        whole = [one for one in known if request_id and one.startswith(request_id)]
        if len(whole) != 1:
            find_request([], request_id)
        for table in (requests, actions):
            columns = warehouse.columns(table)
            for row in warehouse.query(
                f"select {', '.join(columns)} from {table} where request_id = ?",  # noqa: S608
                whole,
            ):
                entry = dict(zip(columns, row, strict=True))
                found.append(
                    {name: json_value(one) for name, one in entry.items() if one is not None}
                )
    return sorted(found, key=lambda one: int(one["position"]))


def _summed(tasks: Sequence[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    """How many rows were deleted or emptied in each place, also where a kill has divided that."""
    sums: dict[tuple[str, str], int] = {}
    for task in tasks:
        if task["kind"] == kind and task["status"] == DONE and task["action"] != Action.KEEP:
            place = task["subject"], task["action"]
            sums[place] = sums.get(place, 0) + (task.get("count_rows") or 0)
    return [
        {"table": subject, "action": action, "rows": rows}
        for (subject, action), rows in sorted(sums.items())
    ]


def _last(tasks: Sequence[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    """How each place stands."""
    last = {(task["subject"], task["action"]): task for task in tasks if task["kind"] == kind}
    names = ("subject", "action", "status", "count_rows", "detail", "entered_at")
    return [{name: task[name] for name in names if name in task} for task in last.values()]


def read_certificate(path: Path) -> Mapping[str, Any]:
    """A certificate from its file.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("document") != _KIND:
        raise ConfigurationError(
            "The file is no certificate of an erasure.",
            where=str(path),
            remedy="give what `cdp erase certificate --json` has printed.",
        )
    return found


def check_certificate(project: Project, certificate: Mapping[str, Any]) -> str | None:
    """What is wrong with a certificate; None where nothing is.

    It is held against itself, entry by entry, and against the ledgers.
    """
    entries = certificate["entries"]
    position = broken_entry(entries)
    if position is not None:
        return f"Entry {position} of the certificate was changed, removed or inserted."
    now = make_certificate(project, str(certificate["request_id"]))
    if broken_entry(now["entries"]) is not None:
        return "The ledger of the request was changed."
    if [one[HASH] for one in now["entries"]][: len(entries)] != [one[HASH] for one in entries]:
        return "The ledger holds other entries than the certificate."
    said = {**certificate, "made_at": None, "made_by": None}
    if len(now["entries"]) == len(entries) and said != {**now, "made_at": None, "made_by": None}:
        return "What the certificate says is not what its entries say."
    return None


def page(certificate: Mapping[str, Any]) -> str:
    """The certificate as a page for printing."""

    def text(value: Any) -> str:
        return html.escape("" if value is None else str(value))

    def table(title: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
        if not rows:
            return ""
        head = "".join(f"<th>{text(name.replace('_', ' '))}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{text(row.get(name))}</td>" for name in names) + "</tr>"
            for row in rows
        )
        return f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>"

    facts = [*("request_id", "status", "received_at", "due_at", "confirmed_at", "people")]
    facts += [
        "identifiers",
        "suppressed",
        "searched_at",
        "project",
        "warehouse",
        "made_by",
        "made_at",
    ]
    place = ("subject", "action", "status", "count_rows", "detail")
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Certificate of erasure</title>",
        f"<style>{_STYLE}</style><h1>Certificate of erasure</h1>",
        "<dl>"
        + "".join(
            f"<dt>{text(name.replace('_', ' '))}</dt><dd>{text(certificate[name])}</dd>"
            for name in facts
        )
        + "</dl>",
        table("Deleted or emptied", certificate["tables"], ("table", "action", "rows")),
        table("Destinations", certificate["destinations"], place),
        table("Sources", certificate["sources"], place),
        table("Archives", certificate["archives"], place),
        table("Found by the search", certificate["found"], place),
        table("Kept", certificate["kept"], place),
        f"<p>{text(certificate['remains'])}</p>",
        table("Entries", certificate["entries"], ("position", "entered_at", "status", HASH)),
        "</html>",
    ]
    return "\n".join(parts)


_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;"
    "padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ccc;overflow-wrap:anywhere}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dd{margin:0}"
)
