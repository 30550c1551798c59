"""The webhook destination, against an address on loopback that checks its signatures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbt_cdp.destinations.base import Action, Destination, Mode, Row, Status, Sync
from dbt_cdp.destinations.conformance import Book, DestinationConformance, row_of
from dbt_cdp.destinations.webhook import WebhookDestination, WebhookSettings
from dbt_cdp.errors import CdpError, ConfigurationError
from fake_api import Answer, serving
from listener import ROWS, SECRET, Listener


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


class TestWebhook(DestinationConformance):
    @pytest.fixture
    def fake(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
        with serving(Listener()) as listener:
            monkeypatch.setenv("HOOK_URL", f"{listener.url}/hooks/cdp?token=t")
            yield listener  # type: ignore[misc]

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(mode=mode, rows=ROWS, per_second=1000)

    @pytest.mark.parametrize("status", [400, 413, 422])
    def test_the_row_that_spoils_a_request_is_found(
        self, fake: Listener, destination: Destination, book: Book, status: int
    ) -> None:
        rows = [row_of(number) for number in range(ROWS)]
        fake.status = status
        fake.refuse(rows[6].row.key)
        self.deliver(destination, book, Action.ADD, rows)
        assert book.status(rows[6]) is Status.REJECTED
        assert "a row is wrong" in (book.outcomes[rows[6].row.delivery_id].reason or "")
        self.agrees(fake, book)

    def test_rows_to_be_tried_again_are_told_from_others(
        self, fake: Listener, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [row_of(number).row for number in range(3)]
        answer = {"rejected": [{"id": rows[0].delivery_id, "reason": "later", "retry": True}]}
        monkeypatch.setattr(fake, "answer", lambda request: Answer(207, answer))
        outcomes = list(destination.send(Action.ADD, rows))
        assert [one.status for one in outcomes] == [
            Status.RETRY,
            Status.ACKNOWLEDGED,
            Status.ACKNOWLEDGED,
        ]
        assert outcomes[0].reason == "later"

    def test_the_request_is_what_the_docs_say(
        self, fake: Listener, destination: Destination
    ) -> None:
        rows = [row_of(1).row, row_of(2).row]
        list(destination.send(Action.ADD, rows))
        list(destination.send(Action.ADD, rows))
        first, second = fake.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.headers["content-type"] == "application/json"
        content = first.json
        del content["timestamp"]
        assert content == {
            "type": "cdp.sync",
            "data": {
                "sync": "leads",
                "mode": "upsert",
                "object": "",
                "audience": "",
                "rows": [
                    {
                        "id": row.delivery_id,
                        "action": "add",
                        "key": row.key,
                        "fields": {**row.fields, "seen_at": "2026-06-01T12:01:00.125000Z"},
                    }
                    for row in rows
                ],
            },
        }

    def test_an_address_that_is_gone_stops_the_sync(
        self, fake: Listener, destination: Destination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fake, "answer", lambda request: Answer(410, {"token": SECRET}))
        with pytest.raises(CdpError, match="410") as error:
            list(destination.send(Action.ADD, [row_of(1).row]))
        assert "HOOK_URL" in error.value.message
        assert fake.url not in error.value.message

    def test_a_secret_in_an_answer_is_blacked_out(
        self, fake: Listener, destination: Destination, book: Book, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fake, "answer", lambda request: Answer(400, {"you sent": SECRET}))
        self.deliver(destination, book, Action.ADD, [row_of(1)])
        reason = book.outcomes[row_of(1).row.delivery_id].reason or ""
        assert "***" in reason and SECRET not in reason


def opened(mode: Mode = Mode.UPSERT, **settings: Any) -> Destination:
    entry = WebhookSettings(
        name="hook", type="webhook", url_env="HOOK_URL", secret_env="HOOK_SECRET", **settings
    )
    sync = Sync("leads", mode, "", "people" if mode is Mode.AUDIENCE else "", "email", ("email",))
    return WebhookDestination(entry, sync, Path())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://hooks.example/cdp", "http://"),
        ("https://me:secret@hooks.example/cdp", "credentials"),
        ("ftp://hooks.example", "https://"),
        ("hooks.example", "https://"),
        ("", "HOOK_URL is not set"),
    ],
)
def test_an_address_that_would_leak_is_refused(
    url: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL", url)
    with pytest.raises(ConfigurationError, match=problem) as error:
        opened()
    assert "secret@" not in error.value.message


def test_a_secret_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", "https://hooks.example/cdp")
    monkeypatch.setenv("HOOK_SECRET", "whsec_")
    with pytest.raises(ConfigurationError, match="HOOK_SECRET"):
        opened()


def test_rows_hold_any_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Listener()) as listener:
        monkeypatch.setenv("HOOK_URL", f"{listener.url}?token=t")
        row = Row("1" * 32, "k", {"letters": "'\"\\\n\u2028é木", "none": None, "list": [1, None]})
        with opened() as destination:
            list(destination.send(Action.ADD, [row]))
        assert json.loads(json.dumps(dict(row.fields))) == listener.rows["k"]  # type: ignore[attr-defined]
