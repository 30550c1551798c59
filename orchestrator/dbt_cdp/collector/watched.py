"""A file that a running collector reads again when it changes."""

from pathlib import Path


class WatchedFile:
    """Tells whether a file is another one than when it was last asked about.

    Args:
        path: the file, which may come and go.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = self._now()

    def has_changed(self) -> bool:
        """Whether it has, since the last call."""
        before, self._version = self._version, self._now()
        return before != self._version

    def _now(self) -> tuple[int, int] | None:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_ino
