"""The Mailchimp destination, against a fake that keeps Mailchimp's rules."""

import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyrate_limiter import Duration, Rate

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import FIELDS, Book, DestinationConformance
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.mailchimp import api as mailchimp_api
from dbt_cdp.destinations.mailchimp import destination as mailchimp
from dbt_cdp.destinations.mailchimp.destination import MailchimpDestination, MailchimpSettings
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, Request, serving
from fake_mailchimp import AUDIENCE, KEY, FakeField, FakeMailchimp, hashed

# Each destination is an account of its own: tests need not wait for one another's limits.
_names = itertools.count()

A, B = "a@shop.example", "b@shop.example"


@pytest.fixture
def fake_mailchimp(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMailchimp]:
    monkeypatch.setenv("MAILCHIMP_API_KEY", KEY)
    monkeypatch.setattr(mailchimp_api, "_RATE", Rate(10_000, Duration.SECOND))
    with serving(FakeMailchimp()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeMailchimp,
    mode: Mode = Mode.UPSERT,
    *,
    key: str = "email",
    fields: Sequence[str] = FIELDS,
    kind: str = AUDIENCE,
    audience: str = "people",
    status: str = "transactional",
) -> Destination:
    settings = MailchimpSettings.model_validate(
        {
            "name": f"mails {next(_names)}",
            "type": "mailchimp",
            "api_key_env": "MAILCHIMP_API_KEY",
            "status_if_new": status,
            "base_url": fake.url,
        }
    )
    audience = audience if mode is Mode.AUDIENCE else ""
    return MailchimpDestination(settings, Sync("leads", mode, kind, audience, key, fields), Path())


class _Conformance(DestinationConformance):
    @pytest.fixture
    def fake(self, fake_mailchimp: FakeMailchimp) -> FakeMailchimp:
        return fake_mailchimp

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """A merge field of type text has no booleans."""
        return {**super().shown(fields), "is_customer": str(fields["is_customer"]).lower()}


class TestUpsert(_Conformance):
    pass


class TestUpsertOfSubscribers(_Conformance):
    """Where it is looked up who is archived."""

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode, status="subscribed")


class TestMirror(_Conformance):
    mode = Mode.MIRROR


class TestAudience(_Conformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, fake_mailchimp: FakeMailchimp) -> FakeMailchimp:
        fake_mailchimp.tag = 31
        return fake_mailchimp


def deliver(destination: Destination, action: Action, rows: Sequence[Row]) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {row.key: book.outcomes[row.delivery_id] for row in rows}


def row(key: str, *, id_: str | None = None, **fields: Any) -> Row:
    return Row(f"d-{key}-{id_}", key, {"email": key, **fields}, id_, None, {"email": key})


def removal(key: str, id_: str | None = None) -> Row:
    return Row(f"r-{key}", key, {}, id_, None, {"email": key})


def statuses(outcomes: Mapping[str, Outcome]) -> list[Status]:
    return [one.status for one in outcomes.values()]


# Addresses and values


@pytest.mark.parametrize(
    ("address", "digest"),
    [
        ("Urist.McVankab@freddiesjokes.com", "62eeb292278cc15f5817cb78f7790b08"),
        ("urist.mcvankab+news@freddiesjokes.com", "17f9969793a0dd0f091706e4e47588e0"),
        (" ZOË@shop.example ", "ece83a26cfaa26941f029d9e2d85f636"),
    ],
)
def test_a_member_is_named_by_the_hash_of_its_address(address: str, digest: str) -> None:
    """The first is Mailchimp's own example. Dots, and what follows a plus, are part of it."""
    assert mailchimp._hash(address) == digest


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("fname", "Zoë 木", "Zoë 木"),
        ("FNAME", True, "true"),
        ("fname", 7, "7"),
        ("fname", datetime(2026, 6, 1, 12), "2026-06-01T12:00:00Z"),
        ("score", Decimal("12.50"), 12.5),
        ("score", 0, 0),
        ("born", date(1990, 2, 28), "02/28"),
        ("born", "02/28", "02/28"),
        ("since", date(2026, 6, 1), "2026-06-01"),
        ("since", datetime(2026, 6, 1, 12), "2026-06-01"),
    ],
)
def test_values_are_sent_as_their_merge_fields_take_them(
    fake_mailchimp: FakeMailchimp, name: str, value: Any, expected: Any
) -> None:
    with opened(fake_mailchimp, fields=("email", name)) as destination:
        outcome = deliver(destination, Action.ADD, [row(A, **{name: value})])[A]
    assert fake_mailchimp.held()[A][name.lower()] == expected
    assert outcome.sent == {"email": A, name: expected}


