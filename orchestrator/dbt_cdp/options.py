"""Options that commands share."""

import getpass
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from dbt_cdp.clock import length_of
from dbt_cdp.project import Project

Command = TypeVar("Command", bound=Callable[..., Any])

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def location_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --project-dir, --profiles-dir and --target, and pass what they are given."""
    options = (
        click.option(
            "--project-dir",
            type=_FOLDER,
            envvar=["CDP_PROJECT_DIR", "DBT_PROJECT_DIR"],
            help="Folder of dbt_project.yml. Default: this folder or the nearest one above it.",
        ),
        click.option(
            "--profiles-dir",
            type=_FOLDER,
            envvar=["CDP_PROFILES_DIR", "DBT_PROFILES_DIR"],
            help="Folder of profiles.yml. Default: the project's folder, else ~/.dbt.",
        ),
        click.option(
            "--target",
            envvar=["CDP_TARGET", "DBT_TARGET"],
            help="Target of the profile. Default: the one the profile names.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --project-dir, --profiles-dir and --target, and pass the `Project` they lead to."""

    @location_options
    @wraps(command)
    def with_project(
        *args: Any,
        project_dir: Path | None,
        profiles_dir: Path | None,
        target: str | None,
        **kwargs: Any,
    ) -> Any:
        project = Project.find(project_dir, profiles_dir, target)
        return command(*args, project=project, **kwargs)

    return with_project


by_option = click.option("--by", help="Who decided. Default: the name of this machine's user.")


def user_name() -> str | None:
    """The name of the operating system's user; None where it has none, as in some containers."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return None


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")

spool_option = click.option(
    "--spool",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("spool"),
    show_default=True,
    envvar="CDP_SPOOL",
    help="Folder in which the collector keeps what was sent.",
)


class Length(click.ParamType[timedelta]):
    """A length of time such as 45m, 2h or 1d."""

    name = "length"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The length, or a complaint of what it should look like."""
        try:
            return length_of(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
