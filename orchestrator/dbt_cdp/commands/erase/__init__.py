"""`cdp erase`: people are erased who ask for it. One module a command."""

import click

from dbt_cdp.commands.erase.approve import approve
from dbt_cdp.commands.erase.certificate import certificate
from dbt_cdp.commands.erase.deny import deny
from dbt_cdp.commands.erase.done import done
from dbt_cdp.commands.erase.lift import lift
from dbt_cdp.commands.erase.request import request
from dbt_cdp.commands.erase.rotate_key import rotate_key
from dbt_cdp.commands.erase.run import run
from dbt_cdp.commands.erase.status import status
from dbt_cdp.commands.erase.verify import verify


@click.group()
def erase() -> None:
    """Erase people: here, and wherever something of them was sent."""


for command in (request, approve, deny, run, status, done, lift, certificate, verify, rotate_key):
    erase.add_command(command)
