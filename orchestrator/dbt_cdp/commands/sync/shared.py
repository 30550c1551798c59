"""What the commands that run syncs have in common."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.engine import run_sync
from dbt_cdp.activation.ledger import HELD, Report
from dbt_cdp.destinations.base import Mode
from dbt_cdp.errors import ConfigurationError, ExitCode
from dbt_cdp.ledger import OK
from dbt_cdp.lock import run_lock
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project

NO_SYNCS = "There are no syncs: no exposure has config.meta.cdp_sync."


def refuse_handed_over(syncs: Sequence[Definition], what: str) -> None:
    """Refuse what only the tool can do that a sync is handed over to.

    Args:
        syncs: the syncs.
        what: what is to be done, as "let it ...".

    Raises:
        ConfigurationError: one is handed over.
    """
    for sync in syncs:
        if sync.mode is Mode.HAND_OVER:
            raise ConfigurationError(
                f"'{sync.destination}' sends the rows of this sync, and knows alone what became of"
                " each.",
                where=f"sync '{sync.name}', mode hand_over",
                remedy=f"let it {what} there.",
            )


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
            elif report.status == HELD:
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
