"""The Zendesk destination, against a fake that keeps Zendesk's rules."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
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
    Fault,
    impatient,
    row_of,
)
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.registry import destination_class
from dbt_cdp.destinations.zendesk import api as zendesk_api
from dbt_cdp.destinations.zendesk.answers import Job
from dbt_cdp.destinations.zendesk.destination import ZendeskDestination, ZendeskSettings
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, Request, serving
from fake_zendesk import BASIC, EMAIL, TOKEN, FakeZendesk, tags

# Each destination is an account of its own: tests need not wait for one another's limits.
_names = itertools.count()

_OWN = ("email", "name")
_ACKNOWLEDGED, _REJECTED, _RETRY = Status.ACKNOWLEDGED, Status.REJECTED, Status.RETRY


@pytest.fixture
def zendesk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeZendesk]:
    monkeypatch.setenv("ZENDESK_EMAIL", EMAIL)
    monkeypatch.setenv("ZENDESK_TOKEN", TOKEN)
    monkeypatch.setattr(zendesk_api, "pause", lambda seconds: None)
    with serving(FakeZendesk()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeZendesk,
    mode: Mode = Mode.UPSERT,
    *,
    kind: str = "users",
    key: str = "email",
    fields: Sequence[str] = ("email", "name"),
    audience: str = "hot_lead",
    of_type: type[ZendeskDestination] = ZendeskDestination,
    **settings: Any,
) -> Destination:
    entry = ZendeskSettings.model_validate(
        {
            "name": f"help {next(_names)}",
            "type": "zendesk",
            "base_url": fake.url,
            "email_env": "ZENDESK_EMAIL",
            "token_env": "ZENDESK_TOKEN",
            "per_minute": 100_000,
            **settings,
        }
    )
    audience = audience if mode is Mode.AUDIENCE else ""
    return of_type(entry, Sync("leads", mode, kind, audience, key, fields), Path())


def _renamed(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name if name in _OWN else f"user_fields.{name}": value for name, value in fields.items()
    }


class _OfTheKit(ZendeskDestination):
    """The kit's fields are custom ones in Zendesk, whose names a sync writes otherwise."""

    def send(self, action: Action, rows: Sequence[Row]) -> Iterable[Outcome]:
        return super().send(action, [replace(row, fields=_renamed(row.fields)) for row in rows])


class _Conformance(DestinationConformance):
    @pytest.fixture
    def fake(self, zendesk: FakeZendesk) -> FakeZendesk:
        return zendesk

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode, fields=list(_renamed(dict.fromkeys(FIELDS))), of_type=_OfTheKit)

    def test_a_value_may_be_null(
        self, fake: FakeZendesk, destination: Destination, book: Book
    ) -> None:
        """Another one than the name, which a user cannot be without."""
        self.deliver(destination, book, Action.ADD, [row_of(1)])
        self.deliver(destination, book, Action.CHANGE, [self._later(book, 1, score=None)])
        assert fake.held()[row_of(1).row.key]["score"] is None


class TestUpsert(_Conformance):
    pass


class TestUpsertOneAtATime(_Conformance):
    """Where support has not enabled the import of users."""

    @pytest.fixture
    def fake(self, zendesk: FakeZendesk) -> FakeZendesk:
        zendesk.has_import = False
        return zendesk


class TestMirror(_Conformance):
    mode = Mode.MIRROR


class TestAudience(_Conformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, zendesk: FakeZendesk) -> FakeZendesk:
        zendesk.tag, zendesk.is_numbered = "hot_lead", True
        return zendesk


def deliver(
    destination: Destination, action: Action, rows: Sequence[Row], book: Book | None = None
) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = book or Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {row.key: book.outcomes[row.delivery_id] for row in rows}


def row(key: str, *, id_: Any = None, by: str = "email", **fields: Any) -> Row:
    id_ = str(id_) if id_ else None
    return Row(f"d-{key}-{id_}", key, {by: key, "name": key, **fields}, id_, None, {by: key})


