"""The landing tables: what `cdp load` writes, as it came, once each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
_REJECT_BYTES = 8_192
_PROGRESS_ROWS = 5_000


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
    now = datetime.now(UTC).replace(tzinfo=None)
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
            writer.reject(row, problem)
        else:
            writer.add(row)
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


@dataclass
class _Writer:
    """Gathers lines and writes them in chunks; keeps the report's counts."""

    warehouse: Warehouse
    tables: Mapping[str, Relation]
    report: LoadReport
    loaded_at: datetime
    _payloads: dict[str, str] = field(default_factory=dict)
    _rejects: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, row: Row) -> None:
        """Take a good line."""
        payload = canonical_json(row.value or {})
        self._payloads[ingest_id(self.report.source, payload)] = payload
        self._count(len(payload))

    def reject(self, row: Row, problem: str) -> None:
        """Take a bad line."""
        key = ingest_id(self.report.source, row.raw)
        text = row.raw[:_REJECT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
        self._rejects.setdefault(key, (row.number, problem, text))
        self.report.rejected += 1
        self._count(len(text))

    def flush(self) -> None:
        """Write what was gathered."""
        if self._payloads:
            columns = {"ingest_id": list(self._payloads), "payload": list(self._payloads.values())}
            self.report.added += self._insert(self.report.kind, columns, received_at=True)
        if self._rejects:
            numbers, reasons, texts = zip(*self._rejects.values(), strict=True)
            columns = {
                "ingest_id": list(self._rejects),
                "kind": [self.report.kind] * len(numbers),
                "file_name": [self.report.file] * len(numbers),
                "line_number": list(numbers),
                "reason": list(reasons),
                "payload": list(texts),
            }
            self._insert("rejects", columns)
        self.report.already_there = self.report.read - self.report.added - self.report.rejected
        self._payloads, self._rejects, self._bytes = {}, {}, 0

    def _count(self, size: int) -> None:
        self.report.read += 1
        self._bytes += size
        lines = len(self._payloads) + len(self._rejects)
        if lines >= _CHUNK_ROWS or self._bytes >= _CHUNK_BYTES:
            self.flush()

    def _insert(self, table: str, columns: dict[str, list[Any]], received_at: bool = False) -> int:
        count = len(columns["ingest_id"])
        columns["source"] = [self.report.source] * count
        columns["loaded_at"] = [self.loaded_at] * count
        if received_at:
            columns["received_at"] = columns["loaded_at"]
        return self.warehouse.insert_new(self.tables[table], columns, key="ingest_id")
