"""What the commands that run syncs have in common."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.engine import run_sync
from dbt_cdp.activation.ledger import Report
from dbt_cdp.errors import ExitCode
from dbt_cdp.ledger import OK
from dbt_cdp.lock import run_lock
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project

NO_SYNCS = "There are no syncs: no exposure has config.meta.cdp_sync."


def run_all(
    project: Project,
    syncs: Sequence[Definition],
    *,
    is_confirmed: bool,
    retries: bool,
    as_json: bool,
) -> int:
    """Run syncs one after the other, also after one that fails, and print how they went.

    Returns:
        The exit code: of the first that could not be done to its end, else 1 where rows were
        rejected, or a guard held one.
    """
    reports: list[Report] = []
    code = 0
    with run_lock(project, uuid.uuid4().hex):
        for sync in syncs:
            report, error = run_sync(project, sync, is_confirmed=is_confirmed, retries=retries)
            reports.append(report)
            if error:
                error.show()
                code = code or int(error.exit_code)
            elif report.error:
                talk(f"{sync.name} was held: {report.error}. `cdp sync plan {sync.name}` shows it.")
    _print(reports, as_json)
    return code or (ExitCode.OK if all(one.status == OK for one in reports) else 1)


def _print(reports: Sequence[Report], as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in reports])
    elif reports:
        print_table(
            ("sync", "status", "add", "change", "remove", "taken", "rejected", "pending"),
            [
                (
                    one.sync,
                    one.status,
                    one.to_add,
                    one.to_change,
                    one.to_remove,
                    one.acknowledged,
                    one.rejected,
                    one.pending,
                )
                for one in reports
            ],
        )
