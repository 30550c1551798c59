"""One cycle: what is new is loaded, everything that follows from it is computed and delivered, and
what is old expires.

Each step leaves things so that the next run can go on from wherever this one was killed: the load
takes what is not in the warehouse yet, and dbt builds what is not built.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from dbt_cdp import retention
from dbt_cdp.activation.definition import read_syncs
from dbt_cdp.activation.due import due_syncs
from dbt_cdp.activation.engine import run_sync
from dbt_cdp.activation.ledger import HELD
from dbt_cdp.alerts import read_alerts, tell_change, tell_deadlines, tell_no_run, tell_silence
from dbt_cdp.collector.spool import sealed_segments
from dbt_cdp.dbt import Dbt
from dbt_cdp.errors import CdpError, DbtError, disk_errors, stopped_by
from dbt_cdp.freshness import enter_sources
from dbt_cdp.landing import load_spool
from dbt_cdp.ledger import FAILED, OK, RUNNING, SKIPPED, STOPPED, Ledger
from dbt_cdp.lock import AlreadyRunningError, Lock, run_lock
from dbt_cdp.output import node_progress, talk
from dbt_cdp.privacy.erasure import begin, finish
from dbt_cdp.privacy.expiry import delete_expired
from dbt_cdp.privacy.hashing import new_salt
from dbt_cdp.privacy.ledger import IN_WORK
from dbt_cdp.privacy.requests import read_requests
from dbt_cdp.privacy.suppressions import write_list
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_when_free

# What feeds the package, the package, and what is made of it.
SELECTION = "+package:cdp+"

# What takes from new events all that outlives them.
_COUNTING = {
    "int_cdp__contact_details",
    "int_cdp__daily_activity",
    "int_cdp__identifier_tuples",
    "int_cdp__identity_observations",
    "int_cdp__visits",
}

# Of the nodes that failed so many are named.
_NAMED = 5


@dataclass(frozen=True)
class Settings:
    """How a run is to be.

    Attributes:
        spool: the folder in which `cdp collect` keeps what was sent.
        select: what dbt builds, as in `dbt build --select`.
        full_refresh: whether what may be rebuilt is rebuilt.
        is_deep: whether erasures search every column before they are confirmed.
        salt: by what erasures hash; each run has one of its own, which is stored nowhere.
    """

    spool: Path
    select: str = SELECTION
    full_refresh: bool = False
    is_deep: bool = False
    salt: str = field(default="", repr=False)


@dataclass(frozen=True)
class StepReport:
    """What became of a step.

    Attributes:
        status: ok, skipped (nothing to do) or failed; planned in a dry run.
        summary: what it did or would do, or what went wrong; without what any row holds.
        seconds: how long it took.
    """

    step: str
    status: str
    summary: str
    seconds: float = 0.0


@dataclass(frozen=True)
class RunReport:
    """What became of a run.

    Attributes:
        summary: what went wrong, without what any row holds; None where all is well.
        error: the same as dbt or the warehouse said it; None where syncs have failed, which say it
            themselves.
    """

    run_id: str
    status: str
    steps: Sequence[StepReport]
    summary: str | None = None
    error: CdpError | None = None


class _Step(NamedTuple):
    """A step of the cycle: says what it would do, and does it as a part of the run of that id, with
    a status and a summary."""

    plan: Callable[[Project, Settings], str]
    do: Callable[[Project, Settings, str], tuple[str, str]]


def plan(project: Project, settings: Settings, steps: Sequence[str]) -> list[StepReport]:
    """What a run would do, without doing it."""
    return [StepReport(name, "planned", _STEPS[name].plan(project, settings)) for name in steps]


def run(
    project: Project,
    settings: Settings,
    steps: Sequence[str],
    on_step: Callable[[StepReport], None] = lambda report: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> RunReport:
    """Do the steps, one after the other, as far as they succeed.

    Args:
        project: the project.
        settings: how.
        steps: names of `STEPS`, in their order.
        on_step: called with each step that has begun, as running, and that has ended.
        is_stopping: asked before each step; where it is so, no more steps are done.

    Returns:
        What became of it. A step that fails is the last, but for the syncs: events expire though a
        destination is away.

    Raises:
        AlreadyRunningError: another run is at work.
        ClockError: the clock was set back since the last run began.
        ConfigurationError: `cdp_alerts` is not as it must be.
        DbtError: the ledger cannot be made.
        WarehouseError: the warehouse cannot be opened, or the ledger not be written.
    """
    run_id = uuid.uuid4().hex
    settings = replace(settings, salt=new_salt())
    read_alerts(project)
    try:
        with disk_errors(), run_lock(project, run_id) as lock:
            # Where the warehouse cannot be opened this says so more clearly than dbt.
            open_when_free(project).close()
            ledger = Ledger(project, run_id)
            span = ledger.begin()
            report = _do(project, settings, steps, _Watch(lock, ledger, on_step, is_stopping))
    except AlreadyRunningError:
        raise
    except CdpError as error:
        tell_no_run(project, error)
        raise
    tell_change(project, span.before, report.status, report.summary)
    tell_deadlines(project, span)
    return report


@dataclass(frozen=True)
class _Watch:
    """What is asked and told while the steps are done."""

    lock: Lock
    ledger: Ledger
    on_step: Callable[[StepReport], None]
    is_stopping: Callable[[], bool]


def _do(project: Project, settings: Settings, steps: Sequence[str], watch: _Watch) -> RunReport:
    """Do the steps, and enter the run's end."""
    reports: list[StepReport] = []
    ledger = watch.ledger

    def ended(status: str, summary: str | None, error: CdpError | None = None) -> RunReport:
        with _told_first(error):
            ledger.end(status, summary)
        return RunReport(ledger.run_id, status, reports, summary, error)

    failed: str | None = None
    with _stopped_by_signals(ledger.end):
        for name in steps:
            if watch.is_stopping():
                return ended(STOPPED, f"stopped before {name}")
            watch.lock.check()
            watch.on_step(StepReport(name, RUNNING, ""))
            report, error = _done(project, settings, name, ledger)
            reports.append(report)
            watch.on_step(report)
            if error:
                return ended(FAILED, f"{name}: {report.summary}", error)
            if report.status == FAILED:
                failed = f"{name}: {report.summary}"
        return ended(FAILED if failed else OK, failed)


