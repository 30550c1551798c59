"""`cdp doctor`: tells what is wrong, and what to do about it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from dbt_cdp.doctor import Finding, State, examine
from dbt_cdp.errors import ExitCode
from dbt_cdp.options import json_option, location_options
from dbt_cdp.output import print_json, print_table, talk


@click.command()
@json_option
@location_options
def doctor(
    as_json: bool, project_dir: Path | None, profiles_dir: Path | None, target: str | None
) -> int:
    """Check dbt, the project, its variables, the warehouse and this machine.

    Each check is ok, a warning, an error or skipped, and each finding comes with what to do. Ends
    with 1 if there is an error. Nothing of yours is written: a table cdp_doctor_scratch is made and
    dropped, to see whether that is allowed. Nothing of what the tables hold is shown.

    Example: cdp doctor --target prod
    """
    findings = list(examine(project_dir, profiles_dir, target))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    counts = Counter(finding.state for finding in findings)
    talk(f"{_counted(counts, State.ERROR)}, {_counted(counts, State.WARNING)}.")
    return ExitCode.WORK_FAILED if counts[State.ERROR] else ExitCode.OK


def _counted(counts: Counter[State], state: State) -> str:
    return f"{counts[state]} {state}{'s' * (counts[state] != 1)}"


def _print(findings: Sequence[Finding]) -> None:
    print_table(
        ("check", "state", "finding, and what to do"),
        [(finding.check, finding.state.value, _lines(finding)) for finding in findings],
    )


def _lines(finding: Finding) -> tuple[str, ...]:
    return (finding.finding, f"-> {finding.fix}") if finding.fix else (finding.finding,)
