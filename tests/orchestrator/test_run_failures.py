"""`cdp run` on a DuckDB file when the disk is full, or the clock was set back.

A full disk is had in two ways. A small file system in a namespace of its own is really full, with
everything that is on it; where the system lets nobody make one, those tests are skipped. A limit on
the size of files takes any system; it stops the large ones alone.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumer import Consumer
from dbt_cdp import dbt as dbt_module
from dbt_cdp import ledger as ledger_module
from dbt_cdp.clock import utc_now
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.dbt import STAMP_FILE, Dbt
from dbt_cdp.ledger import FAILED, OK, Ledger, read_runs
from dbt_cdp.project import Project

pytestmark = pytest.mark.usefixtures("cold_dbt")

CDP = [sys.executable, "-P", "-m", "dbt_cdp"]
AT = "2026-06-01T10:00:05.000000+00:00"

# What waits in the spool is more than a file may be under the limit, and dbt's artifacts are less.
LINES, EVENTS_A_LINE, EVENT_BYTES = 400, 20, 750
FILE_BYTES = 5_000_000
DISK = "96m"

Snapshot = dict[str, list[tuple[Any, ...]]]


def give(folder: Path, name: str, lines: int, length: int) -> None:
    """Put events of a hundred people into the spool, each with a text of so many bytes."""
    make_folder(folder / "spool")
    event = {"type": "track", "event": "seen", "timestamp": AT}
    with (folder / "spool" / f"{name}.ndjson").open("wb") as file:
        for line in range(lines):
            batch = [
                {
                    **event,
                    "messageId": f"{name}-{line}-{place}",
                    "userId": f"u{(line * EVENTS_A_LINE + place) % 100}",
                    "properties": {"text": os.urandom(length // 2).hex()},
                }
                for place in range(EVENTS_A_LINE)
            ]
            file.write(spool_line(Request("web", AT), json.dumps({"batch": batch}).encode()))


@pytest.fixture(scope="module")
def ready(built_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built once, and in whose spool much more has come."""
    folder = tmp_path_factory.mktemp("ready") / "shop"
    shutil.copytree(built_project, folder, symlinks=True)
    give(folder, "1", 1, 10)
    subprocess.run([*CDP, "run"], cwd=folder, check=True, capture_output=True)
    give(folder, "2", LINES, EVENT_BYTES)
    return folder


