"""`cdp segments`: who is in which segment, and why. One module a command."""

import click

from dbt_cdp.commands.segments.explain import explain
from dbt_cdp.commands.segments.history import history
from dbt_cdp.commands.segments.list_segments import list_segments
from dbt_cdp.commands.segments.overlap import overlap
from dbt_cdp.commands.segments.preview import preview
from dbt_cdp.commands.segments.show import show


@click.group()
def segments() -> None:
    """Look into segments: their sizes, members and movements, and why somebody is in one."""


for command in (list_segments, show, preview, explain, overlap, history):
    segments.add_command(command)
