"""`cdp privacy`: what there is of people. One module a command."""

import click

from dbt_cdp.commands.privacy.audit import audit


@click.group()
def privacy() -> None:
    """Look for personal data."""


privacy.add_command(audit)