def removal(key: str, id_: Any = None, into: Any = None) -> Row:
    return Row(f"r-{key}", key, {}, str(id_) if id_ else None, str(into) if into else None)


def user(fake: FakeZendesk, outcome: Outcome) -> Any:
    return fake.users[int(outcome.remote_id or 0)]


# What is written


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (Decimal("12.50"), 12.5),
        (date(2026, 6, 1), "2026-06-01"),
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "2026-06-01T12:00:00Z"),
        ("'\"\\\n;é木", "'\"\\\n;é木"),
    ],
)
def test_values_of_custom_fields(zendesk: FakeZendesk, value: Any, sent: Any) -> None:
    with opened(zendesk, fields=("email", "name", "user_fields.score")) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example", **{"user_fields.score": value})])
    assert zendesk.held()["a@shop.example"]["score"] == sent


@pytest.mark.parametrize(
    ("settings", "sent"),
    [({}, BASIC), ({"email_env": None, "token_env": "OAUTH_TOKEN"}, "Bearer oauth")],
)
def test_both_kinds_of_tokens(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch, settings: Any, sent: str
) -> None:
    monkeypatch.setenv("OAUTH_TOKEN", "oauth")
    with opened(zendesk, **settings) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
    assert {one.headers["authorization"] for one in zendesk.requests} == {sent}


def test_users_are_found_by_external_ids(zendesk: FakeZendesk) -> None:
    known = zendesk.put(email="old@shop.example", name="Old", external_id="AB1")
    fields = ("external_id", "name", "email")
    with opened(zendesk, key="external_id", fields=fields) as destination:
        rows = [row("ab1", by="external_id", name="New"), row("ab2", by="external_id")]
        outcomes = deliver(destination, Action.ADD, rows)
    assert outcomes["ab1"].remote_id == str(known)
    assert zendesk.users[known].values["name"] == "New"
    assert len(zendesk.users) == 2


def test_a_new_address_takes_the_place_of_the_old_one(zendesk: FakeZendesk) -> None:
    """An e-mail that is written like other fields would be added as a further one."""
    with opened(zendesk) as destination:
        first = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
        for email in ("b@shop.example", "a@shop.example"):
            deliver(destination, Action.CHANGE, [row(email, id_=first.remote_id)])
            assert user(zendesk, first).emails[0] == email
    assert user(zendesk, first).emails == ["a@shop.example", "b@shop.example"]
    assert len(zendesk.users) == 1


def test_an_address_is_not_emptied(zendesk: FakeZendesk) -> None:
    with opened(zendesk, key="external_id", fields=("external_id", "name", "email")) as destination:
        new = row("x1", by="external_id", email="a@shop.example")
        first = deliver(destination, Action.ADD, [new])["x1"]
        bare = row("x1", id_=first.remote_id, by="external_id", email=None, name="X")
        deliver(destination, Action.CHANGE, [bare])
    assert user(zendesk, first).emails == ["a@shop.example"]
    (changed,) = zendesk.requests[-3].json["users"]
    assert changed == {
        "id": int(first.remote_id or 0),
        "external_id": "x1",
        "name": "X",
        "skip_verify_email": True,
    }


def test_an_address_of_somebody_else_is_refused(zendesk: FakeZendesk) -> None:
    with opened(zendesk) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        later = [
            row("b@shop.example", id_=outcomes["a@shop.example"].remote_id),
            row("c@shop.example", id_=outcomes["b@shop.example"].remote_id),
        ]
        after = deliver(destination, Action.CHANGE, later)
    assert after["b@shop.example"].status is _REJECTED
    assert "already being used" in (after["b@shop.example"].reason or "")
    assert after["c@shop.example"].status is _ACKNOWLEDGED


def test_who_was_deleted_in_zendesk_is_made_anew(zendesk: FakeZendesk) -> None:
    with opened(zendesk) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        gone, there = (int(one.remote_id or 0) for one in outcomes.values())
        zendesk.deleted[gone] = zendesk.users.pop(gone)
        later = [row("a@shop.example", id_=gone), row("b@shop.example", id_=there)]
        after = deliver(destination, Action.CHANGE, later)
    assert {one.status for one in after.values()} == {_ACKNOWLEDGED}
    assert after["a@shop.example"].remote_id not in (None, str(gone))
    assert after["b@shop.example"].remote_id == str(there)


