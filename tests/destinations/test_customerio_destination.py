"""The Customer.io destination, against a fake that keeps Customer.io's rules."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyrate_limiter import Duration, Rate

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender, batches
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import FIELDS, Book, DestinationConformance, row_of
from dbt_cdp.destinations.customerio import api as customerio_api
from dbt_cdp.destinations.customerio import destination as customerio
from dbt_cdp.destinations.customerio.destination import CustomerIoDestination, CustomerIoSettings
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, Request, serving
from fake_customerio import API_KEY, APP_KEY, SITE_ID, FakeCustomerIo, operations

# Each destination is an account of its own: tests need not wait for one another's limits.
_names = itertools.count()


@pytest.fixture
def fake_customerio(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCustomerIo]:
    monkeypatch.setenv("CUSTOMERIO_SITE_ID", SITE_ID)
    monkeypatch.setenv("CUSTOMERIO_API_KEY", API_KEY)
    monkeypatch.setenv("CUSTOMERIO_APP_KEY", APP_KEY)
    monkeypatch.setattr(customerio, "_PAUSES", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(customerio_api, "_APP_RATE", Rate(10_000, Duration.SECOND))
    with serving(FakeCustomerIo()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations
        assert "unsuppress" not in str([one["action"] for one in operations(fake.requests)])


def opened(
    fake: FakeCustomerIo,
    mode: Mode = Mode.UPSERT,
    *,
    has_app_key: bool = True,
    key: str = "email",
    fields: Sequence[str] = FIELDS,
    audience: str = "7",
    kind: str = "",
    base_url: str = "",
) -> Destination:
    settings = CustomerIoSettings(
        name=f"mails {next(_names)}",
        type="customerio",
        site_id_env="CUSTOMERIO_SITE_ID",
        api_key_env="CUSTOMERIO_API_KEY",
        app_key_env="CUSTOMERIO_APP_KEY" if has_app_key else None,
        base_url=base_url or fake.url,
        app_url=fake.url,
    )
    audience = audience if mode is Mode.AUDIENCE else ""
    return CustomerIoDestination(settings, Sync("leads", mode, kind, audience, key, fields), Path())


class _Conformance(DestinationConformance):
    @pytest.fixture
    def fake(self, fake_customerio: FakeCustomerIo) -> FakeCustomerIo:
        return fake_customerio

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Times are seconds, and what is null is not there."""
        shown = {name: value for name, value in fields.items() if value is not None}
        if isinstance(shown.get("seen_at"), datetime):
            shown["seen_at"] = int(shown["seen_at"].replace(tzinfo=UTC).timestamp())
        return shown

    def test_a_value_may_be_null(self, fake: Any, destination: Destination, book: Book) -> None:
        """Customer.io removes an attribute that is null: there is none to look at."""
        self.deliver(destination, book, Action.ADD, [row_of(1)])
        self.deliver(destination, book, Action.CHANGE, [self._later(book, 1, name=None)])
        assert "name" not in fake.held()[row_of(1).row.key]
        self.agrees(fake, book)


class TestUpsert(_Conformance):
    pass


class TestUpsertUnseen(_Conformance):
    """Without a key of the App API."""

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode, has_app_key=mode in (Mode.UPDATE, Mode.AUDIENCE))


class TestMirror(_Conformance):
    mode = Mode.MIRROR


class TestAudience(_Conformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, fake_customerio: FakeCustomerIo) -> FakeCustomerIo:
        fake_customerio.segment = "7"
        return fake_customerio


def deliver(destination: Destination, action: Action, rows: Sequence[Row]) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {row.key: book.outcomes[row.delivery_id] for row in rows}


def row(key: str, *, by: str = "email", **fields: Any) -> Row:
    return Row(f"d-{key}"[:40], key, {by: key, **fields}, None, None, {by: key})


def removal(key: str, **more: Any) -> Row:
    return Row(f"r-{key}", key, {}, None, more.get("into"), more.get("sent", {}))


def statuses(outcomes: Mapping[str, Outcome]) -> list[Status]:
    return [one.status for one in outcomes.values()]


