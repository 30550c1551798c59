"""The Salesforce destination, against a fake that keeps Salesforce's rules."""

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
from dbt_cdp.destinations.conformance import FIELDS, Book, DestinationConformance, impatient
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.registry import destination_class
from dbt_cdp.destinations.salesforce import bulk as salesforce_bulk
from dbt_cdp.destinations.salesforce.destination import SalesforceDestination, SalesforceSettings
from dbt_cdp.destinations.salesforce.soql import folded, literal, queries, value_of
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, Request, serving
from fake_salesforce import CLIENT_ID, CLIENT_SECRET, FakeSalesforce, Known

# Each destination is an account of its own: tests need not wait for one another's limits.
_names = itertools.count()


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSalesforce]:
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setattr(salesforce_bulk, "sleep", lambda seconds: None)
    with serving(FakeSalesforce()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeSalesforce,
    mode: Mode = Mode.UPSERT,
    *,
    kind: str = "Contact",
    key: str = "email",
    fields: Sequence[str] = FIELDS,
    audience: str | None = None,
) -> Destination:
    settings = SalesforceSettings(
        name=f"crm {next(_names)}",
        type="salesforce",
        base_url=fake.url,
        client_id_env="SALESFORCE_CLIENT_ID",
        client_secret_env="SALESFORCE_CLIENT_SECRET",
    )
    campaign = (fake.spring if audience is None else audience) if mode is Mode.AUDIENCE else ""
    return SalesforceDestination(
        settings, Sync("people", mode, kind, campaign, key, fields), Path()
    )