def test_insert_leaves_who_is_there_as_they_are(zendesk: FakeZendesk) -> None:
    known = zendesk.put(email="a@shop.example", name="As typed")
    zendesk.put(email="xa@shop.example", name="Like it")
    for has_import in (True, False):
        zendesk.has_import = has_import
        with opened(zendesk, Mode.INSERT) as destination:
            rows = [row("A@shop.example"), row(f"{has_import}@shop.example".lower())]
            outcomes = deliver(destination, Action.ADD, rows)
        assert {one.status for one in outcomes.values()} == {_ACKNOWLEDGED}
        assert outcomes["A@shop.example"].remote_id == str(known)
        assert outcomes["A@shop.example"].sent == {"email": "A@shop.example"}
    assert zendesk.users[known].values["name"] == "As typed"
    assert len(zendesk.users) == 4


def test_an_insert_whose_answer_was_lost_meets_what_it_has_created(zendesk: FakeZendesk) -> None:
    with impatient(), opened(zendesk, Mode.INSERT) as destination:
        list(destination.send(Action.ADD, [row("z@shop.example")]))
        lost_after(zendesk, "create_many")
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
    assert outcomes["a@shop.example"].status is _ACKNOWLEDGED
    assert len(zendesk.users) == 2


def test_whom_the_search_does_not_find_yet_is_looked_for_again(zendesk: FakeZendesk) -> None:
    with opened(zendesk, Mode.INSERT) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
        zendesk.search_lags = True
        for has_import in (True, False):
            zendesk.has_import = has_import
            outcome = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
            assert outcome.status is _RETRY and "already being used" in (outcome.reason or "")
        zendesk.search_lags = False
        outcome = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
    assert outcome.status is _ACKNOWLEDGED
    assert len(zendesk.users) == 1


def lost_after(fake: FakeZendesk, part: str) -> None:
    """The next answer to such a call gets lost."""
    handle = fake.handle

    def handle_once(request: Request) -> Answer | None:
        answer = handle(request)
        if part not in request.path:
            return answer
        fake.handle = handle  # type: ignore[method-assign]
        return None

    fake.handle = handle_once  # type: ignore[method-assign]


def test_update_creates_nobody(zendesk: FakeZendesk) -> None:
    known = zendesk.put(email="a@shop.example", name="A")
    with opened(zendesk, Mode.UPDATE) as destination:
        outcomes = deliver(
            destination, Action.ADD, [row("a@shop.example", name="AA"), row("b@shop.example")]
        )
    assert zendesk.users[known].values["name"] == "AA"
    assert outcomes["b@shop.example"].status is _REJECTED
    assert "none of these users" in (outcomes["b@shop.example"].reason or "")


# What jobs say


def test_each_refused_row_has_zendesks_reason(zendesk: FakeZendesk) -> None:
    for has_import in (True, False):
        zendesk.has_import = has_import
        with opened(zendesk) as destination:
            rows = [row("a@shop.example"), row("no address"), row("b@shop.example", name=None)]
            outcomes = deliver(destination, Action.ADD, [*rows, row("c@shop.example")])
        assert [one.status for one in outcomes.values()] == [
            _ACKNOWLEDGED,
            _REJECTED,
            _REJECTED,
            _ACKNOWLEDGED,
        ]
        assert "not properly formatted" in (outcomes["no address"].reason or "")
        assert "Name: is too short" in (outcomes["b@shop.example"].reason or "")
        assert outcomes["no address"].remote_id is None
        assert TOKEN not in str(outcomes)