A, B = "a@shop.example", "b@shop.example"


# Values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (7, 7),
        (Decimal("12.50"), 12.5),
        ("Zoë 木", "Zoë 木"),
        (date(2026, 6, 1), 1_780_272_000),
        (datetime(2026, 6, 1, 0, 0, 1, 500_000), 1_780_272_001),
        (datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))), 1_780_272_000),
        (datetime(1969, 12, 31, 23, 59, 59), -1),
    ],
)
def test_values_are_sent_as_customerio_reads_them(
    fake_customerio: FakeCustomerIo, value: Any, expected: Any
) -> None:
    with opened(fake_customerio) as destination:
        outcome = deliver(destination, Action.ADD, [row(A, thing=value)])[A]
    assert fake_customerio.held()[A]["thing"] == expected
    assert outcome.sent == {"email": A, "thing": expected}


def test_what_people_have_entered_stays(fake_customerio: FakeCustomerIo) -> None:
    fake_customerio.put(email=A, plan="gold")
    with opened(fake_customerio) as destination:
        deliver(destination, Action.ADD, [row("A@Shop.example", score=1)])
    assert fake_customerio.held() == {A: {"email": A, "plan": "gold", "score": 1}}


def test_people_are_told_apart_by_the_keys_name(fake_customerio: FakeCustomerIo) -> None:
    with opened(fake_customerio, key="id", fields=("id", "email")) as destination:
        deliver(destination, Action.ADD, [row("42", by="id", email=A)])
        deliver(destination, Action.CHANGE, [row("42", by="id", email="new@shop.example")])
    (person,) = fake_customerio.people.values()
    assert person.attributes == {"id": "42", "email": "new@shop.example"}


# What it takes at once


def test_a_call_has_no_more_bytes_than_it_may(fake_customerio: FakeCustomerIo) -> None:
    """The fake counts them."""
    rows = [
        row(f"p{one}@shop.example", **{f"n{two}": "木" * 300 for two in range(5)})
        for one in range(300)
    ]
    with opened(fake_customerio) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
        changes = [Change(one, Action.ADD, one.key, one.key, "h", 0) for one in rows]
        sizes = [
            len(one)
            for one in batches(
                changes,
                destination.max_rows,
                destination.max_bytes or 0,
                lambda change: destination.bytes_of(Action.ADD, change.row),
            )
        ]
    assert set(statuses(outcomes)) == {Status.ACKNOWLEDGED}
    assert max(sizes) > 50
    assert len([one for one in fake_customerio.requests if "batch" in one.path]) == len(sizes) > 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("b" * 151, name="B"), "the key has more than 150 bytes"),
        (row(B, name="木" * 334), "the value of name has more than 1000 bytes"),
        (row(B, **{f"n{one}": "x" * 1_000 for one in range(33)}), "more than 32000 bytes"),
    ],
)
def test_what_would_be_cut_off_is_rejected(
    fake_customerio: FakeCustomerIo, bad: Row, reason: str
) -> None:
    with opened(fake_customerio) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A, name="木" * 333), bad])
    assert outcomes[A].status is Status.ACKNOWLEDGED
    assert outcomes[bad.key].status is Status.REJECTED
    assert reason in str(outcomes[bad.key].reason)
    assert fake_customerio.held().keys() == {A}


# How Customer.io hides what it does not do


