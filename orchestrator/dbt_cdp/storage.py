"""Files in a folder or a bucket.

A file has a name: parts that are parted by '/', none of which begins with a dot. What begins with
a dot is not ours, or half a file: it is neither listed nor given out.
"""

import errno
import os
import re
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from typing_extensions import override

from dbt_cdp.collector.spool import make_folder, sync_folder
from dbt_cdp.errors import ConfigurationError, StorageError

_KNOWN = "a folder, `gs://bucket/prefix` or `s3://bucket/prefix`"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")

_BUCKET = re.compile(r"\w+://(?P<name>[A-Za-z0-9][\w.-]+)(?P<prefix>(/[^?#]*)?)", re.ASCII)

_REFUSED = re.compile(r"[\\\x00-\x1f\x7f]")

BLOCK_BYTES = 1 << 20

_HALF = re.compile(r"\.[0-9a-f]{16}\.half")

# A file that is being written is younger: every block that is written makes it new.
_ABANDONED_SECONDS = 3600

_REMEDIES = {
    errno.EACCES: "let the user that runs this read and write there.",
    errno.EDQUOT: "free some space, or give this user more of it.",
    errno.EEXIST: "give a folder; a part of this path is a file.",
    errno.ENOSPC: "free some space.",
    errno.ENOTDIR: "give a folder; a part of this path is a file.",
    errno.EPERM: "let the user that runs this read and write there.",
    errno.EROFS: "mount it so that it can be written to.",
}


class Storage(ABC):
    """A place for files. Its text is its address, without credentials.

    Every method raises ConfigurationError for a name that cannot be (see the module), and
    StorageError where the folder or the bucket refuses.
    """

    @abstractmethod
    def put(self, local: Path, name: str) -> None:
        """Keep a copy of a file, in place of the one that has its name.

        The copy is there as a whole when this returns, and not at all before: neither a reader nor
        a kill meets half of it.

        Args:
            local: the file to copy.
            name: what to keep it as.
        """

    @abstractmethod
    def get(self, name: str, local: Path) -> None:
        """Copy a file from here.

        Args:
            name: the file.
            local: where to; its folder is there, and what is there under its name is replaced, by
                the whole file or not at all.

        Raises:
            StorageError: there is no such file.
        """

    @abstractmethod
    def names(self, prefix: str = "") -> Iterator[str]:
        """The names of the files, in the order of their letters' code points.

        Buckets of S3-compatible stores that do not sort give them as they come.

        Args:
            prefix: what they begin with, which may be half a part: '2026/0' matches '2026/01.csv'.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file; nothing happens if it is not there."""

    @abstractmethod
    def __str__(self) -> str: ...


def open_storage(address: str, root: Path) -> Storage:
    """The storage at an address. Nothing is read or made yet.

    Args:
        address: a folder, `gs://bucket/prefix` or `s3://bucket/prefix`.
        root: what a relative folder is relative to.

    Raises:
        ConfigurationError: the address is none of these, or the library for buckets is missing.
    """
    scheme = _SCHEME.match(address)
    if scheme is None:
        if not address.strip():
            raise ConfigurationError("An address of files is empty.", remedy=f"give {_KNOWN}.")
        return FolderStorage(root / Path(address).expanduser())
    # Nothing else of an address is quoted: it may hold a key, or be a signed URL.
    if scheme[1] not in ("gs", "s3"):
        raise ConfigurationError(
            f"Files cannot be kept at '{scheme[1]}:'.", remedy=f"give {_KNOWN}."
        )
    bucket = _BUCKET.fullmatch(address)
    prefix = bucket["prefix"].strip("/") if bucket else ""
    if bucket is None or (prefix and not is_name(prefix)):
        raise ConfigurationError(
            f"The address that begins with '{scheme[1]}:' names no bucket.",
            remedy=f"give `{scheme[1]}://bucket/prefix`, without credentials, a port or a query.",
        )
    return _open_bucket(scheme[1], bucket["name"], prefix)


