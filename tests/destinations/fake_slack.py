"""A Slack of one workspace on loopback, which keeps Slack's rules.

Every request, and every answer of its own, is held against `fixtures/slack.yml`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from described import Description
from fake_api import Answer, FakeApi, Request

TOKEN = "xoxb-1-fake"
CHANNEL = "C024BE91L"
SCOPES = "chat:write,channels:history"
_SPEC = Description("slack", "/api")
_HEADLINE = re.compile(r"\*[^*]+\*: [\d,]+ \w+ (entered|left|added|changed)")
_PAGE = 40


@dataclass
class Posted:
    """A message."""

    ts: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        (block,) = self.body["blocks"]
        text: str = block["text"]["text"]
        return text


@dataclass
class Place:
    """A channel."""

    messages: list[Posted] = field(default_factory=list)
    has_bot: bool = True
    is_archived: bool = False
    is_private: bool = False


class FakeSlack(FakeApi):
    """The workspace.

    Attributes:
        channels: by id.
        scopes: those of the token.
        errors: what Slack says instead of doing what it is asked for, by method; one for each call.
        most_marks: how many letters of metadata it takes.
        can_edit: whether messages may be changed.
        can_delete: whether they may be deleted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.channels = {CHANNEL: Place()}
        self.scopes = SCOPES
        self.errors: dict[str, list[str]] = {}
        self.most_marks = 8_000
        self.can_edit = self.can_delete = True
        self._seconds = 1_780_000_000

    @property
    def messages(self) -> Sequence[Posted]:
        return self.channels[CHANNEL].messages

    @property
    def texts(self) -> Sequence[str]:
        return [one.text for one in self.messages]

    def held(self) -> Mapping[str, Mapping[str, Any]]:
        """Who has entered, or was added, and has not left, by what people can read."""
        found: dict[str, Mapping[str, Any]] = {}
        for text in self.texts:
            first, *lines = text.split("\n")
            told = _HEADLINE.fullmatch(first)
            assert told, first
            keys = [line[2:].split(" · ")[0] for line in lines if line.startswith("• ")]
            if told[1] == "left":
                found = {key: values for key, values in found.items() if key not in keys}
            else:
                found |= {key: {} for key in keys}
        return found

    def count(self) -> int:
        return len(self.held())

    def say(self, text: str) -> None:
        """A message that somebody else has posted."""
        block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
        self._add(CHANNEL, {"channel": CHANNEL, "text": text, "blocks": [block]})

    def answer(self, request: Request) -> Answer:
        wrong = _SPEC.wrong_request(request)
        self.violations += [f"{request.method} {request.path}: {one}" for one in wrong]
        method = request.path.removeprefix("/api/")
        error = None if wrong else self._refusal(request, method)
        if error:
            body = {"ok": False, "error": error}
            if error == "missing_scope":
                body |= {"needed": "channels:history", "provided": self.scopes}
            answer = Answer(200, body)
        else:
            answer = self._answer(method, request)
        wrong = _SPEC.wrong_answer(request, answer, is_error=not answer.body["ok"])
        self.violations += [f"answer to {request.path}: {one}" for one in wrong]
        return Answer(answer.status, answer.body, {"X-OAuth-Scopes": self.scopes})

    def _refusal(self, request: Request, method: str) -> str | None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return "invalid_auth"
        if self.errors.get(method):
            return self.errors[method].pop(0)
        if method == "auth.test":
            return None
        needed = "history" if method == "conversations.history" else "chat:write"
        if needed not in self.scopes:
            return "missing_scope"
        body = request.json or {name: values[0] for name, values in request.query.items()}
        place = self.channels.get(body["channel"])
        if place is None:
            return "channel_not_found"
        if not place.has_bot:
            return "not_in_channel"
        if place.is_archived and method == "chat.postMessage":
            return "is_archived"
        if method == "chat.postMessage":
            marks = body["metadata"]["event_payload"]["deliveries"]
            if len(marks) > self.most_marks:
                return "metadata_too_large"
            if any(f"• {key}" in body["blocks"][0]["text"]["text"] for key in self.refused):
                return "msg_too_long"
        if method in ("chat.update", "chat.delete"):
            if body["ts"] not in [one.ts for one in place.messages]:
                return "message_not_found"
            if method == "chat.update" and not self.can_edit:
                return "cant_update_message"
            if method == "chat.delete" and not self.can_delete:
                return "compliance_exports_prevent_deletion"
        return None

    def _answer(self, method: str, request: Request) -> Answer:
        body = request.json
        match method:
            case "auth.test":
                who = {"team": "Shop", "user": "cdp", "team_id": "T1", "user_id": "U1"}
                return Answer(200, {"ok": True, "url": "https://shop.slack.com/", **who})
            case "conversations.history":
                return self._history({name: one[0] for name, one in request.query.items()})
            case "chat.postMessage":
                self._look_for_doubles(body)
                ts = self._add(body["channel"], body)
            case "chat.update":
                ts = body["ts"]
                (message,) = [one for one in self._of(body["channel"]) if one.ts == ts]
                message.body |= body
            case _:
                ts = body["ts"]
                place = self.channels[body["channel"]]
                place.messages = [one for one in place.messages if one.ts != ts]
        return Answer(200, {"ok": True, "channel": body["channel"], "ts": ts})

    def _of(self, channel: str) -> list[Posted]:
        return self.channels[channel].messages

    def _add(self, channel: str, body: dict[str, Any]) -> str:
        self._seconds += 60
        self._of(channel).append(Posted(f"{self._seconds}.000100", body))
        return self._of(channel)[-1].ts

    def _look_for_doubles(self, body: Mapping[str, Any]) -> None:
        """No delivery is to be told of twice."""
        before = {mark for one in self._of(body["channel"]) for mark in _marks(one.body)}
        if "history" in self.scopes and before & set(_marks(body)):
            self.violations.append("a message was posted twice")

    def _history(self, query: Mapping[str, str]) -> Answer:
        """The latest first, a page at a time."""
        is_inclusive = query.get("inclusive") == "true"
        oldest, latest = query.get("oldest", "0"), query.get("latest", "9" * 10)
        found = [
            one
            for one in reversed(self._of(query["channel"]))
            if oldest < one.ts < latest or (is_inclusive and one.ts in (oldest, latest))
        ]
        start, limit = int(query.get("cursor", "0")), min(int(query["limit"]), _PAGE)
        shown = [
            {
                "type": "message",
                "ts": one.ts,
                **{
                    name: one.body[name]
                    for name in ("text", "blocks", "metadata")
                    if name in one.body and (name != "metadata" or _is_asked(query))
                },
            }
            for one in found[start : start + limit]
        ]
        rest = len(found) > start + limit
        body: dict[str, Any] = {"ok": True, "messages": shown, "has_more": rest}
        if rest:
            body["response_metadata"] = {"next_cursor": str(start + limit)}
        return Answer(200, body)


def _is_asked(query: Mapping[str, str]) -> bool:
    return query.get("include_all_metadata") == "true"


def _marks(body: Mapping[str, Any]) -> list[str]:
    text = body.get("metadata", {}).get("event_payload", {}).get("deliveries", "")
    return re.findall(".{8}", text)
