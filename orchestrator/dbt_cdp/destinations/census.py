"""Census, which is called Fivetran Activations now: its own syncs are started and followed."""

from collections.abc import Sequence

from pydantic import Field
from typing_extensions import override

from dbt_cdp.destinations.hand_over import Content, HandOver, HandOverSettings, Stage, ToolRun

# Another word is taken for that of a run that has not ended: the wait has a limit.
_STAGES = {
    "completed": Stage.DONE,
    "failed": Stage.FAILED,
    "cancelled": Stage.FAILED,
    "skipped": Stage.SKIPPED,
}
_AT_WORK = {"queued", "working"}

# Among so many of the latest runs one that is at work is looked for: those after it were skipped.
_LATEST = 25

_MANUAL = "never"


class CensusSettings(HandOverSettings):
    """An entry of type census."""

    base_url: str = "https://app.getcensus.com/api/v2"


class _Sync(Content):
    label: str | None = None
    is_off: bool = Field(default=False, alias="paused")
    frequency: str | None = Field(default=None, alias="schedule_frequency")


class _Started(Content):
    id: int = Field(alias="sync_run_id")


class _Run(Content):
    status: str
    is_cancelled: bool | None = Field(default=None, alias="canceled")
    code: str | None = Field(default=None, alias="error_code")
    message: str | None = Field(default=None, alias="error_message")
    source_rows: int | None = Field(default=None, alias="source_record_count")
    changed: int | None = Field(default=None, alias="source_record_updates")
    removed: int | None = Field(default=None, alias="source_record_deletes")
    invalid: int | None = Field(default=None, alias="source_record_invalids")
    taken: int | None = Field(default=None, alias="records_updated")
    rejected: int | None = Field(default=None, alias="records_failed")


class _FoundSync(Content):
    data: _Sync


class _FoundStarted(Content):
    data: _Started


class _FoundRun(Content):
    data: _Run


class _FoundRuns(Content):
    data: Sequence[_Run]


class Census(HandOver):
    """A sync of Census."""

    settings_model = CensusSettings
    tool = "Census"

    @override
    def check(self) -> str:
        sync = self._sync()
        is_scheduled = sync.frequency not in (None, _MANUAL)
        return self.found(sync.label, is_on=not sync.is_off, is_scheduled=is_scheduled)

    @override
    def is_busy(self) -> bool:
        sync = self._sync()
        self.found(sync.label, is_on=not sync.is_off, is_scheduled=False)
        path = f"{self._path}/sync_runs?order=desc&per_page={_LATEST}"
        return any(run.status in _AT_WORK for run in self.call("GET", path, _FoundRuns).data)

    @override
    def start(self) -> str:
        return str(self.call("POST", f"{self._path}/trigger", _FoundStarted).data.id)

    @override
    def look(self, run: str) -> ToolRun:
        found = self.call("GET", f"/sync_runs/{run}", _FoundRun).data
        stage = _STAGES.get(found.status, Stage.AT_WORK)
        word = None
        if found.is_cancelled or found.status == "cancelled":
            stage, word = Stage.FAILED, "cancelled"
        invalid = found.invalid or 0
        return ToolRun(
            stage,
            source_rows=found.source_rows or 0,
            # It does not say which are new, and has not counted those that it could not send.
            to_change=(found.changed or 0) + invalid,
            to_remove=found.removed or 0,
            acknowledged=found.taken or 0,
            rejected=(found.rejected or 0) + invalid,
            words=self.words(word, found.code, found.message),
        )

    @property
    def _path(self) -> str:
        return f"/syncs/{self.sync.object}"

    def _sync(self) -> _Sync:
        return self.call("GET", self._path, _FoundSync).data
