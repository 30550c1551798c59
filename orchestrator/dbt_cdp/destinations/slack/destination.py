"""Slack: a channel is told who has entered a segment and who has left it, or of new rows.

A batch of rows is one message. Each row's delivery leaves a mark in its message's metadata, by
which a message whose answer was lost is found again, whatever rows are sent along the next time.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Settings, Sync
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.http import check_url, read_secret
from dbt_cdp.destinations.slack import digest
from dbt_cdp.destinations.slack.api import MARK_LETTERS, CallRefusedError, Message, SlackApi
from dbt_cdp.errors import ConfigurationError

_CHANNEL = re.compile(r"[CG][A-Z0-9]{6,}")

# Which keys of a sync say where its messages go: `audience` belongs to mode audience alone.
_CHANNEL_KEY = {Mode.AUDIENCE: "audience", Mode.APPEND: "object"}

# What has happened to rows, by mode; what is not here is not told.
_TOLD = {
    (Mode.AUDIENCE, Action.ADD): "{} entered",
    (Mode.AUDIENCE, Action.REMOVE): "{} left",
    (Mode.APPEND, Action.ADD): "{} added",
    (Mode.APPEND, Action.CHANGE): "{} changed",
}


class SlackSettings(Settings):
    """An entry of type slack.

    Attributes:
        token_env: the environment variable that holds the token of a bot, `xoxb-...`.
        base_url: the API's address.
    """

    token_env: str
    base_url: str = "https://slack.com/api"


class SlackDestination(Destination):
    """Messages of a channel: the sync's `audience`, and in mode append its `object`."""

    settings_model = SlackSettings
    modes = frozenset(_CHANNEL_KEY)
    max_rows = 500
    # Nobody has left when two people turn out to be one, so nothing is to be said.
    merges = True

    settings: SlackSettings

    def __init__(self, settings: Any, sync: Sync, root: Path) -> None:
        super().__init__(settings, sync, root)
        where, key = f"destination '{settings.name}'", _CHANNEL_KEY[sync.mode]
        channel: str = getattr(sync, key)
        if not _CHANNEL.fullmatch(channel):
            raise ConfigurationError(
                "A sync to Slack does not say to which channel.",
                where=f"sync '{sync.name}', {key}",
                remedy="give the id that stands at the end of the channel's details, such as"
                " C024BE91L; names change.",
            )
        self._channel = channel
        self._things = (sync.object if sync.mode is Mode.AUDIENCE else "rows") or "people"
        self._marked: dict[str, str] | None = None
        self._api = SlackApi(
            check_url(settings.base_url, f"{where}, base_url"),
            read_secret(settings.token_env, f"{where}, token_env"),
            token_env=settings.token_env,
            channel=channel,
            sync_name=sync.name,
            account=settings.name,
        )

    @override
    def check(self) -> str:
        scopes = self._api.try_token()
        if scopes and "chat:write" not in scopes:
            raise DestinationRefusedError(
                "The bot may not write messages.",
                where=f"destination '{self.settings.name}'",
                remedy="give the app the scope chat:write, and install it again.",
            )
        try:
            self._api.try_channel()
        except CallRefusedError as error:
            if not error.is_scope:
                raise
            return (
                "the token is good, but the bot may not read the channel: whether it is in it shows"
                " when it first posts, a message whose answer is lost is posted twice, and erasing"
                " a person deletes whole messages; the scope channels:history (groups:history for a"
                " private channel) changes that"
            )
        return "the bot is in the channel"

    @override
    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        what = _TOLD.get((self.sync.mode, action))
        if what:
            return self._tell(action, rows, what)
        if action is Action.REMOVE:
            return self.erase(rows)
        # Whose values have changed is where they were.
        return [Outcome.acknowledged(row, sent=row.sent) for row in rows]

    @override
    def erase(self, rows: Sequence[Row]) -> Iterable[Outcome]:
        recent = self._api.recent()
        return [self._erase(row, recent) for row in rows]

    @override
    def close(self) -> None:
        self._api.close()

    def _tell(self, action: Action, rows: Sequence[Row], what: str) -> Iterable[Outcome]:
        """Post one message of rows, but for those that an earlier one has told of."""
        if self._marked is None:
            self._marked = {
                mark: message.ts for message in self._api.recent() for mark in message.marks
            }
        marks = {row.delivery_id: _mark(row) for row in rows}
        new = [row for row in rows if marks[row.delivery_id] not in self._marked]
        values = {row.delivery_id: self._values(action, row) for row in rows}
        if new:
            first = digest.headline(
                self.sync.name, what.format(digest.counted(len(new), self._things))
            )
            lines = [digest.line_of(row.key, values[row.delivery_id]) for row in new]
            new_marks = [marks[row.delivery_id] for row in new]
            try:
                ts = self._api.post(digest.digest(first, lines), first, new_marks)
            except DestinationUnavailableError:
                # It may be there all the same: the next batch looks.
                self._marked = None
                raise
            self._marked |= dict.fromkeys(new_marks, ts)
        return [
            Outcome.acknowledged(
                row,
                self._messages(row, self._marked[marks[row.delivery_id]]),
                {self.sync.key: row.key, **values[row.delivery_id]},
            )
            for row in rows
        ]

    def _values(self, action: Action, row: Row) -> Mapping[str, str]:
        """The values of a row but for its key, as they are shown; of one that leaves as they
        were."""
        fields = row.sent if action is Action.REMOVE else row.fields
        return {
            name: digest.shown(fields.get(name))
            for name in self.sync.fields
            if name != self.sync.key
        }

    def _messages(self, row: Row, ts: str) -> str:
        """The messages that have told of a row: all of them, so that it can be erased."""
        before = row.remote_id.split() if row.remote_id else []
        return " ".join(dict.fromkeys([*before, f"{self._channel}/{ts}"]))

    def _erase(self, row: Row, recent: Sequence[Message]) -> Outcome:
        """Take a row's line out of the messages that have told of it, those among them whose
        answers were lost."""
        known = [one.rpartition("/")[2] for one in (row.remote_id or "").split()]
        unknown = [one.ts for one in recent if digest.names(one.text, row.key)]
        try:
            for ts in dict.fromkeys([*known, *unknown]):
                self._erase_from(ts, row.key)
        except CallRefusedError as error:
            if not error.is_kept:
                raise
            return Outcome.rejected(row, f"{error.problem} An owner of the workspace has to do it.")
        return Outcome.acknowledged(row)

    def _erase_from(self, ts: str, key: str) -> None:
        """Take a key's line out of a message, or delete it where that cannot be done."""
        try:
            message = self._api.message(ts)
            if message is None or not digest.names(message.text, key):
                return
            text = digest.without(message.text, key)
            if not digest.names(text, key):
                self._api.update(ts, text, text.split("\n")[0])
                return
        except CallRefusedError as error:
            if not (error.is_scope or error.is_kept):
                raise
        self._api.delete(ts)


def _mark(row: Row) -> str:
    """A few letters that tell a delivery from all others of a channel."""
    hashed = hashlib.sha256(row.delivery_id.encode()).digest()
    return base64.urlsafe_b64encode(hashed)[:MARK_LETTERS].decode()
