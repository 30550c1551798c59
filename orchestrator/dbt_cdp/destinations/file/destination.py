"""Files in a folder or a bucket: CSV, NDJSON or Parquet.

Mode mirror keeps one file with all rows, written anew as a whole when one differs. Mode append adds
a file with the rows that are new or have changed; files of a run that was killed before it could
record them are deleted by the next one, which writes their rows once more.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from typing_extensions import override

from dbt_cdp.clock import utc_now
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.file.formats import FORMATS
from dbt_cdp.errors import ConfigurationError, StorageError
from dbt_cdp.storage import is_name, open_storage

_PROBE = "cdp_check.txt"


class FileSettings(Settings):
    """An entry of type file.

    Attributes:
        path: a folder, `gs://bucket/prefix` or `s3://bucket/prefix`.
        format: csv, ndjson or parquet.
    """

    path: str
    format: Literal["csv", "ndjson", "parquet"] = "csv"


class FileDestination(Destination):
    """A file, or a file a run. The sync's `object` is its name; by default the sync's own."""

    settings_model = FileSettings
    modes = frozenset({Mode.MIRROR, Mode.APPEND})
    replaces = frozenset({Mode.MIRROR})
    max_rows = 50_000

    settings: FileSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        self._name = sync.object or sync.name
        if not is_name(self._name):
            raise ConfigurationError(
                f"No file can have the name {self._name!r}.",
                where=f"sync '{sync.name}', object",
                remedy="give parts that do not begin with a dot, and '/' between them.",
            )
        self._storage = open_storage(settings.path, root)
        self._format = FORMATS[settings.format]
        self._run, self._began, self._part = "", "", 0

    @override
    def check(self) -> str:
        with tempfile.TemporaryDirectory(prefix="cdp-") as folder:
            probe = Path(folder, _PROBE)
            probe.write_text("`cdp sync check` writes and deletes this file.\n")
            try:
                self._storage.put(probe, _PROBE)
                self._storage.delete(_PROBE)
            except StorageError as error:
                raise DestinationRefusedError(
                    error.problem, where=error.where, remedy=error.remedy
                ) from None
        return f"files can be written to {self._storage}"

    @override
    def begin(self, sync_run_id: str) -> None:
        self._run, self._part = sync_run_id, 0
        # So that the names sort by time.
        self._began = f"{utc_now():%Y-%m-%dT%H%M%S.%fZ}"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        if action in (Action.REMOVE, Action.MERGE):
            return self.erase(rows)
        self._part += 1
        name = f"{self._name}/{self._began}-{self._run}-{self._part:04d}.{self.settings.format}"
        self._put(name, rows)
        return [Outcome.acknowledged(row, name) for row in rows]

    @override
    def replace(self, rows: Iterable[Row]) -> None:
        self._put(self._file, rows)

    @override
    def discard(self, sync_run_id: str, remote_ids: frozenset[str]) -> None:
        for name in list(self._parts()):
            if f"-{sync_run_id}-" in name and name not in remote_ids:
                self._storage.delete(name)

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        keys = frozenset(row.key for row in rows)
        is_one = self.sync.mode in self.replaces
        names = list(self._storage.names(self._file) if is_one else self._parts())
        for name in names:
            self._erase_from(name, keys)
        return [Outcome.acknowledged(row) for row in rows]

    @property
    def _file(self) -> str:
        """The one file of mode mirror."""
        return f"{self._name}.{self.settings.format}"

    def _parts(self) -> Iterator[str]:
        """The files of mode append."""
        yield from self._storage.names(f"{self._name}/")

    def _put(self, name: str, rows: Iterable[Row]) -> None:
        with tempfile.TemporaryDirectory(prefix="cdp-") as folder:
            local = Path(folder, "rows")
            self._format.write(local, self.sync.fields, (row.fields for row in rows))
            with _unavailable():
                self._storage.put(local, name)

    def _erase_from(self, name: str, keys: frozenset[str]) -> None:
        with tempfile.TemporaryDirectory(prefix="cdp-") as folder, _unavailable():
            old, new = Path(folder, "old"), Path(folder, "new")
            self._storage.get(name, old)
            if self._format.copy_without(old, new, self.sync.key, keys):
                self._storage.put(new, name)


@contextmanager
def _unavailable() -> Iterator[None]:
    """What the folder or the bucket refuses may go well the next time."""
    try:
        yield
    except StorageError as error:
        raise DestinationUnavailableError(
            error.problem, where=error.where, remedy=error.remedy
        ) from None
