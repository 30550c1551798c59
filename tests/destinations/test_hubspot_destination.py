"""The HubSpot destination, against a fake that keeps HubSpot's rules."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import (
    FIELDS,
    Book,
    DestinationConformance,
    impatient,
)
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.hubspot.destination import HubSpotDestination, HubSpotSettings
from dbt_cdp.destinations.registry import destination_class
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, Request, serving
from fake_hubspot import TOKEN, FakeHubSpot, Property

# Each destination is an account of its own: tests need not wait for one another's limits.
_names = itertools.count()


@pytest.fixture
def hubspot(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHubSpot]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    with serving(FakeHubSpot()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeHubSpot,
    mode: Mode = Mode.UPSERT,
    *,
    kind: str = "contacts",
    key: str = "email",
    fields: Sequence[str] = FIELDS,
    audience: str = "17",
) -> Destination:
    settings = HubSpotSettings(
        name=f"crm {next(_names)}",
        type="hubspot",
        token_env="HUBSPOT_TOKEN",
        base_url=fake.url,
    )
    audience = audience if mode is Mode.AUDIENCE else ""
    return HubSpotDestination(settings, Sync("leads", mode, kind, audience, key, fields), Path())


def texts(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of the kit's rows, as HubSpot is to hold them."""
    shown = {name: str(value) for name, value in fields.items()}
    shown["is_customer"] = shown["is_customer"].lower()
    shown["seen_at"] = f"{fields['seen_at']:%Y-%m-%dT%H:%M:%S}.125Z"
    return shown


class _Conformance(DestinationConformance):
    @pytest.fixture
    def fake(self, hubspot: FakeHubSpot) -> FakeHubSpot:
        return hubspot

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return texts(fields)


class TestUpsert(_Conformance):
    pass


class TestUpsertOfWholeBatches(_Conformance):
    """Where one bad contact spoils a batch, and answers do not repeat what traces a record."""

    @pytest.fixture
    def fake(self, hubspot: FakeHubSpot) -> FakeHubSpot:
        hubspot.is_partial = hubspot.is_traced = False
        return hubspot


class TestMirror(_Conformance):
    mode = Mode.MIRROR


class TestAudience(_Conformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, hubspot: FakeHubSpot) -> FakeHubSpot:
        hubspot.list_id = "17"
        return hubspot


def deliver(
    destination: Destination, action: Action, rows: Sequence[Row], book: Book | None = None
) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = book or Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {row.key: book.outcomes[row.delivery_id] for row in rows}


def row(key: str, *, id_: str | None = None, by: str = "email", **fields: Any) -> Row:
    return Row(f"d-{key}-{id_}", key, {by: key, **fields}, id_, None, {by: key})


def removal(key: str, id_: str | None = None, **more: Any) -> Row:
    return Row(f"r-{key}", key, {}, id_, more.get("into"), more.get("sent", {}))


# Values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (Decimal("12.500"), "12.5"),
        (Decimal("100"), "100"),
        (date(2026, 6, 1), "2026-06-01"),
        (datetime(2026, 6, 1, 12, 0, 0, 125_999), "2026-06-01T12:00:00.125Z"),
        (datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2026-06-01T10:00:00.000Z"),
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "2026-06-01T12:00:00.000Z"),
        (["red", "blue"], "red;blue"),
        ("'\"\\\n;é木", "'\"\\\n;é木"),
    ],
)
def test_values_are_sent_as_hubspot_reads_them(hubspot: FakeHubSpot, value: Any, text: str) -> None:
    hubspot.properties["contacts"]["any"] = Property()
    with opened(hubspot) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example", any=value)])
    assert hubspot.held()["a@shop.example"]["any"] == text
    sent = outcomes["a@shop.example"].sent
    assert sent == {"email": "a@shop.example", "any": text or None}


