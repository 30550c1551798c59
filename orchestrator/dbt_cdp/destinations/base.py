"""What a destination is to the engine.

The contract is one outcome for each row. A destination that answers for a batch has to read from
the answer what became of every row; one of which nothing is said counts as not delivered.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from dbt_cdp.destinations.values import json_value
from dbt_cdp.errors import ConfigurationError


class Mode(StrEnum):
    """What a sync makes of its rows in the destination.

    upsert creates or changes records; insert only creates, update only changes. mirror also deletes
    those that it has delivered and whose rows are gone. audience keeps the members of a list, and
    append adds a record for each row that is new or has changed. hand_over sends none: another tool
    reads the warehouse itself.
    """

    UPSERT = "upsert"
    INSERT = "insert"
    UPDATE = "update"
    MIRROR = "mirror"
    AUDIENCE = "audience"
    APPEND = "append"
    HAND_OVER = "hand_over"


class Action(StrEnum):
    """What is to be done with rows.

    add: a record that was not delivered before, which the destination may have all the same;
    change: one that was; remove: one whose row is gone, or may not be there; merge: one of a person
    who has become another one, whose record it is to be put into.
    """

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    MERGE = "merge"


class Status(StrEnum):
    """What became of a row.

    acknowledged: the destination has it. rejected: it will not take it as it is. retry: it has not
    taken it this time.
    """

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be delivered.

    Attributes:
        delivery_id: names this delivery, the same however often it is tried: what makes a second
            try have no second effect, where the destination takes such a key.
        key: what the destination tells its records apart by; for `remove` and `merge` as it was
            delivered.
        fields: values by the destination's names of the fields: text, numbers, booleans, dates,
            times (UTC) or None. Empty for `remove` and `merge`.
        remote_id: the id that the destination gave its record; None where it gave none.
        into_remote_id: for `merge`, the id of the record that stays; None where it is unknown.
        sent: the values as they were delivered last; empty where nothing was.
        tried: the values that were sent after that, of which nobody knows whether they arrived;
            empty where nothing was.
    """

    delivery_id: str
    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    remote_id: str | None = None
    into_remote_id: str | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    tried: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row.

    Attributes:
        delivery_id: which.
        status: acknowledged, rejected or retry.
        reason: the destination's own words, or what is wrong; None where it is acknowledged.
        remote_id: the id that the destination has given the record.
        sent: the values as they were sent, where they differ from the row's, such as hashed ones.
    """

    delivery_id: str
    status: Status
    reason: str | None = None
    remote_id: str | None = None
    sent: Mapping[str, Any] | None = None

    @classmethod
    def acknowledged(
        cls, row: Row, remote_id: str | None = None, sent: Mapping[str, Any] | None = None
    ) -> Self:
        """The destination has the row."""
        return cls(row.delivery_id, Status.ACKNOWLEDGED, None, remote_id or row.remote_id, sent)

    @classmethod
    def rejected(cls, row: Row, reason: str) -> Self:
        """The destination will not take the row as it is."""
        return cls(row.delivery_id, Status.REJECTED, reason)

    @classmethod
    def retry(cls, row: Row, reason: str) -> Self:
        """The destination has not taken the row this time."""
        return cls(row.delivery_id, Status.RETRY, reason)


@dataclass(frozen=True)
class Sync:
    """What a destination is told of a sync.

    Attributes:
        name: the exposure's name.
        mode: what is made of the rows.
        object: the kind of record, such as contacts, or the name of a table; empty for none.
        audience: the list whose members are kept, in mode audience; empty otherwise.
        key: the field that records are told apart by.
        fields: names of the fields in their order, the key among them.
    """

    name: str
    mode: Mode
    object: str
    audience: str
    key: str
    fields: Sequence[str]


class Settings(BaseModel):
    """An entry of `cdp_destinations`. Secrets are names of environment variables.

    Attributes:
        name: what syncs call it.
        type: which destination it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: str