def test_a_malformed_operation_is_told_by_its_place(fake_customerio: FakeCustomerIo) -> None:
    fake_customerio.refuse(B)
    with opened(fake_customerio) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A), row(B), row("c@shop.example")])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED, Status.ACKNOWLEDGED]
    assert outcomes[B].reason == "attributes: malformed"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"errors": []}),
        Answer(200),
        Answer(207, {}),
        Answer(207, {"errors": []}),
        Answer(207, {"errors": [{"batch_index": 5, "reason": "invalid"}]}),
        Answer(207, {"errors": [{"reason": "invalid"}]}),
    ],
)
def test_an_answer_that_says_nothing_of_the_rows_is_none(
    fake_customerio: FakeCustomerIo, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(fake_customerio, "answer", lambda request: answer)
    with (
        opened(fake_customerio, has_app_key=False) as destination,
        pytest.raises(DestinationUnavailableError),
    ):
        deliver(destination, Action.ADD, [row(A), row(B)])


def test_a_call_that_is_malformed_as_a_whole_is_halved(
    fake_customerio: FakeCustomerIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake_customerio.answer

    def strict(request: Request) -> Answer:
        is_bad = B.encode() in request.content and "batch" in request.path
        return Answer(400, {"errors": [{"reason": "invalid"}]}) if is_bad else answer(request)

    monkeypatch.setattr(fake_customerio, "answer", strict)
    with opened(fake_customerio) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A), row(B)])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED]


def test_a_suppressed_person_does_not_count_as_delivered(fake_customerio: FakeCustomerIo) -> None:
    """Customer.io answers as if all were well."""
    fake_customerio.suppressed.add(("email", B))
    with opened(fake_customerio) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A), row("B@shop.example")])
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.RETRY]
    assert "suppressed" in str(outcomes["B@shop.example"].reason)


def test_an_identifier_of_somebody_else_is_ignored_and_told(
    fake_customerio: FakeCustomerIo,
) -> None:
    fake_customerio.put(email=A, id="1")
    with opened(fake_customerio, key="id", fields=("id", "email")) as destination:
        outcomes = deliver(destination, Action.ADD, [row("2", by="id", email=A)])
    assert statuses(outcomes) == [Status.RETRY]


def test_without_the_app_key_what_was_taken_is_all_that_is_known(
    fake_customerio: FakeCustomerIo,
) -> None:
    fake_customerio.suppressed.add(("email", B))
    with opened(fake_customerio, has_app_key=False) as destination:
        outcomes = deliver(destination, Action.ADD, [row(A), row(B)])
        assert "nobody can tell" in destination.check()
    assert statuses(outcomes) == [Status.ACKNOWLEDGED] * 2


@pytest.mark.parametrize(("lag", "status"), [(3, Status.ACKNOWLEDGED), (4, Status.RETRY)])
def test_who_is_not_there_at_once_is_waited_for(
    fake_customerio: FakeCustomerIo, lag: int, status: Status
) -> None:
    fake_customerio.lag = lag
    with opened(fake_customerio) as destination:
        assert statuses(deliver(destination, Action.ADD, [row(A)])) == [status]


def test_more_people_than_a_search_asks_for_are_found(fake_customerio: FakeCustomerIo) -> None:
    rows = [row(f"p{one}@shop.example") for one in range(250)]
    with opened(fake_customerio) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert set(statuses(outcomes)) == {Status.ACKNOWLEDGED}
    assert len([one for one in fake_customerio.requests if one.path == "/v1/customers"]) == 3


# Modes


@pytest.mark.parametrize("key", ["email", "cio_id"])
def test_an_update_creates_nobody(fake_customerio: FakeCustomerIo, key: str) -> None:
    cio_id = fake_customerio.put(email=A)
    known, unknown = (A, B) if key == "email" else (cio_id, "a3999999")
    rows = [row(known, by=key, score=1), row(unknown, by=key, score=2)]
    with opened(fake_customerio, Mode.UPDATE, key=key, fields=(key, "score")) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    assert statuses(outcomes) == [Status.ACKNOWLEDGED, Status.REJECTED]
    assert outcomes[unknown].reason == "Customer.io has no such person"
    assert fake_customerio.held() == {A: {"email": A, "score": 1}}


def test_who_leaves_the_segment_stays_a_person(fake_customerio: FakeCustomerIo) -> None:
    other = fake_customerio.put(email="other@shop.example")
    fake_customerio.segments["7"].members.add(other)
    with opened(fake_customerio, Mode.AUDIENCE) as destination:
        deliver(destination, Action.ADD, [row(A), row(B)])
        assert len(fake_customerio.segments["7"].members) == 3
        deliver(destination, Action.REMOVE, [removal(A), removal("nobody@shop.example")])
        deliver(destination, Action.MERGE, [removal(B, into="other@shop.example")])
    assert fake_customerio.segments["7"].members == {other}
    assert len(fake_customerio.people) == 3