class _Conformance(DestinationConformance):
    @pytest.fixture
    def fake(self, org: FakeSalesforce) -> FakeSalesforce:
        return org

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Times are sent to the millisecond."""
        seen_at = fields["seen_at"]
        is_time = isinstance(seen_at, datetime)
        return {**fields, "seen_at": f"{seen_at:%Y-%m-%dT%H:%M:%S}.125Z" if is_time else seen_at}


class TestUpsertByPlainField(_Conformance):
    pass


class TestUpsertByExternalId(_Conformance):
    @pytest.fixture
    def fake(self, org: FakeSalesforce) -> FakeSalesforce:
        org.set("Contact", "email", is_external=True, is_unique=True)
        return org


class TestMirror(_Conformance):
    mode = Mode.MIRROR


class TestAudience(_Conformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, org: FakeSalesforce) -> FakeSalesforce:
        org.campaign = org.spring
        return org


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


def statuses(outcomes: Mapping[str, Outcome]) -> list[Status]:
    return [one.status for one in outcomes.values()]


def paths(fake: FakeSalesforce) -> list[str]:
    """What was called, without tokens and descriptions."""
    ends = [f"{one.method} {one.path.rsplit('/v66.0/', 1)[-1]}" for one in fake.requests]
    return [one for one in ends if not one.endswith(("/token", "/describe"))]


# Values


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("name", None, None),
        ("name", "'\"\\\n;é木", "'\"\\\n;é木"),
        ("is_customer", True, True),
        ("score", 7, 7),
        ("score", Decimal("12.50"), 12.5),
        ("born_on", date(2026, 6, 1), "2026-06-01"),
        ("seen_at", datetime(2026, 6, 1, 12, 0, 0, 125_999), "2026-06-01T12:00:00.125Z"),
        (
            "seen_at",
            datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2))),
            "2026-06-01T10:00:00.000Z",
        ),
        ("seen_at", datetime(2026, 6, 1, 12, tzinfo=UTC), "2026-06-01T12:00:00.000Z"),
        ("Colors__c", ["red", "blue"], "red;blue"),
    ],
)
def test_values_are_sent_as_salesforce_reads_them(
    org: FakeSalesforce, field: str, value: Any, shown: Any
) -> None:
    with opened(org) as destination:
        outcome = deliver(destination, Action.ADD, [row("a@shop.example", **{field: value})])
    (record,) = org.there("Contact").values()
    assert record.values[field] == shown
    sent = {"email": "a@shop.example", field: shown}
    assert outcome["a@shop.example"].sent == sent


def test_what_was_sent_is_kept_of_fields_that_are_left_out(org: FakeSalesforce) -> None:
    with opened(org) as destination:
        first = deliver(destination, Action.ADD, [row("a@shop.example", name="A", score=1)])
        id_, sent = first["a@shop.example"].remote_id, first["a@shop.example"].sent
        later = Row("d2", "a@shop.example", {"score": 2}, id_, None, sent or {})
        outcome = deliver(destination, Action.CHANGE, [later])["a@shop.example"]
    assert outcome.sent == {"email": "a@shop.example", "name": "A", "score": 2}
    assert org.held()["a@shop.example"]["name"] == "A"


def test_a_record_refers_to_another_by_its_external_id(org: FakeSalesforce) -> None:
    acme = org.put("Account", Name="Acme", Code__c="acme")
    fields = ("email", "Account.Code__c")
    with opened(org, fields=fields) as destination:
        assert destination.check()
        rows = [
            row("a@shop.example", **{"Account.Code__c": "ACME"}),
            row("b@shop.example", **{"Account.Code__c": "nobody"}),
        ]
        outcomes = deliver(destination, Action.ADD, rows)
        id_ = outcomes["a@shop.example"].remote_id
        assert id_ and org.records["Contact"][id_].values["AccountId"] == acme
        # The account may come by another sync.
        assert outcomes["b@shop.example"].status is Status.RETRY
        gone = row("a@shop.example", id_=id_, **{"Account.Code__c": None})
        deliver(destination, Action.CHANGE, [gone])
    assert org.records["Contact"][id_].values["AccountId"] is None


def test_a_custom_object_refers_to_another(org: FakeSalesforce) -> None:
    person = org.put("Contact", email="a@shop.example", Customer_Id__c="7")
    fields = ("Code__c", "Person__r.Customer_Id__c")
    with opened(org, kind="Thing__c", key="Code__c", fields=fields) as destination:
        assert destination.check()
        one = row("x1", by="Code__c", **{"Person__r.Customer_Id__c": "7"})
        id_ = deliver(destination, Action.ADD, [one])["x1"].remote_id
        assert id_ and org.records["Thing__c"][id_].values["Person__c"] == person
        one = row("x1", id_=id_, by="Code__c", **{"Person__r.Customer_Id__c": None})
        deliver(destination, Action.CHANGE, [one])
    assert org.records["Thing__c"][id_].values["Person__c"] is None


# Queries


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("a@shop.example", "email", "'a@shop.example'"),
        (" a ", "string", "'a'"),
        ("O'Neil", "string", "'O\\'Neil'"),
        ("' OR Id != '", "string", "'\\' OR Id != \\''"),
        ("\\", "string", "'\\\\'"),
        ("\\' OR '1'='1", "string", "'\\\\\\' OR \\'1\\'=\\'1'"),
        ("a\nb\0", "string", "'a\\nb'"),
        ("12.50", "double", "12.50"),
        ("1) OR (1=1", "double", None),
        ("٣", "double", None),
    ],
)
def test_a_key_cannot_become_a_part_of_a_query(value: str, kind: str, shown: str | None) -> None:
    assert literal(value, kind) == shown


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("Zoë@Shop.example ", "email", "zoë@shop.example"),
        (7.0, "double", "7"),
        ("0700", "double", "700"),
        ("0700", "string", "0700"),
        (None, "string", ""),
    ],
)
def test_values_are_compared_as_salesforce_does(value: Any, kind: str, shown: str) -> None:
    assert folded(value, kind) == shown


def test_no_query_is_too_long() -> None:
    literals = [f"'{'木' * 30}{number}'" for number in range(200)]
    found = [*queries(["Id"], "Contact", "Email", literals, "CampaignId = '701'")]
    assert len(found) > 1
    assert [one for text in found for one in re.findall(r"'木+\d+'", text)] == literals
    assert all(text.endswith(") AND CampaignId = '701'") for text in found)
    assert [*queries(["Id"], "Contact", "Email", [])] == []


def test_names_are_read_in_salesforces_own_case() -> None:
    record = {"Email": "a", "Contact": {"email": "b"}, "Lead": None}
    assert value_of(record, "email") == "a"
    assert value_of(record, "contact.EMAIL") == "b"
    assert value_of(record, "Lead.Email") is None


@pytest.mark.parametrize("key", ["' OR Id != '", "\\", "O'Neil\n木", "--'/*"])
def test_odd_keys_find_their_own_records_only(org: FakeSalesforce, key: str) -> None:
    org.put("Account", Name="other", Site="else")
    mine = org.put("Account", Name="mine", Site=key)
    with opened(org, kind="Account", key="Site", fields=("Site", "Name")) as destination:
        outcome = deliver(destination, Action.ADD, [row(key, by="Site", Name="new")])[key]
    assert outcome.remote_id == mine
    assert sorted(one.values["Name"] for one in org.there("Account").values()) == ["new", "other"]


def test_long_keys_take_several_queries(org: FakeSalesforce) -> None:
    rows = [row(f"{'x' * 120}{number}@shop.example") for number in range(200)]
    with opened(org) as destination:
        assert set(statuses(deliver(destination, Action.ADD, rows))) == {Status.ACKNOWLEDGED}
    assert len([one for one in paths(org) if one == "GET query"]) > 2
    assert max(len(one.query["q"][0]) for one in org.requests if "q" in one.query) < 8_100


def test_pages_of_a_query_are_followed(org: FakeSalesforce) -> None:
    org.page = 2
    ids = [org.put("Contact", email=f"p{one}@shop.example") for one in range(5)]
    rows = [row(f"P{one}@shop.example", score=one) for one in range(5)]
    with opened(org) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert [one.remote_id for one in outcomes.values()] == ids


def test_a_page_elsewhere_is_not_asked_for(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"totalSize": 1, "done": False, "records": [], "nextRecordsUrl": "//elsewhere.example/"}
    instead(org, monkeypatch, "/query", Answer(200, page))
    with opened(org) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, [row("a@shop.example")])


def test_a_key_that_is_a_number_is_found(org: FakeSalesforce) -> None:
    org.put("Contact", Number__c=7.0)
    with opened(org, Mode.UPDATE, key="Number__c", fields=("Number__c",)) as destination:
        rows = [
            Row("d1", "7", {"Number__c": 7, "name": "A"}),
            Row("d2", "many", {"Number__c": 8}),
        ]
        outcomes = deliver(destination, Action.ADD, rows)
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED]


# Rows that are refused


def instead(
    org: FakeSalesforce,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
    *answers: Answer,
    method: str = "",
) -> None:
    """Answer so to requests whose paths end so; as usual when there are no more such answers."""
    answer, left = org.answer, list(answers)

    def answering(request: Request) -> Answer:
        is_meant = request.path.endswith(end) and request.method.startswith(method)
        return left.pop(0) if is_meant and left else answer(request)

    monkeypatch.setattr(org, "answer", answering)


@pytest.mark.parametrize("key", ["email", "Customer_Id__c"])
def test_each_refused_row_has_salesforces_reason(org: FakeSalesforce, key: str) -> None:
    org.set("Contact", "email", is_unique=True)
    org.put("Contact", email="taken@shop.example")
    emails = {
        "a": "a@shop.example",
        "b": "no address",
        "c": "taken@shop.example",
        "d": "d@a.example",
    }
    rows = [Row(f"d{one}", one, {"Customer_Id__c": one, "email": emails[one]}) for one in emails]
    if key == "email":
        rows = [replace_key(one) for one in rows if one.key != "c"]
    with opened(org, key=key, fields=("email", "Customer_Id__c")) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    reasons = {one.delivery_id: one.reason for one in outcomes.values()}
    assert (reasons["db"] or "").startswith("INVALID_EMAIL_ADDRESS: ")
    assert reasons["da"] is reasons["dd"] is None
    if key != "email":
        assert (reasons["dc"] or "").startswith("DUPLICATE_VALUE: ")
    assert {one.status for one in outcomes.values() if one.reason} == {Status.REJECTED}


def replace_key(one: Row) -> Row:
    return Row(one.delivery_id, one.fields["email"], one.fields)


def test_what_cannot_be_read_is_found_among_the_others(org: FakeSalesforce) -> None:
    """One text in a field of numbers spoils the whole call."""
    rows = [row(f"p{one}@shop.example", score="many" if one == 3 else one) for one in range(9)]
    with opened(org) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    refused = {key: one for key, one in outcomes.items() if one.status is not Status.ACKNOWLEDGED}
    assert refused.keys() == {"p3@shop.example"}
    assert "JSON_PARSER_ERROR" in (refused["p3@shop.example"].reason or "")
    assert org.count() == 8


@pytest.mark.parametrize("key", ["email", "Customer_Id__c"])
def test_a_field_that_is_not_there_stops_the_sync(org: FakeSalesforce, key: str) -> None:
    rows = [row(f"p{one}@shop.example", by=key, Nope__c="1") for one in range(9)]
    with (
        opened(org, key=key) as destination,
        pytest.raises(DestinationRefusedError, match="No such column 'Nope__c'") as error,
    ):
        deliver(destination, Action.ADD, rows)
    assert "shop.example" not in error.value.message
    assert len([one for one in org.requests if "composite" in one.path]) == 1


def test_a_field_that_is_not_there_may_be_told_of_each_row(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "No such column 'Nope__c' on sobject of type Contact"
    told = {"statusCode": "INVALID_FIELD", "message": text, "fields": []}
    answer = Answer(200, [{"success": False, "errors": [told]}])
    instead(org, monkeypatch, "/composite/sobjects", answer)
    with opened(org) as destination, pytest.raises(DestinationRefusedError, match="Nope__c"):
        deliver(destination, Action.ADD, [row("a@shop.example")])


def test_passing_trouble_with_a_row_is_no_rejection(org: FakeSalesforce) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    org.locked.add(id_)
    with opened(org) as destination:
        rows = [row("a@shop.example", score=1), row("b@shop.example", score=2)]
        outcomes = deliver(destination, Action.ADD, rows)
    assert statuses(outcomes) == [Status.RETRY, Status.ACKNOWLEDGED]
    assert "UNABLE_TO_LOCK_ROW" in (outcomes["a@shop.example"].reason or "")


def test_a_trigger_that_tells_of_passing_trouble(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "AfterInsert: System.DmlException: UNABLE_TO_LOCK_ROW"
    told = {"statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": text, "fields": []}
    answer = Answer(200, [{"success": False, "errors": [told]}])
    instead(org, monkeypatch, "/composite/sobjects", answer)
    with opened(org) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
    assert statuses(outcomes) == [Status.RETRY]


def test_triggers_that_cannot_take_so_many_get_fewer(org: FakeSalesforce) -> None:
    org.too_much = 3
    rows = [row(f"p{one}@shop.example") for one in range(10)]
    with opened(org) as destination:
        assert set(statuses(deliver(destination, Action.ADD, rows))) == {Status.ACKNOWLEDGED}
    assert org.count() == 10


def test_a_duplicate_rule_rejects(org: FakeSalesforce) -> None:
    with opened(org) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example", name="Same Again")])
    reason = outcomes["a@shop.example"].reason or ""
    assert (statuses(outcomes), reason[:19]) == ([Status.REJECTED], "DUPLICATES_DETECTED")


def test_a_field_that_a_new_record_must_have(org: FakeSalesforce) -> None:
    with opened(org, kind="Account", key="Code__c", fields=("Code__c",)) as destination:
        outcomes = deliver(destination, Action.ADD, [row("acme", by="Code__c")])
    assert "REQUIRED_FIELD_MISSING" in (outcomes["acme"].reason or "")


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_answer_that_tells_of_fewer_or_more_records_acknowledges_nothing(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    one = {"id": "003fK0000000009QAA", "success": True, "errors": []}
    instead(org, monkeypatch, "/composite/sobjects", Answer(200, [one] * number))
    book = Book()
    with opened(org) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")], book)
    assert book.outcomes == {}


def test_a_record_without_an_id_is_not_acknowledged(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Answer(200, [{"success": True, "errors": []}])
    instead(org, monkeypatch, "/composite/sobjects", answer)
    with opened(org, Mode.AUDIENCE) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, [row("a@shop.example")])


@pytest.mark.parametrize("status", [405, 410, 415])
def test_other_answers_stop_the_sync(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """410 is what a version of the API answers that is there no more."""
    told = [{"errorCode": "GONE", "message": "gone"}]
    instead(org, monkeypatch, "/composite/sobjects", Answer(status, told))
    with opened(org) as destination, pytest.raises(DestinationRefusedError, match=str(status)):
        deliver(destination, Action.ADD, [row("a@shop.example")])


# By id and by key


@pytest.mark.parametrize("action", [Action.ADD, Action.CHANGE])
def test_a_key_that_several_records_have_is_rejected(org: FakeSalesforce, action: Action) -> None:
    for _ in range(2):
        org.put("Contact", email="a@shop.example", name="theirs")
    with opened(org) as destination:
        outcomes = deliver(destination, action, [row("A@shop.example", name="ours")])
        assert statuses(outcomes) == [Status.REJECTED]
        assert "several records" in (outcomes["A@shop.example"].reason or "")
        removed = deliver(destination, Action.REMOVE, [removal("a@shop.example")])
    assert statuses(removed) == [Status.REJECTED]
    assert [one.values["name"] for one in org.there("Contact").values()] == ["theirs"] * 2


def test_an_external_id_that_several_records_have_is_rejected(org: FakeSalesforce) -> None:
    for _ in range(2):
        org.put("Account", Name="theirs", Code__c="acme")
    with opened(org, kind="Account", key="Code__c", fields=("Code__c", "Name")) as destination:
        outcomes = deliver(destination, Action.ADD, [row("ACME", by="Code__c", Name="ours")])
    assert (outcomes["ACME"].reason or "").startswith("DUPLICATE_EXTERNAL_ID: more than one")
    assert [one.values["Name"] for one in org.there("Account").values()] == ["theirs"] * 2


def test_records_that_fit_no_key_are_not_guessed(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Salesforce takes one key for another: with one row alone it is clear which."""
    straße = org.put("Account", Name="A", Site="STRASSE ")
    query, shown = org._query, {"attributes": {"type": "Account"}, "Id": straße, "Site": "Štrasse"}

    def finding(text: str, *, deleted: bool) -> Answer:
        page = {"totalSize": 1, "done": True, "records": [shown]}
        return Answer(200, page) if "'x'" in text else query(text, deleted=deleted)

    monkeypatch.setattr(org, "_query", finding)
    rows = [row("x", by="Site", Name="X"), row("y", by="Site", Name="Y")]
    with opened(org, kind="Account", key="Site", fields=("Site", "Name")) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert outcomes["x"].remote_id == straße
    assert outcomes["y"].remote_id not in (None, straße)


