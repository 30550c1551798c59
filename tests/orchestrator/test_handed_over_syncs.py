"""Syncs that another tool does, started and followed by the command."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import DUCKDB, Consumer, write_shop
from dbt_cdp.activation import hand_over as following
from dbt_cdp.cli import run
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project
from fake_api import serving
from fake_hand_over import SYNC, TOKEN, FakeHightouch

Query = Callable[..., list[tuple[Any, ...]]]

COUNTS = {
    "querySize": 20,
    "plannedRows": {"addedCount": 7, "changedCount": 5, "removedCount": 3},
    "successfulRows": {"addedCount": 6, "changedCount": 5, "removedCount": 2},
    "failedRows": {"addedCount": 1, "changedCount": 0, "removedCount": 0},
}


SYNCS: dict[str, dict[str, Any]] = {
    "fans": {"destination": "other", "object": SYNC, "mode": "hand_over"},
    "filed": {
        "destination": "files",
        "mode": "mirror",
        "model": "people",
        "id": "id",
        "key": "email",
        "fields": {"email": "email"},
    },
}


def write_syncs(folder: Path, syncs: Mapping[str, Any]) -> None:
    exposures = [
        {
            "name": name,
            "type": "application",
            "owner": {"name": "Growth"},
            "depends_on": ["ref('people')"],
            "config": {"meta": {"cdp_sync": sync}},
        }
        for name, sync in syncs.items()
    ]
    (folder / "models" / "syncs.yml").write_text(yaml.safe_dump({"exposures": exposures}))


@pytest.fixture(scope="module")
def server() -> Iterator[FakeHightouch]:
    with serving(FakeHightouch()) as tool:
        yield tool  # type: ignore[misc]


@pytest.fixture(scope="module")
def made(server: FakeHightouch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two syncs: one that Hightouch does, and a file. It is parsed and compiled."""
    folder = write_shop(tmp_path_factory.mktemp("handed_over") / "shop", DUCKDB)
    (folder / "models").mkdir()
    people = "{{ config(materialized='view') }} select 'a@shop.example' as email, 1 as id"
    (folder / "models" / "people.sql").write_text(people)
    write_syncs(folder, SYNCS)
    consumer = Consumer(folder, "shop.duckdb")
    entry = {"name": "other", "token_env": "HIGHTOUCH_KEY", **server.entry}
    files = {"name": "files", "type": "file", "path": "out"}
    consumer.set_vars({"cdp_destinations": [entry, files]})
    ensure_landing(Project.find(folder))
    consumer.runs("run", "--select", "people")
    assert run(["sync", "plan", "--project-dir", str(folder)]) == 0
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HIGHTOUCH_KEY", TOKEN)
    monkeypatch.setattr(following, "_FIRST_WAIT", 0.01)
    return folder


@pytest.fixture
def tool(server: FakeHightouch, shop: Path) -> FakeHightouch:
    """Hightouch, of which nothing has been asked yet."""
    vars(server).update(vars(FakeHightouch()) | {"url": server.url})
    return server