def test_a_value_that_is_null_is_known_as_null(fake_mailchimp: FakeMailchimp) -> None:
    with opened(fake_mailchimp, fields=("email", "since")) as destination:
        id_ = deliver(destination, Action.ADD, [row(A, since=date(2026, 6, 1))])[A].remote_id
        outcome = deliver(destination, Action.CHANGE, [row(A, id_=id_, since=None)])[A]
    assert fake_mailchimp.held()[A]["since"] == ""
    assert outcome.sent == {"email": A, "since": None}


def test_what_people_have_entered_stays(fake_mailchimp: FakeMailchimp) -> None:
    fake_mailchimp.put(A, FNAME="Ann")
    with opened(fake_mailchimp) as destination:
        deliver(destination, Action.ADD, [row("A@shop.example", score=1)])
    (member,) = fake_mailchimp.members.values()
    assert member.values == {"FNAME": "Ann", "SCORE": 1}


# Who is subscribed


@pytest.mark.parametrize("status", ["transactional", "pending", "subscribed"])
@pytest.mark.parametrize("before", ["subscribed", "unsubscribed", "cleaned", "pending"])
def test_the_status_of_a_member_is_never_changed(
    fake_mailchimp: FakeMailchimp, status: str, before: str
) -> None:
    member = fake_mailchimp.put(A, before)
    with opened(fake_mailchimp, status=status) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A, score=1), row(B)])
        deliver(destination, Action.CHANGE, [row(A, id_=outcomes[A].remote_id, score=2)])
    assert (member.status, member.values["SCORE"]) == (before, 2)
    added = fake_mailchimp.find(hashed(B))
    assert added and added.status == status
    assert statuses(outcomes) == [Status.ACKNOWLEDGED] * 2


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("transactional", "transactional"), ("pending", "pending"), ("subscribed", "pending")],
)
def test_whoever_comes_back_is_not_subscribed(
    fake_mailchimp: FakeMailchimp, wanted: str, given: str
) -> None:
    """Nobody can tell whether a member that is archived had unsubscribed."""
    member = fake_mailchimp.put(A, "unsubscribed")
    with opened(fake_mailchimp, Mode.MIRROR, status=wanted) as destination:
        deliver(destination, Action.REMOVE, [removal(A, member.contact_id)])
        assert member.status == "archived"
        outcomes = deliver(destination, Action.ADD, [row(A), row(B)])
    assert member.status == given
    assert statuses(outcomes) == [Status.ACKNOWLEDGED] * 2
    assert outcomes[A].remote_id == member.contact_id


def test_nobody_is_subscribed_who_is_not_to_be() -> None:
    assert MailchimpSettings(name="m", type="mailchimp", api_key_env="K").status_if_new == (
        "transactional"
    )


# How Mailchimp hides what it does not do


def test_an_answer_of_200_may_refuse_rows(fake_mailchimp: FakeMailchimp) -> None:
    fake_mailchimp.forgotten.add(hashed(A))
    fake_mailchimp.busy.add(B)
    rows = [row(A), row(B), row("c@shop.example"), row("no address")]
    with opened(fake_mailchimp) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert statuses(outcomes) == [
        Status.REJECTED,
        Status.RETRY,
        Status.ACKNOWLEDGED,
        Status.REJECTED,
    ]
    assert str(outcomes[A].reason).startswith("the address was permanently deleted and cannot be")
    assert "@" not in "".join(str(one.reason) for one in outcomes.values())


def test_a_value_that_does_not_fit_is_told_with_its_field(fake_mailchimp: FakeMailchimp) -> None:
    known = fake_mailchimp.put(B)
    with opened(fake_mailchimp) as destination:
        added = deliver(destination, Action.ADD, [row(A, score="many"), row("c@shop.example")])
        changed = deliver(destination, Action.CHANGE, [row(B, id_=known.contact_id, score="many")])
    assert statuses(added) == [Status.REJECTED, Status.ACKNOWLEDGED]
    assert added[A].reason == "SCORE: Please enter a number."
    assert changed[B].status is Status.REJECTED
    assert changed[B].reason == "400: Invalid Resource: SCORE: Please enter a number."


@pytest.mark.parametrize("fields", [("email", "nope"), ("email", "home")])
def test_a_field_that_is_not_there_stops_the_sync(
    fake_mailchimp: FakeMailchimp, fields: Sequence[str]
) -> None:
    """Mailchimp would say nothing of it."""
    with (
        opened(fake_mailchimp, fields=fields) as destination,
        pytest.raises(DestinationRefusedError, match=fields[1].upper()),
    ):
        deliver(destination, Action.ADD, [row(A, **{fields[1]: "x"})])
    assert {one.method for one in fake_mailchimp.requests} == {"GET"}