@pytest.mark.parametrize("key", ["email", "Customer_Id__c"])
def test_a_record_that_is_gone_is_made_anew(org: FakeSalesforce, key: str) -> None:
    binned = org.put("Contact", **{key: "a@shop.example"})
    org.records["Contact"][binned].is_deleted = True
    kept = org.put("Contact", **{key: "b@shop.example"})
    rows = [
        row("a@shop.example", id_=binned, by=key, score=1),
        row("b@shop.example", id_=kept, by=key, score=2),
        row("c@shop.example", id_="003fK0000009999QAA", by=key, score=3),
    ]
    with opened(org, key=key) as destination:
        outcomes = deliver(destination, Action.CHANGE, rows)
    assert set(statuses(outcomes)) == {Status.ACKNOWLEDGED}
    assert outcomes["b@shop.example"].remote_id == kept
    assert outcomes["a@shop.example"].remote_id not in (None, binned)
    assert len(org.there("Contact")) == 3


@pytest.mark.parametrize("key", ["email", "Customer_Id__c"])
def test_a_record_that_was_merged_is_changed_where_it_is_now(org: FakeSalesforce, key: str) -> None:
    first, second, third = (org.put("Contact", **{key: f"{one}@a.example"}) for one in "abc")
    org.merge("Contact", second, first)
    org.merge("Contact", third, second)
    with opened(org, key=key) as destination:
        changed = row("a@a.example", id_=first, by=key, name="A")
        outcomes = deliver(destination, Action.CHANGE, [changed])
    assert outcomes["a@a.example"].remote_id == third
    (record,) = org.there("Contact").values()
    assert record.values == {key: "a@a.example", "name": "A"}


