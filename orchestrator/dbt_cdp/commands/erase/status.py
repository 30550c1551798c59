"""`cdp erase status`: how requests stand."""

from dataclasses import asdict

import click

from dbt_cdp.clock import utc_now
from dbt_cdp.commands.erase.shared import print_requests
from dbt_cdp.errors import ExitCode
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.privacy.ledger import find_request
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.project import Project


@click.command()
@click.argument("request", required=False, metavar="[REQUEST]")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@json_option
@project_options
def status(request: str | None, everything: bool, as_json: bool, project: Project) -> int:
    """Show the open requests; with a REQUEST, what was done and is left for it.

    The exit code is 3 if one is overdue.

    Example: cdp erase status
    """
    requests, tasks = read_requests(project)
    if request is not None:
        one = find_request(requests, request)
        known = tasks.get(one.request_id, [])
        if as_json:
            print_json({**asdict(one), "tasks": [asdict(task) for task in known]})
        else:
            print_requests([one], as_json)
            print_table(
                ("kind", "place", "action", "status", "rows", "detail"),
                [
                    (task.kind, task.subject, task.action, task.status, task.rows, task.detail)
                    for task in known
                ],
            )
        requests = [one]
    else:
        shown = [one for one in requests if everything or one.is_open]
        if shown or as_json:
            print_requests(shown, as_json)
        else:
            talk("No request is open.")
    overdue = any(one.is_overdue(utc_now()) for one in requests)
    return ExitCode.OVERDUE_ERASURE if overdue else ExitCode.OK