@pytest.mark.parametrize("status", ["failed", "killed", "completed"])
def test_a_job_that_breaks_off_acknowledges_what_it_has_done(
    zendesk: FakeZendesk, status: str
) -> None:
    zendesk.is_numbered = True
    zendesk.broken = (status, "the worker was stopped")
    with opened(zendesk) as destination:
        rows = [row(f"p{number}@shop.example") for number in range(4)]
        outcomes = list(deliver(destination, Action.ADD, rows).values())
        assert [one.status for one in outcomes] == [_ACKNOWLEDGED] * 2 + [_RETRY] * 2
        assert "the worker was stopped" in (outcomes[3].reason or "")
        deliver(destination, Action.ADD, rows)
    assert len(zendesk.users) == 4


def test_a_broken_job_whose_results_have_no_places_acknowledges_nothing(
    zendesk: FakeZendesk,
) -> None:
    """Nobody knows which rows they are of."""
    zendesk.broken = ("failed", "oops")
    with opened(zendesk) as destination:
        rows = [row(f"p{number}@shop.example") for number in range(4)]
        outcomes = deliver(destination, Action.ADD, rows)
    assert {one.status for one in outcomes.values()} == {_RETRY}


@pytest.mark.parametrize("results", [None, {"success": True}, [], [{"title": "?"}]])
def test_a_job_that_says_nothing_of_rows_acknowledges_nothing(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch, results: Any
) -> None:
    job = {"id": "1", "status": "completed", "message": None, "results": results}
    monkeypatch.setattr(zendesk, "answer", lambda request: Answer(200, {"job_status": job}))
    with opened(zendesk) as destination:
        outcome = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
    assert outcome.status is _RETRY


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"id": 7, "status": "Created", "email": "a@shop.example"}, _ACKNOWLEDGED),
        ({"id": 7, "status": "Updated", "errors": ""}, _ACKNOWLEDGED),
        ({"id": 7, "index": 0}, _ACKNOWLEDGED),
        ({"id": 7, "success": True}, _ACKNOWLEDGED),
        ({"id": 7}, _RETRY),
        ({"status": "Created"}, _RETRY),
        ({"id": 7, "status": "Pondered"}, _RETRY),
        ({"id": 7, "status": "Created", "email": "b@shop.example"}, _RETRY),
        ({"id": 7, "index": 1, "status": "Created"}, _RETRY),
        ({"id": 0, "status": "Failed", "error": "UserUpdateError", "details": "x"}, _REJECTED),
        ({"id": 7, "status": "Updated", "success": False}, _REJECTED),
        ({"id": 0, "status": "Failed", "error": "DatabaseConflict"}, _RETRY),
    ],
)
def test_what_a_result_says(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch, result: Any, status: Status
) -> None:
    job = {"id": "1", "status": "completed", "results": [result]}
    monkeypatch.setattr(zendesk, "answer", lambda request: Answer(200, {"job_status": job}))
    with opened(zendesk) as destination:
        outcome = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"]
    assert outcome.status is status
    assert outcome.remote_id == ("7" if status is _ACKNOWLEDGED else None)


def test_two_results_of_one_place_are_of_none() -> None:
    twice = [{"id": 7, "index": 0, "success": True}] * 2
    job = Job.model_validate({"id": "1", "status": "completed", "results": twice})
    assert job.of([{}, {}]) == [None, None]


def test_a_result_of_another_record_is_none_of_this_one() -> None:
    result = {"id": 8, "index": 0, "success": True}
    job = Job.model_validate({"id": "1", "status": "completed", "results": [result]})
    assert job.of([{"id": 7}]) == [None]


def test_a_job_that_is_forgotten_leaves_the_rows_to_the_next_run(zendesk: FakeZendesk) -> None:
    zendesk.forgets = True
    with opened(zendesk) as destination:
        with pytest.raises(DestinationUnavailableError, match="forgotten"):
            list(destination.send(Action.ADD, [row("a@shop.example")]))
        zendesk.forgets = False
        deliver(destination, Action.ADD, [row("a@shop.example")])
    assert len(zendesk.users) == 1


