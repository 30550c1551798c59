"""Starts the sync of another tool, and follows it to its end."""

import time
from collections.abc import Iterator

from dbt_cdp.activation.ledger import PARTIAL, Report, SyncLedger
from dbt_cdp.destinations.errors import DestinationError, DestinationUnavailableError
from dbt_cdp.destinations.hand_over import HandOver, Stage, ToolRun
from dbt_cdp.ledger import OK

# How long is waited before the second look, and before each one after many.
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0


def hand_over(tool: HandOver, ledger: SyncLedger) -> Report:
    """Start the tool's sync, and enter what became of its rows when it has ended.

    A run that is at work there, such as one that was started before this command was killed, is
    waited for first: it may have read what was there before the build.

    Args:
        tool: the tool.
        ledger: the entries of this run.

    Raises:
        DestinationError: the sync could not be started, or has failed there.
    """
    run = _follow(tool)
    ledger.adopt(run)
    if run.stage is Stage.FAILED:
        raise DestinationError(
            f"The sync has failed in {tool.tool}: {run.words or 'it does not say why'}.",
            where=f"sync '{tool.sync.name}'",
            remedy=f"look at the sync in {tool.tool}; the next run starts it again.",
        )
    is_partial = run.is_partial or run.rejected
    return ledger.end(PARTIAL if is_partial else OK, run.words if is_partial else None)


def _follow(tool: HandOver) -> ToolRun:
    """Run the tool's sync, one run at a time, to its end."""
    started: str | None = None
    for _ in _looks(tool.settings.timeout_minutes * 60):
        if started is None:
            if tool.is_busy():
                continue
            started = tool.start()
        run = tool.look(started)
        if run.stage is Stage.SKIPPED:
            # Somebody else has started another one between the two calls.
            started = None
        elif run.stage is not Stage.AT_WORK:
            return run
    raise DestinationUnavailableError(
        f"{tool.tool} has not come to an end within {tool.settings.timeout_minutes} minutes.",
        where=f"sync '{tool.sync.name}'",
        remedy="look at the sync there; the next run waits for it. The entry's `timeout_minutes`"
        " lets it take longer.",
    )


def _looks(seconds: float) -> Iterator[None]:
    """Once at once, and then after longer and longer waits, for so many seconds."""
    until, wait = time.monotonic() + seconds, _FIRST_WAIT
    yield
    while time.monotonic() < until:
        time.sleep(wait)
        wait = min(1.5 * wait, _LONGEST_WAIT)
        yield
