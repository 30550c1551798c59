"""`cdp erase certificate`: what was done for a request, on record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.privacy.certificate import make_certificate, page
from dbt_cdp.project import Project

_FACTS = (
    "request_id",
    "status",
    "received_at",
    "due_at",
    "confirmed_at",
    "people",
    "identifiers",
    "searched_at",
)


@click.command()
@click.argument("request", metavar="REQUEST")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file as a page to be printed.",
)
@json_option
@project_options
def certificate(request: str, html: Path | None, as_json: bool, project: Project) -> None:
    """Show what was done for a REQUEST: dates, tables, destinations, what was kept.

    It holds nothing that names the person. As JSON it is what `cdp erase verify` checks.

    Example: cdp erase certificate 3f2a91c0 --json
    """
    found = make_certificate(project, request)
    if html:
        html.write_text(page(found), encoding="utf-8")
        talk(f"The page is in {html}.")
    if as_json:
        print_json(found)
    elif not html:
        _print(found)


def _print(found: Mapping[str, Any]) -> None:
    facts = [(name.replace("_", " "), str(found[name] or "")) for name in _FACTS]
    print_table(("certificate", "of erasure"), facts)
    places = [(one["table"], one["action"], "done", one["rows"], None) for one in found["tables"]]
    places += [
        (one["subject"], one["action"], one["status"], one.get("count_rows"), one.get("detail"))
        for kind in ("destinations", "sources", "archives", "found", "kept")
        for one in found[kind]
    ]
    print_table(("place", "action", "status", "rows", "detail"), places)
    talk(found["remains"])