def test_of_two_rows_with_one_record_one_is_rejected(org: FakeSalesforce) -> None:
    one, two = (org.put("Contact", email=f"{name}@a.example") for name in "ab")
    master = org.put("Contact", email="c@a.example")
    for other in (one, two):
        org.merge("Contact", master, other)
    rows = [row("a@a.example", id_=one), row("b@a.example", id_=two)]
    with opened(org) as destination:
        outcomes = deliver(destination, Action.CHANGE, rows)
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED]
    assert "another row" in (outcomes["b@a.example"].reason or "")


def test_a_reference_to_nothing_is_not_taken_for_a_record_that_is_gone(org: FakeSalesforce) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    nobody = "001fK0000009999QAA"
    with opened(org) as destination:
        changed = row("new@shop.example", id_=id_, AccountId=nobody)
        outcomes = deliver(destination, Action.CHANGE, [changed])
        assert paths(org) == ["PATCH composite/sobjects", "GET queryAll"]
        new = deliver(destination, Action.ADD, [row("b@shop.example", AccountId=nobody)])
    assert statuses(outcomes) == statuses(new) == [Status.REJECTED]
    assert org.held().keys() == {"a@shop.example"}


def test_an_id_of_a_removed_record_is_not_written_to(org: FakeSalesforce) -> None:
    """Its record may have been put into somebody else's meanwhile."""
    mine, other = (org.put("Contact", email=f"{one}@a.example") for one in "ab")
    org.merge("Contact", other, mine)
    with opened(org) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@a.example", id_=mine)])
    assert outcomes["a@a.example"].remote_id not in (mine, other)
    assert org.held().keys() == {"a@a.example", "b@a.example"}


