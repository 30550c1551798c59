"""`cdp erase certificate`: what was done for a request, on record."""

from pathlib import Path

import click

from dbt_cdp.options import project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.privacy.certificate import make_certificate, page
from dbt_cdp.project import Project


@click.command()
@click.argument("request", metavar="REQUEST")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file as a page to be printed.",
)
@project_options
def certificate(request: str, html: Path | None, project: Project) -> None:
    """Print what was done for a REQUEST as JSON: dates, tables, destinations, what was kept.

    It holds nothing that names the person. `cdp erase verify` checks it.

    Example: cdp erase certificate 3f2a91c0
    """
    found = make_certificate(project, request)
    if html:
        html.write_text(page(found), encoding="utf-8")
        talk(f"The page is in {html}.")
    else:
        print_json(found)
