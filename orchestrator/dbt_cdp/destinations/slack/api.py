"""Slack's Web API: messages of a channel, and what its answers say.

Slack answers 200 to nearly everything; whether a call was carried out stands in the body. It takes
no key that makes a second call harmless. So a message carries marks in its metadata, which only
programs see, and the channel is looked through for them before a call is repeated.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationRefusedError,
    DestinationUnavailableError,
)
from dbt_cdp.destinations.http import HttpClient

# How many messages a channel takes, and what methods of tier 3 allow a workspace.
POSTS = Rate(1, Duration.SECOND)
OTHERS = Rate(50, Duration.MINUTE)

# How long after a lost answer its message is still found.
DAYS_LOOKED_THROUGH = 14

# How long a mark is.
MARK_LETTERS = 8

_EVENT_TYPE = "cdp_digest"
_PAGE = 999

_NO_SCOPE = "missing_scope"

# What is wrong with a message, and not with all of them.
_ABOUT_MESSAGE = {
    "invalid_blocks",
    "metadata_too_large",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
}
_KEPT = {
    "cant_delete_message",
    "cant_update_message",
    "compliance_exports_prevent_deletion",
    "edit_window_closed",
}
_PASSING = {
    "fatal_error",
    "internal_error",
    "message_limit_exceeded",
    "org_login_required",
    "rate_limited",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}
_REMEDIES = {
    "channel_not_found": "give the id of the channel, and invite the bot if it is a private one.",
    "is_archived": "take another channel.",
    "not_in_channel": "invite the bot: `/invite @its-name` in the channel.",
}


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Answer(_Content):
    """What every answer has. A call was carried out if `ok` is true."""

    ok: bool
    error: str = "no reason was given"
    needed: str | None = None
    channel: str | None = None
    ts: str | None = None


class _Metadata(_Content):
    event_type: str = ""
    event_payload: Mapping[str, Any] = Field(default_factory=dict)


class _Text(_Content):
    text: str = ""


class _Block(_Content):
    text: _Text | None = None


class Message(_Content):
    """A message of a channel."""

    ts: str
    metadata: _Metadata = _Metadata()
    blocks: Sequence[_Block] = ()

    @property
    def text(self) -> str:
        """What it says, as it was sent."""
        return "\n".join(block.text.text for block in self.blocks if block.text)

    @property
    def marks(self) -> Sequence[str]:
        """What it is found by."""
        text = str(self.metadata.event_payload.get("deliveries", ""))
        return [text[at : at + MARK_LETTERS] for at in range(0, len(text), MARK_LETTERS)]

    def is_of(self, sync_name: str) -> bool:
        """Whether it is a sync's."""
        metadata = self.metadata
        is_ours = metadata.event_type == _EVENT_TYPE
        return is_ours and metadata.event_payload.get("sync") == sync_name


class _Page(_Content):
    cursor: str = Field(default="", alias="next_cursor")


class _History(_Content):
    messages: Sequence[Message]
    page: _Page | None = Field(default=None, alias="response_metadata")


class CallRefusedError(DestinationRefusedError):
    """A call was refused, for a reason that concerns no row of it alone.

    Attributes:
        code: Slack's word for it.
    """

    def __init__(self, code: str, problem: str, *, where: str, remedy: str) -> None:
        super().__init__(problem, where=where, remedy=remedy)
        self.code = code

    @property
    def is_kept(self) -> bool:
        """Whether it is that this message is to stay as it is."""
        return self.code in _KEPT

    @property
    def is_scope(self) -> bool:
        """Whether it is that the token lacks a scope."""
        return self.code == _NO_SCOPE


class _PostedError(Exception):
    """The message that is to be sent again is there."""

    def __init__(self, ts: str) -> None:
        super().__init__()
        self.ts = ts