@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.INSERT])
def test_creating_that_is_cut_off_creates_nothing_twice(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """The call that creates is carried out, and not answered."""
    handle, lost = org.handle, iter([True, True])

    def losing(request: Request) -> Answer | None:
        answer = handle(request)
        is_meant = request.method == "POST" and request.path.endswith("/composite/sobjects")
        return None if is_meant and next(lost, False) else answer

    monkeypatch.setattr(org, "handle", losing)
    rows = [row(f"p{number}@shop.example") for number in range(5)]
    with impatient(), opened(org, mode) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert set(statuses(outcomes)) == {Status.ACKNOWLEDGED}
    assert org.count() == 5
    assert all(one.remote_id for one in outcomes.values())


def test_creating_that_is_never_answered_is_left_to_the_next_run(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = org.handle

    def dropping(request: Request) -> Answer | None:
        is_meant = request.method == "POST" and request.path.endswith("/composite/sobjects")
        return None if is_meant else handle(request)

    monkeypatch.setattr(org, "handle", dropping)
    with impatient(), opened(org) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, [row("a@shop.example")])


def test_what_a_sync_costs(org: FakeSalesforce) -> None:
    """As the page says."""
    with opened(org, key="Customer_Id__c") as destination:
        rows = [row(f"c{one}", by="Customer_Id__c") for one in range(200)]
        added = deliver(destination, Action.ADD, rows)
        assert paths(org) == ["PATCH composite/sobjects/Contact/Customer_Id__c"]
        rows = [row(key, id_=one.remote_id, by="Customer_Id__c") for key, one in added.items()]
        deliver(destination, Action.CHANGE, rows)
        assert paths(org)[1:] == ["PATCH composite/sobjects"]
    org.requests.clear()
    with opened(org, Mode.AUDIENCE) as destination:
        rows = [row(f"p{one}@shop.example") for one in range(200)]
        deliver(destination, Action.ADD, rows)
    assert paths(org) == ["GET query", *["POST composite/sobjects"] * 2]


# Modes


@pytest.mark.parametrize("key", ["email", "Customer_Id__c"])
def test_insert_leaves_what_is_there_alone(org: FakeSalesforce, key: str) -> None:
    there = org.put("Contact", **{key: "a@shop.example", "name": "theirs"})
    rows = [row("A@shop.example", by=key, name="ours"), row("b@shop.example", by=key, name="ours")]
    with opened(org, Mode.INSERT, key=key) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert outcomes["A@shop.example"].remote_id == there
    assert outcomes["A@shop.example"].sent == {key: "A@shop.example"}
    assert [one.values["name"] for one in org.there("Contact").values()] == ["theirs", "ours"]


@pytest.mark.parametrize("key", ["email", "Customer_Id__c"])
def test_update_creates_nothing(org: FakeSalesforce, key: str) -> None:
    org.put("Contact", **{key: "a@shop.example"})
    rows = [row("a@shop.example", by=key, score=1), row("b@shop.example", by=key, score=2)]
    with opened(org, Mode.UPDATE, key=key) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
        gone = row("c@shop.example", id_="003fK0000009999QAA", by=key)
        gone_outcome = deliver(destination, Action.CHANGE, [gone])["c@shop.example"]
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED]
    assert gone_outcome.reason == "Salesforce has no such record"
    assert len(org.there("Contact")) == 1


def test_a_converted_lead_is_not_changed(org: FakeSalesforce) -> None:
    converted = [org.put("Lead", email=f"{one}@shop.example") for one in "ab"]
    org.converted |= {*converted}
    still_open = org.put("Lead", email="b@shop.example")
    with opened(org, kind="Lead") as destination:
        rows = [row("a@shop.example", name="A"), row("b@shop.example", name="B")]
        outcomes = deliver(destination, Action.ADD, rows)
    assert "CANNOT_UPDATE_CONVERTED_LEAD" in (outcomes["a@shop.example"].reason or "")
    assert outcomes["b@shop.example"].remote_id == still_open
    assert len(org.there("Lead")) == 3


def test_what_is_removed_is_in_the_recycle_bin(org: FakeSalesforce) -> None:
    """Found by its id, though somebody has given it another e-mail, or by its key."""
    by_id = org.put("Contact", email="new@shop.example")
    by_key = org.put("Contact", email="b@shop.example")
    with opened(org, Mode.MIRROR) as destination:
        rows = [removal("a@shop.example", by_id), removal("b@shop.example")]
        assert statuses(deliver(destination, Action.REMOVE, rows)) == [Status.ACKNOWLEDGED] * 2
    assert org.count() == 0
    assert {by_id, by_key} <= org.records["Contact"].keys()


def test_what_salesforce_will_not_delete_is_told(org: FakeSalesforce) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    org.locked.add(id_)
    with opened(org, Mode.MIRROR) as destination:
        outcomes = deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
    assert outcomes["a@shop.example"].reason == "DELETE_FAILED: it is associated with cases"


def test_what_vanishes_before_it_is_removed_is_removed(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    answer = org.answer

    def vanishing(request: Request) -> Answer:
        if request.method == "DELETE":
            org.records["Contact"][id_].is_deleted = True
        return answer(request)

    monkeypatch.setattr(org, "answer", vanishing)
    with opened(org, Mode.MIRROR) as destination:
        outcomes = deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED]


def test_what_has_become_a_part_of_another_record_is_not_removed(org: FakeSalesforce) -> None:
    """Unless the other one has the row's key."""
    mine, other = (org.put("Contact", email=f"{one}@a.example") for one in "ab")
    org.merge("Contact", other, mine)
    with opened(org, Mode.MIRROR) as destination:
        outcomes = deliver(destination, Action.REMOVE, [removal("a@a.example", mine)])
        assert statuses(outcomes) == [Status.ACKNOWLEDGED]
        assert org.held().keys() == {"b@a.example"}
        deliver(destination, Action.REMOVE, [removal("b@a.example", mine)])
    assert org.count() == 0


@pytest.mark.parametrize("mode", [Mode.MIRROR, Mode.AUDIENCE])
def test_of_two_people_who_are_one_the_record_that_stays_is_not_removed(
    org: FakeSalesforce, mode: Mode
) -> None:
    """Somebody has merged the two records, and the one that stays has the key of the other."""
    org.campaign = org.spring if mode is Mode.AUDIENCE else None
    with opened(org, mode) as destination:
        joined = deliver(destination, Action.ADD, [row("a@a.example"), row("b@a.example")])
        a, b = (str(one.remote_id) for one in joined.values())
        org.merge("Contact", b, a)
        org._leave_campaigns(a)
        org.records["Contact"][b].values["email"] = "a@a.example"
        deliver(destination, Action.MERGE, [removal("a@a.example", a, into=b)])
    assert org.held().keys() == {"a@a.example"}


