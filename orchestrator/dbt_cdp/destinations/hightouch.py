"""Hightouch: its own syncs are started and followed."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field
from typing_extensions import override

from dbt_cdp.destinations.hand_over import Content, HandOver, HandOverSettings, Stage, ToolRun

# What a run that has not ended says of itself, and so its sync. A word of a run that is none of all
# of these is taken for that: the wait has a limit.
_AT_WORK = {"queued", "querying", "processing", "reporting"}
_STOPPED = {"cancelled", "interrupted", "aborted"}
_FAILED = {"failed", *_STOPPED}
_DONE = {"success", "warning"}


class HightouchSettings(HandOverSettings):
    """An entry of type hightouch."""

    base_url: str = "https://api.hightouch.com/api/v1"


class _Sync(Content):
    slug: str | None = None
    status: str
    is_off: bool = Field(alias="disabled")
    schedule: Mapping[str, Any] | None = None


class _Started(Content):
    id: int | str


class _Rows(Content):
    added: int = Field(default=0, alias="addedCount")
    changed: int = Field(default=0, alias="changedCount")
    removed: int = Field(default=0, alias="removedCount")

    @property
    def total(self) -> int:
        return self.added + self.changed + self.removed


class _Run(Content):
    id: int | str
    status: str
    error: str | None = None
    source_rows: int | None = Field(default=None, alias="querySize")
    planned: _Rows | None = Field(default=None, alias="plannedRows")
    taken: _Rows | None = Field(default=None, alias="successfulRows")
    rejected: _Rows | None = Field(default=None, alias="failedRows")


class _Runs(Content):
    data: Sequence[_Run]


class Hightouch(HandOver):
    """A sync of Hightouch."""

    settings_model = HightouchSettings
    tool = "Hightouch"

    @override
    def check(self) -> str:
        sync = self._sync()
        return self.found(sync.slug, is_on=not sync.is_off, is_scheduled=sync.schedule is not None)

    @override
    def is_busy(self) -> bool:
        sync = self._sync()
        self.found(sync.slug, is_on=not sync.is_off, is_scheduled=False)
        return sync.status in _AT_WORK

    @override
    def start(self) -> str:
        return str(self.call("POST", f"{self._path}/trigger", _Started).id)

    @override
    def look(self, run: str) -> ToolRun:
        runs = self.call("GET", f"{self._path}/runs?runId={run}", _Runs).data
        found = next((one for one in runs if str(one.id) == run), None)
        # One that has just been asked for need not be listed yet.
        return self._read(found) if found else ToolRun(Stage.AT_WORK)

    @property
    def _path(self) -> str:
        return f"/syncs/{self.sync.object}"

    def _sync(self) -> _Sync:
        return self.call("GET", self._path, _Sync)

    def _read(self, run: _Run) -> ToolRun:
        planned, taken, rejected = (
            one or _Rows() for one in (run.planned, run.taken, run.rejected)
        )
        stage = Stage.AT_WORK
        if run.status in _DONE:
            stage = Stage.DONE
        elif run.status in _FAILED:
            stage = Stage.FAILED
        return ToolRun(
            stage,
            source_rows=run.source_rows or 0,
            to_add=planned.added,
            to_change=planned.changed,
            to_remove=planned.removed,
            acknowledged=taken.total,
            rejected=rejected.total,
            is_partial=run.status == "warning",
            words=self.words(run.status if run.status in _STOPPED else None, run.error),
        )