def test_a_job_that_does_not_end_leaves_the_rows_to_the_next_run(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(zendesk_api, "pause", waits.append)
    job = {"id": "1", "status": "working"}
    monkeypatch.setattr(zendesk, "answer", lambda request: Answer(200, {"job_status": job}))
    with (
        opened(zendesk) as destination,
        pytest.raises(DestinationUnavailableError, match="ten minutes"),
    ):
        list(destination.send(Action.ADD, [row("a@shop.example")]))
    assert 600 <= sum(waits) < 660


def test_it_waits_while_others_have_all_jobs(zendesk: FakeZendesk) -> None:
    zendesk.running = 30
    with opened(zendesk) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
    assert outcomes["a@shop.example"].status is _ACKNOWLEDGED


# Accounts and credentials


def test_without_the_right_to_write_the_sync_stops(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"error": "Forbidden", "description": f"no access with {TOKEN}"}
    monkeypatch.setattr(zendesk, "answer", lambda request: Answer(403, body))
    with opened(zendesk) as destination, pytest.raises(DestinationRefusedError) as error:
        deliver(destination, Action.ADD, [row("a@shop.example")])
    assert [one.path for one in zendesk.requests] == [
        "/api/v2/users/create_or_update_many.json",
        "/api/v2/users/create_or_update.json",
    ]
    assert "ZENDESK_TOKEN" in error.value.message and "no access" in error.value.message
    assert TOKEN not in error.value.message and BASIC[6:] not in error.value.message


def test_it_asks_for_jobs_only_once(zendesk: FakeZendesk) -> None:
    zendesk.has_import = False
    with opened(zendesk) as destination:
        for number in range(3):
            deliver(destination, Action.ADD, [row(f"p{number}@shop.example")])
    assert [one.path for one in zendesk.requests].count(
        "/api/v2/users/create_or_update_many.json"
    ) == 1


def test_records_that_others_are_writing_are_left_to_the_next_run(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zendesk, "answer", lambda request: Answer(409, {"error": "Conflict"}))
    with opened(zendesk) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, [row("a@shop.example")])


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"title": "Invalid", "message": "too \n much"}},
        {"error": "RecordInvalid", "details": {"email": [{"description": "too much"}]}},
        {"error": "x", "description": "too much"},
    ],
)
def test_a_refused_call_is_told_in_zendesks_words(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch, body: Any
) -> None:
    monkeypatch.setattr(zendesk, "answer", lambda request: Answer(422, body))
    with opened(zendesk) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
    assert {one.status for one in outcomes.values()} == {_REJECTED}
    assert all("too much" in (one.reason or "") for one in outcomes.values())


# Tags


def test_other_tags_stay(zendesk: FakeZendesk) -> None:
    known = zendesk.put(email="a@shop.example", name="A")
    zendesk.users[known].tags = {"vip", "hot_lead_2"}
    with opened(zendesk, Mode.AUDIENCE) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
        assert zendesk.users[known].tags == {"vip", "hot_lead", "hot_lead_2"}
        for _ in range(2):
            deliver(destination, Action.REMOVE, [removal("a@shop.example", known)])
    assert zendesk.users[known].tags == {"vip", "hot_lead_2"}
    assert len(zendesk.users) == 1


def test_a_member_who_is_deleted_meanwhile_is_no_member(zendesk: FakeZendesk) -> None:
    with opened(zendesk, Mode.AUDIENCE) as destination:
        write = zendesk._poll

        def delete(name: str) -> Answer:
            zendesk.users.clear()
            return write(name)

        zendesk._poll = delete  # type: ignore[method-assign]
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example")])
        assert outcomes["a@shop.example"].status is _RETRY
        gone = removal("a@shop.example", outcomes["a@shop.example"].remote_id or 999)
        assert deliver(destination, Action.REMOVE, [gone])["a@shop.example"].status is _ACKNOWLEDGED


def test_an_account_without_tags_is_told(zendesk: FakeZendesk) -> None:
    zendesk.has_tags = False
    with opened(zendesk, Mode.AUDIENCE) as destination:
        with pytest.raises(DestinationRefusedError, match="no tags"):
            destination.check()
        with pytest.raises(DestinationRefusedError, match="hot_lead is not kept"):
            deliver(destination, Action.ADD, [row("a@shop.example")])