def test_whoever_was_not_there_yet_is_put_into_the_segment_again(
    fake_customerio: FakeCustomerIo,
) -> None:
    """It ignores people whom it does not know yet."""
    fake_customerio.lag = 2
    with opened(fake_customerio, Mode.AUDIENCE) as destination:
        assert statuses(deliver(destination, Action.ADD, [row(A)])) == [Status.ACKNOWLEDGED]
    assert len(fake_customerio.segments["7"].members) == 1


def test_a_segment_that_customerio_keeps_stops_the_sync(fake_customerio: FakeCustomerIo) -> None:
    for audience in ("8", "404"):
        with (
            opened(fake_customerio, Mode.AUDIENCE, audience=audience) as destination,
            pytest.raises(DestinationRefusedError, match=f"segment {audience}"),
        ):
            deliver(destination, Action.ADD, [row(A)])


def test_people_who_are_one_are_merged(fake_customerio: FakeCustomerIo) -> None:
    with opened(fake_customerio, Mode.MIRROR) as destination:
        joined = deliver(destination, Action.ADD, [row(A, score=1), row(B, plan="gold")])
        into = joined[A].remote_id
        for _ in range(2):
            outcomes = deliver(destination, Action.MERGE, [removal(B, into=into)])
            assert statuses(outcomes) == [Status.ACKNOWLEDGED]
    assert fake_customerio.held() == {A: {"email": A, "score": 1, "plan": "gold"}}


# To erase


@pytest.mark.parametrize("suppressing_deletes", [True, False])
def test_an_erased_person_cannot_come_back(
    fake_customerio: FakeCustomerIo, suppressing_deletes: bool
) -> None:
    fake_customerio.suppressing_deletes = suppressing_deletes
    with opened(fake_customerio, key="id", fields=("id", "email")) as destination:
        deliver(destination, Action.ADD, [row("1", by="id", email=A), row("2", by="id", email=B)])
        for _ in range(2):
            outcomes = list(destination.erase([removal("1", sent={"id": "1", "email": A})]))
            assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED]
        again = deliver(destination, Action.ADD, [row("1", by="id")])
    with opened(fake_customerio) as destination:
        by_email = deliver(destination, Action.ADD, [row(A)])
    assert statuses(again) == statuses(by_email) == [Status.RETRY]
    assert fake_customerio.held().keys() == {B}


def test_a_person_that_was_deleted_before_is_suppressed_all_the_same(
    fake_customerio: FakeCustomerIo,
) -> None:
    with opened(fake_customerio, Mode.MIRROR) as destination:
        deliver(destination, Action.ADD, [row(A)])
        deliver(destination, Action.REMOVE, [removal(A)])
        list(destination.erase([removal(A)]))
    assert fake_customerio.suppressed == {("email", A)}


def test_an_erasure_that_is_not_taken_is_told(fake_customerio: FakeCustomerIo) -> None:
    fake_customerio.refuse(B)
    rows = [removal(f"p{one}@shop.example") for one in range(700)] + [removal(B)]
    with opened(fake_customerio) as destination:
        outcomes = {one.delivery_id: one for one in destination.erase(rows)}
    assert len(outcomes) == 701
    assert [name for name, one in outcomes.items() if one.reason] == [f"r-{B}"]


# To check


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"has_app_key": False},
        {"mode": Mode.AUDIENCE},
        {"mode": Mode.UPDATE, "key": "cio_id", "fields": ("cio_id", "x")},
    ],
)
def test_a_check_finds_what_is_well(
    fake_customerio: FakeCustomerIo, options: dict[str, Any]
) -> None:
    with opened(fake_customerio, **options) as destination:
        assert "region us" in destination.check()
    assert not operations(fake_customerio.requests)