def _open_bucket(scheme: str, bucket: str, prefix: str) -> Storage:
    """Its client is imported here because few have it."""
    try:
        from dbt_cdp.buckets import BucketStorage
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"Buckets cannot be reached: there is no Python module '{error.name}'.",
            where=f"{scheme}://{bucket}",
            remedy="pip install 'dbt-cdp[buckets]'.",
        ) from None
    return BucketStorage(scheme, bucket, prefix)


class FolderStorage(Storage):
    """A folder of this machine, made when it is first written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_tidy = False

    @override
    def put(self, local: Path, name: str) -> None:
        target = self._path(name)
        with file_errors(local), local.open("rb") as source:
            self._tidy()
            with file_errors(target):
                _make_folders(target.parent, self._folder)
                with replacing(target) as copy:
                    copy.writelines(blocks(source))

    @override
    def get(self, name: str, local: Path) -> None:
        kept = self._path(name)
        with (
            file_errors(kept),
            kept.open("rb") as source,
            file_errors(local),
            replacing(local) as copy,
        ):
            copy.writelines(blocks(source))

    @override
    def names(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        parent, _, _ = prefix.rpartition("/")
        for name in self._walk(parent + "/" if parent else ""):
            if name.startswith(prefix) and is_name(name):
                yield name

    @override
    def delete(self, name: str) -> None:
        path = self._path(name)
        with file_errors(path), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            sync_folder(path.parent)

    @override
    def __str__(self) -> str:
        return str(self._folder)

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._folder / name

    def _tidy(self) -> None:
        """Remove what killed processes have left; the first file that is put pays for it."""
        if not self._is_tidy:
            for _ in self._walk(""):
                pass
            self._is_tidy = True

    def _walk(self, parent: str) -> Iterator[str]:
        """The names below a part of the folder; half files that nobody writes any more go."""
        folder = self._folder / parent
        with file_errors(folder):
            try:
                with os.scandir(folder) as entries:
                    found = sorted(f"{one.name}/" if one.is_dir() else one.name for one in entries)
            except (FileNotFoundError, NotADirectoryError):
                return
        for entry in found:
            if entry.startswith("."):
                _remove_if_abandoned(folder / entry)
            elif entry.endswith("/"):
                yield from self._walk(parent + entry)
            else:
                yield parent + entry


def check_name(name: str) -> None:
    """Refuse a name that could lead elsewhere, or that not every storage can hold.

    Raises:
        ConfigurationError: it is one.
    """
    if not is_name(name):
        raise ConfigurationError(
            f"A file cannot be kept under the name {name!r}.",
            remedy="give a relative one: parts that do not begin with a dot, '/' between them, no"
            " backslashes and no control characters.",
        )


def is_name(name: str) -> bool:
    """Whether a file may have this name."""
    parts = name.split("/")
    return all(part and not part.startswith(".") for part in parts) and not _REFUSED.search(name)


def check_prefix(prefix: str) -> None:
    """Refuse what no name can begin with.

    Raises:
        ConfigurationError: it is such.
    """
    if prefix:
        check_name(prefix.removesuffix("/"))


def _make_folders(folder: Path, top: Path) -> None:
    """Make a folder and those above it, durably. The topmost is kept out of git, if it is new."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folders(folder.parent, top)
    if folder == top:
        make_folder(folder)
    else:
        folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the place of another when it is whole."""
    half = path.parent / f".{secrets.token_hex(8)}.half"
    try:
        with os.fdopen(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of a file, a block at a time."""
    while block := file.read(BLOCK_BYTES):
        yield block


def _remove_if_abandoned(path: Path) -> None:
    # Where nothing may be removed, such as a disk that is only read, the rest is still listed.
    with suppress(OSError):
        if _HALF.fullmatch(path.name) and time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            path.unlink()


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Tell what the disk refuses about a file.

    Raises:
        StorageError: it has refused.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise StorageError("There is no such file.", where=str(path)) from None
        reason = error.strerror or type(error).__name__
        remedy = _REMEDIES.get(error.errno or 0)
        raise StorageError(f"The disk refuses: {reason}.", where=str(path), remedy=remedy) from None