def test_of_two_who_are_one_the_surplus_user_leaves(zendesk: FakeZendesk) -> None:
    with opened(zendesk, Mode.AUDIENCE) as destination:
        outcomes = deliver(destination, Action.ADD, [row("a@shop.example"), row("b@shop.example")])
        loser, winner = (one.remote_id for one in outcomes.values())
        merges = [
            removal("a@shop.example", loser, winner),
            removal("b@shop.example", winner, winner),
        ]
        after = deliver(destination, Action.MERGE, merges)
    assert {one.status for one in after.values()} == {_ACKNOWLEDGED}
    assert tags(zendesk, [loser, winner]) == [set(), {"hot_lead"}]


# To delete and to merge


def test_nobody_of_the_staff_is_deleted_merged_or_readdressed(zendesk: FakeZendesk) -> None:
    agent = zendesk.put(role="agent", email="agent@shop.example", name="A")
    admin = zendesk.put(role="admin", email="admin@shop.example", name="B")
    other = zendesk.put(email="c@shop.example", name="C")
    with opened(zendesk, Mode.MIRROR) as destination:
        gone = [removal("agent@shop.example"), removal("admin@shop.example", admin)]
        for outcomes in (
            deliver(destination, Action.REMOVE, gone),
            {one.delivery_id: one for one in destination.erase(gone)},
            deliver(destination, Action.MERGE, [removal("c@shop.example", other, agent)]),
            deliver(destination, Action.MERGE, [removal("agent@shop.example", agent, other)]),
            deliver(destination, Action.CHANGE, [row("new@shop.example", id_=agent)]),
        ):
            assert {one.status for one in outcomes.values()} == {_REJECTED}
            assert all(
                "agent or an administrator" in (one.reason or "") for one in outcomes.values()
            )
        after = deliver(destination, Action.REMOVE, [*gone, removal("c@shop.example", other)])
    assert after["c@shop.example"].status is _ACKNOWLEDGED
    assert zendesk.users.keys() == {agent, admin}
    assert not any("role" in (one.content or b"").decode() for one in zendesk.requests)