@pytest.mark.parametrize(
    ("audience", "problem"),
    [("8", "Customer.io keeps segment 8 itself (dynamic)"), ("404", "there is no segment 404")],
)
def test_a_check_tells_which_segment_cannot_be_kept(
    fake_customerio: FakeCustomerIo, audience: str, problem: str
) -> None:
    with (
        opened(fake_customerio, Mode.AUDIENCE, audience=audience) as destination,
        pytest.raises(DestinationRefusedError) as error,
    ):
        destination.check()
    assert problem in error.value.message
    assert not operations(fake_customerio.requests)


def test_a_workspace_of_another_region_is_told(
    fake_customerio: FakeCustomerIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(fake_customerio, base_url="https://track.customer.io/") as destination:
        assert isinstance(destination, CustomerIoDestination)
        monkeypatch.setattr(
            destination._track, "region", lambda: ("eu", "https://track-eu.customer.io")
        )
        with pytest.raises(DestinationRefusedError, match=r"https://track-eu\.customer\.io"):
            destination.check()


@pytest.mark.parametrize("variable", ["CUSTOMERIO_API_KEY", "CUSTOMERIO_APP_KEY"])
def test_wrong_credentials_are_told_and_not_shown(
    fake_customerio: FakeCustomerIo, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "wr0ng-s3cret")
    with opened(fake_customerio) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert variable in error.value.message
    assert "s3cret" not in error.value.message


def test_no_secret_stands_in_a_reason(
    fake_customerio: FakeCustomerIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"batch_index": 0, "reason": "invalid", "message": f"not for {API_KEY}"}
    monkeypatch.setattr(fake_customerio, "answer", lambda request: Answer(207, {"errors": [told]}))
    with opened(fake_customerio, has_app_key=False) as destination:
        outcome = deliver(destination, Action.ADD, [row(A)])[A]
    assert outcome.reason == "not for ***"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"mode": Mode.INSERT}, "mode insert"),
        ({"mode": Mode.APPEND}, "mode append"),
        ({"key": "phone", "fields": ("phone",)}, "nothing that identifies a person"),
        ({"kind": "companies"}, "about people alone"),
        ({"mode": Mode.AUDIENCE, "audience": "VIPs"}, "id of a segment"),
        ({"mode": Mode.AUDIENCE, "has_app_key": False}, "mode audience nobody can tell"),
        ({"mode": Mode.UPDATE, "has_app_key": False}, "mode update nobody can tell"),
        ({"key": "cio_id", "fields": ("cio_id",)}, "created by a cio_id"),
        ({"fields": ("email", "_update")}, "field _update"),
        ({"fields": ("email", "cio_id")}, "field cio_id"),
        ({"fields": ("email", "木" * 51)}, "more than 150 bytes"),
        ({"fields": ("email", *(f"n{one}" for one in range(301)))}, "more than 300 fields"),
    ],
)
def test_a_sync_that_cannot_be_is_refused(
    fake_customerio: FakeCustomerIo, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(fake_customerio, **options)


def test_what_the_app_api_refuses_quotes_nobody(
    fake_customerio: FakeCustomerIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = fake_customerio.answer

    def refusing(request: Request) -> Answer:
        return Answer(400, {"no": A}) if request.path.startswith("/v1/") else answer(request)

    monkeypatch.setattr(fake_customerio, "answer", refusing)
    with (
        opened(fake_customerio) as destination,
        pytest.raises(DestinationRefusedError, match="App API") as error,
    ):
        deliver(destination, Action.ADD, [row(A)])
    assert A not in error.value.message


# The page


def test_what_the_page_shows_can_be_synced(fake_customerio: FakeCustomerIo) -> None:
    page = package_root() / "docs" / "destinations" / "customerio.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    addresses = {"base_url": fake_customerio.url, "app_url": fake_customerio.url}
    settings = CustomerIoSettings.model_validate({**entry, **addresses})
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        assert sync.destination == settings.name
        with CustomerIoDestination(settings, sync.for_destination(), Path()) as destination:
            assert destination.check()
