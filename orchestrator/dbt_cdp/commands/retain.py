"""`cdp retain`: what is older than the project keeps events is archived and deleted."""

import uuid
from dataclasses import asdict

import click

from dbt_cdp.lock import run_lock
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project
from dbt_cdp.retention import Retention, plan_retention
from dbt_cdp.retention import retain as delete_expired


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what has expired, and do nothing.")
@click.option(
    "--yes", is_flag=True, help="Delete it even where it is more than expires from day to day."
)
@json_option
@project_options
def retain(dry_run: bool, yes: bool, as_json: bool, project: Project) -> None:
    """Archive and delete events older than cdp_retention says. Profiles and segments stay.

    It is also the last step of `cdp run`, and works once a day (UTC). The archive is a Parquet file
    for each source and day. On DuckDB the file shrinks, for which the disk needs room for a copy.

    Example: cdp retain --dry-run
    """
    if dry_run:
        found = plan_retention(project)
    else:
        with run_lock(project, uuid.uuid4().hex):
            found = delete_expired(project, is_confirmed=yes)
    _print(found, as_json, dry_run)


def _print(found: Retention, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json(
            {
                "is_due": found.is_due,
                "is_done": found.is_due and not dry_run,
                "events": found.events,
                "expired": [asdict(one) for one in found.expired],
            }
        )
    elif found.expired:
        print_table(
            ("source", "table", "kept since", "would expire" if dry_run else "deleted", "archive"),
            [list(asdict(one).values()) for one in found.expired],
        )
    if not found.is_due:
        talk("Nothing more expires today.")
    elif not found.expired:
        talk("Nothing has expired.")