@pytest.fixture(scope="module")
def undisturbed(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """What a run that nothing disturbs makes of it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "shop"
    shutil.copytree(ready, folder, symlinks=True)
    subprocess.run([*CDP, "run"], cwd=folder, check=True, capture_output=True)
    return Consumer(folder, "shop.duckdb").snapshot()


def in_spool(folder: Path) -> int:
    return len(list((folder / "spool").glob("*.ndjson")))


# A full disk


class Disk(ABC):
    """Holds the project, and can be full.

    Attributes:
        shop: the project, as the test sees it.
    """

    shop: Path

    @abstractmethod
    def start(self, *call: Any) -> subprocess.Popen[str]:
        """Start a program in the project's folder."""

    @abstractmethod
    def fill(self) -> None:
        """Leave no room."""

    @abstractmethod
    def make_room(self) -> None:
        """Leave enough room again."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """What was built."""

    def cdp(self, *arguments: str, code: int = 0) -> str:
        """Run the command; what it says."""
        child = self.start(*CDP, *arguments)
        out, said = child.communicate(timeout=300)
        assert child.returncode == code, said
        return out + said

    def statuses(self) -> list[str]:
        """Of the last runs, as the ledger has them."""
        out = subprocess.run(
            [*CDP, "status", "--json"], cwd=self.shop, stdout=subprocess.PIPE, check=False
        ).stdout
        return [one["status"] for one in json.loads(out)["runs"]]


class FileLimit(Disk):
    """No file that a program writes may become larger than so many bytes (ulimit -f)."""

    def __init__(self, ready: Path, place: Path) -> None:
        self.shop = place / "shop"
        shutil.copytree(ready, self.shop, symlinks=True)
        self._limit = resource.RLIM_INFINITY

    def start(self, *call: Any) -> subprocess.Popen[str]:
        limits = (self._limit, resource.RLIM_INFINITY)
        return subprocess.Popen(
            call,
            cwd=self.shop,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
        )

    def fill(self) -> None:
        self._limit = FILE_BYTES

    def make_room(self) -> None:
        self._limit = resource.RLIM_INFINITY

    def snapshot(self) -> Snapshot:
        return Consumer(self.shop, "shop.duckdb").snapshot()


class SmallDisk(Disk):
    """A file system of its own, which those programs alone see that are started in it."""

    def __init__(self, ready: Path, place: Path) -> None:
        self._place, self._disk = place, place / "disk"
        self._disk.mkdir()
        mount = f'mount -t tmpfs -o size={DISK} tmpfs "$0" && cp -a "$1" "$0/shop" && echo ready'
        call = ["unshare", "--user", "--map-root-user", "--mount"]
        call += ["sh", "-c", f"{mount} && exec cat", str(self._disk), str(ready)]
        self._keeper = subprocess.Popen(
            call,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout and self._keeper.stderr
        if self._keeper.stdout.readline() != "ready\n":
            pytest.skip(f"No file system can be made here: {self._keeper.stderr.read().strip()}")
        self._seen = Path(f"/proc/{self._keeper.pid}/root{self._disk}")
        self.shop = self._seen / "shop"

    def start(self, *call: Any) -> subprocess.Popen[str]:
        enter = ["nsenter", "--target", str(self._keeper.pid), "--user", "--mount"]
        enter += ["--preserve-credentials", "sh", "-c", 'cd "$0" && exec "$@"']
        return subprocess.Popen(
            [*enter, str(self._disk / "shop"), *map(str, call)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fill(self) -> None:
        """To the last byte, while a program may be writing too."""
        block = bytes(65536)
        with (self._seen / "filler").open("ab", buffering=0) as filler:
            while block:
                try:
                    filler.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def make_room(self) -> None:
        (self._seen / "filler").unlink()

    def leave(self, room: int) -> None:
        """Leave room for so many bytes."""
        self.fill()
        size = (self._seen / "filler").stat().st_size
        os.truncate(self._seen / "filler", size - room)

    def statuses(self) -> list[str]:
        out = self.start(*CDP, "status", "--json").communicate()[0]
        return [one["status"] for one in json.loads(out)["runs"]]

    def snapshot(self) -> Snapshot:
        assert self.start("cp", "-a", ".", self._place / "copy").wait() == 0
        return Consumer(self._place / "copy", "shop.duckdb").snapshot()

    def close(self) -> None:
        self._keeper.communicate()


@pytest.fixture
def limit(ready: Path, tmp_path: Path) -> FileLimit:
    return FileLimit(ready, tmp_path)


@pytest.fixture
def disk(ready: Path, tmp_path: Path) -> Iterator[SmallDisk]:
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        pytest.skip("No file system can be made here: there is no unshare, or no nsenter.")
    small = SmallDisk(ready, tmp_path)
    yield small
    small.close()


def is_told(said: str, reason: str, file: str) -> None:
    """The one message says what and where, and what to do; nobody has to read a traceback."""
    assert said.count(f"Error: A file cannot be written: {reason}.") == 1, said
    (where,) = (line for line in said.splitlines() if line.startswith("  Where: "))
    assert file in where
    assert said.count("What to do: make room, then run the command again") == 1
    assert "Traceback" not in said and "[Errno" not in said


def test_no_room_for_the_load(disk: SmallDisk, undisturbed: Snapshot) -> None:
    disk.leave(1_000_000)
    said = disk.cdp("run", code=1)
    is_told(said, "no space is left on the disk", "shop.duckdb.wal")
    assert "load: failed" in said and "build" not in said
    assert in_spool(disk.shop) == 1
    assert "load: A file cannot be written: no space" in disk.cdp("status", code=1)
    disk.make_room()
    disk.cdp("run")
    assert in_spool(disk.shop) == 0
    assert disk.snapshot() == undisturbed
    assert disk.statuses() == [OK, FAILED, OK]


def test_a_file_that_may_not_grow_in_the_load(limit: FileLimit, undisturbed: Snapshot) -> None:
    limit.fill()
    said = limit.cdp("run", code=1)
    is_told(said, "the file may not become larger", "shop.duckdb.wal")
    assert "load: failed" in said and "build" not in said
    assert in_spool(limit.shop) == 1
    limit.make_room()
    limit.cdp("run")
    assert in_spool(limit.shop) == 0
    assert limit.snapshot() == undisturbed
    assert limit.statuses() == [OK, FAILED, OK]


def test_the_disk_becomes_full_while_dbt_builds(disk: SmallDisk, undisturbed: Snapshot) -> None:
    """Neither dbt's log nor the ledger can be written any more."""
    disk.cdp("run", "--only", "load")
    log = disk.shop / "logs" / "dbt.log"
    log.unlink()
    child = disk.start(*CDP, "run")
    until = time.monotonic() + 120
    while not (log.exists() and "12 of " in log.read_text()):
        assert time.monotonic() < until and child.poll() is None, "dbt has not come so far"
        time.sleep(0.01)
    disk.fill()
    _, said = child.communicate(timeout=300)
    assert child.returncode == 1
    is_told(said, "no space is left on the disk", "shop")
    assert "build: failed" in said
    # What the ledger could not take does not pass for a run at work.
    disk.make_room()
    assert disk.statuses()[0] in (FAILED, "interrupted")
    disk.cdp("run")
    assert disk.snapshot() == undisturbed
    assert disk.statuses()[0] == OK


def test_a_file_that_may_not_grow_while_dbt_builds(limit: FileLimit, undisturbed: Snapshot) -> None:
    limit.cdp("run", "--only", "load")
    limit.fill()
    said = limit.cdp("run", code=1)
    is_told(said, "the file may not become larger", "shop.duckdb")
    assert "build: failed" in said
    assert limit.statuses()[0] == FAILED
    limit.make_room()
    limit.cdp("run")
    assert limit.snapshot() == undisturbed


def test_a_run_that_cannot_be_entered_does_nothing(disk: SmallDisk) -> None:
    before = disk.statuses()
    disk.fill()
    said = disk.cdp("run", code=1)
    is_told(said, "no space is left on the disk", "shop.duckdb.wal")
    assert "load" not in said and in_spool(disk.shop) == 1
    assert disk.statuses() == before
    disk.make_room()
    disk.cdp("run", "--only", "load")
    assert in_spool(disk.shop) == 0


def test_a_schedule_survives_a_full_disk(disk: SmallDisk) -> None:
    disk.fill()
    child = disk.start(*CDP, "schedule", "--every", "1h")
    assert child.stderr
    said = []
    for line in child.stderr:
        said.append(line)
        if line.startswith("The next cycle begins"):
            child.terminate()
    assert child.wait() == 128 + signal.SIGTERM
    is_told("".join(said), "no space is left on the disk", "shop.duckdb.wal")


# A clock that was set back

# Both the command and dbt are Python, which imports this before anything else.
FAKE_CLOCK = """
import datetime, os, time

_SHIFT = float(os.environ["TEST_CLOCK_SHIFT"])
_real, _time, _time_ns = datetime.datetime, time.time, time.time_ns

class _Type(type(_real)):
    def __instancecheck__(cls, value):
        return isinstance(value, _real)

class _Shifted(_real, metaclass=_Type):
    @classmethod
    def now(cls, tz=None):
        return _real.now(tz) + datetime.timedelta(seconds=_SHIFT)

    @classmethod
    def utcnow(cls):
        return _real.utcnow() + datetime.timedelta(seconds=_SHIFT)

datetime.datetime = _Shifted
time.time = lambda: _time() + _SHIFT
time.time_ns = lambda: _time_ns() + int(_SHIFT * 1e9)
"""


class Machine:
    """Runs the command under a clock that goes wrong by so much."""

    def __init__(self, shop: Path, library: Path) -> None:
        self._shop, self._library = shop, library
        library.mkdir()
        (library / "sitecustomize.py").write_text(FAKE_CLOCK)

    def call(self, call: Sequence[str], shift: timedelta, code: int) -> str:
        """Run a program; what it says."""
        paths = [str(self._library), os.environ.get("PYTHONPATH", "")]
        clock = {"PYTHONPATH": os.pathsep.join(paths)}
        clock["TEST_CLOCK_SHIFT"] = str(shift.total_seconds())
        child = subprocess.run(
            call,
            cwd=self._shop,
            env={**os.environ, **clock},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert child.returncode == code, child.stdout
        return child.stdout

    def cdp(self, *arguments: str, shift: timedelta = timedelta(), code: int = 0) -> str:
        return self.call([*CDP, *arguments], shift, code)


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=365)])
def test_a_clock_that_was_set_back_between_two_runs(
    ready: Path, undisturbed: Snapshot, tmp_path: Path, back: timedelta
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(ready, folder, symlinks=True)
    consumer = Consumer(folder, "shop.duckdb")
    machine = Machine(folder, tmp_path / "library")
    before = consumer.snapshot()

    said = machine.cdp("run", shift=-back, code=1)
    (told,) = (line for line in said.splitlines() if line.startswith("Error: "))
    assert told.startswith("Error: The clock of this machine is ") and told.endswith(
        " behind the last run."
    )
    assert "set the clock right" in said and "Traceback" not in said
    assert in_spool(folder) == 1 and consumer.snapshot() == before

    # How old the last run is cannot be told under this clock.
    status = ["status", "--max-age", "1d"]
    assert "later than this machine's clock" in machine.cdp(*status, shift=-back, code=1)
    machine.cdp(*status)

    machine.cdp("run")
    assert in_spool(folder) == 0 and consumer.snapshot() == undisturbed
    runs = json.loads(machine.cdp("status", "--json"))["runs"]
    assert [one["status"] for one in runs] == [OK, OK]


def test_dbt_by_itself_builds_nothing_either(ready: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(ready, folder, symlinks=True)
    consumer = Consumer(folder, "shop.duckdb")
    before = consumer.snapshot()
    call = [sys.executable, "-P", "-m", "dbt.cli.main", "--no-use-colors", "build", "-s", "cdp"]
    said = Machine(folder, tmp_path / "library").call(call, timedelta(hours=-1), 1)
    assert "in the future of this machine's clock" in said
    assert consumer.snapshot() == before


def test_a_clock_that_is_set_back_during_a_run(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.find(shop)
    entry = Ledger(project, "run")
    entry.begin()
    entry.begin_step("load")
    earlier = utc_now() - timedelta(hours=1)
    monkeypatch.setattr(ledger_module, "utc_now", lambda: earlier)
    entry.end_step(OK, "done")
    entry.end(OK, None)
    (run,) = read_runs(project, 1)
    assert run.seconds == run.steps[0].seconds == 0


def test_what_dbt_has_done_is_known_though_the_clock_was_set_back_meanwhile(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "models").mkdir()
    (shop / "models" / "mine.sql").write_text("select 1 as one")
    dbt = Dbt(Project.find(shop))
    clock = time.time
    monkeypatch.setattr(dbt_module.time, "time", lambda: clock() + 3600)
    results = dbt.run(["run", "--select", "mine"], stream=False)
    assert [node.name for node in results.nodes] == ["mine"]


def test_a_manifest_of_the_future_is_not_fresh(shop: Path) -> None:
    dbt = Dbt(Project.find(shop))
    assert dbt.fresh_manifest() is not None
    stamp = shop / "target" / STAMP_FILE
    content = json.loads(stamp.read_text())
    in_an_hour = datetime.now().timestamp() + 3600
    stamp.write_text(json.dumps({**content, "read_at": in_an_hour}))
    assert dbt.fresh_manifest() is None
