"""What was answered by 200 is on disk, whatever happens."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from dbt_cdp.collector import spool as spool_module
from dbt_cdp.collector.segments import read_segment
from dbt_cdp.collector.spool import Spool, SpoolError, recover, sealed_segments
from dbt_cdp.errors import ConfigurationError
from serving import Collector

KILLS = 20
SENDERS = 8
BATCH = 5


def line(number: int, size: int = 0) -> bytes:
    return json.dumps({"number": number, "pad": "x" * size}).encode() + b"\n"


def numbers(folder: Path) -> list[int]:
    lines = [text for path in sealed_segments(folder) for text in path.read_bytes().splitlines()]
    return [json.loads(text)["number"] for text in lines]


# The spool by itself


def test_an_append_returns_after_the_sync_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_sync = threading.Event()
    synced: list[int] = []

    def slow_sync(descriptor: int) -> None:
        may_sync.wait()
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(spool_module.os, "fdatasync", slow_sync)

    async def run() -> None:
        spool = Spool(tmp_path)
        await spool.start()
        first = asyncio.create_task(spool.append(line(1)))
        await asyncio.sleep(0.1)
        rest = [asyncio.create_task(spool.append(line(number))) for number in range(2, 50)]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in [first, *rest])
        may_sync.set()
        await asyncio.gather(first, *rest)
        # What came while the disk was busy was written and synced in one go.
        assert len(synced) == 2
        await spool.close()

    asyncio.run(run())
    assert numbers(tmp_path) == list(range(1, 50))


def test_the_name_of_a_segment_is_durable_before_its_first_line_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, sync_folder = os.fdatasync, spool_module.sync_folder
    monkeypatch.setattr(
        spool_module.os, "fdatasync", lambda file: (calls.append("file"), sync(file))
    )
    monkeypatch.setattr(
        spool_module, "sync_folder", lambda path: (calls.append("folder"), sync_folder(path))
    )

    async def run() -> None:
        spool = Spool(tmp_path)
        await spool.append(line(1))
        assert calls == ["folder", "file"]
        await spool.close()

    asyncio.run(run())


@pytest.mark.parametrize("failing", ["write", "fdatasync"])
def test_after_a_failure_of_the_disk_nothing_is_torn_and_the_next_line_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    async def run() -> None:
        spool = Spool(tmp_path)
        await spool.append(line(1))
        with monkeypatch.context() as patch:

            def fail(descriptor: int, data: bytes = b"") -> int:
                os.truncate(descriptor, os.fstat(descriptor).st_size)
                # Half of it gets to the disk.
                os.pwrite(descriptor, bytes(line(2)[:5]), os.fstat(descriptor).st_size)
                raise OSError(28, "No space left on device")

            patch.setattr(spool_module.os, failing, fail)
            with pytest.raises(SpoolError):
                await spool.append(line(2))
        await spool.append(line(3))
        await spool.close()

    asyncio.run(run())
    assert numbers(tmp_path) == [1, 3]
    assert len(sealed_segments(tmp_path)) == 2


def test_a_failure_of_another_kind_acknowledges_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run() -> None:
        spool = Spool(tmp_path)
        with monkeypatch.context() as patch:

            def fail(descriptor: int, data: bytes) -> int:
                raise MemoryError

            patch.setattr(spool_module.os, "write", fail)
            with pytest.raises(SpoolError):
                await spool.append(line(1))
        await spool.append(line(2))
        await spool.close()

    asyncio.run(run())
    assert numbers(tmp_path) == [2]
    assert "MemoryError" in capsys.readouterr().err


def test_a_segment_is_sealed_when_it_is_large_and_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_SEAL_BYTES", 1000)
    monkeypatch.setattr(spool_module, "_SEAL_SECONDS", 0.2)

    async def run() -> None:
        spool = Spool(tmp_path)
        await spool.append(line(1, size=1000))
        assert numbers(tmp_path) == [1]
        await spool.append(line(2))
        await spool.tend()
        assert numbers(tmp_path) == [1]
        await asyncio.sleep(0.3)
        await spool.tend()
        assert numbers(tmp_path) == [1, 2]
        await spool.close()

    asyncio.run(run())


def test_what_waits_for_the_disk_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_WAITING_BYTES", 10_000)
    may_sync = threading.Event()
    monkeypatch.setattr(spool_module.os, "fdatasync", lambda descriptor: may_sync.wait())

    async def run() -> None:
        spool = Spool(tmp_path)
        waiting = [asyncio.create_task(spool.append(line(n, size=4_000))) for n in range(4)]
        await asyncio.sleep(0.1)
        refused = [task for task in waiting if task.done()]
        assert [type(task.exception()) for task in refused] == [SpoolError, SpoolError]
        may_sync.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        await spool.append(line(9))
        await spool.close()

    asyncio.run(run())
    assert numbers(tmp_path) == [0, 1, 9]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", None),
        (b"torn", None),
        (b"one\n", b"one\n"),
        (b"one\ntwo\nto", b"one\ntwo\n"),
        (b"one\n" + b"x" * 200_000, b"one\n"),
        (b"x" * 200_000 + b"\n" + b"y" * 70_000, b"x" * 200_000 + b"\n"),
    ],
)
def test_what_a_killed_collector_has_left_is_sealed_up_to_its_last_line(
    tmp_path: Path, content: bytes, kept: bytes | None
) -> None:
    (tmp_path / "20260601T100000.000000Z-00.open").write_bytes(content)
    recover(tmp_path)
    assert [path.read_bytes() for path in sealed_segments(tmp_path)] == ([kept] if kept else [])
    assert not list(tmp_path.glob("*.open"))


def test_a_spool_has_one_collector(tmp_path: Path) -> None:
    async def run() -> None:
        spool = Spool(tmp_path)
        await spool.append(line(1))
        with pytest.raises(ConfigurationError, match="Another collector"):
            Spool(tmp_path)
        await spool.close()
        await Spool(tmp_path).close()

    asyncio.run(run())
    assert numbers(tmp_path) == [1]


def test_nobody_else_can_read_the_spool(collector: Collector) -> None:
    collector.post("/v1/track", {"userId": "u1"})
    collector.stop()
    assert collector.spool.stat().st_mode & 0o077 == 0
    for path in (*sealed_segments(collector.spool), collector.spool / "keys.json"):
        assert path.stat().st_mode & 0o077 == 0
    assert collector.key not in (collector.spool / "keys.json").read_text()
    assert (collector.spool / ".gitignore").read_text() == "*\n"


# The process


def test_killed_under_load_again_and_again_it_loses_nothing_acknowledged(
    collector: Collector,
) -> None:
    """Twenty times kill -9. The kernel keeps what was written, so this proves the recovery and
    not the sync; that is proven by the order of calls below."""
    acknowledged: list[list[str]] = [[] for _ in range(SENDERS)]
    is_over = threading.Event()

    def send(sender: int) -> None:
        count = 0
        while not is_over.is_set():
            names = [f"{sender}-{count}-{place}" for place in range(BATCH)]
            count += 1
            try:
                batch = {"batch": [{"userId": "u1", "messageId": name} for name in names]}
                if collector.post("/v1/batch", batch).status == 200:
                    acknowledged[sender] += names
            except (OSError, HTTPException):
                time.sleep(0.02)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    chance = random.Random(7)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 0.5))
        collector.kill()
        collector.start()
    is_over.set()
    for sender in senders:
        sender.join()
    collector.stop()
    stored = [payload["messageId"] for payload in collector.payloads()]
    answered = [name for names in acknowledged for name in names]
    assert len(answered) > KILLS * BATCH
    assert set(answered) <= set(stored)
    assert len(stored) == len(set(stored)), "nothing was sent twice, so nothing is stored twice"
    assert not [event for event in collector.stored() if event.problem]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_kernel_has_synced_before_the_answer_is_written(
    collector: Collector, tmp_path: Path
) -> None:
    assert collector.process
    trace = tmp_path / "trace"
    calls = "trace=fdatasync,write,writev,sendto,sendmsg"
    command = ["strace", "-f", "-s", "256", "-e", calls, "-o", str(trace)]
    tracer = subprocess.Popen([*command, "-p", str(collector.process.pid)], stderr=subprocess.PIPE)
    try:
        assert tracer.stderr and b"attached" in tracer.stderr.readline()
        for number in range(5):
            assert collector.post("/v1/track", {"userId": f"needle-{number}"}).status == 200
    finally:
        tracer.terminate()
        tracer.wait()
    order = []
    for text in trace.read_text().splitlines():
        if "needle-" in text:
            order.append("line")
        elif "fdatasync" in text and text.endswith("= 0"):
            order.append("synced")
        elif "HTTP/1.1 200" in text:
            order.append("answer")
    assert order == ["line", "synced", "answer"] * 5


def test_a_stop_answers_what_has_come_and_seals(collector: Collector) -> None:
    statuses: list[int] = []

    def send() -> None:
        for number in range(50):
            try:
                event = {"userId": "u1", "messageId": str(number)}
                statuses.append(collector.post("/v1/track", event).status)
            except (OSError, HTTPException):
                return

    sender = threading.Thread(target=send)
    sender.start()
    while len(statuses) < 5:
        time.sleep(0.01)
    code = collector.stop()
    sender.join()
    assert code == 143
    assert len(collector.payloads()) == statuses.count(200) >= 5
    assert not list(collector.spool.glob("*.open"))


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_answered_by_503_and_recovers_by_itself(
    make_collector: Callable[..., Collector], small_disk: Path
) -> None:
    collector = make_collector(spool=small_disk)
    acknowledged, statuses = fill(collector)
    assert statuses[-20:] == [503] * 20
    assert collector.get("/healthz").status in (200, 503)
    loaded = [event for path in sealed_segments(small_disk) for event in read_segment(path)]
    for path in sealed_segments(small_disk):
        assert path.read_bytes().endswith(b"\n")
        path.unlink()
    # As after `cdp load`, which makes room.
    reply = collector.post("/v1/track", {"userId": "u1", "messageId": "later"})
    assert reply.status == 200
    collector.stop()
    names = [json.loads(event.payload or "")["messageId"] for event in loaded]
    names += [payload["messageId"] for payload in collector.payloads()]
    assert names == [*acknowledged, "later"]


def test_below_the_free_space_that_is_asked_for_nothing_is_taken(
    make_collector: Callable[..., Collector], small_disk: Path
) -> None:
    collector = make_collector("--min-free-mb", "2", spool=small_disk)
    reply = collector.post("/v1/track", {"userId": "u1"})
    assert (reply.status, reply.headers["retry-after"]) == (503, "10")
    assert collector.get("/healthz").status == 503
    collector.stop()
    assert sealed_segments(small_disk) == []


def fill(collector: Collector) -> tuple[list[str], list[int]]:
    """Send until the disk is full, and some more."""
    acknowledged, statuses = [], []
    while statuses[-20:] != [503] * 20:
        name = f"{len(statuses):05}"
        event = {"userId": "u1", "messageId": name, "properties": {"pad": "x" * 7_000}}
        statuses.append(collector.post("/v1/track", event).status)
        if statuses[-1] == 200:
            acknowledged.append(name)
        assert len(statuses) < 2_000
    return acknowledged, statuses