# Audiences


@pytest.mark.parametrize(("kind", "reference"), [("Contact", "ContactId"), ("Lead", "LeadId")])
def test_a_member_is_created_and_leaves_the_campaign_only(
    org: FakeSalesforce, kind: str, reference: str
) -> None:
    theirs = org.put(kind, email="b@shop.example")
    org.put("CampaignMember", CampaignId=org.spring, Status="Responded", **{reference: theirs})
    short = org.spring[:15]
    with opened(org, Mode.AUDIENCE, kind=kind, audience=short) as destination:
        assert "'Spring'" in destination.check()
        rows = [row("a@shop.example"), row("b@shop.example"), row("nobody")]
        outcomes = deliver(destination, Action.ADD, rows)
        assert [*statuses(outcomes)][:2] == [Status.ACKNOWLEDGED] * 2
        assert outcomes["nobody"].status is Status.REJECTED
        members = org.there("CampaignMember").values()
        assert {one.values[reference] for one in members} == {
            theirs,
            outcomes["a@shop.example"].remote_id,
        }
        assert [one.values.get("Status") for one in members] == ["Responded", None]
        leaving = [removal(key, outcomes[key].remote_id) for key in list(outcomes)[:1]]
        leaving += [removal("B@shop.example"), removal("never@shop.example")]
        assert set(statuses(deliver(destination, Action.REMOVE, leaving))) == {Status.ACKNOWLEDGED}
    assert org.there("CampaignMember") == {}
    assert len(org.there(kind)) == 2


def test_only_members_of_the_campaign_leave_it(org: FakeSalesforce) -> None:
    other = org.put("Campaign", Name="Autumn")
    person = org.put("Contact", email="a@shop.example")
    kept = org.put("CampaignMember", CampaignId=other, ContactId=person)
    with opened(org, Mode.AUDIENCE) as destination:
        deliver(destination, Action.REMOVE, [removal("a@shop.example", person)])
    assert org.there("CampaignMember").keys() == {kept}