def test_what_was_sent_is_kept_of_fields_that_are_left_out(hubspot: FakeHubSpot) -> None:
    with opened(hubspot) as destination:
        first = deliver(destination, Action.ADD, [row("a@shop.example", name="A", score=1)])
        id_, sent = first["a@shop.example"].remote_id, first["a@shop.example"].sent
        later = Row("d2", "a@shop.example", {"score": 2}, id_, None, sent or {})
        outcome = deliver(destination, Action.CHANGE, [later])["a@shop.example"]
    assert outcome.sent == {"email": "a@shop.example", "name": "A", "score": "2"}
    assert hubspot.held()["a@shop.example"]["name"] == "A"


# Rows that are refused


def refused_rows(fake: FakeHubSpot) -> dict[str, Outcome]:
    fake.blocked.add("gone@shop.example")
    rows = [
        row("a@shop.example", score=1),
        row("no address", score=2),
        row("gone@shop.example", score=3),
        row("b@shop.example", score="many"),
        row("c@shop.example", score=4),
    ]
    with opened(fake) as destination:
        return deliver(destination, Action.ADD, rows)


@pytest.mark.parametrize("is_partial", [True, False])
def test_each_refused_row_has_hubspots_reason(hubspot: FakeHubSpot, is_partial: bool) -> None:
    hubspot.is_partial = is_partial
    outcomes = refused_rows(hubspot)
    assert {key for key, one in outcomes.items() if one.status is Status.ACKNOWLEDGED} == {
        "a@shop.example",
        "c@shop.example",
    }
    assert hubspot.held().keys() == {"a@shop.example", "c@shop.example"}
    reasons = {key: one.reason or "" for key, one in outcomes.items()}
    assert "INVALID_EMAIL" in reasons["no address"]
    assert "permanently deleted" in reasons["gone@shop.example"]
    assert "INVALID_VALUE" in reasons["b@shop.example"]
    refused = [one for one in outcomes.values() if one.reason]
    assert {one.status for one in refused} == {Status.REJECTED}


@pytest.mark.parametrize("is_partial", [True, False])
@pytest.mark.parametrize(
    ("name", "fault"), [("nope", "does not exist"), ("hs_object_id", "cannot be written")]
)
def test_a_faulty_property_stops_the_sync(
    hubspot: FakeHubSpot, name: str, fault: str, is_partial: bool
) -> None:
    hubspot.is_partial = is_partial
    rows = [row(f"p{number}@shop.example", **{name: "1"}) for number in range(9)]
    with (
        opened(hubspot) as destination,
        pytest.raises(DestinationRefusedError, match=f"{name} of contacts {fault}") as error,
    ):
        deliver(destination, Action.ADD, rows)
    assert len(hubspot.requests) == 1
    assert "shop.example" not in error.value.message