def test_a_row_of_which_nothing_is_said_is_not_delivered(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake_mailchimp.answer

    def forgetful(request: Request) -> Answer:
        found = answer(request)
        if request.method == "POST":
            found.body["new_members"].pop()
        return found

    monkeypatch.setattr(fake_mailchimp, "answer", forgetful)
    with opened(fake_mailchimp, Mode.INSERT) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A), row(B)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.RETRY]


def test_a_batch_that_is_refused_is_halved(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake_mailchimp.answer
    body = {"title": "Invalid Resource", "status": 400, "detail": "no"}

    def strict(request: Request) -> Answer:
        return Answer(400, body) if B.encode() in request.content else answer(request)

    monkeypatch.setattr(fake_mailchimp, "answer", strict)
    with opened(fake_mailchimp, Mode.INSERT) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A), row(B)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED]
    assert outcomes[B].reason == "400: Invalid Resource: no"


def test_a_removal_that_is_not_confirmed_is_none(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_mailchimp, "answer", lambda request: Answer(200, {}))
    with (
        opened(fake_mailchimp, Mode.MIRROR) as destination,
        pytest.raises(DestinationUnavailableError),
    ):
        deliver(destination, Action.REMOVE, [removal(A)])


# Modes


def test_an_address_may_change_though_it_has_changed_there(fake_mailchimp: FakeMailchimp) -> None:
    """A contact's id stays."""
    with opened(fake_mailchimp) as destination:
        id_ = deliver(destination, Action.ADD, [row(A, score=1)])[A].remote_id
        fake_mailchimp.members[str(id_)].address = "else@shop.example"
        outcomes = deliver(destination, Action.CHANGE, [row("new@shop.example", id_=id_, score=2)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED]
    assert fake_mailchimp.held().keys() == {"new@shop.example"}
    assert len(fake_mailchimp.members) == 1


def test_an_address_that_another_member_has_is_rejected(fake_mailchimp: FakeMailchimp) -> None:
    member, _ = fake_mailchimp.put(A), fake_mailchimp.put(B)
    with opened(fake_mailchimp) as destination:
        outcome = deliver(destination, Action.CHANGE, [row(B, id_=member.contact_id)])[B]
    assert outcome.status is Status.REJECTED
    assert outcome.reason == "400: Member Exists: the address is already a list member."


def test_a_member_that_was_deleted_there_is_made_anew(fake_mailchimp: FakeMailchimp) -> None:
    with opened(fake_mailchimp) as destination:
        outcomes = deliver(destination, Action.CHANGE, [row(A, id_="contact99", score=1)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED]
    assert fake_mailchimp.held()[A]["score"] == 1


def test_an_insert_leaves_members_as_they_are(fake_mailchimp: FakeMailchimp) -> None:
    fake_mailchimp.put(A, SCORE=1)
    with opened(fake_mailchimp, Mode.INSERT) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A, score=2), row(B, score=3)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED] * 2
    assert [one["score"] for one in fake_mailchimp.held().values()] == [1, 3]


def test_an_update_creates_nobody_and_brings_nobody_back(fake_mailchimp: FakeMailchimp) -> None:
    fake_mailchimp.put(A)
    archived = fake_mailchimp.put("c@shop.example", "archived")
    with opened(fake_mailchimp, Mode.UPDATE) as destination:
        rows = [row(A, score=2), row(B, score=3), row("c@shop.example", score=4)]
        outcomes = deliver(destination, Action.ADD, rows)
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED, Status.REJECTED]
    assert "no such member" in str(outcomes[B].reason)
    assert archived.status == "archived"
    assert fake_mailchimp.held().keys() == {A}


def test_a_member_that_cannot_be_removed_is_told(fake_mailchimp: FakeMailchimp) -> None:
    fake_mailchimp.put(A)
    fake_mailchimp.held_back.add(A)
    with opened(fake_mailchimp, Mode.MIRROR) as destination:
        outcome = deliver(destination, Action.REMOVE, [removal(A)])[A]
        (erased,) = destination.erase([removal(A)])
    assert outcome.status is erased.status is Status.REJECTED
    assert "cannot be removed" in str(outcome.reason)
    assert A not in str(erased.reason)


