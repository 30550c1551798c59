"""`cdp sources`: where events and records come from. One module a command."""

import click

from dbt_cdp.commands.sources.list_sources import list_sources
from dbt_cdp.commands.sources.suggest import suggest


class _ListByDefault(click.Group):
    """Without the name of a command it is `list` that is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_option = bool(args) and args[0].startswith("-") and args[0] not in ctx.help_option_names
        if not args or is_option:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListByDefault)
def sources() -> None:
    """Show where events and records come from: `cdp sources` alone lists what there is."""


for command in (list_sources, suggest):
    sources.add_command(command)
