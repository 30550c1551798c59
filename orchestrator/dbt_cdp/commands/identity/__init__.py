"""`cdp identity`: who is who, and how sure that is. One module a command."""

import click

from dbt_cdp.commands.identity.audit import audit
from dbt_cdp.commands.identity.decide import decide
from dbt_cdp.commands.identity.decisions import decisions
from dbt_cdp.commands.identity.review import review
from dbt_cdp.commands.identity.simulate import simulate


@click.group()
def identity() -> None:
    """Look into who is who, and decide it where the data alone would be wrong."""


for command in (audit, decide, decisions, review, simulate):
    identity.add_command(command)
