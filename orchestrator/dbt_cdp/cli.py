"""The command `cdp`: its subcommands, what signals do to it, and its exit codes."""

import importlib
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from dbt_cdp import __version__
from dbt_cdp.errors import ExitCode, Terminated, disk_errors

COMMANDS = {
    "access": "dbt_cdp.commands.access:access",
    "collect": "dbt_cdp.commands.collect:collect",
    "demo": "dbt_cdp.commands.demo:demo",
    "doctor": "dbt_cdp.commands.doctor:doctor",
    "erase": "dbt_cdp.commands.erase:erase",
    "explain": "dbt_cdp.commands.explain:explain",
    "identity": "dbt_cdp.commands.identity:identity",
    "init": "dbt_cdp.commands.init:init",
    "keys": "dbt_cdp.commands.keys:keys",
    "load": "dbt_cdp.commands.load:load",
    "privacy": "dbt_cdp.commands.privacy:privacy",
    "profile": "dbt_cdp.commands.profile:profile",
    "report": "dbt_cdp.commands.report:report",
    "retain": "dbt_cdp.commands.retain:retain",
    "run": "dbt_cdp.commands.run:run",
    "schedule": "dbt_cdp.commands.schedule:schedule",
    "segments": "dbt_cdp.commands.segments:segments",
    "sources": "dbt_cdp.commands.sources:sources",
    "status": "dbt_cdp.commands.status:status",
    "sync": "dbt_cdp.commands.sync:sync",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called, or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "CDP",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="cdp")
def cli() -> None:
    """A customer data platform that lives in your warehouse.

    Run it in the folder of your dbt project. Exit codes: 0 all is well, 1 some work failed,
    2 wrong usage or configuration, 3 an erasure is overdue, 130 and 143 stopped by a signal.
    """


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def run(arguments: list[str] | None = None, **extra: Any) -> int:
    """Run the command with these arguments (default: the process's own).

    Returns:
        The exit code, one of `ExitCode`.
    """
    try:
        with disk_errors():
            result = cli.main(args=arguments, prog_name="cdp", standalone_mode=False, **extra)
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return ExitCode.INTERRUPTED
    except Terminated:
        click.echo("Stopped.", err=True)
        return ExitCode.TERMINATED
    return result if isinstance(result, int) else ExitCode.OK


def main() -> NoReturn:
    """Entry point of the script `cdp`."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run())