@pytest.mark.parametrize("is_silent", [True, False])
@pytest.mark.parametrize(("audience", "number"), [("people", 31), ("32", 32)])
def test_who_leaves_the_segment_stays_a_member(
    fake_mailchimp: FakeMailchimp, audience: str, number: int, is_silent: bool
) -> None:
    fake_mailchimp.is_silent = is_silent
    other = fake_mailchimp.put("other@shop.example")
    other.tags.add(number)
    with opened(fake_mailchimp, Mode.AUDIENCE, audience=audience) as destination:
        for _ in range(2):
            outcomes = deliver(destination, Action.ADD, [row(A), row(B)])
            assert statuses(outcomes) == [Status.ACKNOWLEDGED] * 2
        assert [number in one.tags for one in fake_mailchimp.members.values()] == [True] * 3
        for _ in range(2):
            gone = [removal(A), removal(B), removal("nobody@shop.example")]
            assert statuses(deliver(destination, Action.REMOVE, gone)) == [Status.ACKNOWLEDGED] * 3
    assert [one.address for one in fake_mailchimp.members.values() if number in one.tags] == [
        "other@shop.example"
    ]
    assert fake_mailchimp.count() == 3


def test_a_member_leaves_the_segment_under_the_address_that_it_has_now(
    fake_mailchimp: FakeMailchimp,
) -> None:
    with opened(fake_mailchimp, Mode.AUDIENCE) as destination:
        id_ = str(deliver(destination, Action.ADD, [row(A)])[A].remote_id)
        fake_mailchimp.members[id_].address = "else@shop.example"
        outcomes = deliver(destination, Action.REMOVE, [removal(A, id_)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED]
    assert not fake_mailchimp.members[id_].tags


def test_a_member_that_is_not_put_into_the_segment_is_not_delivered(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake_mailchimp.answer
    nothing = dict.fromkeys(("members_added", "members_removed", "errors"), ())

    def idle(request: Request) -> Answer:
        return Answer(200, nothing) if "segments" in request.path else answer(request)

    with opened(fake_mailchimp, Mode.AUDIENCE) as destination:
        id_ = deliver(destination, Action.ADD, [row(A)])[A].remote_id
        monkeypatch.setattr(fake_mailchimp, "answer", idle)
        added = deliver(destination, Action.ADD, [row(B)])
        removed = deliver(destination, Action.REMOVE, [removal(A, id_)])
    assert statuses(added) == statuses(removed) == [Status.RETRY]


@pytest.mark.parametrize("audience", ["33", "404", "peop", "nobody"])
def test_a_segment_that_cannot_be_changed_stops_the_sync(
    fake_mailchimp: FakeMailchimp, audience: str
) -> None:
    with opened(fake_mailchimp, Mode.AUDIENCE, audience=audience) as destination:
        with pytest.raises(DestinationRefusedError, match=f"'{audience}' is no tag"):
            destination.check()
        with pytest.raises(DestinationRefusedError, match=f"'{audience}' is no tag"):
            deliver(destination, Action.ADD, [row(A)])


def test_no_more_connections_are_open_than_mailchimp_allows(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, lock, active, most = fake_mailchimp.handle, threading.Lock(), set(), [0]

    def counted(request: Request) -> Answer | None:
        with lock:
            active.add(id(request))
            most[0] = max(most[0], len(active))
        time.sleep(0.01)
        with lock:
            active.discard(id(request))
        return handle(request)

    monkeypatch.setattr(fake_mailchimp, "handle", counted)
    rows = [row(f"p{one}@shop.example", id_=f"contact{one + 1}") for one in range(40)]
    for one in rows:
        fake_mailchimp.put(one.key)
    with opened(fake_mailchimp) as destination:
        assert set(statuses(deliver(destination, Action.CHANGE, rows))) == {Status.ACKNOWLEDGED}
    assert 2 <= most[0] <= 5


# To erase


def test_an_erased_member_cannot_come_back(fake_mailchimp: FakeMailchimp) -> None:
    with opened(fake_mailchimp) as destination:
        added = deliver(destination, Action.ADD, [row(A), row(B), row("c@shop.example")])
        id_ = str(added[A].remote_id)
        fake_mailchimp.members[id_].address = "else@shop.example"
        gone = [removal(A, id_), removal(B), removal("nobody@shop.example")]
        for _ in range(2):
            outcomes = list(destination.erase(gone))
            assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 3
        again = deliver(destination, Action.ADD, [row(B), row("else@shop.example")])
    assert fake_mailchimp.held().keys() == {"c@shop.example"}
    assert statuses(again) == [Status.REJECTED] * 2


def test_a_member_that_is_archived_is_erased(fake_mailchimp: FakeMailchimp) -> None:
    member = fake_mailchimp.put(A)
    with opened(fake_mailchimp, Mode.MIRROR) as destination:
        deliver(destination, Action.REMOVE, [removal(A, member.contact_id)])
        (outcome,) = destination.erase([removal(A, member.contact_id)])
    assert outcome.status is Status.ACKNOWLEDGED
    assert not fake_mailchimp.members


# To check


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"fields": ("email", "nope", "no")}, ["no merge field NOPE", "no merge field NO"]),
        ({"fields": ("email", "home")}, ["HOME is an address"]),
        ({"kind": "b0", "fields": ("email",)}, ["no audience b0"]),
        ({"mode": Mode.AUDIENCE, "audience": "33"}, ["keeps it itself"]),
        ({"mode": Mode.AUDIENCE, "audience": "404"}, ["has none"]),
    ],
)
def test_a_check_tells_what_mailchimp_would_refuse(
    fake_mailchimp: FakeMailchimp, options: dict[str, Any], problems: list[str]
) -> None:
    with opened(fake_mailchimp, **options) as destination, pytest.raises(CdpError) as error:
        destination.check()
    for problem in problems:
        assert problem in error.value.message
    assert {one.method for one in fake_mailchimp.requests} == {"GET"}


