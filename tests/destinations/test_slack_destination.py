"""The Slack destination, against a fake that keeps Slack's rules."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyrate_limiter import Rate

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import (
    FIELDS,
    Book,
    DestinationConformance,
    Fault,
    impatient,
    row_of,
)
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.registry import destination_class
from dbt_cdp.destinations.slack import api as slack_api
from dbt_cdp.destinations.slack import digest as slack_digest
from dbt_cdp.destinations.slack.destination import SlackDestination, SlackSettings
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, serving
from fake_slack import CHANNEL, TOKEN, FakeSlack, Place

# Each destination is a workspace of its own: tests need not wait for one another's limits.
_names = itertools.count()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    monkeypatch.setenv("SLACK_TOKEN", TOKEN)
    monkeypatch.setattr(slack_api, "POSTS", Rate(10_000, 1_000))
    monkeypatch.setattr(slack_api, "OTHERS", Rate(10_000, 1_000))
    # The fake's messages are of a day that is far away.
    monkeypatch.setattr(slack_api, "DAYS_LOOKED_THROUGH", 36_500)
    with serving(FakeSlack()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeSlack,
    mode: Mode = Mode.AUDIENCE,
    *,
    channel: str = CHANNEL,
    things: str = "",
    fields: Sequence[str] = FIELDS,
) -> Destination:
    settings = SlackSettings(
        name=f"slack {next(_names)}",
        type="slack",
        token_env="SLACK_TOKEN",
        base_url=f"{fake.url}/api",
    )
    audience, kind = (channel, things) if mode is Mode.AUDIENCE else ("", channel)
    return SlackDestination(settings, Sync("leads", mode, kind, audience, "email", fields), Path())


class _Conformance(DestinationConformance):
    """A digest shows ten rows and holds no values: what is compared is who was named."""

    @pytest.fixture
    def fake(self, slack: FakeSlack) -> FakeSlack:
        return slack

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def test_no_more_rows_than_it_takes_are_sent_at_once(
        self, fake: FakeSlack, destination: Destination, book: Book
    ) -> None:
        """Of the rows that a message does not show it tells the number."""
        self.deliver(destination, book, Action.ADD, (row_of(one) for one in range(1_200)))
        assert len(book.present) == 1_200
        assert [re.findall(r"^\*leads\*: (\d+) |and (\d+) more$", one) for one in fake.texts] == [
            [("500", ""), ("", "490")],
            [("500", ""), ("", "490")],
            [("200", ""), ("", "190")],
        ]

    def test_a_value_may_be_null(
        self, fake: FakeSlack, destination: Destination, book: Book
    ) -> None:
        """It is left out; a message that was posted does not change."""
        self.deliver(destination, book, Action.ADD, [row_of(1, name=None)])
        assert "name" not in fake.texts[0]


class TestAudience(_Conformance):
    mode = Mode.AUDIENCE

    def test_a_record_is_merged_into_another(
        self, fake: FakeSlack, destination: Destination, book: Book
    ) -> None:
        """Nobody has left, so nothing is said."""
        self.deliver(destination, book, Action.ADD, [row_of(1), row_of(2)])
        loser = book.present[row_of(2).row.key]
        merge = Row("m", loser.row.key, {}, book.remote_ids[loser.row.key], "x", {})
        (outcome,) = destination.send(Action.MERGE, [merge])
        assert outcome.status is Status.ACKNOWLEDGED
        assert len(fake.messages) == 1


class TestAppend(_Conformance):
    mode = Mode.APPEND

    def test_a_record_is_merged_into_another(
        self, fake: FakeSlack, destination: Destination, book: Book
    ) -> None:
        """What was told was told: rows that are merged are not in mode append."""
        (outcome,) = destination.send(Action.MERGE, [Row("m", "a@shop.example")])
        assert outcome.status is Status.ACKNOWLEDGED
        assert not fake.messages


def deliver(
    destination: Destination, action: Action, rows: Sequence[Row], book: Book | None = None
) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = book or Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {row.key: book.outcomes[row.delivery_id] for row in rows}


def row(key: str, remote_id: str | None = None, **fields: Any) -> Row:
    return Row(f"d-{key}-{remote_id}", key, {"email": key, **fields}, remote_id)


def removal(key: str, outcome: Outcome) -> Row:
    return Row(f"r-{key}", key, {}, outcome.remote_id, None, outcome.sent or {})


# What a message says


def test_a_digest_is_for_people(slack: FakeSlack) -> None:
    people = [
        row(f"p{number}@shop.example", name=f"Zoë {number}", score=1_234 * number)
        for number in range(1, 13)
    ]
    with opened(slack, fields=("email", "name", "score")) as destination:
        outcomes = deliver(destination, Action.ADD, people)
        deliver(
            destination, Action.REMOVE, [removal("p2@shop.example", outcomes["p2@shop.example"])]
        )
    entered, left = slack.texts
    lines = entered.split("\n")
    assert lines[0] == "*leads*: 12 people entered"
    assert lines[1] == "• p1@shop.example · name: Zoë 1 · score: 1,234"
    assert len(lines) == 12
    assert lines[-1] == "and 2 more"
    assert left == "*leads*: 1 person left\n• p2@shop.example · name: Zoë 2 · score: 2,468"
    assert [one.body["text"] for one in slack.messages] == [
        "*leads*: 12 people entered",
        "*leads*: 1 person left",
    ]


@pytest.mark.parametrize(
    ("number", "things", "text"),
    [
        (1, "people", "1 person"),
        (12_000, "people", "12,000 people"),
        (1, "accounts", "1 account"),
        (2, "companies", "2 companies"),
        (1, "companies", "1 company"),
    ],
)
def test_things_are_counted(number: int, things: str, text: str) -> None:
    assert slack_digest.counted(number, things) == text


def test_rows_of_accounts_are_called_so(slack: FakeSlack) -> None:
    with opened(slack, things="accounts") as destination:
        deliver(destination, Action.ADD, [row("acme.example")])
    assert slack.texts == ["*leads*: 1 account entered\n• acme.example"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (1_234_567, "1,234,567"),
        (1234.5, "1,234.5"),
        (Decimal("1234.50"), "1,234.50"),
        (date(2026, 6, 1), "1 Jun 2026"),
        (datetime(2026, 6, 1, 9, 5), "1 Jun 2026, 09:05 UTC"),
        (datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2))), "1 Jun 2026, 10:00 UTC"),
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "1 Jun 2026, 12:00 UTC"),
        ("two\nlines  \t木", "two lines 木"),
        ("x" * 90, "x" * 79 + "…"),
    ],
)
def test_values_are_shown_as_people_read_them(value: Any, text: str) -> None:
    assert slack_digest.shown(value) == text


def test_nobody_is_called_by_a_value(slack: FakeSlack) -> None:
    name = "<!channel> <@U1> <https://x.example|y> & @here"
    with opened(slack) as destination:
        deliver(destination, Action.ADD, [row("a&b@shop.example", name=name)])
    assert "<" not in slack.texts[0] and ">" not in slack.texts[0]
    assert "• a&amp;b@shop.example · name: &lt;!channel&gt; &lt;@U1&gt;" in slack.texts[0]
    body = slack.messages[0].body
    assert body["blocks"][0]["text"]["verbatim"] is True
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
    assert "link_names" not in body and "parse" not in body


def test_a_message_is_no_longer_than_slack_takes(slack: FakeSlack) -> None:
    fields = ("email", *(f"field{number}" for number in range(9)))
    with opened(slack, fields=fields) as destination:
        rows = [
            row(f"p{number}@shop.example", **dict.fromkeys(fields[1:], "&" * 80))
            for number in range(10)
        ]
        deliver(destination, Action.ADD, rows[:2])
        deliver(destination, Action.ADD, [row("short@shop.example"), *rows[2:]])
    assert slack.texts[0] == "*leads*: 2 people entered"
    assert slack.texts[1] == "*leads*: 9 people entered\n• short@shop.example\nand 8 more"


def test_members_who_change_are_not_told_of(slack: FakeSlack) -> None:
    with opened(slack) as destination:
        first = deliver(destination, Action.ADD, [row("a@shop.example", score=1)])
        before = first["a@shop.example"]
        later = Row("d2", "a@shop.example", {"score": 2}, before.remote_id, None, before.sent or {})
        after = deliver(destination, Action.CHANGE, [later])["a@shop.example"]
    assert len(slack.messages) == 1
    assert (after.remote_id, after.sent) == (before.remote_id, before.sent)


def test_rows_of_a_model_are_added_and_changed(slack: FakeSlack) -> None:
    with opened(slack, Mode.APPEND) as destination:
        deliver(destination, Action.ADD, [row("o1", score=1), row("o2", score=2)])
        deliver(destination, Action.CHANGE, [row("o1", "x", score=3)])
    assert slack.texts == [
        "*leads*: 2 rows added\n• o1 · score: 1\n• o2 · score: 2",
        "*leads*: 1 row changed\n• o1 · score: 3",
    ]


# Sent once


def test_rows_whose_message_got_lost_are_not_told_of_again_with_others(slack: FakeSlack) -> None:
    """The next run has other rows beside them."""
    first = [row("a@shop.example"), row("b@shop.example")]
    slack.say("lunch?")
    slack.misbehave(Fault.LOST, 1_000)
    with (
        impatient(),
        opened(slack) as destination,
        pytest.raises(DestinationUnavailableError),
    ):
        deliver(destination, Action.ADD, first)
    slack.misbehave(Fault.LOST, 0)
    assert len(slack.messages) == 1
    # The history could not be read before the first try either; now the post alone is lost.
    with impatient(), opened(slack) as destination:
        deliver(destination, Action.ADD, [row("z@shop.example")])
        slack.misbehave(Fault.LOST, 1_000)
        with pytest.raises(DestinationUnavailableError):
            deliver(destination, Action.ADD, first)
    slack.misbehave(Fault.LOST, 0)
    for number in range(100):
        slack.say(f"message {number} of others")
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, [row("c@shop.example"), *first])
    ours = [text for text in slack.texts if text.startswith("*leads*")]
    assert ours == [
        "*leads*: 1 person entered\n• z@shop.example",
        "*leads*: 2 people entered\n• a@shop.example\n• b@shop.example",
        "*leads*: 1 person entered\n• c@shop.example",
    ]
    assert outcomes["a@shop.example"].remote_id == f"{CHANNEL}/{slack.messages[2].ts}"
    assert outcomes["c@shop.example"].remote_id == f"{CHANNEL}/{slack.messages[-1].ts}"


def test_messages_of_another_sync_say_nothing(slack: FakeSlack) -> None:
    with opened(slack) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
    slack.messages[0].body["metadata"]["event_payload"]["sync"] = "others"
    with opened(slack) as destination:
        deliver(destination, Action.ADD, [row("b@shop.example")])
        assert deliver(destination, Action.REMOVE, [row("c@shop.example")])
    assert len(slack.messages) == 3


def test_without_the_scope_a_lost_message_is_posted_again(slack: FakeSlack) -> None:
    slack.scopes = "chat:write"
    with impatient(), opened(slack) as destination:
        assert "posted twice" in destination.check()
        deliver(destination, Action.ADD, [row("a@shop.example")])
        slack.misbehave(Fault.LOST, 1)
        deliver(destination, Action.ADD, [row("b@shop.example")])
    assert len(slack.messages) == 3


def test_marks_fit_in_the_metadata(slack: FakeSlack) -> None:
    """What Slack says is too large is sent in halves."""
    slack.most_marks = 1_000
    with opened(slack) as destination:
        deliver(destination, Action.ADD, [row(f"p{number}@shop.example") for number in range(200)])
    assert [text.split(" ")[1] for text in slack.texts] == ["100", "100"]


# What goes wrong


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        (Place(has_bot=False), "invite the bot"),
        (Place(is_archived=True), "another channel"),
        (None, "the id of the channel"),
    ],
)
def test_a_channel_that_takes_no_message_stops_the_sync(
    slack: FakeSlack, place: Place | None, remedy: str
) -> None:
    slack.channels = {CHANNEL: place} if place else {}
    with opened(slack) as destination, pytest.raises(DestinationRefusedError, match=remedy):
        deliver(destination, Action.ADD, [row("a@shop.example")])


@pytest.mark.parametrize(
    "error", ["invalid_auth", "token_revoked", "missing_scope", "restricted_action", "new_word"]
)
def test_what_concerns_every_message_stops_the_sync(slack: FakeSlack, error: str) -> None:
    slack.errors["chat.postMessage"] = [error]
    with opened(slack) as destination, pytest.raises(DestinationRefusedError, match=error) as told:
        deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
    assert not slack.messages
    assert TOKEN not in told.value.message and "shop.example" not in told.value.message


@pytest.mark.parametrize("error", ["ratelimited", "fatal_error", "service_unavailable"])
def test_passing_trouble_leaves_the_rows_to_the_next_run(slack: FakeSlack, error: str) -> None:
    slack.errors["chat.postMessage"] = [error]
    with opened(slack) as destination:
        with pytest.raises(DestinationUnavailableError):
            deliver(destination, Action.ADD, [row("a@shop.example")])
        deliver(destination, Action.ADD, [row("a@shop.example")])
    assert len(slack.messages) == 1


def test_an_answer_without_a_message_is_none(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"messages": [], "has_more": False}
    monkeypatch.setattr(slack, "answer", lambda request: Answer(200, {"ok": True, **answers}))
    with opened(slack) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, [row("a@shop.example")])


def test_an_answer_that_is_no_json_stops_the_sync(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "answer", lambda request: Answer(404))
    with opened(slack) as destination, pytest.raises(DestinationRefusedError, match="404"):
        deliver(destination, Action.ADD, [row("a@shop.example")])


# To erase


def test_a_person_goes_from_every_message(slack: FakeSlack) -> None:
    people = [row("a@shop.example", name="A"), row("aa@shop.example", name="B")]
    with opened(slack) as destination:
        first = deliver(destination, Action.ADD, people)
        left = deliver(
            destination, Action.REMOVE, [removal("a@shop.example", first["a@shop.example"])]
        )
        again = row("a@shop.example", left["a@shop.example"].remote_id, name="A again")
        back = deliver(destination, Action.ADD, [again])
        remote_id = back["a@shop.example"].remote_id or ""
        assert len(remote_id.split()) == 3
        (outcome,) = destination.erase([removal("a@shop.example", back["a@shop.example"])])
        deliver(destination, Action.ADD, people[1:])
    assert outcome.status is Status.ACKNOWLEDGED
    assert slack.texts == [
        "*leads*: 2 people entered\n• aa@shop.example · name: B",
        "*leads*: 1 person left",
        "*leads*: 1 person entered",
    ]
    assert all(one.body["metadata"]["event_payload"]["deliveries"] for one in slack.messages)


def test_who_was_not_shown_needs_no_erasure(slack: FakeSlack) -> None:
    people = [row(f"p{number}@shop.example") for number in range(12)]
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, people)
        before = list(slack.texts)
        erased = destination.erase([removal(one.key, outcomes[one.key]) for one in people[10:]])
    assert [one.status for one in erased] == [Status.ACKNOWLEDGED] * 2
    assert slack.texts == before


def test_a_message_whose_line_is_not_found_goes_as_a_whole(slack: FakeSlack) -> None:
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
        text = slack.messages[0].body["blocks"][0]["text"]
        text["text"] = text["text"].replace("• ", "- ")
        list(destination.erase([removal("a@shop.example", outcomes["a@shop.example"])]))
    assert not slack.messages


def test_without_the_scope_the_whole_message_goes(slack: FakeSlack) -> None:
    slack.scopes = "chat:write"
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        gone = removal("a@shop.example", outcomes["a@shop.example"])
        for _ in range(2):
            (outcome,) = destination.erase([gone])
            assert outcome.status is Status.ACKNOWLEDGED
    assert not slack.messages


def test_a_message_that_cannot_be_changed_goes_as_a_whole(slack: FakeSlack) -> None:
    slack.can_edit = False
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        (outcome,) = destination.erase([removal("a@shop.example", outcomes["a@shop.example"])])
    assert outcome.status is Status.ACKNOWLEDGED
    assert not slack.messages


def test_what_slack_does_not_let_go_is_not_acknowledged(slack: FakeSlack) -> None:
    slack.can_edit = slack.can_delete = False
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
        (outcome,) = destination.erase([removal("a@shop.example", outcomes["a@shop.example"])])
    assert outcome.status is Status.REJECTED
    assert "compliance_exports_prevent_deletion" in (outcome.reason or "")
    assert "owner of the workspace" in (outcome.reason or "")


def test_an_erasure_with_a_wrong_token_is_none(slack: FakeSlack) -> None:
    with opened(slack) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
        slack.errors["chat.update"] = ["token_revoked"]
        with pytest.raises(DestinationRefusedError, match="token_revoked"):
            destination.erase([removal("a@shop.example", outcomes["a@shop.example"])])


def test_who_may_not_be_told_of_any_more_goes_from_what_was_appended(slack: FakeSlack) -> None:
    with opened(slack, Mode.APPEND) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        deliver(destination, Action.REMOVE, [removal("a@shop.example", outcomes["a@shop.example"])])
    assert slack.texts == ["*leads*: 2 rows added\n• b@shop.example"]


# To check


def test_a_check_finds_what_is_well(slack: FakeSlack) -> None:
    with opened(slack) as destination:
        assert destination.check() == "the bot is in the channel"
    assert {one.path for one in slack.requests} == {"/api/auth.test", "/api/conversations.history"}


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        ({"scopes": "channels:history"}, "chat:write"),
        ({"channels": {}}, "channel_not_found"),
        ({"channels": {CHANNEL: Place(has_bot=False)}}, "invite"),
        ({"errors": {"auth.test": ["account_inactive"]}}, "account_inactive"),
    ],
)
def test_a_check_tells_what_is_wrong(slack: FakeSlack, spoil: dict[str, Any], problem: str) -> None:
    for name, value in spoil.items():
        setattr(slack, name, value)
    with opened(slack) as destination, pytest.raises(CdpError) as error:
        destination.check()
    assert problem in error.value.message


def test_a_wrong_token_is_told(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-wrong")
    with opened(slack) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert "SLACK_TOKEN" in error.value.message and "xoxb-wrong" not in error.value.message


@pytest.mark.parametrize("mode", [Mode.AUDIENCE, Mode.APPEND])
@pytest.mark.parametrize("channel", ["#growth", "", "C1/../x", "U024BE91L"])
def test_a_channel_is_given_by_its_id(slack: FakeSlack, mode: Mode, channel: str) -> None:
    with pytest.raises(ConfigurationError, match="which channel"):
        opened(slack, mode, channel=channel)


# The page


def test_what_the_page_shows_can_be_synced(slack: FakeSlack) -> None:
    page = package_root() / "docs" / "destinations" / "slack.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    settings = SlackSettings.model_validate({**entry, "base_url": f"{slack.url}/api"})
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        assert sync.destination == settings.name
        slack.channels[sync.audience or sync.object] = Place()
        of_type = destination_class(settings)
        with of_type(settings, sync.for_destination(), Path()) as destination:
            assert isinstance(destination, SlackDestination)
            assert destination.check()
