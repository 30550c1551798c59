"""The landing tables: what `cdp load` writes, as it came, once each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from dbt_cdp.clock import utc_now
from dbt_cdp.collector.segments import KEPT_BYTES, read_segment
from dbt_cdp.collector.spool import sealed_segments, sync_folder
from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import ConfigurationError, FileError
from dbt_cdp.files import InputFile
from dbt_cdp.payloads import Row, canonical_json, ingest_id
from dbt_cdp.project import Project, Source
from dbt_cdp.warehouse import Warehouse, open_warehouse

EVENTS, RECORDS = "events", "records"

_MODELS = {EVENTS: "cdp__landing_events", RECORDS: "cdp__landing_records"}
_REJECTS = "cdp__landing_rejects"

# Makes the tables that are missing and leaves the others alone.
_BOOTSTRAP = ["run", "--select", "cdp.operations"]

# A statement takes this many lines, or fewer if they are long: the bound of the memory in use.
_CHUNK_ROWS = 50_000
_CHUNK_BYTES = 32_000_000
_PROGRESS_ROWS = 5_000

# Segments of the spool are loaded so many bytes a transaction.
_GROUP_BYTES = 256_000_000
_SPOOL = "spool"
_UNKNOWN_SOURCE = (
    "cdp_sources has no such source of events; what was loaded waits in landing_events until it"
    " has."
)


@dataclass
class LoadReport:
    """What became of the lines of one file: read = added + already_there + rejected."""

    file: str
    source: str
    kind: str
    read: int = 0
    added: int = 0
    already_there: int = 0
    rejected: int = 0
    problem: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every line of the file is now in the landing table."""
        return not self.rejected and not self.problem


def find_source(project: Project, name: str | None) -> Source:
    """The entry of `cdp_sources` that files are loaded for.

    Args:
        project: the project.
        name: the entry's name; None means the only one that takes loaded events.

    Raises:
        ConfigurationError: there is no such entry, or more than one.
    """
    loaded = [source for source in project.sources() if source.is_loaded]
    where = f"cdp_sources in {project.root / 'dbt_project.yml'}"
    if name is None:
        choices = [source for source in loaded if source.kind == EVENTS]
        problem = f"{len(choices)} sources take loaded events; which one is meant?"
        remedy = "name one with --source."
    else:
        choices = [source for source in loaded if source.name == name]
        problem = f"No source '{name}' takes loaded files."
        remedy = f"name one of: {', '.join(source.name for source in loaded)}."
    if len(choices) == 1:
        return choices[0]
    if not loaded:
        problem = "No source takes loaded files."
        remedy = f"add `- {{name: {name or 'app'}, collector: cdp}}`."
    raise ConfigurationError(problem, where=where, remedy=remedy)


def load_files(
    project: Project,
    files: Sequence[Path],
    source: str | None = None,
    on_progress: Callable[[InputFile], None] = lambda file: None,
) -> list[LoadReport]:
    """Load files into the landing tables, each in a transaction of its own.

    Lines that were loaded before are left out, so loading a file again is safe.

    Args:
        project: the project whose warehouse takes the lines.
        files: NDJSON, JSON, CSV or Parquet files, also compressed by gzip; `-` is stdin.
        source: name of an entry of `cdp_sources`; see `find_source`.
        on_progress: called now and then with the file that is being read.

    Returns:
        One report a file, in their order. A file that cannot be read has its report's `problem`
        set and leaves nothing behind.

    Raises:
        ConfigurationError: the source is unknown or does not take such files.
        WarehouseError: the warehouse cannot be opened or written to; the files whose reports
            would have come before are loaded.
    """
    entry = find_source(project, source)
    inputs = [InputFile(path) for path in files]
    for file in inputs:
        if entry.kind == EVENTS and not file.is_json:
            raise ConfigurationError(
                f"Events are loaded from NDJSON or JSON; the source '{entry.name}' takes events.",
                where=file.name,
                remedy="name a source that has a record_id with --source.",
            )
    tables = ensure_landing(project)
    with open_warehouse(project) as warehouse:
        return [_load_file(warehouse, tables, entry, file, on_progress) for file in inputs]


