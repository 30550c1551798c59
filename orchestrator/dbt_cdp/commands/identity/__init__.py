"""`cdp identity`: who is who, and how sure that is. One module a command."""

import click

from dbt_cdp.commands.identity.decide import decide
from dbt_cdp.commands.identity.decisions import decisions


@click.group()
def identity() -> None:
    """Look into who is who, and decide it where the data alone would be wrong."""


for command in (decide, decisions):
    identity.add_command(command)