def test_a_contact_that_vanishes_before_it_joins_is_tried_again(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = org.answer

    def vanishing(request: Request) -> Answer:
        if b"CampaignMember" in request.content:
            for one in org.records["Contact"].values():
                one.is_deleted = True
        return answer(request)

    monkeypatch.setattr(org, "answer", vanishing)
    with opened(org, Mode.AUDIENCE) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
    assert statuses(outcomes) == [Status.RETRY]


# The token


def test_a_token_is_asked_for_once_and_again_when_it_has_had_its_time(org: FakeSalesforce) -> None:
    with opened(org) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
        assert org.tokens_given == 1
        org.tokens.clear()
        deliver(destination, Action.ADD, [row("b@shop.example")])
    assert org.tokens_given == 2
    assert org.held().keys() == {"a@shop.example", "b@shop.example"}


def test_a_token_may_have_had_its_time_when_records_are_created(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    instead(org, monkeypatch, "/composite/sobjects", Answer(401, told))
    with impatient(), opened(org) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED]
    assert org.count() == 1


def test_a_token_that_is_never_known_stops_the_sync(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    instead(org, monkeypatch, "/describe", *[Answer(401, told)] * 9)
    with opened(org) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert org.tokens_given == 2
    assert "SALESFORCE_CLIENT_SECRET" in error.value.message
    assert "00Dfake" not in error.value.message


def test_wrong_credentials_are_told(org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "wrong-secret")
    with opened(org) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert "invalid_client: invalid client credentials" in error.value.message
    assert "SALESFORCE_CLIENT_SECRET" in error.value.message
    assert "wrong-secret" not in error.value.message


def test_no_secret_is_told(org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    echo = f"no access for 00Dfake!token1 and {CLIENT_SECRET}"
    told = [{"errorCode": "INSUFFICIENT_ACCESS", "message": echo}]
    for status in (400, 403):
        instead(org, monkeypatch, "/describe", Answer(status, told))
        with opened(org) as destination, pytest.raises(CdpError) as error:
            org.tokens_given = 0
            destination.check()
        assert "no access for *** and ***" in error.value.problem


def test_calls_that_are_used_up_are_no_bad_credentials(org: FakeSalesforce) -> None:
    with opened(org) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
        org.calls = 0
        with pytest.raises(DestinationUnavailableError, match="no calls"):
            destination.send(Action.ADD, [row("b@shop.example")])
        org.calls = 100
        deliver(destination, Action.ADD, [row("b@shop.example")])
    assert org.held().keys() == {"a@shop.example", "b@shop.example"}


# To erase


def erased(destination: Destination, *rows: Row) -> list[Outcome]:
    return list(destination.erase(rows))


@pytest.mark.parametrize("kind", ["Contact", "Lead"])
def test_what_is_erased_is_not_in_the_recycle_bin(org: FakeSalesforce, kind: str) -> None:
    by_id = org.put(kind, email="new@shop.example")
    org.put(kind, email="b@shop.example")
    kept = org.put(kind, email="c@shop.example")
    org.job_looks = 3
    with opened(org, kind=kind) as destination:
        rows = [
            removal("a@shop.example", by_id),
            removal("B@shop.example"),
            removal("nobody@shop.example", "003fK0000009999QAA"),
        ]
        outcomes = erased(destination, *rows)
    assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 3
    assert org.records[kind].keys() == {kept}


def test_a_merged_record_is_erased_where_it_is_now(org: FakeSalesforce) -> None:
    loser, master = (org.put("Contact", email=f"{one}@a.example") for one in "ab")
    org.merge("Contact", master, loser)
    with opened(org) as destination:
        (outcome,) = erased(destination, removal("a@a.example", loser))
    assert master not in org.records["Contact"]
    # What a merge leaves in the recycle bin is there still.
    assert outcome.status is Status.REJECTED
    assert "recycle bin" in (outcome.reason or "")


def test_what_is_in_the_recycle_bin_is_not_erased(org: FakeSalesforce) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    with opened(org, Mode.MIRROR) as destination:
        deliver(destination, Action.REMOVE, [removal("a@shop.example", id_)])
        rows = [removal("a@shop.example", id_), removal("a@shop.example")]
        outcomes = [erased(destination, row)[0] for row in rows]
    for outcome in outcomes:
        assert outcome.status is Status.REJECTED
        assert "recycle bin" in (outcome.reason or "")


def test_a_record_that_was_made_anew_is_erased_beside_the_one_in_the_bin(
    org: FakeSalesforce,
) -> None:
    binned, _ = (org.put("Contact", email="a@shop.example") for _ in range(2))
    org.records["Contact"][binned].is_deleted = True
    with opened(org) as destination:
        (outcome,) = erased(destination, removal("a@shop.example", binned))
    assert org.records["Contact"].keys() == {binned}
    assert "recycle bin" in (outcome.reason or "")


def test_of_several_people_with_a_key_none_is_erased(org: FakeSalesforce) -> None:
    mine, _ = (org.put("Contact", email="a@shop.example") for _ in range(2))
    with opened(org) as destination:
        (outcome,) = erased(destination, removal("a@shop.example"))
        assert "several records" in (outcome.reason or "")
        assert len(org.there("Contact")) == 2
        (outcome,) = erased(destination, removal("a@shop.example", mine))
    assert outcome.status is Status.ACKNOWLEDGED
    assert len(org.there("Contact")) == 1


def test_without_the_permission_nothing_counts_as_erased(org: FakeSalesforce) -> None:
    free, held = (org.put("Contact", email=f"{one}@a.example") for one in "ab")
    org.may_hard_delete = False
    org.locked.add(held)
    with opened(org) as destination:
        assert "Bulk API Hard Delete" in destination.check()
        rows = [
            removal("a@a.example", free),
            removal("b@a.example", held),
            removal("nobody@a.example"),
        ]
        outcomes = erased(destination, *rows)
        again = erased(destination, removal("a@a.example", free))
    assert [one.status for one in outcomes] == [Status.REJECTED] * 2 + [Status.ACKNOWLEDGED]
    assert "Bulk API Hard Delete" in (outcomes[0].reason or "")
    assert "DELETE_FAILED" in (outcomes[1].reason or "")
    assert again[0].status is Status.REJECTED
    assert org.records["Contact"][free].is_deleted
    assert not org.records["Contact"][held].is_deleted


def test_a_job_that_fails_late_counts_for_nothing(org: FakeSalesforce) -> None:
    ids = [org.put("Contact", email=f"p{one}@a.example") for one in range(4)]
    org.job_fails, org.job_looks = True, 3
    rows = [removal(f"p{one}@a.example", id_) for one, id_ in enumerate(ids)]
    with opened(org) as destination:
        outcomes = erased(destination, *rows)
        assert {one.status for one in outcomes} == {Status.REJECTED}
        assert "too many attempts" in (outcomes[0].reason or "")
        org.job_fails = False
        assert {one.status for one in erased(destination, *rows)} == {Status.ACKNOWLEDGED}
    assert org.records["Contact"] == {}


def test_what_a_job_fails_to_delete_is_told(org: FakeSalesforce) -> None:
    free, held = (org.put("Contact", email=f"{one}@a.example") for one in "ab")
    org.locked.add(held)
    with opened(org) as destination:
        rows = [removal("a@a.example", free), removal("b@a.example", held)]
        outcomes = erased(destination, *rows)
    assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED, Status.REJECTED]
    assert (outcomes[1].reason or "").startswith('DELETE_FAILED:"it" is associated')


@pytest.mark.parametrize("text", [b"", b'"sf__Id","sf__Created","Id"\n'])
def test_what_the_results_do_not_name_is_not_erased(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    instead(org, monkeypatch, "/successfulResults", Answer(200, text))
    with opened(org) as destination:
        (outcome,) = erased(destination, removal("a@shop.example", id_))
    assert outcome.reason == "the job that was to delete it has ended without it"


def test_what_was_left_by_a_job_is_not_erased(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    left = f'"Id"\n"{id_}"\n'.encode()
    instead(org, monkeypatch, "/unprocessedrecords", Answer(200, left))
    with opened(org) as destination:
        (outcome,) = erased(destination, removal("a@shop.example", id_))
    assert outcome.status is Status.REJECTED


@pytest.mark.parametrize(
    ("end", "method", "answer"),
    [
        ("/successfulResults", "GET", Answer(200, {"status": "?"})),
        ("/failedResults", "GET", Answer(200, {"status": "?"})),
        ("/jobs/ingest", "POST", Answer(200, {"id": "../../x", "state": "Open"})),
        ("/jobs/ingest", "POST", Answer(400, [{"errorCode": "INVALIDJOB", "message": "no"}])),
        ("/batches", "PUT", Answer(400, [{"errorCode": "INVALIDJOBSTATE", "message": "no"}])),
    ],
)
def test_a_job_of_which_nothing_is_known_counts_for_nothing(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch, end: str, method: str, answer: Answer
) -> None:
    id_ = org.put("Contact", email="a@shop.example")
    instead(org, monkeypatch, end, answer, method=method)
    with opened(org) as destination, pytest.raises(DestinationUnavailableError):
        erased(destination, removal("a@shop.example", id_))


def test_a_job_that_never_ends_is_left_alone(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0, 100)
    monkeypatch.setattr(salesforce_bulk, "monotonic", lambda: next(clock))
    org.job_looks = 1_000
    id_ = org.put("Contact", email="a@shop.example")
    with opened(org) as destination, pytest.raises(DestinationUnavailableError, match="too long"):
        erased(destination, removal("a@shop.example", id_))


def test_more_records_than_a_call_takes_are_erased(org: FakeSalesforce) -> None:
    rows = [removal(f"a{one}", org.put("Thing__c", Code__c=f"a{one}")) for one in range(250)]
    with opened(org, kind="Thing__c", key="Code__c", fields=("Code__c",)) as destination:
        assert len(erased(destination, *rows)) == 250
    assert org.records["Thing__c"] == {}
    assert len(org.jobs) == 2


# To check


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"fields": ("email", "Nope__c")}, ["Contact has no field Nope__c"]),
        ({"fields": ("email", "NAME")}, ["the field NAME is written name"]),
        ({"fields": ("email", "Formula__c")}, ["Formula__c cannot be written"]),
        (
            {"mode": Mode.UPDATE, "fields": ("email", "Formula__c")},
            ["Formula__c cannot be changed"],
        ),
        (
            {"key": "born_on", "fields": ("born_on",)},
            ["the field born_on, of type date, can be no key"],
        ),
        ({"key": "Secret__c", "fields": ("Secret__c",)}, ["Secret__c, of type string, can be no"]),
        (
            {"kind": "Account", "key": "Code__c", "fields": ("Code__c",)},
            ["a new record must have Name"],
        ),
        ({"fields": ("email", "Nope.Code__c")}, ["no reference is called Nope"]),
        ({"fields": ("email", "Account.Site")}, ["Site is no external id of Account"]),
        ({"fields": ("email", "Owner.Code__c")}, ["Owner may refer to several objects"]),
        (
            {"mode": Mode.AUDIENCE, "audience": "701fK0000009999"},
            ["there is no campaign 701fK0000009999"],
        ),
        ({"kind": "Penguin__c"}, ["NOT_FOUND: The requested resource does not exist"]),
    ],
)
def test_a_check_tells_what_salesforce_would_refuse(
    org: FakeSalesforce, options: dict[str, Any], problems: list[str]
) -> None:
    with opened(org, **options) as destination, pytest.raises(CdpError) as error:
        destination.check()
    for problem in problems:
        assert problem in error.value.message
    assert {one.method for one in org.requests if "oauth2" not in one.path} == {"GET"}


