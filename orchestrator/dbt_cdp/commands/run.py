"""`cdp run`: one cycle."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.errors import ExitCode
from dbt_cdp.ledger import FAILED, RUNNING
from dbt_cdp.lock import AlreadyRunningError
from dbt_cdp.options import json_option, project_options, spool_option
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project
from dbt_cdp.runner import SELECTION, STEPS, RunReport, Settings, StepReport, plan
from dbt_cdp.runner import run as run_steps

_step_choice = click.Choice(STEPS)


@click.command()
@click.option("--only", type=_step_choice, multiple=True, help="Do this step alone; repeatable.")
@click.option("--skip", type=_step_choice, multiple=True, help="Leave this step out; repeatable.")
@click.option(
    "--select",
    default=SELECTION,
    show_default=True,
    help="What dbt builds. Default: what feeds the package, the package, what is made of it.",
)
@click.option("--full-refresh", is_flag=True, help="Rebuild what may be rebuilt.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option(
    "--if-free", is_flag=True, help="End with 0, not 1, where another run is at work already."
)
@spool_option
@json_option
@project_options
def run(
    only: tuple[str, ...],
    skip: tuple[str, ...],
    select: str,
    full_refresh: bool,
    dry_run: bool,
    if_free: bool,
    spool: Path,
    as_json: bool,
    project: Project,
) -> int:
    """Do one cycle: load what `cdp collect` has received, build, deliver, let old events expire.

    To be called every 15 to 60 minutes. One run works at a time; each is entered in the tables
    runs and run_steps, and `cdp status` shows them. Whatever kills a run, the next one goes on.

    Example: cdp run --if-free
    """
    steps = [name for name in STEPS if name in (only or STEPS) and name not in skip]
    if not steps:
        raise click.UsageError("No step is left to do.")
    settings = Settings(spool, select, full_refresh)
    if dry_run:
        _print(plan(project, settings, steps), as_json)
        return ExitCode.OK
    try:
        report = run_steps(project, settings, steps, tell_step)
    except AlreadyRunningError as error:
        if not if_free:
            raise
        talk(error.message)
        return ExitCode.OK
    print_report(report, as_json)
    return ExitCode.WORK_FAILED if report.status == FAILED else ExitCode.OK


def tell_step(report: StepReport) -> None:
    """Say that a step has begun, or how it ended."""
    if report.status == RUNNING:
        talk(f"{report.step} ...")
    else:
        talk(f"{report.step}: {report.status} in {report.seconds:.1f} s, {report.summary}")


def print_report(report: RunReport, as_json: bool) -> None:
    """Show what went wrong, and the report as JSON where that is asked for."""
    if report.error:
        report.error.show()
    if as_json:
        steps = [asdict(step) for step in report.steps]
        print_json({"run_id": report.run_id, "status": report.status, "steps": steps})


def _print(steps: Sequence[StepReport], as_json: bool) -> None:
    if as_json:
        print_json([asdict(step) for step in steps])
    else:
        print_table(("step", "what it would do"), [(one.step, one.summary) for one in steps])
