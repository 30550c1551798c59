"""Hightouch and Census on loopback, as far as their syncs are started and followed.

Every request, and every answer of their own, is held against `fixtures/hand_over.yml`. A run goes
on a little with each request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml
from jsonschema import Draft202012Validator

from fake_api import Answer, FakeApi, Request

TOKEN = "secret-token"
SYNC = "17"
_SPEC = yaml.safe_load((Path(__file__).parent / "fixtures" / "hand_over.yml").read_text())


@dataclass
class Run:
    """A run of the tool's sync.

    Attributes:
        left: after how many more requests it ends.
        end: the status that it ends with; others are those that it has until then.
        result: what else it says of itself in the end.
    """

    id: int
    left: int
    end: str
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.left <= 0


class FakeTool(FakeApi):
    """A tool with one sync; `entry` leads to it.

    Attributes:
        runs: its runs, in order.
        length: how many requests a run takes.
        end: the status with which the next runs end.
        result: what else they say of themselves.
        is_off: whether the sync is turned off.
        is_scheduled: whether it also runs by itself.
        is_racing: whether somebody else starts a run just before the next one that is asked for.
        overlaps: how often a run was asked for while another one was at work.
    """

    name: ClassVar[str]
    entry: Mapping[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []
        self.length, self.end = 3, ""
        self.result: Mapping[str, Any] = {}
        self.is_off = self.is_scheduled = self.is_racing = False
        self.overlaps = 0

    def add(self, length: int | None = None, end: str | None = None) -> Run:
        """A run begins, of whomever."""
        number = 900 + len(self.runs)
        left = self.length if length is None else length
        self.runs.append(Run(number, left, end or self.end, self.result))
        return self.runs[-1]

    @property
    def working(self) -> Run | None:
        """The first run that is not over."""
        return next((one for one in self.runs if not one.is_over), None)

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"message": f"who is {TOKEN}?"})
        path = re.sub(r"/\d+(?=/|$)", "/{id}", request.path)
        operation = _SPEC[self.name].get(f"{request.method} {path}")
        if operation is None or {*request.query} - {*operation.get("query", ())} or request.content:
            self.violations.append(f"there is no {request.method} {request.path}")
            return Answer(405)
        if "/syncs/" in request.path and f"/syncs/{SYNC}" not in request.path:
            return Answer(404, {"message": "no such sync"})
        if self.working:
            self.working.left -= 1
        if request.method == "POST":
            if self.is_racing:
                self.is_racing = False
                self.add()
            self.overlaps += self.working is not None
        answer = self.found(request, path)
        if answer.status == 200:
            wrong = Draft202012Validator(operation["answer"]).iter_errors(answer.body)
            self.violations += [f"answer to {path}: {one.message}" for one in wrong]
        return answer

    def found(self, request: Request, path: str) -> Answer:
        """What a good request is answered."""
        raise NotImplementedError


class FakeHightouch(FakeTool):
    """Hightouch: a run that is asked for while one is at work waits for its end."""

    name = "hightouch"

    def __init__(self) -> None:
        super().__init__()
        self.end = "success"

    @property
    def entry(self) -> Mapping[str, Any]:  # type: ignore[override]
        return {"type": "hightouch", "base_url": f"{self.url}/api/v1"}

    def found(self, request: Request, path: str) -> Answer:
        if request.method == "POST":
            return Answer(200, {"id": str(self.add().id)})
        if path.endswith("/runs"):
            wanted = request.query.get("runId")
            runs = [self._shown(one) for one in self.runs if [str(one.id)] == wanted]
            return Answer(200, {"data": runs, "hasMore": False})
        latest = self.working or (self.runs[-1] if self.runs else None)
        return Answer(
            200,
            {
                "id": int(SYNC),
                "slug": "pricing-fans",
                "disabled": self.is_off,
                "status": self._status(latest) if latest else "pending",
                "schedule": {"type": "interval", "schedule": {}} if self.is_scheduled else None,
            },
        )

    def _status(self, run: Run) -> str:
        if run.is_over:
            return run.end
        if run is not self.working:
            return "queued"
        return "querying" if run.left > 1 else "processing"

    def _shown(self, run: Run) -> Mapping[str, Any]:
        none = {"addedCount": 0, "changedCount": 0, "removedCount": 0}
        shown = {
            "id": run.id,
            "createdAt": "2026-06-01T10:00:00.000Z",
            "status": self._status(run),
            "completionRatio": 0.5,
            "querySize": None,
            "plannedRows": none,
            "successfulRows": none,
            "failedRows": none,
            "error": None,
        }
        return {**shown, **(run.result if run.is_over else {})}


class FakeCensus(FakeTool):
    """Census: a run that is asked for while one is at work is skipped."""

    name = "census"

    def __init__(self) -> None:
        super().__init__()
        self.end = "completed"

    @property
    def entry(self) -> Mapping[str, Any]:  # type: ignore[override]
        return {"type": "census", "base_url": f"{self.url}/api/v2"}

    def found(self, request: Request, path: str) -> Answer:
        return Answer(200, {"status": "success", "data": self._data(request, path)})

    def _data(self, request: Request, path: str) -> Any:
        if request.method == "POST":
            run = self.add(0, "skipped") if self.working else self.add()
            return {"sync_run_id": run.id}
        if path.endswith("/sync_runs"):
            size = int(request.query["per_page"][0])
            return [self._shown(one) for one in reversed(self.runs)][:size]
        if "/sync_runs/" in path:
            (run,) = (one for one in self.runs if request.path.endswith(f"/{one.id}"))
            return self._shown(run)
        return {
            "id": int(SYNC),
            "label": None,
            "paused": self.is_off,
            "schedule_frequency": "hourly" if self.is_scheduled else "never",
        }

    def _shown(self, run: Run) -> Mapping[str, Any]:
        status = run.end if run.is_over else "working"
        shown = {"id": run.id, "sync_id": int(SYNC), "status": status, "canceled": False}
        return {**shown, **(run.result if run.is_over else {})}