@pytest.mark.parametrize(
    ("mode", "kind", "right", "problem"),
    [
        (Mode.UPSERT, "Contact", "createable", "may not create Contact"),
        (Mode.UPDATE, "Contact", "updateable", "may not change Contact"),
        (Mode.MIRROR, "Contact", "deletable", "may not delete Contact"),
        (Mode.AUDIENCE, "CampaignMember", "createable", "may not create CampaignMember"),
        (Mode.AUDIENCE, "CampaignMember", "deletable", "may not delete CampaignMember"),
    ],
)
def test_a_check_tells_what_the_user_may_not(
    org: FakeSalesforce, mode: Mode, kind: str, right: str, problem: str
) -> None:
    org.rights[kind, right] = False
    with opened(org, mode) as destination, pytest.raises(CdpError, match=problem):
        destination.check()


@pytest.mark.parametrize(
    ("options", "told", "untold"),
    [
        ({}, ["email is no external id", "1 of the 100,000 API calls"], ["slow", "Hard Delete"]),
        ({"key": "name", "fields": ("name",)}, ["looking for it may be slow"], []),
        ({"key": "Customer_Id__c", "fields": ("Customer_Id__c",)}, [], ["external id"]),
        ({"mode": Mode.AUDIENCE}, ["the campaign is 'Spring'"], []),
        ({"mode": Mode.UPDATE, "kind": "Account", "key": "Site", "fields": ("Site",)}, [], []),
    ],
)
def test_a_check_finds_what_is_well(
    org: FakeSalesforce, options: dict[str, Any], told: list[str], untold: list[str]
) -> None:
    with opened(org, **options) as destination:
        found = destination.check()
    assert all(one in found for one in told)
    assert not any(one in found for one in untold)


def test_a_check_does_not_need_to_see_permissions(org: FakeSalesforce) -> None:
    org.hidden.add("UserPermissionAccess")
    with opened(org) as destination:
        assert "Hard Delete" not in destination.check()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"kind": ""}, "which records"),
        ({"kind": "Contact/../Lead"}, "which records"),
        ({"fields": ("email", "Name FROM User--")}, "name of no field"),
        ({"fields": ("email", "Account.Parent.Code__c")}, "name of no field"),
        ({"mode": Mode.AUDIENCE, "audience": "VIPs"}, "id of a campaign"),
        ({"mode": Mode.AUDIENCE, "audience": "003fK0000009999QAA"}, "id of a campaign"),
        ({"mode": Mode.AUDIENCE, "kind": "Account"}, "no members of campaigns"),
        ({"mode": Mode.APPEND}, "mode append"),
    ],
)
def test_a_sync_that_cannot_be_is_refused(
    org: FakeSalesforce, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(org, **options)


def test_a_variable_that_is_not_set_is_named(
    org: FakeSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SALESFORCE_CLIENT_SECRET")
    with pytest.raises(ConfigurationError, match="SALESFORCE_CLIENT_SECRET"):
        opened(org)


# The page


def test_what_the_page_shows_can_be_synced(org: FakeSalesforce) -> None:
    page = package_root() / "docs" / "destinations" / "salesforce.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    settings = SalesforceSettings.model_validate({**entry, "base_url": org.url})
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        assert sync.destination == settings.name
        names = {name for name in sync.fields if "." not in name}
        org.objects[sync.object] |= {name: Known() for name in names}
        org.set("Account", "Account_Key__c", is_external=True)
        if sync.audience:
            org.records["Campaign"][sync.audience] = org.records["Campaign"][org.spring]
        of_type = destination_class(settings)
        with of_type(settings, sync.for_destination(), Path()) as destination:
            assert isinstance(destination, SalesforceDestination)
            assert destination.check()