class Destination(ABC):
    """A tool that rows are delivered to, for one sync. Use it in a `with` statement.

    What a class declares:

    Attributes:
        settings_model: what an entry of its type in `cdp_destinations` looks like.
        modes: the modes that it knows.
        replaces: those in which it takes all that it is to hold at once, by `replace`.
        max_rows: how many rows it takes at once; an instance may set its own.
        max_bytes: how many bytes of rows, by `bytes_of`, it takes at once; None where it does not
            matter. A row that is larger comes alone.
        removes: whether it can remove what it was sent.
        merges: whether it can put one record into another.
        updates_by_id: whether it finds a record by the id that it gave it (`remote_id`), so that
            the key itself may change.
        ignores_case: whether keys that differ in case only are one to it.
        is_partial: whether it leaves fields alone that it is not told of. Then nothing is sent of a
            value that is null and was not sent before, so that what people entered there stays.
    """

    settings_model: ClassVar[type[Settings]] = Settings
    modes: ClassVar[frozenset[Mode]]
    replaces: ClassVar[frozenset[Mode]] = frozenset()
    max_rows: int = 1
    max_bytes: int | None = None
    removes: ClassVar[bool] = True
    merges: ClassVar[bool] = False
    updates_by_id: ClassVar[bool] = False
    ignores_case: ClassVar[bool] = False
    is_partial: ClassVar[bool] = False

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        """Read the settings; nothing is connected to yet.

        Args:
            settings: the entry, an instance of `settings_model`.
            sync: what is to be delivered.
            root: the folder that paths are relative to.

        Raises:
            ConfigurationError: the settings or the sync are not as they must be.
        """
        self.settings, self.sync, self.root = settings, sync, root
        if sync.mode not in self.modes:
            raise ConfigurationError(
                f"The destination '{settings.name}' does not know the mode {sync.mode}.",
                where=f"sync '{sync.name}'",
                remedy=f"use one of: {', '.join(sorted(self.modes))}.",
            )

    @abstractmethod
    def check(self) -> str:
        """Try whether rows could be delivered, without delivering any.

        Returns:
            What was found, for people.

        Raises:
            DestinationError: they could not.
        """

    @abstractmethod
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Deliver rows; at most `max_rows` and `max_bytes`, of distinct keys.

        Returns:
            An outcome for each row.

        Raises:
            DestinationUnavailableError: it does not answer; nothing is known of the rows.
            DestinationRefusedError: it refuses every row.
            BatchRejectedError: it refuses these rows because of one or some of them.
        """

    def bytes_of(self, action: Action, row: Row) -> int:
        """How many bytes a row takes in a call, rather too many than too few. Asked only where
        `max_bytes` is set.

        Args:
            action: what is to be done with it.
            row: the row.
        """
        fields = json.dumps(json_value(dict(row.fields)), ensure_ascii=False)
        return len(fields.encode()) + len(row.key.encode())

    def replace(self, rows: Iterable[Row]) -> None:
        """Hold these rows, and no other ones of the sync. Only in modes of `replaces`.

        Raises:
            DestinationError: it holds what it held before.
        """
        raise NotImplementedError

    def begin(self, sync_run_id: str) -> None:  # noqa: B027
        """A run of the sync begins. Most destinations need not know."""

    def discard(self, sync_run_id: str, remote_ids: frozenset[str]) -> None:  # noqa: B027
        """Take back what a run that was killed has sent and not recorded, where sending it again
        would have a second effect. Most destinations need not.

        Args:
            sync_run_id: the run.
            remote_ids: those of what it has recorded.
        """

    @abstractmethod
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        """Delete what it holds of these people for good, and what they were sent before.

        Args:
            rows: what they were sent: `key`, `remote_id` and `sent`.

        Returns:
            An outcome for each row; acknowledged where it is gone, or was not there.
        """

    def close(self) -> None:  # noqa: B027
        """Close connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
