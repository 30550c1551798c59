"""`cdp erase rotate-key`: the list of suppressed people gets a new key."""

import click

from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.privacy.suppressions import rotate_key as make_key
from dbt_cdp.project import Project


@click.command("rotate-key")
@json_option
@project_options
def rotate_key(as_json: bool, project: Project) -> None:
    """Make a new key, by which identifiers are digested from now on.

    Whoever is suppressed stays so: what was digested by former keys is still held against them,
    since nobody knows any more what it was made of.

    Example: cdp erase rotate-key
    """
    count = make_key(project)
    if as_json:
        print_json({"keys": count})
    else:
        talk(f"The list has a new key; there are {count:,}.")
