"""What a tool is to the engine that reads the warehouse and sends rows itself.

A sync is handed over by starting the tool's own sync and following it to its end. Which rows that
sends, and what became of each of them, is the tool's affair; its numbers are entered here.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.base import Mode, Settings, Sync
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.http import HttpClient, check_url, read_secret
from dbt_cdp.errors import ConfigurationError

# Nobody asks as often as this while a sync runs; it is for many syncs at once.
_RATE = Rate(5, Duration.SECOND)

_NOT_FOUND = 404
_WORDS_LETTERS = 500
_EMAIL = re.compile(r"[^\s@\"'<>(),;:]+@[^\s@\"'<>(),;:]+")


class Stage(StrEnum):
    """How far a run of the tool's sync is.

    skipped: it did nothing, since another one was at work.
    """

    AT_WORK = "at work"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class ToolRun:
    """A run of the tool's sync, as the tool counts.

    Attributes:
        stage: how far it is.
        source_rows: rows that it has read.
        to_add: rows that it was to send as new.
        to_change: rows that it was to send as changed, or as new or changed.
        to_remove: records that it was to remove.
        acknowledged: rows that its destination has taken.
        rejected: rows that were not taken.
        is_partial: whether the tool says that not all went well.
        words: what the tool says went wrong; None where it says nothing.
    """

    stage: Stage
    source_rows: int = 0
    to_add: int = 0
    to_change: int = 0
    to_remove: int = 0
    acknowledged: int = 0
    rejected: int = 0
    is_partial: bool = False
    words: str | None = None


class HandOverSettings(Settings):
    """An entry of a tool that syncs are handed over to.

    Attributes:
        token_env: the environment variable that holds its key.
        base_url: its API's address.
        timeout_minutes: how long a run is waited for.
    """

    token_env: str
    base_url: str
    timeout_minutes: int = Field(default=60, ge=1)


class Content(BaseModel):
    """What is read of an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


_Content = TypeVar("_Content", bound=Content)


class HandOver(ABC):
    """A tool, for one sync. The sync's `object` is the id of the tool's sync. Use it in a `with`
    statement.

    Attributes:
        tool: what the tool is called.
    """

    settings_model: ClassVar[type[Settings]]
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.HAND_OVER})
    tool: ClassVar[str]

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        """Read the settings; nothing is connected to yet.

        Args:
            settings: the entry, an instance of `settings_model`.
            sync: what is handed over.
            root: the folder that paths are relative to.

        Raises:
            ConfigurationError: the settings or the sync are not as they must be.
        """
        self.settings, self.sync = settings, sync
        self._where = f"sync '{sync.name}', destination '{settings.name}'"
        if not re.fullmatch(r"[0-9]+", sync.object):
            raise ConfigurationError(
                f"A sync does not say which one of {self.tool} it starts.",
                where=f"sync '{sync.name}', object",
                remedy=f"give the number that {self.tool} shows in the address of its sync's page,"
                ' such as "1234".',
            )
        where = f"destination '{settings.name}'"
        token = read_secret(settings.token_env, f"{where}, token_env")
        self._http = HttpClient(
            check_url(settings.base_url, f"{where}, base_url"),
            account=f"{settings.type} {settings.name}",
            rates=[_RATE],
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token],
            credentials=settings.token_env,
            where=where,
        )

    @abstractmethod
    def check(self) -> str:
        """Look the tool's sync up, without starting it.

        Returns:
            What was found, for people.

        Raises:
            DestinationError: it could not be started.
        """

    @abstractmethod
    def is_busy(self) -> bool:
        """Whether a run of the tool's sync is at work, or waits to be.

        Raises:
            DestinationError: the tool does not answer, or its sync is not there or turned off.
        """

    @abstractmethod
    def start(self) -> str:
        """Start a run; its id.

        Raises:
            DestinationError: the tool does not answer, or refuses to.
        """

    @abstractmethod
    def look(self, run: str) -> ToolRun:
        """How a run is doing.

        Raises:
            DestinationError: the tool does not answer.
        """

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def call(self, method: str, path: str, model: type[_Content]) -> _Content:
        """Call the tool's API.

        Raises:
            DestinationRefusedError: it refuses that.
            DestinationUnavailableError: it does not answer, or what nobody can read.
        """
        response = self._http.request(method, path)
        if response.status_code == _NOT_FOUND:
            raise self.refused(f"{self.tool} has no sync {self.sync.object} that its key can see.")
        if not response.is_success:
            raise self.refused(f"{self.tool} refuses it: {self._http.reason(response)}.")
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            raise DestinationUnavailableError(
                f"An answer of {self.tool} cannot be read.",
                where=self._where,
                remedy="nothing, if it is well again soon.",
            ) from None

    def found(self, name: str | None, *, is_on: bool, is_scheduled: bool) -> str:
        """What `check` says of the tool's sync.

        Raises:
            DestinationRefusedError: it is turned off.
        """
        called = f"sync {self.sync.object}" + (f" ({name})" if name else "")
        if not is_on:
            raise self.refused(f"The {called} is turned off in {self.tool}.")
        besides = ", and runs there by a schedule of its own besides" if is_scheduled else ""
        return f"{called} is turned on in {self.tool}{besides}"

    def refused(self, problem: str) -> DestinationRefusedError:
        """The error that the tool's sync cannot be started."""
        return DestinationRefusedError(
            problem, where=self._where, remedy=f"look at the sync in {self.tool}."
        )

    def words(self, *parts: str | None) -> str | None:
        """What the tool says went wrong, without e-mail addresses; None where it says nothing."""
        text = " ".join(": ".join(part for part in parts if part).split())
        return self._http.without_secrets(_EMAIL.sub("***", text))[:_WORDS_LETTERS] or None