def _done(
    project: Project, settings: Settings, name: str, ledger: Ledger
) -> tuple[StepReport, CdpError | None]:
    started = time.monotonic()
    ledger.begin_step(name)
    error = None
    with _stopped_by_signals(ledger.end_step):
        try:
            # Somebody may just be looking into a DuckDB file, for which dbt would not wait.
            open_when_free(project).close()
            with disk_errors():
                status, summary = _STEPS[name].do(project, settings, ledger.run_id)
        except CdpError as failure:
            summary = _without_values(failure)
            status, error = FAILED, failure
    with _told_first(error):
        ledger.end_step(status, summary)
    return StepReport(name, status, summary, time.monotonic() - started), error


@contextmanager
def _stopped_by_signals(end: Callable[[str, str], None]) -> Iterator[None]:
    """Enter in the ledger what a signal, or a fault of this program, puts an end to."""
    try:
        yield
    except CdpError:
        raise
    except BaseException as reason:
        with suppress(CdpError):
            end(STOPPED, stopped_by(reason))
        raise


@contextmanager
def _told_first(error: CdpError | None) -> Iterator[None]:
    """Where a step has failed, only mention that its end cannot be entered either: what broke the
    one mostly breaks the other."""
    try:
        yield
    except CdpError as unwritten:
        if error is None:
            raise
        talk(f"The ledger could not be written: {unwritten.problem}")


def _without_values(error: CdpError) -> str:
    """What went wrong, for the ledger: dbt's own account may quote a row."""
    if not isinstance(error, DbtError):
        return error.problem
    named = ", ".join(error.failed[:_NAMED])
    more = f" and {len(error.failed) - _NAMED} more" if len(error.failed) > _NAMED else ""
    return f"{error.problem} {named}{more}".strip()


# The steps


def _plan_load(project: Project, settings: Settings) -> str:
    segments = sealed_segments(settings.spool) if settings.spool.is_dir() else []
    size = sum(path.stat().st_size for path in segments)
    return f"{len(segments):,} files of the spool, {size:,} bytes" if segments else "nothing waits"


def _load(project: Project, settings: Settings, run_id: str) -> tuple[str, str]:
    if not settings.spool.is_dir() or not sealed_segments(settings.spool):
        return SKIPPED, "nothing waits in the spool"
    reports = load_spool(project, settings.spool)
    added = sum(report.added for report in reports)
    rejected = sum(report.rejected for report in reports)
    parts = [f"{added:,} event{'s' * (added != 1)}"]
    parts += [f"{rejected:,} rejected"] if rejected else []
    parts += [f"source '{one.source}': {one.problem}" for one in reports if one.problem]
    return OK, "; ".join(parts)


def _plan_erase(project: Project, settings: Settings) -> str:
    count = sum(one.status in IN_WORK for one in read_requests(project)[0])
    return f"{count:,} requests" if count else "no request is approved"