def load_spool(
    project: Project,
    folder: Path,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[LoadReport]:
    """Load the sealed segments of a spool, oldest first, and delete them once they are committed.

    An event is told by its segment, line and place, so whatever is interrupted can be repeated.

    Args:
        project: the project whose warehouse takes the events.
        folder: the spool's folder.
        on_progress: called now and then with the bytes that are done.

    Returns:
        One report a source.

    Raises:
        WarehouseError: the warehouse cannot be opened or written to; what was not committed is
            still in the spool.
    """
    segments = sealed_segments(folder)
    if not segments:
        return []
    known = {source.name for source in project.sources() if source.kind == EVENTS}
    tables = ensure_landing(project)
    reports: dict[str, LoadReport] = {}
    done = 0
    with open_warehouse(project) as warehouse:
        for group in _groups(segments):
            with warehouse.transaction():
                _write_segments(warehouse, tables, group, reports)
            for path in group:
                done += path.stat().st_size
                path.unlink()
            sync_folder(folder)
            on_progress(done)
    for name in reports.keys() - known:
        reports[name].problem = _UNKNOWN_SOURCE
    return list(reports.values())


def ensure_landing(project: Project) -> dict[str, Relation]:
    """Make the landing tables, where they are missing.

    Returns:
        The landing tables by kind: events, records, rejects.

    Raises:
        DbtError: the project cannot be parsed, or the tables cannot be made.
    """
    models = {**_MODELS, "rejects": _REJECTS}
    return dict(zip(models, ensure_tables(project, list(models.values())), strict=True))


def ensure_tables(project: Project, models: Sequence[str]) -> list[Relation]:
    """Make the package's tables that dbt does not fill, where one of these is missing.

    Args:
        project: the project whose warehouse holds them.
        models: names of models of the kind `cdp_ledger`.

    Returns:
        The tables of the models, in their order.

    Raises:
        DbtError: the project cannot be parsed, or the tables cannot be made.
    """
    dbt = Dbt(project)
    if dbt.fresh_manifest() is None:
        # Making the tables takes hardly longer than the parsing that is due anyway.
        dbt.run(_BOOTSTRAP, stream=False)
    manifest = dbt.manifest()
    tables = [manifest.relation(model) for model in models]
    with open_warehouse(project) as warehouse:
        is_ready = all(warehouse.exists(table) for table in tables)
    if not is_ready:
        dbt.run(_BOOTSTRAP, stream=False)
    return tables


def next_time(warehouse: Warehouse, table: Relation, column: str) -> datetime:
    """Now (UTC), or just after the last time in the column if the clock was set back: dbt takes
    what is later than what it has seen."""
    ((last,),) = warehouse.query(f"select max({warehouse.quote(column)}) from {table}")  # noqa: S608
    now = utc_now()
    return max(now, last + timedelta(microseconds=1)) if last else now


def _load_file(
    warehouse: Warehouse,
    tables: Mapping[str, Relation],
    source: Source,
    file: InputFile,
    on_progress: Callable[[InputFile], None],
) -> LoadReport:
    report = LoadReport(file=file.name, source=source.name, kind=source.kind)
    try:
        with warehouse.transaction():
            loaded_at = next_time(warehouse, tables[source.kind], "loaded_at")
            writer = _Writer(warehouse, tables, report, loaded_at)
            _write_rows(file.rows(required=source.record_id), source, writer, file, on_progress)
    except FileError as error:
        return LoadReport(
            file=file.name, source=source.name, kind=source.kind, problem=error.message
        )
    return report


def _groups(segments: Sequence[Path]) -> Iterator[list[Path]]:
    """Segments that are loaded in one transaction: so many bytes, or one larger segment."""
    group: list[Path] = []
    size = 0
    for path in segments:
        size += path.stat().st_size
        if group and size > _GROUP_BYTES:
            yield group
            group, size = [], path.stat().st_size
        group.append(path)
    if group:
        yield group


def _write_segments(
    warehouse: Warehouse,
    tables: Mapping[str, Relation],
    segments: Sequence[Path],
    reports: dict[str, LoadReport],
) -> None:
    loaded_at = next_time(warehouse, tables[EVENTS], "loaded_at")
    writers: dict[str, _Writer] = {}
    for path in segments:
        for event in read_segment(path):
            if event.source not in writers:
                report = LoadReport(file=_SPOOL, source=event.source, kind=EVENTS)
                report = reports.setdefault(event.source, report)
                writers[event.source] = _Writer(warehouse, tables, report, loaded_at)
            if event.payload is None:
                reject = _Reject(path.name, event.line, event.problem, event.raw)
                writers[event.source].reject(event.ingest_id, reject)
            else:
                writers[event.source].add(event.ingest_id, event.payload, event.received_at)
    for writer in writers.values():
        writer.flush()


def _write_rows(
    rows: Iterable[Row],
    source: Source,
    writer: "_Writer",
    file: InputFile,
    on_progress: Callable[[InputFile], None],
) -> None:
    for position, row in enumerate(rows):
        if position % _PROGRESS_ROWS == 0:
            on_progress(file)
        problem = row.problem or _record_problem(row, source)
        if problem:
            reject = _Reject(file.name, row.number, problem, row.raw)
            writer.reject(ingest_id(source.name, row.raw), reject)
        else:
            payload = canonical_json(row.value)
            writer.add(ingest_id(source.name, payload), payload, writer.loaded_at)
    writer.flush()
    on_progress(file)


def _record_problem(row: Row, source: Source) -> str:
    """Why a record cannot be taken; empty for one that can, and for events."""
    if source.record_id is None or row.value is None:
        return ""
    value = row.value.get(source.record_id)
    if value is None or (isinstance(value, str) and not value.strip()):
        return f"no value in the field '{source.record_id}'"
    if isinstance(value, dict | list):
        return f"the field '{source.record_id}' is not a text or a number"
    return ""


class _Reject(NamedTuple):
    """A line that cannot be loaded: where it is, why, and its bytes."""

    file: str
    line: int
    problem: str
    raw: bytes


@dataclass
class _Writer:
    """Gathers lines of one source and writes them in chunks; keeps the report's counts."""

    warehouse: Warehouse
    tables: Mapping[str, Relation]
    report: LoadReport
    loaded_at: datetime
    _payloads: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _rejects: dict[str, tuple[str, int, str, str]] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, key: str, payload: str, received_at: datetime) -> None:
        """Take a good line."""
        self._payloads[key] = (payload, received_at)
        self._count(len(payload))

    def reject(self, key: str, reject: _Reject) -> None:
        """Take a bad line."""
        text = reject.raw[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
        self._rejects.setdefault(key, (reject.file, reject.line, reject.problem, text))
        self.report.rejected += 1
        self._count(len(text))

    def flush(self) -> None:
        """Write what was gathered."""
        if self._payloads:
            payloads, times = zip(*self._payloads.values(), strict=True)
            columns = {"payload": list(payloads), "received_at": list(times)}
            self.report.added += self._insert(self.report.kind, list(self._payloads), columns)
        if self._rejects:
            names = ("file_name", "line_number", "reason", "payload")
            values = zip(*self._rejects.values(), strict=True)
            columns = {name: list(column) for name, column in zip(names, values, strict=True)}
            columns["kind"] = [self.report.kind] * len(self._rejects)
            self._insert("rejects", list(self._rejects), columns)
        self.report.already_there = self.report.read - self.report.added - self.report.rejected
        self._payloads, self._rejects, self._bytes = {}, {}, 0

    def _count(self, size: int) -> None:
        self.report.read += 1
        self._bytes += size
        lines = len(self._payloads) + len(self._rejects)
        if lines >= _CHUNK_ROWS or self._bytes >= _CHUNK_BYTES:
            self.flush()

    def _insert(self, table: str, keys: list[str], columns: dict[str, list[Any]]) -> int:
        columns["ingest_id"] = keys
        columns["source"] = [self.report.source] * len(keys)
        columns["loaded_at"] = [self.loaded_at] * len(keys)
        return self.warehouse.insert_new(self.tables[table], columns, key="ingest_id")
