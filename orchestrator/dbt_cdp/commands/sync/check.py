"""`cdp sync check`: whether destinations can be delivered to."""

import click

from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.engine import destination_of, tool_of
from dbt_cdp.commands.sync.shared import NO_SYNCS
from dbt_cdp.destinations.base import Mode
from dbt_cdp.errors import CdpError, ExitCode
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table, talk
from dbt_cdp.project import Project


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@project_options
def check(names: tuple[str, ...], as_json: bool, project: Project) -> int:
    """Try whether the destinations of the syncs of these NAMEs, or of all, would take rows.

    Nothing of anybody's is sent: it asks for what it needs, such as whether the credentials are
    good, the table is there and the fields are known; of a sync that is handed over, whether the
    other tool has it and it is turned on.

    Example: cdp sync check
    """
    results = []
    for sync in read_syncs(project, names):
        opened = tool_of if sync.mode is Mode.HAND_OVER else destination_of
        try:
            with opened(project, sync) as destination:
                results.append((sync.name, sync.destination, "ok", destination.check()))
        except CdpError as error:
            results.append((sync.name, sync.destination, "failed", error.message))
    if as_json:
        columns = ("sync", "destination", "status", "found")
        print_json([dict(zip(columns, one, strict=True)) for one in results])
    elif results:
        print_table(
            ("sync", "destination", "status", "found"),
            [(*one[:3], tuple(one[3].splitlines())) for one in results],
        )
    else:
        talk(NO_SYNCS)
    is_well = all(status == "ok" for _, _, status, _ in results)
    return ExitCode.OK if is_well else ExitCode.WORK_FAILED
