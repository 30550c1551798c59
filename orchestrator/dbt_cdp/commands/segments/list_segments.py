"""`cdp segments list`: the segments and their sizes."""

from dataclasses import asdict

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, print_table
from dbt_cdp.project import Project
from dbt_cdp.segments import open_segments

_COLUMNS = (
    "segment",
    "entity",
    "members",
    "entered, 7 d",
    "left, 7 d",
    "owner",
    "tags",
    "what it is",
)


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were removed.")
@json_option
@project_options
def list_segments(everything: bool, as_json: bool, project: Project) -> None:
    """List the segments with their sizes and what moved in the seven days before the last build.

    A segment without members has not been built yet.

    Example: cdp segments list
    """
    with open_segments(project) as segments:
        found = [one for one in segments.all() if everything or one.is_defined]
    if as_json:
        print_json([asdict(one) for one in found])
        return
    print_table(
        _COLUMNS,
        [
            (
                one.name,
                one.entity,
                one.members,
                one.entered,
                one.exited,
                one.owner,
                ", ".join(one.tags),
                (one.description or one.definition.get("where"))
                if one.is_defined
                else "removed from cdp_segments",
            )
            for one in found
        ],
    )
