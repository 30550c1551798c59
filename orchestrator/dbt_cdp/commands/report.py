"""`cdp report`: how everything is doing, as a page."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from dbt_cdp.decisions import Identifier
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.person import CANONICAL_ID
from dbt_cdp.project import Project
from dbt_cdp.report.attention import notices
from dbt_cdp.report.content import Report, read_report
from dbt_cdp.report.masks import masked
from dbt_cdp.report.page import page, write_page

_OUTPUT = Path("cdp-report.html")


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_OUTPUT,
    show_default=True,
    help="The page to be written; one that is there is replaced.",
)
@click.option(
    "--reveal",
    "is_revealed",
    is_flag=True,
    help="Show values that identify people. Only you can read the page then.",
)
@json_option
@project_options
def report(output: Path, is_revealed: bool, as_json: bool, project: Project) -> None:
    """Write a page that tells how everything is doing.

    It tells what somebody has to look at, how data flows, how identities, profiles, segments, syncs
    and requests for erasure are, and how long runs take. The page is one file that needs no server
    and no network. --json prints what it tells instead of writing it.

    Example: cdp report --output report.html
    """
    content = read_report(project)
    if as_json:
        print_json(_document(content, is_revealed))
        return
    write_page(output, page(content, is_revealed=is_revealed), is_private=is_revealed)
    talk(f"The report is in {output}.")
    for one in notices(content):
        talk(f"{one.text} ({one.command})")


def _document(content: Report, is_revealed: bool) -> dict[str, Any]:
    """What the page tells, for programs."""
    document = {"notices": [asdict(one) for one in notices(content)], **asdict(content)}
    if not is_revealed:
        for one in document["shared"]:
            one["identifier"]["value"] = masked(Identifier(**one["identifier"]))
        for one in document["audit"]["largest_people"]:
            one["canonical_id"] = masked(Identifier(CANONICAL_ID, one["canonical_id"]))
    return document
