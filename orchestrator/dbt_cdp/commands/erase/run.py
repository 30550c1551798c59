"""`cdp erase run`: what is approved is done."""

from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.commands.run import print_report, tell_step
from dbt_cdp.errors import ExitCode
from dbt_cdp.ledger import FAILED
from dbt_cdp.options import json_option, project_options, spool_option
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.privacy.preview import preview
from dbt_cdp.project import Project
from dbt_cdp.runner import Settings
from dbt_cdp.runner import run as run_steps

_STEPS = ("erase", "build", "confirm")


@click.command()
@click.option(
    "--dry-run", is_flag=True, help="Count what open requests would touch, and delete nothing."
)
@click.option(
    "--deep",
    is_flag=True,
    help="Search every column of text or JSON, described or not, before a request is confirmed.",
)
@spool_option
@json_option
@project_options
def run(dry_run: bool, deep: bool, spool: Path, as_json: bool, project: Project) -> int:
    """Erase whom approved requests are about: steps erase, build and confirm of `cdp run`.

    With --deep a request waits where a text still names the person, until somebody has looked.
    Every table is read once, and each text compared with each identifier: large ones take long.

    Example: cdp erase run --dry-run
    """
    if dry_run and deep:
        raise click.UsageError("Give either --dry-run or --deep.")
    if dry_run:
        counts = preview(project)
        if as_json:
            print_json([asdict(one) for one in counts])
        elif counts:
            print_table(
                ("request", "place", "what happens", "rows"),
                [(one.request_id[:8], one.place, one.action, one.rows) for one in counts],
            )
        else:
            talk("No request is open, or nothing is known of whom they are about.")
        return ExitCode.OK
    report = run_steps(project, Settings(spool, is_deep=deep), _STEPS, tell_step)
    print_report(report, as_json)
    return ExitCode.WORK_FAILED if report.status == FAILED else ExitCode.OK