class SlackApi:
    """The API, for one channel.

    Args:
        base_url: its address.
        token: of a bot.
        token_env: where that comes from.
        channel: the id of the channel.
        sync_name: the sync whose messages these are.
        account: names whose limits they are.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        token_env: str,
        channel: str,
        sync_name: str,
        account: str,
    ) -> None:
        self._where, self._token_env = f"destination '{account}'", token_env
        self._channel, self._sync_name = channel, sync_name
        self._posts, self._others = (
            HttpClient(
                base_url,
                account=f"slack {account} {kind}",
                rates=[rate],
                headers={"Authorization": f"Bearer {token}"},
                secrets=[token],
                credentials=token_env,
                where=self._where,
            )
            for kind, rate in ((channel, POSTS), ("", OTHERS))
        )

    def post(self, text: str, summary: str, marks: Sequence[str]) -> str:
        """Post a message; once, though its answer may be lost.

        Args:
            text: what it says.
            summary: what a notification says.
            marks: what it is found by later.

        Returns:
            Its `ts`.

        Raises:
            BatchRejectedError: Slack will not take this message.
        """
        payload = {"sync": self._sync_name, "deliveries": "".join(marks)}
        body = {
            **self._body(text, summary),
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": _EVENT_TYPE, "event_payload": payload},
        }
        is_repeated = False

        def look_first() -> Mapping[str, Any]:
            nonlocal is_repeated
            for message in self.recent() if is_repeated else ():
                if marks[0] in message.marks:
                    raise _PostedError(message.ts)
            is_repeated = True
            return {}

        try:
            response = self._posts.request(
                "POST", "/chat.postMessage", json=body, prepare=look_first
            )
        except _PostedError as posted:
            return posted.ts
        answer = self._answer(response)
        if not answer.ts:
            raise self._unavailable("An answer cannot be read.")
        return answer.ts

    def recent(self) -> Sequence[Message]:
        """The messages that the sync has posted lately; none where the token may not read the
        channel."""
        oldest = f"{time.time() - DAYS_LOOKED_THROUGH * 86_400:.6f}"
        found: list[Message] = []
        cursor = ""
        while True:
            try:
                history = self._history(oldest=oldest, limit=_PAGE, cursor=cursor)
            except CallRefusedError as error:
                if error.is_scope:
                    return []
                raise
            found += [one for one in history.messages if one.is_of(self._sync_name)]
            cursor = history.page.cursor if history.page else ""
            if not cursor:
                return found

    def message(self, ts: str) -> Message | None:
        """A message; None where it is not there.

        Raises:
            CallRefusedError: the token may not read the channel.
        """
        found = self._history(oldest=ts, latest=ts, inclusive="true", limit=1).messages
        return next((one for one in found if one.ts == ts), None)

    def update(self, ts: str, text: str, summary: str) -> None:
        """Change what a message says; also one that is not there.

        Raises:
            CallRefusedError: it cannot be changed.
        """
        body = {**self._body(text, summary), "ts": ts, "parse": "none"}
        self._unless_gone("/chat.update", body)

    def delete(self, ts: str) -> None:
        """Delete a message; also one that is not there.

        Raises:
            CallRefusedError: it cannot be deleted.
        """
        self._unless_gone("/chat.delete", {"channel": self._channel, "ts": ts})

    def try_token(self) -> frozenset[str]:
        """Make sure that the token is one; returns its scopes, as far as Slack tells them."""
        response = self._others.request("POST", "/auth.test")
        self._answer(response)
        told = response.headers.get("X-OAuth-Scopes", "")
        return frozenset(scope.strip() for scope in told.split(",") if scope.strip())

    def try_channel(self) -> None:
        """Make sure that the channel can be read.

        Raises:
            CallRefusedError: it cannot.
        """
        self._history(limit=1)

    def close(self) -> None:
        """Close the connections."""
        self._posts.close()
        self._others.close()

    def _body(self, text: str, summary: str) -> dict[str, Any]:
        # Verbatim: nothing in a value becomes a link or calls anybody.
        shown = {"type": "mrkdwn", "text": text, "verbatim": True}
        return {
            "channel": self._channel,
            "text": summary,
            "blocks": [{"type": "section", "text": shown}],
        }

    def _history(self, **arguments: Any) -> _History:
        given = {name: value for name, value in arguments.items() if value != ""}
        query = urlencode({"channel": self._channel, "include_all_metadata": "true", **given})
        response = self._others.request("GET", f"/conversations.history?{query}")
        self._answer(response)
        try:
            return _History.model_validate(response.json())
        except ValidationError:
            raise self._unavailable("An answer cannot be read.") from None

    def _unless_gone(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            self._answer(self._others.request("POST", path, json=body))
        except CallRefusedError as error:
            if error.code != "message_not_found":
                raise

    def _answer(self, response: httpx.Response) -> _Answer:
        """What an answer says of a call that was carried out.

        Raises:
            BatchRejectedError: it was not, for what is in the message.
            CallRefusedError: it was not, nor would any other be.
            DestinationUnavailableError: it was not, this time.
        """
        try:
            answer = _Answer.model_validate(response.json())
        except (ValueError, ValidationError):
            if response.is_success:
                raise self._unavailable("An answer cannot be read.") from None
            raise self._posts.refused(f"It answered {response.status_code}.") from None
        if answer.ok:
            return answer
        if answer.error in _PASSING:
            raise self._unavailable(f"Slack cannot do it now ({answer.error}).")
        if answer.error in _ABOUT_MESSAGE:
            raise BatchRejectedError(answer.error)
        lacking = f": {answer.needed}" if answer.error == _NO_SCOPE and answer.needed else ""
        raise CallRefusedError(
            answer.error,
            f"Slack refuses it ({answer.error}{lacking}).",
            where=f"{self._where}, channel {self._channel}",
            remedy=_REMEDIES.get(answer.error, f"look at {self._token_env}, and the app's scopes."),
        )

    def _unavailable(self, problem: str) -> DestinationUnavailableError:
        return DestinationUnavailableError(
            problem, where=self._where, remedy="nothing, if it is well again soon."
        )
