"""Write keys: who may send events, and for which source.

A key is 192 random bits, so a plain hash of it tells nothing; the file holds hashes only.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from dbt_cdp.collector.spool import make_folder
from dbt_cdp.collector.watched import WatchedFile
from dbt_cdp.errors import ConfigurationError

KEYS_VARIABLE = "CDP_WRITE_KEYS"

_FILE = "keys.json"
_LOCK = "keys.lock"
_PREFIX = "cdp_"
_SOURCE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class WriteKey:
    """A key as it is stored.

    Attributes:
        id: names the key in lists; not secret.
        source: the entry of `cdp_sources` that its events are of.
        sha256: hash of the key, in hex.
        created_at: when, in UTC, as ISO 8601.
    """

    id: str
    source: str
    sha256: str
    created_at: str


class KeyFile:
    """The write keys of a spool.

    Args:
        folder: the spool's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / _FILE

    def read(self) -> list[WriteKey]:
        """The keys, oldest first; none where there is no file.

        Raises:
            ConfigurationError: the file is not what this command has written.
        """
        try:
            return [WriteKey(**entry) for entry in json.loads(self.path.read_text())["keys"]]
        except FileNotFoundError:
            return []
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(
                "The file of write keys is damaged.",
                where=str(self.path),
                remedy="remove it and add the keys again with `cdp keys add`.",
            ) from None

    def add(self, source: str) -> str:
        """Make a key for a source and store its hash.

        Returns:
            The key. It cannot be had again.

        Raises:
            ConfigurationError: the name is not that of a source.
        """
        _check_source(source, "NAME")
        key = _PREFIX + secrets.token_urlsafe(24)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._locked():
            self._write([*self.read(), WriteKey(secrets.token_hex(4), source, _hash(key), now)])
        return key

    def revoke(self, key_id: str) -> None:
        """Remove a key; a running collector refuses it within seconds.

        Raises:
            ConfigurationError: no key has this id.
        """
        with self._locked():
            keys = self.read()
            kept = [key for key in keys if key.id != key_id]
            if len(kept) == len(keys):
                raise ConfigurationError(
                    f"There is no write key '{key_id}'.",
                    where=str(self.path),
                    remedy="`cdp keys list` shows them.",
                )
            self._write(kept)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self._folder)
        lock = os.open(self._folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, keys: Sequence[WriteKey]) -> None:
        text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2)
        new = self.path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


class WriteKeys:
    """The keys that a running collector takes: those of the file and those of the environment.

    Args:
        file: the spool's key file; read again when it changes.
        variable: value of CDP_WRITE_KEYS, such as `web=KEY,app=KEY`.

    Raises:
        ConfigurationError: the variable or the file is not as it must be.
    """

    def __init__(self, file: KeyFile, variable: str = "") -> None:
        self._file = file
        self._of_environment = [
            (source, _hash(key)) for source, key in parse_pairs(variable, KEYS_VARIABLE)
        ]
        self._watched = WatchedFile(file.path)
        self._keys = self._read()

    def __len__(self) -> int:
        return len(self._keys)

    def source_of(self, key: str) -> str | None:
        """The source that a key is of; None for a key that is not taken.

        Jitsu's clients want a key of two parts and fail without: `NAME:KEY` is taken as KEY.

        Every key is compared, each in constant time, so that the time tells nothing.
        """
        whole = _hash(key)
        second = _hash(key.rpartition(":")[2]) if ":" in key else whole
        found = None
        for source, expected in self._keys:
            if hmac.compare_digest(whole, expected) | hmac.compare_digest(second, expected):
                found = source
        return found

    def refresh(self) -> None:
        """Read the file again if it has changed.

        Raises:
            ConfigurationError: the file is damaged; the keys stay as they were.
        """
        if self._watched.has_changed():
            self._keys = self._read()

    def _read(self) -> list[tuple[str, str]]:
        return [*self._of_environment, *((key.source, key.sha256) for key in self._file.read())]


def parse_pairs(text: str, variable: str) -> list[tuple[str, str]]:
    """The pairs of a variable such as `web=SECRET,app=SECRET`.

    Raises:
        ConfigurationError: the text is otherwise; the message does not quote it.
    """
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        source, _, secret = (text.strip() for text in part.partition("="))
        if not source or not secret:
            raise ConfigurationError(
                "A secret has no source or a source has no secret.",
                where=f"the environment variable {variable}",
                remedy="write it as `web=SECRET,app=SECRET`.",
            )
        _check_source(source, f"the environment variable {variable}")
        pairs.append((source, secret))
    return pairs


def _check_source(source: str, where: str) -> None:
    if not _SOURCE.fullmatch(source):
        raise ConfigurationError(
            "A source's name is made of letters, digits, _ and -.",
            where=where,
            remedy="use the name of the entry of cdp_sources that the events are of.",
        )


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
