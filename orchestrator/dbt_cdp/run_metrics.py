"""How runs went, for Prometheus: a file for the textfile collector of its node exporter."""

from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from dbt_cdp.activation.states import SyncState
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.freshness import SourceEntry
from dbt_cdp.ledger import OK, RUNNING, RunEntry
from dbt_cdp.project import Project


def write_metrics(
    project: Project,
    entries: Sequence[RunEntry],
    sources: Iterable[SourceEntry],
    syncs: Iterable[SyncState],
    path: Path,
) -> None:
    """Write the file, in one go.

    Args:
        project: the project, whose name and target are labels.
        entries: the last runs, the newest first.
        sources: what the last run has found of the sources.
        syncs: how the syncs are doing.
        path: where; the name has to end in .prom for the exporter to read it.

    Raises:
        ConfigurationError: it cannot be written there.
    """
    registry = CollectorRegistry()
    labels = {"project": project.name, "target": project.target.name}

    def gauge(name: str, text: str, *more: str) -> Gauge:
        return Gauge(f"cdp_{name}", text, (*labels, *more), registry=registry)

    ended = next((one for one in entries if one.status != RUNNING), None)
    good = next((one for one in entries if one.status == OK), None)
    if ended:
        success = gauge("run_success", "Whether the last run that has ended succeeded.")
        success.labels(**labels).set(ended.status == OK)
        gauge("run_duration_seconds", "How long it took.").labels(**labels).set(ended.seconds or 0)
        steps = gauge("run_step_duration_seconds", "How long each of its steps took.", "step")
        for step in ended.steps:
            steps.labels(**labels, step=step.step).set(step.seconds or 0)
    if good and good.ended_at:
        last = gauge(
            "run_last_success_timestamp_seconds", "When the last one ended that succeeded."
        )
        last.labels(**labels).set(good.ended_at.replace(tzinfo=UTC).timestamp())
    new = gauge("source_new_events", "Events since the run before.", "source")
    arrival = gauge("source_last_arrival_timestamp_seconds", "When the newest came.", "source")
    for source in sources:
        new.labels(**labels, source=source.source).set(source.new_events)
        if source.arrived_at:
            moment = source.arrived_at.replace(tzinfo=UTC).timestamp()
            arrival.labels(**labels, source=source.source).set(moment)
    well = gauge("sync_success", "Whether its last run came to its end.", "sync")
    records = gauge("sync_records", "Records that were acknowledged.", "sync")
    rejects = gauge("sync_rejected_rows", "Rows rejected and not taken since.", "sync")
    for sync in syncs:
        well.labels(**labels, sync=sync.sync).set(sync.is_well)
        records.labels(**labels, sync=sync.sync).set(sync.records)
        rejects.labels(**labels, sync=sync.sync).set(sync.rejects)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise ConfigurationError(
            f"The metrics cannot be written: {error.strerror}.", where=str(path)
        ) from None