def _erase(project: Project, settings: Settings, run_id: str) -> tuple[str, str]:
    done = begin(project, settings.salt)
    if not done.requests:
        return SKIPPED, "no request is approved"
    write_list(project, settings.spool)
    return OK, f"{done.requests:,} requests, {done.rows:,} rows deleted or emptied"


def _plan_confirm(project: Project, settings: Settings) -> str:
    return "what the build has left of them is deleted, and looked for"


def _confirm(project: Project, settings: Settings, run_id: str) -> tuple[str, str]:
    expired = delete_expired(project)
    done = finish(project, settings.salt, is_deep=settings.is_deep)
    if not done.requests:
        if expired:
            return OK, f"{expired:,} rows deleted that were kept until now"
        return SKIPPED, "dbt has not built since" if done.left else "no erasure has begun"
    told = f"{done.confirmed:,} requests confirmed, {done.rows:,} rows deleted or emptied"
    told += f"; {done.left:,} wait" if done.left else ""
    return OK, told + (f"; {expired:,} rows were kept until now" if expired else "")


def _plan_build(project: Project, settings: Settings) -> str:
    return f"dbt {' '.join(_build_arguments(settings))}"


def _build(project: Project, settings: Settings, run_id: str) -> tuple[str, str]:
    with node_progress() as show:
        results = Dbt(project).run(
            _build_arguments(settings),
            on_node=lambda node: show(node.position, node.total, node.name),
        )
    if not results.nodes:
        raise CdpError(
            "dbt found nothing to build.",
            where=f"--select {settings.select}",
            remedy="correct the selection; `dbt ls --select ...` shows what one matches.",
        )
    if {node.name for node in results.nodes} >= _COUNTING:
        tell_silence(project, *enter_sources(project, run_id))
    warned = sum(node.status == "warn" for node in results.nodes)
    models = sum(node.unique_id.startswith("model.") for node in results.nodes)
    tests = sum(node.unique_id.startswith(("test.", "unit_test.")) for node in results.nodes)
    return OK, f"{models:,} models, {tests:,} tests" + (f", {warned:,} warnings" if warned else "")


def _build_arguments(settings: Settings) -> list[str]:
    full = ["--full-refresh"] if settings.full_refresh else []
    return ["build", "--select", settings.select, *full]


def _plan_sync(project: Project, settings: Settings) -> str:
    names = [one.name for one in read_syncs(project)]
    return f"those that are due of: {', '.join(names)}" if names else "there are no syncs"


def _sync(project: Project, settings: Settings, run_id: str) -> tuple[str, str]:
    syncs = due_syncs(project)
    if not syncs:
        return SKIPPED, "no sync is due"
    taken = rejected = 0
    failed = []
    for sync in syncs:
        report, error = run_sync(project, sync, run_id=run_id)
        taken, rejected = taken + report.acknowledged, rejected + report.rejected
        if report.status == HELD:
            failed.append(f"'{sync.name}' was held: {report.error}")
        elif error:
            error.show()
            failed.append(f"'{sync.name}': {report.error}")
    told = f"{len(syncs):,} sync{'s' * (len(syncs) != 1)}, {taken:,} rows taken"
    told += f", {rejected:,} rejected" if rejected else ""
    return (FAILED, "; ".join([told, *failed])) if failed else (OK, told)


def _plan_retain(project: Project, settings: Settings) -> str:
    if not retention.is_set(project):
        return "cdp_retention is not set"
    return "what is older than cdp_retention says; `cdp retain --dry-run` counts it"


def _retain(project: Project, settings: Settings, run_id: str) -> tuple[str, str]:
    if not retention.is_set(project):
        return SKIPPED, "cdp_retention is not set"
    found = retention.retain(project)
    if not found.is_due:
        return SKIPPED, "nothing more expires today"
    tables: dict[str, int] = defaultdict(int)
    for expired in found.expired:
        tables[expired.table] += expired.rows
    counts = ", ".join(f"{rows:,} of {table}" for table, rows in tables.items())
    return OK, f"deleted {counts}" if counts else "nothing has expired"


_STEPS: Mapping[str, _Step] = {
    "load": _Step(_plan_load, _load),
    "erase": _Step(_plan_erase, _erase),
    "build": _Step(_plan_build, _build),
    "confirm": _Step(_plan_confirm, _confirm),
    "sync": _Step(_plan_sync, _sync),
    "retain": _Step(_plan_retain, _retain),
}
STEPS = tuple(_STEPS)