@pytest.fixture
def call(tool: FakeHightouch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command; what it prints as JSON, and what it says."""

    def call(*arguments: str, code: int = 0) -> tuple[Any, str]:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == code
        said = capsys.readouterr()
        return (json.loads(said.out) if said.out else None), said.err

    return call


def test_a_run_has_the_tool_s_numbers_wherever_syncs_are_told(
    tool: FakeHightouch, call: Callable[..., Any], query: Query
) -> None:
    ((report,), _) = call("sync", "run", "fans")
    assert (report["status"], report["to_add"], report["pending"]) == ("ok", 0, 0)

    tool.end, tool.result = "warning", COUNTS | {"error": "1 row was rejected"}
    reports, said = call("sync", "run", code=1)
    assert {one["sync"]: one["status"] for one in reports} == {"fans": "partial", "filed": "ok"}
    assert "held" not in said
    found = "source_rows, to_add, to_change, to_remove, acknowledged, rejected, pending, error"
    last = f"select {found} from sync_runs where sync_name = 'fans' order by started_at desc"
    assert query(last)[0] == (20, 7, 5, 3, 13, 1, 1, "1 row was rejected")
    history, _ = call("sync", "history", "fans")
    assert [(one["status"], one["mode"], one["object"]) for one in history] == [
        ("partial", "hand_over", SYNC),
        ("ok", "hand_over", SYNC),
    ]

    tool.end, tool.result = "failed", {"error": "no such table"}
    _, said = call("sync", "run", "fans", code=1)
    assert "The sync has failed in Hightouch: no such table." in said
    status, _ = call("status", code=1)
    assert status["problem"] == "Not all is delivered: 'fans' (failed)."

    # A run of everything fails with it, and the other sync is done all the same.
    report, _ = call("run", "--only", "sync", code=1)
    (step,) = report["steps"]
    assert step["status"] == "failed" and step["summary"].startswith("2 syncs, 0 rows taken")
    assert "'fans': The sync has failed in Hightouch: no such table." in step["summary"]
    tool.end, tool.result = "success", {}
    assert call("run", "--only", "sync")[0]["status"] == "ok"
    assert (tool.overlaps, tool.violations) == (0, [])


def test_what_the_tool_decides_is_not_told_or_done_here(
    tool: FakeHightouch, call: Callable[..., Any], query: Query
) -> None:
    plans, said = call("sync", "plan")
    assert [one["sync"] for one in plans] == ["filed"]
    assert "fans is handed over: 'other' reads the warehouse itself" in said

    checks, _ = call("sync", "check", "fans")
    assert checks[0]["found"] == "sync 17 (pricing-fans) is turned on in Hightouch"
    tool.is_off = True
    checks, _ = call("sync", "check", "fans", code=1)
    assert "is turned off in Hightouch" in checks[0]["found"]
    _, said = call("sync", "run", "fans", code=2)
    assert "is turned off in Hightouch" in said
    tool.is_off = False

    for command, what in (("retry", "send rejected rows again"), ("reset", "send everything")):
        _, said = call("sync", command, "fans", code=2)
        assert "sends the rows of this sync" in said and f"let it {what}" in said
    call("sync", "pause", "fans")
    call("sync", "run", "fans")
    assert tool.runs == []
    assert query("select status from sync_runs where sync_name = 'fans'") == [("failed",)]


def test_a_command_killed_meanwhile_leaves_no_run_open_and_starts_none_beside_it(
    tool: FakeHightouch, call: Callable[..., Any], query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool.length = 1_000_000
    child = subprocess.Popen(
        [sys.executable, "-m", "dbt_cdp", "sync", "run", "fans"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while not tool.runs and time.monotonic() < until:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert query("select status from sync_runs") == [("running",)]

    # It is closed though the tool cannot be asked.
    with monkeypatch.context() as patch:
        patch.delenv("HIGHTOUCH_KEY")
        call("sync", "run", "fans", code=2)
    statuses = "select status from sync_runs order by started_at"
    assert query(statuses) == [("interrupted",), ("failed",)]

    (lost,) = tool.runs
    lost.left, tool.length = 4, 3
    ((report,), _) = call("sync", "run", "fans")
    assert report["status"] == "ok"
    assert query(statuses) == [("interrupted",), ("failed",), ("ok",)]
    assert (len(tool.runs), tool.overlaps) == (2, 0)
    assert all(one.is_over for one in tool.runs)


def test_a_mode_that_does_not_fit_stops_that_sync_alone(
    tool: FakeHightouch, shop: Path, call: Callable[..., Any]
) -> None:
    wrong = {
        "mirrored": {**SYNCS["filed"], "destination": "other"},
        "passed_on": {**SYNCS["fans"], "destination": "files"},
    }
    write_syncs(shop, {**SYNCS, **wrong})
    reports, said = call("sync", "run", code=2)
    assert {one["sync"]: one["status"] for one in reports} == {
        "fans": "ok",
        "filed": "ok",
        "mirrored": "failed",
        "passed_on": "failed",
    }
    assert "hand its syncs over: `mode: hand_over`" in said
    assert "Nothing can be handed over to the destination 'files'" in said
