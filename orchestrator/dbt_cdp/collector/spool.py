"""The spool: where a request is on disk before it is acknowledged.

The collector appends lines to one open segment. Requests that arrive while the disk is busy are
written and made durable together (group commit). A segment that is old or large enough is sealed,
that is renamed; sealed segments belong to `cdp load`, which deletes them after its commit.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.output import talk

OPEN, SEALED = ".open", ".ndjson"

_LOCK = "collector.lock"
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700

_SEAL_SECONDS = 10.0
_SEAL_BYTES = 64_000_000

# What may wait for the disk; a request that comes on top is turned away.
_WAITING_BYTES = 64_000_000

_TAIL_BLOCK = 1 << 16


class SpoolError(CdpError):
    """The spool cannot take a request now; nothing of it is kept."""


def make_folder(folder: Path) -> None:
    """Make the spool's folder, for its owner's eyes only and never part of a git repository."""
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def sealed_segments(folder: Path) -> list[Path]:
    """The segments that are complete, oldest first."""
    return sorted(folder.glob(f"*{SEALED}"))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a file is lost if its name is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Spool:
    """The writing end of a spool; it has one writer, this process.

    Use it from one event loop: `await start()`, `await append(...)`, `await close()`.

    Args:
        folder: where the segments are; made if missing.
        min_free_bytes: below this much free space nothing is taken.

    Attributes:
        on_commit: called with the seconds that each commit took.

    Raises:
        ConfigurationError: another collector writes to the folder.
    """

    def __init__(self, folder: Path, min_free_bytes: int = 0) -> None:
        self.folder = folder
        self.on_commit: Callable[[float], None] = lambda seconds: None
        self._min_free_bytes = min_free_bytes
        make_folder(folder)
        self._lock = _locked(folder)
        self._segment: _Segment | None = None
        self._group = _Group()
        self._waiting_bytes = 0
        self._committer: asyncio.Task[None] | None = None
        self._is_full = False
        # One thread, so that writing and sealing never meet.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")

    @property
    def free_bytes(self) -> int:
        """Free space of the disk that the spool is on."""
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    @property
    def is_full(self) -> bool:
        """Whether there is too little free space to take anything; measured every second."""
        return self._is_full

    async def start(self) -> None:
        """Seal what a collector that was killed has left."""
        await self._on_disk(lambda: recover(self.folder))
        self.look_at_disk()

    async def append(self, lines: bytes) -> None:
        """Return when the lines are durable.

        Args:
            lines: one or more, each with a newline at its end.

        Raises:
            SpoolError: the disk is full or fails, or too much is waiting for it.
        """
        if self._is_full:
            raise SpoolError("The disk is nearly full.", where=str(self.folder))
        if self._waiting_bytes + len(lines) > _WAITING_BYTES:
            raise SpoolError("Too much is waiting for the disk.", where=str(self.folder))
        group = self._group
        group.lines.append(lines)
        self._waiting_bytes += len(lines)
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit())
        await group.is_done.wait()
        if not group.is_durable:
            raise SpoolError("The disk refuses to write.", where=str(self.folder))

    def look_at_disk(self) -> None:
        """Measure the free space."""
        self._is_full = self.free_bytes < self._min_free_bytes

    async def tend(self) -> None:
        """Seal the segment if it is due, and measure the free space. Call it every second."""
        self.look_at_disk()
        await self._on_disk(self._seal_if_due)

    async def close(self) -> None:
        """Write what is waiting, seal the segment, give the lock back."""
        while self._committer:
            await self._committer
        await self._on_disk(self._seal)
        self._disk.shutdown()
        os.close(self._lock)

    async def _commit(self) -> None:
        while self._group.lines:
            group, self._group = self._group, _Group()
            started = time.perf_counter()
            try:
                await self._on_disk(lambda group=group: self._write(group.lines))  # type: ignore[misc]
                group.is_durable = True
            except Exception as error:
                # What the disk refuses is answered, and counted with the answers.
                if not isinstance(error, OSError):
                    talk(f"The spool cannot be written: {type(error).__name__}.")
            finally:
                self._waiting_bytes -= sum(map(len, group.lines))
                group.is_done.set()
            self.on_commit(time.perf_counter() - started)
        self._committer = None

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)

    def _write(self, lines: list[bytes]) -> None:
        if self._segment is None:
            self._segment = _Segment(self.folder)
        try:
            self._segment.write(b"".join(lines))
        except OSError:
            # What a failed write or sync has left of the file is never written to again.
            self._seal()
            raise
        self._seal_if_due()

    def _seal_if_due(self) -> None:
        if self._segment and self._segment.is_due:
            self._seal()

    def _seal(self) -> None:
        segment, self._segment = self._segment, None
        if segment:
            segment.seal()


class _Group:
    """Lines that become durable together."""

    __slots__ = ("is_done", "is_durable", "lines")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.is_done = asyncio.Event()
        self.is_durable = False


class _Segment:
    """The open segment. Its name is unique on every host: `cdp load` tells lines apart by it."""

    def __init__(self, folder: Path) -> None:
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(8)}"
        self._path = folder / f"{name}{OPEN}"
        self._size = 0
        self._born = time.monotonic()
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        self._file = os.open(self._path, flags, _PRIVATE_FILE)
        sync_folder(folder)

    @property
    def is_due(self) -> bool:
        age = time.monotonic() - self._born
        return self._size >= _SEAL_BYTES or age >= _SEAL_SECONDS

    def write(self, data: bytes) -> None:
        """Append durably; on an error nothing is appended."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fdatasync(self._file)
        except OSError:
            # Half a line must not meet the next one. If this fails too, readers leave it out.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    def seal(self) -> None:
        os.close(self._file)
        _seal(self._path)


def recover(folder: Path) -> None:
    """Seal the open segments of a collector that is no more; only for the holder of the lock."""
    for path in folder.glob(f"*{OPEN}"):
        _cut_torn_line(path)
        _seal(path)


def _seal(path: Path) -> None:
    if path.stat().st_size:
        path.rename(path.with_suffix(SEALED))
    else:
        path.unlink()
    sync_folder(path.parent)


def _cut_torn_line(path: Path) -> None:
    """Cut what follows the last newline: it was never acknowledged."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _TAIL_BLOCK)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            end = start + newline + 1 if newline >= 0 else start
            if newline >= 0:
                break
        file.truncate(end)
        os.fsync(file.fileno())


def _locked(folder: Path) -> int:
    """A descriptor that holds the spool's lock; the system frees it when the process ends."""
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, _PRIVATE_FILE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConfigurationError(
            "Another collector writes to this spool.",
            where=str(folder),
            remedy="stop it, or give this one a spool of its own with --spool.",
        ) from None
    return lock
