"""`cdp sync`: segments and profiles are delivered to other tools. One module a command."""

import click

from dbt_cdp.commands.sync.check import check
from dbt_cdp.commands.sync.history import history
from dbt_cdp.commands.sync.pause import pause
from dbt_cdp.commands.sync.plan import plan
from dbt_cdp.commands.sync.reset import reset
from dbt_cdp.commands.sync.retry import retry
from dbt_cdp.commands.sync.run import run


@click.group()
def sync() -> None:
    """Deliver segments and profiles to other tools."""


for command in (plan, run, retry, history, check, reset, pause):
    sync.add_command(command)