@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.AUDIENCE])
def test_a_field_that_the_audience_needs_is_told(fake_mailchimp: FakeMailchimp, mode: Mode) -> None:
    fake_mailchimp.fields["FNAME"] = FakeField(required=True)
    with opened(fake_mailchimp, mode) as destination:
        if mode is Mode.UPDATE:
            assert destination.check()
        else:
            with pytest.raises(DestinationRefusedError, match="nobody without FNAME"):
                destination.check()


@pytest.mark.parametrize("options", [{}, {"mode": Mode.AUDIENCE}, {"mode": Mode.INSERT}])
def test_a_check_finds_what_is_well(fake_mailchimp: FakeMailchimp, options: dict[str, Any]) -> None:
    with opened(fake_mailchimp, **options) as destination:
        assert "merge fields of 'Customers'" in destination.check()
    assert {one.method for one in fake_mailchimp.requests} == {"GET"}


def test_a_wrong_key_is_told_and_not_shown(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILCHIMP_API_KEY", "wr0ng-us6")
    with opened(fake_mailchimp) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert "MAILCHIMP_API_KEY" in error.value.message
    assert "API Key Invalid" in error.value.message
    assert "wr0ng" not in error.value.message


def test_no_secret_stands_in_a_reason(
    fake_mailchimp: FakeMailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake_mailchimp.answer
    body = {"title": "Bad Request", "status": 400, "detail": f"not with {KEY}"}
    monkeypatch.setattr(
        fake_mailchimp,
        "answer",
        lambda request: Answer(400, body) if request.method == "POST" else answer(request),
    )
    with opened(fake_mailchimp) as destination:
        outcome = deliver(destination, Action.ADD, [row(A)])[A]
    assert outcome.reason == "400: Bad Request: not with ***"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"kind": ""}, "which audience"),
        ({"kind": "b1/../b2"}, "which audience"),
        ({"key": "FNAME", "fields": ("FNAME",)}, "by their addresses alone"),
        ({"mode": Mode.APPEND}, "mode append"),
    ],
)
def test_a_sync_that_cannot_be_is_refused(
    fake_mailchimp: FakeMailchimp, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(fake_mailchimp, **options)


@pytest.mark.parametrize(
    ("key", "address"),
    [(KEY, "https://us6.api.mailchimp.com"), ("abc-def-us21", "https://us21.api.mailchimp.com")],
)
def test_the_data_center_stands_at_the_end_of_the_key(key: str, address: str) -> None:
    assert mailchimp._address_of(key, "here") == address


@pytest.mark.parametrize("key", ["abc", "abc-", "-us77", "abc-us6/x", "abc-evil.example"])
def test_a_key_without_a_data_center_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="data center") as error:
        mailchimp._address_of(key, "here")
    assert key not in error.value.message


# The page


def test_what_the_page_shows_can_be_synced(fake_mailchimp: FakeMailchimp) -> None:
    page = package_root() / "docs" / "destinations" / "mailchimp.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    settings = MailchimpSettings.model_validate({**entry, "base_url": fake_mailchimp.url})
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        assert sync.destination == settings.name
        assert sync.object == AUDIENCE
        fake_mailchimp.fields |= {name: FakeField() for name in sync.fields if name.isupper()}
        if sync.audience:
            fake_mailchimp.segments[34] = type(fake_mailchimp.segments[31])(sync.audience)
        with MailchimpDestination(settings, sync.for_destination(), Path()) as destination:
            assert destination.check()
