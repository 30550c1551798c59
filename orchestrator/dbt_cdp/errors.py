"""What can go wrong, and the exit code each failure ends with."""

from collections.abc import Sequence
from enum import IntEnum

import click


class ExitCode(IntEnum):
    """Exit codes of the command `cdp`."""

    OK = 0
    WORK_FAILED = 1
    USAGE = 2
    OVERDUE_ERASURE = 3
    INTERRUPTED = 130
    TERMINATED = 143


# How many of several problems a message tells.
_SHOWN_PROBLEMS = 10


def listed(problems: Sequence[str]) -> list[str]:
    """Lines of a message that tell the first problems, and how many more there are."""
    lines = [f"  {problem}" for problem in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        lines.append(f"  and {len(problems) - _SHOWN_PROBLEMS} more")
    return lines


class CdpError(click.ClickException):
    """A failure that the user can act on. Its text never quotes a person's data.

    Args:
        problem: what is wrong.
        where: the file, table or setting that it is wrong in.
        remedy: what to do about it.
    """

    exit_code = ExitCode.WORK_FAILED

    def __init__(
        self, problem: str, *, where: str | None = None, remedy: str | None = None
    ) -> None:
        self.problem, self.where, self.remedy = problem, where, remedy
        lines = [problem]
        if where:
            lines.append(f"  Where: {where}")
        if remedy:
            lines.append(f"  What to do: {remedy}")
        super().__init__("\n".join(lines))


class ConfigurationError(CdpError):
    """The project, the profile, a variable or an argument is not as it must be."""

    exit_code = ExitCode.USAGE


class WarehouseError(CdpError):
    """The warehouse refused a statement or a connection."""


class WarehouseLockedError(WarehouseError):
    """Another process has the DuckDB file open."""


class FileError(CdpError):
    """A file that was to be loaded cannot be read as what it claims to be."""


class StorageError(CdpError):
    """A folder or a bucket refuses to read or to keep a file."""


class DbtError(CdpError):
    """A model, a seed or a test failed.

    Args:
        problem: what was run.
        lines: dbt's own account of what went wrong.
    """

    def __init__(self, problem: str, lines: list[str]) -> None:
        super().__init__("\n".join([problem, *(f"  {line}" for line in lines)]))
        self.problem = problem
        self.lines = lines


class DbtUsageError(DbtError):
    """dbt does not understand the project, the profile or the call."""

    exit_code = ExitCode.USAGE