def test_a_faulty_property_is_found_among_the_details(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = {"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["nope"]}}
    body = {"category": "VALIDATION_ERROR", "message": "wrong", "errors": [detail]}
    monkeypatch.setattr(hubspot, "answer", lambda request: Answer(400, body))
    with opened(hubspot) as destination, pytest.raises(CdpError, match="property nope of contacts"):
        deliver(destination, Action.ADD, [row("a@shop.example")])


def test_a_long_reason_is_cut(hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"category": "VALIDATION_ERROR", "message": "too \n long " * 200, "errors": []}
    monkeypatch.setattr(hubspot, "answer", lambda request: Answer(400, body))
    with opened(hubspot) as destination:
        outcome = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
    assert (outcome.reason or "").startswith("400: too long too long")
    assert len(outcome.reason or "") < 510


def test_passing_trouble_with_a_row_is_no_rejection(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = row("a@shop.example")
    trouble = {
        "status": "error",
        "category": "INTERNAL_ERROR",
        "message": "oops",
        "context": {"objectWriteTraceId": [one.delivery_id]},
    }
    monkeypatch.setattr(
        hubspot, "answer", lambda request: Answer(207, {"results": [], "errors": [trouble]})
    )
    with opened(hubspot) as destination:
        outcome = deliver(destination, Action.ADD, [one])["a@shop.example"]
    assert (outcome.status, outcome.reason) == (Status.RETRY, "oops")


def test_records_are_not_taken_for_others_whose_key_is_their_id(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that are numbers look like ids of records."""
    hubspot.is_traced = False
    with opened(hubspot, key="customer_id", fields=("customer_id",)) as destination:
        rows = [row(key, by="customer_id") for key in ("502", "501")]
        outcomes = deliver(destination, Action.ADD, rows)
        assert {key: one.remote_id for key, one in outcomes.items()} == {"502": "501", "501": "502"}


def test_a_record_is_known_by_its_id_alone(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer need not repeat anything else."""
    bare = {"results": [{"id": "502"}, {"id": "999"}]}
    monkeypatch.setattr(hubspot, "answer", lambda request: Answer(200, bare))
    rows = [row("a@shop.example", id_="501"), row("b@shop.example", id_="502")]
    with opened(hubspot) as destination:
        outcomes = deliver(destination, Action.CHANGE, rows)
    assert outcomes["b@shop.example"].status is Status.ACKNOWLEDGED
    assert outcomes["a@shop.example"].status is Status.RETRY


@pytest.mark.parametrize(("status", "error"), [(477, DestinationUnavailableError), (418, CdpError)])
def test_other_answers_acknowledge_nothing(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch, status: int, error: type[CdpError]
) -> None:
    monkeypatch.setattr(hubspot, "answer", lambda request: Answer(status, {"message": "?"}))
    with opened(hubspot) as destination, pytest.raises(error):
        deliver(destination, Action.ADD, [row("a@shop.example")])


def test_a_locked_account_is_asked_again(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([Answer(423, {"message": "locked"})])
    answer = hubspot.answer

    def locked_first(request: Request) -> Answer:
        return next(answers, None) or answer(request)

    monkeypatch.setattr(hubspot, "answer", locked_first)
    with impatient(), opened(hubspot) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
    assert hubspot.held().keys() == {"a@shop.example"}


# By id and by key


@pytest.mark.parametrize("is_partial", [True, False])
def test_a_record_that_is_gone_is_made_anew(hubspot: FakeHubSpot, is_partial: bool) -> None:
    hubspot.is_partial = is_partial
    kept = hubspot.put("contacts", email="b@shop.example")
    rows = [row("a@shop.example", id_="9999", score=1), row("b@shop.example", id_=kept, score=2)]
    with opened(hubspot) as destination:
        outcomes = deliver(destination, Action.CHANGE, rows)
    assert [one.status for one in outcomes.values()] == [Status.ACKNOWLEDGED] * 2
    assert outcomes["a@shop.example"].remote_id not in (None, "9999")
    assert outcomes["b@shop.example"].remote_id == kept
    assert hubspot.held()["a@shop.example"]["score"] == "1"


def test_an_email_of_another_contact_is_refused(hubspot: FakeHubSpot) -> None:
    id_ = hubspot.put("contacts", email="a@shop.example")
    hubspot.put("contacts", email="b@shop.example")
    with opened(hubspot) as destination:
        outcome = deliver(destination, Action.CHANGE, [row("b@shop.example", id_=id_)])
    assert outcome["b@shop.example"].status is Status.REJECTED
    assert "already exists" in (outcome["b@shop.example"].reason or "")


def test_an_id_of_a_removed_record_is_not_written_to(hubspot: FakeHubSpot) -> None:
    """Its record may have been put into somebody else's meanwhile."""
    mine = hubspot.put("contacts", email="a@shop.example")
    other = hubspot.put("contacts", email="b@shop.example", customer_id="7")
    hubspot.merge("contacts", other, mine)
    with opened(hubspot, key="customer_id") as destination:
        outcomes = deliver(destination, Action.ADD, [row("8", id_=mine, by="customer_id")])
    assert outcomes["8"].status is Status.ACKNOWLEDGED
    assert {one.values.get("customer_id") for one in hubspot.records["contacts"].values()} == {
        "7",
        "8",
    }


# Modes


@pytest.mark.parametrize("is_partial", [True, False])
def test_insert_leaves_what_is_there_alone(hubspot: FakeHubSpot, is_partial: bool) -> None:
    hubspot.is_partial = is_partial
    there = hubspot.put("contacts", email="a@shop.example", name="theirs")
    rows = [row("A@shop.example", name="ours"), row("b@shop.example", name="ours")]
    with opened(hubspot, Mode.INSERT) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert outcomes["A@shop.example"].remote_id == there
    assert outcomes["A@shop.example"].sent == {"email": "A@shop.example"}
    assert {key: one["name"] for key, one in hubspot.held().items()} == {
        "a@shop.example": "theirs",
        "b@shop.example": "ours",
    }


@pytest.mark.parametrize("is_partial", [True, False])
def test_insert_that_is_cut_off_creates_nothing_twice(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch, is_partial: bool
) -> None:
    """The call that creates is carried out, and not answered."""
    hubspot.is_partial = is_partial
    handle, lost = hubspot.handle, iter([True])

    def losing(request: Request) -> Answer | None:
        answer = handle(request)
        return None if request.path.endswith("create") and next(lost, False) else answer

    monkeypatch.setattr(hubspot, "handle", losing)
    rows = [row(f"p{number}@shop.example") for number in range(5)]
    with impatient(), opened(hubspot, Mode.INSERT) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert {one.status for one in outcomes.values()} == {Status.ACKNOWLEDGED}
    assert hubspot.count() == 5


def test_update_creates_nothing(hubspot: FakeHubSpot) -> None:
    hubspot.put("contacts", email="a@shop.example")
    rows = [row("a@shop.example", score=1), row("b@shop.example", score=2)]
    with opened(hubspot, Mode.UPDATE) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
        gone = deliver(destination, Action.CHANGE, [row("c@shop.example", id_="9999")])
    assert outcomes["b@shop.example"].status is Status.REJECTED
    assert gone["c@shop.example"].reason == "HubSpot has no such record"
    assert hubspot.held() == {"a@shop.example": {"email": "a@shop.example", "score": "1"}}


def test_what_is_removed_can_be_restored(hubspot: FakeHubSpot) -> None:
    id_ = hubspot.put("contacts", email="a@shop.example")
    with opened(hubspot, Mode.MIRROR) as destination:
        deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
    assert hubspot.archived["contacts"].keys() == {id_}


def test_what_is_removed_is_found_by_its_id(hubspot: FakeHubSpot) -> None:
    """Somebody has given the contact another e-mail."""
    id_ = hubspot.put("contacts", email="new@shop.example")
    with opened(hubspot, Mode.MIRROR) as destination:
        deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
    assert hubspot.count() == 0


def test_what_is_not_known_to_be_gone_is_not_acknowledged(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by an answer that tells of trouble, nor by one that is none."""
    id_ = hubspot.put("contacts", email="a@shop.example")
    answer = hubspot.answer
    trouble = {"category": "INTERNAL_ERROR", "message": "oops", "context": {"ids": [id_]}}
    wrong = {
        "read": Answer(207, {"results": [], "errors": [trouble]}),
        "archive": Answer(200, {"status": "?"}),
        "gdpr-delete": Answer(200, {"status": "?"}),
    }
    row = removal("a@shop.example", id_)
    for end, instead in wrong.items():

        def answering(request: Request, end: str = end, instead: Answer = instead) -> Answer:
            return instead if request.path.endswith(end) else answer(request)

        monkeypatch.setattr(hubspot, "answer", answering)
        with opened(hubspot) as destination, pytest.raises(DestinationUnavailableError):
            if end == "gdpr-delete":
                list(destination.erase([row]))
            else:
                deliver(destination, Action.REMOVE, [row])
    assert hubspot.count() == 1


def test_an_answer_that_a_record_is_not_there_may_have_no_batch(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "not found"}
    monkeypatch.setattr(hubspot, "answer", lambda request: Answer(404, body))
    rows = [removal("a@shop.example", "501"), removal("b@shop.example", "502")]
    with opened(hubspot) as destination:
        outcomes = deliver(destination, Action.REMOVE, rows)
    assert {one.status for one in outcomes.values()} == {Status.ACKNOWLEDGED}


def test_what_has_become_a_part_of_another_record_is_not_removed(hubspot: FakeHubSpot) -> None:
    """Somebody has merged the contacts of two people, by hand."""
    mine = hubspot.put("contacts", email="a@shop.example")
    other = hubspot.put("contacts", email="b@shop.example")
    hubspot.merge("contacts", other, mine)
    with opened(hubspot, Mode.MIRROR) as destination:
        outcome = deliver(destination, Action.REMOVE, [removal("a@shop.example", mine)])
        assert outcome["a@shop.example"].status is Status.ACKNOWLEDGED
        assert hubspot.held().keys() == {"b@shop.example"}
        deliver(destination, Action.REMOVE, [removal("b@shop.example", other)])
    assert hubspot.held() == {}


# Audiences


def test_a_member_is_created_and_leaves_the_list_only(hubspot: FakeHubSpot) -> None:
    hubspot.list_id = "17"
    with opened(hubspot, Mode.AUDIENCE) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("nobody")])
        assert outcomes["nobody"].status is Status.REJECTED
        assert hubspot.held().keys() == {"a@shop.example"}
        id_ = outcomes["a@shop.example"].remote_id
        deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
    assert hubspot.held() == {}
    assert hubspot.records["contacts"].keys() == {id_}


def test_a_contact_that_vanishes_before_it_joins_is_tried_again(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = hubspot.answer

    def vanishing(request: Request) -> Answer:
        if request.path.endswith("add-and-remove"):
            hubspot.records["contacts"].clear()
        return answer(request)

    monkeypatch.setattr(hubspot, "answer", vanishing)
    with opened(hubspot, Mode.AUDIENCE) as destination:
        outcome = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
    assert outcome.status is Status.RETRY


def test_a_list_that_hubspot_keeps_stops_the_sync(hubspot: FakeHubSpot) -> None:
    for audience in ("18", "404"):
        with (
            opened(hubspot, Mode.AUDIENCE, audience=audience) as destination,
            pytest.raises(DestinationRefusedError, match=f"list {audience}"),
        ):
            deliver(destination, Action.ADD, [row("a@shop.example")])


@pytest.mark.parametrize("is_merged_already", [True, False])
def test_of_two_members_that_are_one_person_one_stays(
    hubspot: FakeHubSpot, is_merged_already: bool
) -> None:
    """Also where the sync of the contacts has merged the two before."""
    hubspot.list_id = "17"
    with opened(hubspot, Mode.AUDIENCE) as destination:
        joined = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        a, b = (one.remote_id for one in joined.values())
        if is_merged_already:
            hubspot.merge("contacts", str(a), str(b))
        deliver(destination, Action.MERGE, [removal("b@shop.example", b, into=a)])
    assert hubspot.held().keys() == {"a@shop.example"}
    assert len(hubspot.records["contacts"]) == (1 if is_merged_already else 2)


# Merges


def merged(fake: FakeHubSpot) -> tuple[Destination, str, str, Outcome]:
    winner = fake.put("contacts", email="a@shop.example", name="A")
    loser = fake.put("contacts", email="b@shop.example", name="B")
    destination = opened(fake, Mode.MIRROR)
    row = removal("b@shop.example", loser, into=winner)
    return destination, winner, loser, deliver(destination, Action.MERGE, [row])[row.key]


def test_a_merged_record_is_found_by_its_old_id(hubspot: FakeHubSpot) -> None:
    """HubSpot makes a new record; what is in the ledger is the old id."""
    destination, winner, loser, outcome = merged(hubspot)
    assert outcome.status is Status.ACKNOWLEDGED
    assert outcome.remote_id not in (winner, loser)
    with destination:
        changes = deliver(destination, Action.CHANGE, [row("a@shop.example", id_=winner, score=3)])
        assert changes["a@shop.example"].remote_id == outcome.remote_id
        assert hubspot.held()["a@shop.example"]["score"] == "3"
        deliver(destination, Action.REMOVE, [removal("a@shop.example", winner)])
    assert hubspot.held() == {}


@pytest.mark.parametrize("is_traced", [True, False])
def test_a_merged_record_may_change_its_email(hubspot: FakeHubSpot, is_traced: bool) -> None:
    hubspot.is_traced = is_traced
    destination, winner, _, outcome = merged(hubspot)
    with destination:
        new = Row("d9", "new@shop.example", {"email": "new@shop.example"}, winner)
        changes = deliver(destination, Action.CHANGE, [new])
    assert changes["new@shop.example"].remote_id == outcome.remote_id
    assert hubspot.held().keys() == {"new@shop.example"}


def test_a_merge_that_was_done_is_done(hubspot: FakeHubSpot) -> None:
    destination, winner, loser, _ = merged(hubspot)
    with destination:
        again = removal("b@shop.example", loser, into=winner)
        outcome = deliver(destination, Action.MERGE, [again])
    assert outcome["b@shop.example"].status is Status.ACKNOWLEDGED
    assert hubspot.held().keys() == {"a@shop.example"}


def test_a_merge_finds_by_key_what_has_no_id(hubspot: FakeHubSpot) -> None:
    winner = hubspot.put("contacts", email="a@shop.example")
    hubspot.put("contacts", email="b@shop.example")
    with opened(hubspot) as destination:
        rows = [
            removal("b@shop.example", into=winner),
            removal("nobody@shop.example", into=winner),
            removal("gone@shop.example", "9999", into=winner),
        ]
        outcomes = deliver(destination, Action.MERGE, rows)
    assert {one.status for one in outcomes.values()} == {Status.ACKNOWLEDGED}
    assert hubspot.held().keys() == {"a@shop.example"}


def test_a_merge_without_the_record_that_stays_waits(hubspot: FakeHubSpot) -> None:
    loser = hubspot.put("contacts", email="b@shop.example")
    with opened(hubspot) as destination:
        (outcome,) = destination.send(Action.MERGE, [removal("b@shop.example", loser, into="9999")])
        (unknown,) = destination.send(Action.MERGE, [removal("b@shop.example", loser)])
    assert outcome.status is unknown.status is Status.RETRY
    assert hubspot.held().keys() == {"b@shop.example"}


def test_a_merge_that_hubspot_refuses_is_told(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = hubspot.answer
    refusal = {"status": "error", "category": "VALIDATION_ERROR", "message": "merged too often"}

    def refusing(request: Request) -> Answer:
        return Answer(400, refusal) if request.path.endswith("merge") else answer(request)

    monkeypatch.setattr(hubspot, "answer", refusing)
    _, _, _, outcome = merged(hubspot)
    assert (outcome.status, outcome.reason) == (Status.REJECTED, "400: merged too often")


# To erase


def test_an_erased_contact_cannot_come_back(hubspot: FakeHubSpot) -> None:
    id_ = hubspot.put("contacts", email="a@shop.example")
    with opened(hubspot) as destination:
        (outcome,) = destination.erase([removal("a@shop.example", id_)])
        assert outcome.status is Status.ACKNOWLEDGED
        assert len(hubspot.requests) == 1
        again = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
    assert again.status is Status.REJECTED
    assert hubspot.count() == 0


def test_both_people_of_a_merged_contact_are_erased(hubspot: FakeHubSpot) -> None:
    destination, winner, loser, _ = merged(hubspot)
    with destination:
        rows = [removal("b@shop.example", loser), removal("a@shop.example", winner)]
        for _ in range(2):
            outcomes = list(destination.erase(rows))
            assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 2
    assert hubspot.count() == 0
    assert hubspot.archived["contacts"] == {}
    assert hubspot.blocked == {"a@shop.example", "b@shop.example"}


def test_a_contact_is_erased_by_its_key_and_by_its_email(hubspot: FakeHubSpot) -> None:
    hubspot.put("contacts", email="a@shop.example", customer_id="1")
    hubspot.put("contacts", email="b@shop.example")
    rows = [
        removal("1", "9999", sent={"email": "else@shop.example"}),
        removal("2", sent={"email": "b@shop.example"}),
        removal("3"),
    ]
    with opened(hubspot, key="customer_id", fields=("customer_id", "email")) as destination:
        outcomes = list(destination.erase(rows))
    assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 3
    assert hubspot.count() == 0
    assert "else@shop.example" not in hubspot.blocked


def test_a_contact_that_can_be_restored_is_not_erased(hubspot: FakeHubSpot) -> None:
    id_ = hubspot.put("contacts", email="a@shop.example")
    with opened(hubspot, Mode.MIRROR) as destination:
        deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
        (outcome,) = destination.erase([removal("a@shop.example", id_)])
    assert outcome.status is Status.REJECTED
    assert "90 days" in (outcome.reason or "")


def test_a_contact_that_cannot_be_erased_is_told(
    hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"status": "error", "category": "VALIDATION_ERROR", "message": "no"}
    monkeypatch.setattr(hubspot, "answer", lambda request: Answer(400, body))
    with opened(hubspot) as destination:
        (outcome,) = destination.erase([removal("a@shop.example", "501")])
    assert (outcome.status, outcome.reason) == (Status.REJECTED, "400: no")


def test_other_records_are_not_erased_but_deleted(hubspot: FakeHubSpot) -> None:
    id_ = hubspot.put("companies", account_id="acme")
    by_key = hubspot.put("companies", account_id="umbrella")
    rows = [removal("acme", id_), removal("umbrella"), removal("nobody"), removal("none", "9999")]
    with opened(hubspot, kind="companies", key="account_id", fields=("account_id",)) as destination:
        outcomes = list(destination.erase(rows))
        again = list(destination.erase([removal("acme", id_)]))
    assert [one.status for one in outcomes] == [Status.REJECTED] * 2 + [Status.ACKNOWLEDGED] * 2
    assert "90 days" in (outcomes[0].reason or "")
    assert again[0].status is Status.REJECTED
    assert hubspot.archived["companies"].keys() == {id_, by_key}


def test_more_records_than_a_call_takes_are_erased(hubspot: FakeHubSpot) -> None:
    rows = [
        removal(f"a{one}", hubspot.put("companies", account_id=f"a{one}")) for one in range(150)
    ]
    with opened(hubspot, kind="companies", key="account_id", fields=("account_id",)) as destination:
        assert len(list(destination.erase(rows))) == 150
    assert hubspot.records["companies"] == {}


# To check


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"fields": ("email", "nope")}, ["contacts have no property nope"]),
        ({"fields": ("email", "hs_object_id")}, ["hs_object_id of contacts cannot be written"]),
        (
            {"kind": "companies", "key": "domain", "fields": ("domain",)},
            ["domain need not be unique among companies"],
        ),
        (
            {"kind": "penguins", "key": "name", "fields": ("name",)},
            ["no objects of type 'penguins'"],
        ),
        ({"mode": Mode.AUDIENCE, "audience": "18"}, ["members of list 18 itself (DYNAMIC)"]),
        ({"mode": Mode.AUDIENCE, "audience": "19"}, ["list 19 is not one of contacts"]),
        ({"mode": Mode.AUDIENCE, "audience": "404"}, ["no list 404"]),
        (
            {"mode": Mode.AUDIENCE, "kind": "2-77", "key": "code", "fields": ("code",)},
            ["list 17 is not one of 2-77"],
        ),
        (
            {"key": "score", "fields": ("score", "nope")},
            ["have no property nope", "score need not be unique"],
        ),
    ],
)
def test_a_check_tells_what_hubspot_would_refuse(
    hubspot: FakeHubSpot, options: dict[str, Any], problems: list[str]
) -> None:
    with opened(hubspot, **options) as destination, pytest.raises(CdpError) as error:
        destination.check()
    for problem in problems:
        assert problem in error.value.message
    assert {one.method for one in hubspot.requests} == {"GET"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"key": "customer_id", "fields": ("customer_id", "email")},
        {"mode": Mode.AUDIENCE},
        {"kind": "companies", "key": "account_id", "fields": ("account_id", "domain")},
        {"kind": "2-77", "key": "code", "fields": ("code",)},
    ],
)
def test_a_check_finds_what_is_well(hubspot: FakeHubSpot, options: dict[str, Any]) -> None:
    with opened(hubspot, **options) as destination:
        assert "properties" in destination.check()
    assert {one.method for one in hubspot.requests} == {"GET"}


def test_a_scope_that_is_missing_is_named(hubspot: FakeHubSpot) -> None:
    hubspot.missing_scopes = {"/batch/upsert": "crm.objects.contacts.write"}
    with opened(hubspot) as destination:
        destination.check()
        with pytest.raises(
            DestinationRefusedError, match=r"crm\.objects\.contacts\.write"
        ) as error:
            deliver(destination, Action.ADD, [row("a@shop.example")])
    assert "HUBSPOT_TOKEN" in error.value.message
    assert TOKEN not in error.value.message


def test_a_wrong_token_is_told(hubspot: FakeHubSpot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-na1-wrong")
    with opened(hubspot) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert "HUBSPOT_TOKEN" in error.value.message
    assert "pat-na1-wrong" not in error.value.message


def test_a_key_that_is_not_unique_stops_the_sync(hubspot: FakeHubSpot) -> None:
    with (
        opened(hubspot, kind="companies", key="domain", fields=("domain",)) as destination,
        pytest.raises(DestinationRefusedError, match="sync's key"),
    ):
        deliver(destination, Action.ADD, [row("acme.example", by="domain")])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"kind": ""}, "which records"),
        ({"kind": "contacts/../deals"}, "which records"),
        ({"mode": Mode.AUDIENCE, "audience": "VIPs"}, "id of a list"),
        ({"mode": Mode.APPEND}, "mode append"),
    ],
)
def test_a_sync_that_cannot_be_is_refused(
    hubspot: FakeHubSpot, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(hubspot, **options)


def test_companies_and_custom_objects_are_delivered(hubspot: FakeHubSpot) -> None:
    for kind, key in (("companies", "account_id"), ("2-77", "code")):
        with opened(hubspot, Mode.MIRROR, kind=kind, key=key) as destination:
            rows = [row("x1", by=key, name="X"), row("x2", by=key, name="Y")]
            outcomes = deliver(destination, Action.ADD, rows)
            a, b = (one.remote_id for one in outcomes.values())
            deliver(destination, Action.MERGE, [removal("x2", b, into=a)])
            deliver(destination, Action.CHANGE, [row("x1", id_=a, by=key, name="Z")])
        (record,) = hubspot.records[kind].values()
        assert record.values == {key: "x1", "name": "Z"}


# The page


def test_what_the_page_shows_can_be_synced(hubspot: FakeHubSpot) -> None:
    page = package_root() / "docs" / "destinations" / "hubspot.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    settings = HubSpotSettings.model_validate({**entry, "base_url": hubspot.url})
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        assert sync.destination == settings.name
        hubspot.properties["contacts"] |= {name: Property() for name in sync.fields}
        of_type = destination_class(settings)
        with of_type(settings, sync.for_destination(), Path()) as destination:
            assert isinstance(destination, HubSpotDestination)
            assert destination.check()
