"""`cdp schedule`: `cdp run`, again and again."""

import signal
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import click
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]

from dbt_cdp.commands.run import tell_step
from dbt_cdp.errors import CdpError, ExitCode
from dbt_cdp.ledger import FAILED
from dbt_cdp.lock import AlreadyRunningError
from dbt_cdp.options import Length, project_options, spool_option
from dbt_cdp.output import talk
from dbt_cdp.project import Project
from dbt_cdp.runner import SELECTION, STEPS, Settings, run

# After failures one after the other the wait is at least so long, doubled each time, up to the
# last of the two.
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


@click.command()
@click.option("--every", type=Length(), help="How often a cycle begins, such as 15m or 1h.")
@click.option("--cron", help='When one begins, such as "*/15 7-20 * * *".')
@click.option("--timezone", default="UTC", show_default=True, help="Whose hours --cron means.")
@click.option("--select", default=SELECTION, show_default=True, help="What dbt builds.")
@spool_option
@project_options
def schedule(
    every: timedelta | None,
    cron: str | None,
    timezone: str,
    select: str,
    spool: Path,
    project: Project,
) -> int:
    """Do a cycle of `cdp run` at once or by --cron, and then again and again, until stopped.

    A cycle that takes longer than the time between two of them is followed by the next at once.
    After failures the next one waits: a minute, two, four, up to an hour. SIGTERM lets the step at
    work come to its end; Ctrl-C stops it.

    Example: cdp schedule --every 15m
    """
    if (every is None) == (cron is None):
        raise click.UsageError("Give one of --every and --cron.")
    next_wait = _by_cron(cron, timezone) if cron else _by_length(every or timedelta())
    settings = Settings(spool, select)
    stopping = Event()
    signal.signal(signal.SIGTERM, lambda signum, frame: stopping.set())
    failures = 0
    if cron:
        _wait(next_wait(0.0), stopping)
    while not stopping.is_set():
        began = time.monotonic()
        failures = 0 if _cycle(project, settings, stopping) else failures + 1
        _wait(max(next_wait(time.monotonic() - began), _after(failures)), stopping)
    talk("Stopped.")
    return ExitCode.TERMINATED


def _cycle(project: Project, settings: Settings, stopping: Event) -> bool:
    """Do one cycle; whether it went well."""
    talk(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
    try:
        report = run(project, settings, STEPS, tell_step, stopping.is_set)
    except AlreadyRunningError as error:
        talk(error.problem)
        return True
    except CdpError as error:
        error.show()
        return False
    except Exception as error:
        # Its text may quote a value; where it came from does not.
        frames = "".join(traceback.format_tb(error.__traceback__))
        talk(f"This program has failed ({type(error).__name__}):\n{frames}")
        return False
    if report.error:
        report.error.show()
    return report.status != FAILED


def _by_length(every: timedelta) -> Callable[[float], timedelta]:
    """How long to wait after a cycle that took so many seconds, of the monotonic clock: the other
    one may be set back."""
    return lambda seconds: max(every - timedelta(seconds=seconds), timedelta())


def _by_cron(cron: str, timezone: str) -> Callable[[float], timedelta]:
    try:
        trigger = CronTrigger.from_crontab(cron, ZoneInfo(timezone))
    except (ValueError, KeyError) as error:
        raise click.UsageError(f"--cron or --timezone cannot be read: {error}") from None

    def until_next(seconds: float) -> timedelta:
        now = datetime.now(UTC)
        following: datetime | None = trigger.get_next_fire_time(None, now)
        if following is None:
            raise click.UsageError(f"--cron '{cron}' never comes.")
        return max(following - now, timedelta())

    return until_next


def _after(failures: int) -> timedelta:
    """How long to wait at least after so many failures one after the other."""
    if not failures:
        return timedelta()
    doublings = min(failures - 1, 10)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


def _wait(length: timedelta, stopping: Event) -> None:
    if length and not stopping.is_set():
        talk(f"The next cycle begins in {length.total_seconds():,.0f} s.")
        stopping.wait(length.total_seconds())
