"""What can go wrong, and the exit code each failure ends with."""

import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum

import click

from dbt_cdp.clock import to_seconds


class ExitCode(IntEnum):
    """Exit codes of the command `cdp`."""

    OK = 0
    WORK_FAILED = 1
    USAGE = 2
    OVERDUE_ERASURE = 3
    INTERRUPTED = 130
    TERMINATED = 143


class Terminated(BaseException):
    """SIGTERM, as an exception, so that open transactions and child processes are ended."""


def stopped_by(reason: BaseException) -> str:
    """What put an end to some work, for its ledger: a signal, or the kind of a fault of ours."""
    names = {Terminated: "SIGTERM", KeyboardInterrupt: "Ctrl-C"}
    return f"stopped by {names.get(type(reason), type(reason).__name__)}"


# What is said of a file that can take no more, by the system or DuckDB, and what that means.
_NO_ROOM = {
    "No space left on device": "no space is left on the disk",
    "Disk quota exceeded": "the quota of the disk is used up",
    "File too large": "the file may not become larger",
    "failed to offload data block": "DuckDB's temporary files may not become larger",
}
# DuckDB names the file before it, Python after it.
_NO_ROOM_SAID = re.compile(
    rf"""(?:file "([^"\n]+)": |: |\] )({"|".join(_NO_ROOM)})(?:: '([^'\n]+)')?"""
)

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


class ClockError(CdpError):
    """This machine's clock is behind what has been written by an earlier run.

    Args:
        now: what it says (UTC).
        last: when that run began (UTC).
        of: which one that was.
        work: what is not done until the clock is right, as "nothing is ...".
    """

    def __init__(self, now: datetime, last: datetime, *, of: str, work: str) -> None:
        super().__init__(
            f"The clock of this machine is {to_seconds(last - now)} behind {of}.",
            where=f"{platform.node()}: it is {now:%Y-%m-%d %H:%M:%S} UTC there, and the run began"
            f" at {last:%Y-%m-%d %H:%M:%S}",
            remedy="set the clock right, or wait until it has passed that time; until then nothing"
            f" is {work}.",
        )


class DiskFullError(WarehouseError):
    """The warehouse's file or another one cannot be written, for want of room.

    Args:
        reason: why not.
        where: the file, or who wrote.
    """

    def __init__(self, reason: str, where: str | None = None) -> None:
        super().__init__(
            f"A file cannot be written: {reason}.",
            where=where,
            remedy="make room, then run the command again: it goes on from here.",
        )

    @classmethod
    def told_by(cls, text: str, where: str | None = None) -> "DiskFullError | None":
        """The error that a text tells of; None where it tells of none.

        Args:
            text: what the system, the warehouse or dbt has said.
            where: who wrote, for a text that does not name the file.
        """
        found = list(_NO_ROOM_SAID.finditer(text))
        if not found:
            return None
        files = [one[1] or one[3] for one in found if one[1] or one[3]]
        return cls(_NO_ROOM[found[0][2]], files[0] if files else where)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise a `DiskFullError` where the system refuses to write for want of room."""
    try:
        yield
    except OSError as error:
        failure = DiskFullError.told_by(str(error))
        if failure is None:
            raise
        raise failure from None


class DbtError(CdpError):
    """A model, a seed or a test failed.

    Args:
        problem: what was run.
        lines: dbt's own account of what went wrong, which may quote a row.
        failed: names of the nodes that failed.
    """

    def __init__(self, problem: str, lines: list[str], failed: Sequence[str] = ()) -> None:
        super().__init__("\n".join([problem, *(f"  {line}" for line in lines)]))
        self.problem = problem
        self.lines = lines
        self.failed = failed


class DbtUsageError(DbtError):
    """dbt does not understand the project, the profile or the call."""

    exit_code = ExitCode.USAGE