def test_a_deletion_that_a_job_only_claims_is_none(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = zendesk.put(email="a@shop.example", name="A")
    monkeypatch.setattr(zendesk, "_soft_delete", lambda one: None)
    with opened(zendesk, Mode.MIRROR) as destination:
        outcomes = deliver(destination, Action.REMOVE, [removal("a@shop.example", known)])
    assert outcomes["a@shop.example"].status is _RETRY


def test_a_merge_whose_answer_was_lost_is_done(zendesk: FakeZendesk) -> None:
    loser = zendesk.put(email="a@shop.example", name="A")
    winner = zendesk.put(email="b@shop.example", name="B")
    with impatient(), opened(zendesk) as destination:
        lost_after(zendesk, "merge")
        for into in (winner, winner):
            (outcome,) = deliver(
                destination, Action.MERGE, [removal("a@shop.example", loser, into)]
            ).values()
            assert outcome.status is _ACKNOWLEDGED
    assert zendesk.users[winner].emails == ["b@shop.example", "a@shop.example"]


def test_a_merge_into_nobody_waits(zendesk: FakeZendesk) -> None:
    loser = zendesk.put(email="a@shop.example", name="A")
    with opened(zendesk) as destination:
        (outcome,) = deliver(
            destination, Action.MERGE, [removal("a@shop.example", loser, 999)]
        ).values()
    assert outcome.status is _RETRY
    assert loser in zendesk.users


def test_a_merge_that_zendesk_refuses_is_rejected(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    loser = zendesk.put(email="a@shop.example", name="A")
    winner = zendesk.put(email="b@shop.example", name="B")
    answer = zendesk.answer

    def refuse(request: Request) -> Answer:
        if "merge" in request.path:
            return Answer(422, {"error": "RecordInvalid", "description": "too many tickets"})
        return answer(request)

    monkeypatch.setattr(zendesk, "answer", refuse)
    with opened(zendesk) as destination:
        (outcome,) = deliver(
            destination, Action.MERGE, [removal("a@shop.example", loser, winner)]
        ).values()
    assert outcome.status is _REJECTED and "too many tickets" in (outcome.reason or "")


# To erase


def test_erased_users_are_gone_for_good(zendesk: FakeZendesk) -> None:
    first = zendesk.put(email="a@shop.example", name="A")
    second = zendesk.put(email="b@shop.example", name="B")
    with opened(zendesk, Mode.MIRROR) as destination:
        deliver(destination, Action.REMOVE, [removal("b@shop.example", second)])
        assert zendesk.deleted.keys() == {second}
        gone = [removal("a@shop.example", first), removal("b@shop.example", second)]
        for _ in range(2):
            assert {one.status for one in destination.erase(gone)} == {_ACKNOWLEDGED}
    assert not zendesk.users and not zendesk.deleted


def test_a_deletion_that_does_not_settle_is_not_acknowledged(zendesk: FakeZendesk) -> None:
    known = zendesk.put(email="a@shop.example", name="A")
    zendesk.settles_after = 10
    with opened(zendesk) as destination:
        (outcome,) = destination.erase([removal("a@shop.example", known)])
        assert outcome.status is _RETRY and "erase again" in (outcome.reason or "")
        (outcome,) = destination.erase([removal("a@shop.example", known)])
    assert outcome.status is _ACKNOWLEDGED
    assert not zendesk.deleted


def test_many_are_erased(zendesk: FakeZendesk) -> None:
    zendesk.settles_after = 0
    ids = [zendesk.put(email=f"p{number}@shop.example", name="P") for number in range(120)]
    with opened(zendesk) as destination:
        outcomes = list(destination.erase([removal(f"p{one}", one) for one in ids]))
    assert [one.status for one in outcomes] == [_ACKNOWLEDGED] * 120
    assert not zendesk.users and not zendesk.deleted


# Organizations

_ORGANIZATION = {
    "kind": "organizations",
    "key": "external_id",
    "fields": ("external_id", "name", "organization_fields.plan"),
}


def organization(key: str, **fields: Any) -> Row:
    return row(key, by="external_id", **fields)


def test_organizations_are_kept(zendesk: FakeZendesk) -> None:
    known = zendesk.put("organizations", name="Acme", external_id="ACME")
    with opened(zendesk, Mode.MIRROR, **_ORGANIZATION) as destination:
        rows = [
            organization("acme", name="Acme Ltd", **{"organization_fields.plan": "pro"}),
            organization("x,y", name="Comma"),
            organization("dup", name="Comma"),
        ]
        outcomes = deliver(destination, Action.ADD, rows)
        assert outcomes["acme"].remote_id == str(known)
        assert outcomes["dup"].status is _REJECTED
        assert "already been taken" in (outcomes["dup"].reason or "")
        held = zendesk.things["organizations"]
        assert held[known].custom == {"plan": "pro"}
        renamed = organization("acme2", id_=known, name="Acme 2")
        assert deliver(destination, Action.CHANGE, [renamed])["acme2"].remote_id == str(known)
        deliver(destination, Action.MERGE, [removal("x,y", outcomes["x,y"].remote_id, known)])
        assert held.keys() == {known}
        (outcome,) = destination.erase([removal("acme2", known)])
    assert outcome.status is _ACKNOWLEDGED
    assert not held


def test_organizations_whose_answer_was_lost_are_met(zendesk: FakeZendesk) -> None:
    with impatient(), opened(zendesk, **_ORGANIZATION) as destination:
        lost_after(zendesk, "create_many")
        outcomes = deliver(destination, Action.ADD, [organization("a"), organization("b")])
    assert {one.status for one in outcomes.values()} == {_ACKNOWLEDGED}
    assert len(zendesk.things["organizations"]) == 2


def test_organizations_without_the_right_stop_the_sync(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = zendesk.answer
    monkeypatch.setattr(
        zendesk,
        "answer",
        lambda request: Answer(403) if "create" in request.path else answer(request),
    )
    with opened(zendesk, **_ORGANIZATION) as destination, pytest.raises(DestinationRefusedError):
        deliver(destination, Action.ADD, [organization("a")])


# To check


@pytest.mark.parametrize(
    ("options", "spoil", "problems"),
    [
        ({"fields": ("email", "user_fields.nope")}, {}, ["the key nope", "need a name"]),
        ({"fields": ("email", "name", "user_fields.score")}, {"inactive": {"score"}}, ["active"]),
        ({}, {"role": None}, ["not an agent's"]),
        ({}, {"role": "end-user"}, ["not an agent's"]),
        ({"mode": Mode.MIRROR}, {"role": "agent"}, ["administrator"]),
        ({**_ORGANIZATION}, {"inactive": {"plan"}}, ["plan of organizations is not active"]),
    ],
)
def test_a_check_tells_what_zendesk_would_refuse(
    zendesk: FakeZendesk, options: Any, spoil: Mapping[str, Any], problems: Sequence[str]
) -> None:
    for name, value in spoil.items():
        setattr(zendesk, name, value)
    with opened(zendesk, **options) as destination, pytest.raises(CdpError) as error:
        destination.check()
    for problem in problems:
        assert problem in error.value.message


@pytest.mark.parametrize("has_import", [True, False])
def test_a_check_finds_what_is_well(zendesk: FakeZendesk, has_import: bool) -> None:
    zendesk.has_import = has_import
    fields = ("email", "name", "user_fields.score", "user_fields.seen_at")
    with opened(zendesk, fields=fields) as destination:
        assert ("one at a time" in destination.check()) is not has_import
    with opened(zendesk, **_ORGANIZATION) as destination:
        assert "fields of organizations" in destination.check()
    assert not zendesk.users


@pytest.mark.parametrize("variable", ["ZENDESK_TOKEN", "ZENDESK_EMAIL"])
def test_wrong_credentials_are_told(
    zendesk: FakeZendesk, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "w-r-o-n-g")
    with opened(zendesk) as destination, pytest.raises(DestinationRefusedError) as error:
        destination.check()
    assert variable in error.value.message and "w-r-o-n-g" not in error.value.message


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"kind": "tickets"}, "which records"),
        ({"key": "name"}, "find users by 'name'"),
        ({"kind": "organizations", "key": "name"}, "find organizations by 'name'"),
        ({"fields": ("email", "role")}, "cannot write 'role'"),
        ({"fields": ("email", "suspended")}, "cannot write 'suspended'"),
        ({"fields": ("email", "tags")}, "cannot write 'tags'"),
        ({"fields": ("email", "score")}, "cannot write 'score'"),
        ({"mode": Mode.AUDIENCE, "audience": "hot lead"}, "not a tag"),
        ({"mode": Mode.AUDIENCE, "audience": "Hot"}, "not a tag"),
        ({"mode": Mode.APPEND}, "mode append"),
    ],
)
def test_a_sync_that_cannot_be_is_refused(zendesk: FakeZendesk, options: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(zendesk, **options)


# The page


def test_what_the_page_shows_can_be_synced(zendesk: FakeZendesk) -> None:
    page = package_root() / "docs" / "destinations" / "zendesk.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    settings = ZendeskSettings.model_validate({**entry, "base_url": zendesk.url})
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        assert sync.destination == settings.name
        keys = {name.partition(".")[2] for name in sync.fields}
        zendesk.custom = {"users": keys, "organizations": keys}
        of_type = destination_class(settings)
        with of_type(settings, sync.for_destination(), Path()) as destination:
            assert isinstance(destination, ZendeskDestination)
            assert destination.check()


def test_nobody_is_sent_a_mail(zendesk: FakeZendesk) -> None:
    """Zendesk greets whom it is not told to leave in peace; the description asks for it."""
    zendesk.misbehave(Fault.FAILING, 1)
    with impatient(), opened(zendesk) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example")])
    (body,) = (one.json for one in zendesk.requests[1:] if one.method == "POST")
    assert body["users"][0]["skip_verify_email"] is True
