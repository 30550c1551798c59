"""The Meta destination, against a fake that keeps the rules of the Marketing API."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import Book, DestinationConformance, impatient, row_of
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.identifiers import UnusableValueError, person_of
from dbt_cdp.destinations.meta.destination import MetaDestination, MetaSettings
from dbt_cdp.destinations.meta.people import RULES, table
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, serving
from fake_meta import SECRET, TOKEN, FakeMeta, sha256

_names = itertools.count()
_MADID = "38400000-8CF0-11bd-b23e-10b96e40000d"


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMeta]:
    monkeypatch.setenv("META_TOKEN", TOKEN)
    monkeypatch.setenv("META_APP_SECRET", SECRET)
    with serving(FakeMeta()) as fake:
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeMeta,
    fields: Sequence[str] = ("email",),
    *,
    key: str = "email",
    audience: str = "17",
    mode: Mode = Mode.AUDIENCE,
    **settings: Any,
) -> Destination:
    entry = MetaSettings.model_validate(
        {
            "name": f"meta {next(_names)}",
            "type": "meta",
            "token_env": "META_TOKEN",
            "base_url": fake.url,
            **settings,
        }
    )
    return MetaDestination(entry, Sync("buyers", mode, "", audience, key, fields), Path())


def deliver(
    destination: Destination, action: Action, rows: Sequence[Row], book: Book | None = None
) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = book or Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {row.key: book.outcomes[row.delivery_id] for row in rows}


def row(email: str, *, sent: Mapping[str, Any] | None = None, **fields: Any) -> Row:
    return Row(f"d-{email}", email, {"email": email, **fields}, sent=sent or {})


def removal(key: str, sent: Mapping[str, Any]) -> Row:
    return Row(f"r-{key}", key, sent=sent)


def people(number: int) -> list[Row]:
    return [row(f"person{one}@shop.example") for one in range(number)]


class TestAudience(DestinationConformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, meta: FakeMeta) -> FakeMeta:
        return meta

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode=mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Meta keeps hashes, and nothing of the kit's fields but the e-mail."""
        return {"email": sha256(fields["email"])}

    def test_a_value_may_be_null(self, fake: Any, destination: Destination, book: Book) -> None:
        """An audience has no fields that could be emptied: whoever is known by a phone no more is
        removed by it, and added by the e-mail."""
        change = row_of(1, phone="+15550100123")
        with opened(fake, ("email", "phone")) as with_phone:
            (outcome,) = with_phone.send(Action.ADD, [change.row])
            assert len(fake.members[0]) == 2
            null = {**change.row.fields, "phone": None}
            later = replace(change.row, fields=null, sent=outcome.sent or {})
            book.enter(change, *with_phone.send(Action.CHANGE, [later]))
        assert [len(member) for member in fake.members] == [1]
        self.agrees(fake, book)


# Values


@pytest.mark.parametrize(
    ("name", "value", "hash_"),
    [
        # Meta's own two examples.
        (
            "email",
            "mary@example.com",
            "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79",
        ),
        (
            "phone",
            "15559876543",
            "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e",
        ),
    ],
)
def test_hashes_are_those_that_meta_shows(name: str, value: str, hash_: str) -> None:
    assert person_of({name: value}, RULES) == {name: hash_}


@pytest.mark.parametrize(
    ("name", "value", "normalised"),
    [
        (
            "email",
            " Cloudy.SanFrancisco+Shopping@Gmail.com\t",
            "cloudy.sanfrancisco+shopping@gmail.com",
        ),
        ("email", "Zoë@Bücher.example", "zoë@bücher.example"),
        ("phone", "+1 (555) 987-6543", "15559876543"),
        ("phone", "001 555 987 6543", "15559876543"),
        ("phone", "+44 (0)20 7946.0958", "442079460958"),
        ("first_name", "Anne-Marie", "annemarie"),
        ("last_name", " O'Neil  Smith ", "oneilsmith"),
        ("last_name", "Mu\u0308ller", "müller"),
        ("last_name", "木", "木"),
        ("city", "Saint-Étienne", "saintetienne"),
        ("city", "Łódź", "lodz"),
        ("city", "New York", "newyork"),
        ("state", "CA", "ca"),
        ("state", "Île-de-France", "iledefrance"),
        ("postal_code", "K1A 0B1", "k1a0b1"),
        ("postal_code", "00-950", "00-950"),
        ("country", "DE", "de"),
        ("gender", "F", "f"),
        ("gender", "Male", "m"),
    ],
)
def test_values_are_normalised_as_meta_wants_it(name: str, value: str, normalised: str) -> None:
    assert person_of({name: value}, RULES) == {name: sha256(normalised)}


@pytest.mark.parametrize(
    ("country", "name", "value", "normalised"),
    [
        ("US", "phone", "(0)555 987-6543", "5559876543"),
        ("DE", "phone", "030 1234567", "301234567"),
        ("US", "postal_code", "94045-1234", "94045"),
        ("US", "state", "ca", "ca"),
        ("GB", "postal_code", "SW1A 2AA", "sw1a2"),
        ("GB", "postal_code", "m1 1ae", "m11"),
        ("BR", "postal_code", "01310-100", "01310-100"),
    ],
)
def test_some_values_depend_on_the_country(
    country: str, name: str, value: str, normalised: str
) -> None:
    person = person_of({"country": country, name: value}, RULES)
    assert person[name] == sha256(normalised)


@pytest.mark.parametrize(
    "value", [date(1990, 4, 30), datetime(1990, 4, 30, 12), "1990-04-30", "1990-04-30T00:00:00Z"]
)
def test_a_day_of_birth_is_sent_in_three_parts(value: Any) -> None:
    person = person_of({"date_of_birth": value}, RULES)
    assert table([person]) == (
        ["DOBY", "DOBM", "DOBD"],
        [[sha256("1990"), sha256("04"), sha256("30")]],
    )
    # What was sent is the same person.
    assert person_of(person, RULES) == person


def test_ids_are_not_hashed() -> None:
    person = person_of({"external_id": "Shop-7 ", "madid": _MADID}, RULES)
    assert person == {"external_id": "Shop-7", "madid": _MADID.lower()}


def test_what_meta_has_no_word_for_is_left_out() -> None:
    assert (
        person_of({"gender": "other", "city": "東京", "first_name": "-", "email": ""}, RULES) == {}
    )


def test_what_is_hashed_already_is_left_alone() -> None:
    hash_ = sha256("ada@shop.example")
    values = {"email": hash_.upper(), "country": hash_, "state": hash_, "postal_code": hash_}
    assert person_of(values, RULES) == dict.fromkeys(values, hash_)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "nobody"),
        ("email", "a b@shop.example"),
        ("phone", "030 1234567"),
        ("phone", "123"),
        ("phone", "+1234567890123456"),
        ("phone", "call me"),
        ("country", "Germany"),
        ("date_of_birth", "30.04.1990"),
        ("date_of_birth", "1990-02-30"),
        ("date_of_birth", "1066-10-14"),
        ("date_of_birth", "2999-01-01"),
        ("madid", "none"),
    ],
)
def test_a_row_with_a_value_that_cannot_be_used_is_rejected(
    meta: FakeMeta, name: str, value: str
) -> None:
    with pytest.raises(UnusableValueError):
        person_of({name: value}, RULES)
    with opened(meta, ("email", "phone", "country", "date_of_birth", "madid")) as destination:
        bad = replace(row("a@shop.example"), fields={"email": "a@shop.example", name: value})
        outcomes = [*destination.send(Action.ADD, [row("b@shop.example"), bad])]
    assert {one.status for one in outcomes} == {Status.ACKNOWLEDGED, Status.REJECTED}
    (reason,) = (one.reason for one in outcomes if one.reason)
    assert value not in reason and name in reason
    assert meta.count() == 1


@pytest.mark.parametrize(
    ("country", "name", "value"),
    [("US", "state", "California"), ("US", "postal_code", "9404"), ("GB", "postal_code", "London")],
)
def test_a_value_that_cannot_be_of_its_country_is_rejected(
    country: str, name: str, value: str
) -> None:
    with pytest.raises(UnusableValueError, match=name):
        person_of({"country": country, name: value}, RULES)


def test_what_is_not_known_of_somebody_is_empty(meta: FakeMeta) -> None:
    fields = ("email", "phone", "first_name", "date_of_birth")
    rows = [
        row("a@shop.example", phone=None, first_name="Ada"),
        row("b@shop.example", phone="+15550100123", date_of_birth=date(1990, 4, 30)),
    ]
    with opened(meta, fields) as destination:
        deliver(destination, Action.ADD, rows)
    payload = meta.payload(0)
    assert payload["schema"] == ["EMAIL", "PHONE", "FN", "DOBY", "DOBM", "DOBD"]
    assert payload["data"][0] == [sha256("a@shop.example"), "", sha256("ada"), "", "", ""]


def test_who_has_nothing_of_their_own_is_rejected(meta: FakeMeta) -> None:
    with opened(meta, ("user_id", "email", "first_name"), key="user_id") as destination:
        found = Row("d", "u1", {"user_id": "u1", "email": None, "first_name": "Ada"})
        (outcome,) = destination.send(Action.ADD, [found])
    assert outcome.status is Status.REJECTED
    assert "no email, phone" in (outcome.reason or "")
    assert meta.requests == []


def test_a_key_of_ones_own_is_not_sent(meta: FakeMeta) -> None:
    with opened(meta, ("user_id", "phone"), key="user_id") as destination:
        (outcome,) = destination.send(
            Action.ADD, [Row("d", "u1", {"user_id": "u1", "phone": "+15550100123"})]
        )
        assert outcome.sent == {"phone": sha256("15550100123")}
        deliver(destination, Action.REMOVE, [removal("u1", outcome.sent or {})])
    assert meta.count() == 0


# Invalid people


def test_a_batch_with_invalid_people_is_halved_until_they_are_found(meta: FakeMeta) -> None:
    bad = {"person3@shop.example", "person17@shop.example"}
    meta.refused = set(bad)
    with opened(meta) as destination:
        outcomes = deliver(destination, Action.ADD, people(40))
    rejected = {key for key, one in outcomes.items() if one.status is Status.REJECTED}
    assert rejected == bad
    assert meta.held().keys() == outcomes.keys() - bad
    assert {outcomes[key].reason for key in bad} == {
        "Meta received 1 of 1, and calls 1 of them invalid"
    }


@pytest.mark.parametrize(
    "body",
    [
        {"num_received": 1, "num_invalid_entries": 0},
        {"num_received": 0, "num_invalid_entries": 0},
    ],
)
def test_people_whom_meta_has_not_received_are_not_acknowledged(
    meta: FakeMeta, body: Mapping[str, Any]
) -> None:
    meta.answer = lambda request: Answer(200, body)  # type: ignore[method-assign]
    with opened(meta) as destination:
        outcomes = deliver(destination, Action.ADD, people(3))
    acknowledged = [one for one in outcomes.values() if one.status is Status.ACKNOWLEDGED]
    assert len(acknowledged) == (3 if body["num_received"] else 0)
    assert len(meta.requests) == 5


@pytest.mark.parametrize("body", [{}, {"num_received": 2}, [], {"success": True}])
def test_an_answer_without_numbers_acknowledges_nobody(meta: FakeMeta, body: Any) -> None:
    meta.answer = lambda request: Answer(200, body)  # type: ignore[method-assign]
    with opened(meta) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, people(2))


def test_each_try_is_a_session_of_its_own(meta: FakeMeta) -> None:
    """Else those who were received twice would seem to be twice as many."""
    answer, lost = meta.answer, iter([True])

    def lost_first(request: Any) -> Answer:
        done = answer(request)
        return Answer(503, {}) if next(lost, False) else done

    meta.answer = lost_first  # type: ignore[method-assign]
    with impatient(), opened(meta) as destination:
        deliver(destination, Action.ADD, people(2))
    assert len(meta.requests) == 2
    assert len(meta._sessions) == 2


# Errors


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "error",
    [
        {"code": 17, "message": "User request limit reached"},
        {"code": 4, "message": "Application request limit reached"},
        {"code": 613, "message": "Calls to this api have exceeded the rate limit."},
        {"code": 80003, "message": "There have been too many calls"},
        {"code": 2650, "error_subcode": 1870145, "message": "Audience Update In Progress"},
        {"code": 9999, "is_transient": True, "message": "try again"},
    ],
)
def test_to_be_too_busy_is_told_by_numbers(
    meta: FakeMeta, status: int, error: dict[str, Any]
) -> None:
    meta.error = (status, error)
    book = Book()
    with opened(meta) as destination, pytest.raises(DestinationUnavailableError) as raised:
        deliver(destination, Action.ADD, people(1), book)
    assert book.outcomes == {}
    assert "has not answered" in raised.value.message


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": 190, "message": "Invalid OAuth access token."}),
        (401, {"code": 190, "error_subcode": 463, "message": "Session has expired"}),
        (403, {"code": 200, "message": "Permissions error"}),
        (400, {"code": 200, "error_subcode": 1870090, "error_user_msg": "Terms not accepted"}),
        (400, {"code": 100, "error_subcode": 33, "message": "Unsupported post request."}),
        (400, {"code": 100, "error_subcode": 1713230, "message": "Audience Upload Blocked"}),
        (400, {"code": 2635, "message": "You are calling a deprecated version"}),
        (200, {"code": 294, "message": "needs ads_management"}),
    ],
)
def test_what_refuses_everybody_stops_the_sync(
    meta: FakeMeta, status: int, error: dict[str, Any]
) -> None:
    meta.error = (status, error)
    words = error.get("error_user_msg") or error["message"]
    with opened(meta) as destination, pytest.raises(DestinationRefusedError, match=words):
        deliver(destination, Action.ADD, people(5))
    assert len(meta.requests) == 1


def test_a_parameter_that_is_invalid_may_be_one_rows(meta: FakeMeta) -> None:
    meta.error = (400, {"code": 100, "message": "Invalid parameter"})
    with opened(meta) as destination:
        outcomes = deliver(destination, Action.ADD, people(2))
    assert {one.reason for one in outcomes.values()} == {"100: Invalid parameter"}
    assert len(meta.requests) == 3


def test_whoever_cannot_be_removed_from_a_small_audience_is_tried_again(meta: FakeMeta) -> None:
    with opened(meta) as destination:
        deliver(destination, Action.ADD, people(2))
        meta.error = (400, {"code": 200, "error_subcode": 1870047, "message": "Size too Low"})
        gone = removal("person1@shop.example", {"email": sha256("person1@shop.example")})
        outcome = deliver(destination, Action.REMOVE, [gone])["person1@shop.example"]
        assert (outcome.status, outcome.reason) == (Status.RETRY, "200/1870047: Size too Low")
        changed = row("new@shop.example", sent=gone.sent)
        outcome = deliver(destination, Action.CHANGE, [changed])["new@shop.example"]
        assert outcome.status is Status.RETRY
        (outcome,) = destination.erase([gone])
        assert outcome.status is Status.REJECTED


def test_no_error_holds_a_secret_or_a_person(meta: FakeMeta) -> None:
    proof = "appsecret_proof"
    for status, code in itertools.product((400, 401, 403, 500), (17, 100, 190)):
        text = f"{TOKEN} and {SECRET} may not"
        meta.error = (status, {"code": code, "message": text})
        book = Book()
        with impatient(), opened(meta, app_secret_env="META_APP_SECRET") as destination:
            try:
                deliver(destination, Action.ADD, people(1), book)
            except CdpError as error:
                told = error.message
            else:
                told = "".join(one.reason or "" for one in book.outcomes.values())
        for secret in (TOKEN, SECRET, proof, "person0", sha256("person0@shop.example")):
            assert secret not in told


def test_addresses_hold_no_token(meta: FakeMeta) -> None:
    with opened(meta) as destination:
        destination.check()
        deliver(destination, Action.ADD, people(1))
    assert TOKEN not in json.dumps([[one.path, one.query] for one in meta.requests])


def test_an_app_may_want_proof_of_its_secret(meta: FakeMeta) -> None:
    meta.proves = True
    with opened(meta) as destination, pytest.raises(DestinationRefusedError, match="appsecret"):
        destination.check()
    with opened(meta, app_secret_env="META_APP_SECRET") as destination:
        assert destination.check()
        deliver(destination, Action.ADD, people(2))
        gone = removal("person1@shop.example", {})
        deliver(destination, Action.REMOVE, [gone])
    assert meta.count() == 1


# To change and to remove


def test_who_changes_the_email_leaves_by_the_old_one(meta: FakeMeta) -> None:
    with opened(meta, ("email", "phone", "first_name")) as destination:
        first = row("a@shop.example", phone="+15550100123", first_name="Ada")
        sent = deliver(destination, Action.ADD, [first])["a@shop.example"].sent
        later = row("b@shop.example", phone="+15550100123", first_name="Ada", sent=sent)
        deliver(destination, Action.CHANGE, [later])
    assert [method for method, _ in meta.calls()] == ["POST", "DELETE", "POST"]
    assert meta.payload(1) == {
        "schema": ["EMAIL"],
        "is_raw": True,
        "data": [[sha256("a@shop.example")]],
    }
    (member,) = meta.members
    assert ("EMAIL", sha256("b@shop.example")) in member


def test_who_has_moved_is_not_removed_before(meta: FakeMeta) -> None:
    with opened(meta, ("email", "city")) as destination:
        sent = deliver(destination, Action.ADD, [row("a@shop.example", city="Paris")])
        moved = row("a@shop.example", city="Rome", sent=sent["a@shop.example"].sent)
        deliver(destination, Action.CHANGE, [moved])
    assert [method for method, _ in meta.calls()] == ["POST", "POST"]
    assert meta.members == [{("EMAIL", sha256("a@shop.example")), ("CT", sha256("rome"))}]


def test_a_removal_uses_what_was_sent(meta: FakeMeta) -> None:
    """The key has nothing to do with it."""
    with opened(meta, ("email", "phone", "date_of_birth")) as destination:
        first = row("a@shop.example", phone="+15550100123", date_of_birth=date(1990, 4, 30))
        sent = deliver(destination, Action.ADD, [first])["a@shop.example"].sent or {}
        added = meta.payload(0)
        # As the ledger keeps it.
        gone = removal("other@shop.example", json.loads(json.dumps(sent)))
        deliver(destination, Action.REMOVE, [gone])
    assert meta.payload(1) == added
    assert meta.count() == 0


@pytest.mark.parametrize(
    "sent", [{}, {"email": "Person1@shop.example "}, {"email": sha256("person1@shop.example")}]
)
def test_a_removal_of_what_was_not_answered_for_uses_plain_values_too(
    meta: FakeMeta, sent: Mapping[str, Any]
) -> None:
    with opened(meta) as destination:
        deliver(destination, Action.ADD, people(2))
        deliver(destination, Action.REMOVE, [removal("person1@shop.example", sent)])
    assert meta.held().keys() == {"person0@shop.example"}


def test_what_was_tried_since_is_removed_too(meta: FakeMeta) -> None:
    """Nobody knows whether the new address has arrived."""
    with opened(meta) as destination:
        old, new = "old@shop.example", "new@shop.example"
        deliver(destination, Action.ADD, [row(old), row(new)])
        gone = Row("r", "7", {}, None, None, {"email": sha256(old)}, {"email": new})
        deliver(destination, Action.REMOVE, [gone])
    assert meta.count() == 0


def test_what_cannot_have_been_sent_is_gone(meta: FakeMeta) -> None:
    with opened(meta) as destination:
        rows = [removal("nobody", {"email": "nobody"}), removal("7", {"first_name": "Ada"})]
        for outcomes in (destination.send(Action.REMOVE, rows), destination.erase(rows)):
            assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 2
    assert meta.requests == []


def test_erasing_removes_from_all_audiences_of_the_account(meta: FakeMeta) -> None:
    with opened(meta) as destination, opened(meta, audience="20") as other:
        deliver(destination, Action.ADD, people(2))
        deliver(other, Action.ADD, people(2))
        gone = removal("1", {"email": sha256("person1@shop.example")})
        (outcome,) = destination.erase([gone])
    assert outcome.status is Status.ACKNOWLEDGED
    assert meta.held().keys() == {"person0@shop.example"}
    assert len(meta.audiences["20"].members) == 1


def test_an_erasure_that_meta_does_not_take_is_not_acknowledged(meta: FakeMeta) -> None:
    meta.refuse("person1@shop.example")
    with opened(meta) as destination:
        (outcome,) = destination.erase([removal("person1@shop.example", {})])
    assert outcome.status is Status.REJECTED
    assert not [path for _, path in meta.calls() if "usersofanyaudience" in path]


# To check


def test_a_check_says_what_it_found(meta: FakeMeta) -> None:
    with opened(meta) as destination:
        assert destination.check() == (
            "the audience 'Audience 17' is one of a customer list, of 1,000 people or more"
        )


def test_a_check_says_where_terms_are_not_shown_as_accepted(meta: FakeMeta) -> None:
    meta.accepts = False
    with opened(meta) as destination:
        assert destination.check().endswith("terms for audiences were accepted")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"audience": "18"}, "LOOKALIKE"),
        ({"audience": "19"}, "flagged"),
        ({"audience": "21"}, "does not exist"),
        ({"fields": ("user_id", "city"), "key": "user_id"}, "none of the fields is one of email"),
    ],
)
def test_a_check_finds_what_is_wrong(meta: FakeMeta, options: dict[str, Any], problem: str) -> None:
    with opened(meta, **options) as destination, pytest.raises(CdpError, match=problem):
        destination.check()
    assert meta.count() == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"audience": "buyers"}, "not the id of a custom audience"),
        ({"fields": ("email", "score", "shoe_size")}, "no field score, shoe_size"),
        ({"token_env": "NOT_SET"}, "NOT_SET is not set"),
        ({"app_secret_env": "NOT_SET"}, "NOT_SET is not set"),
        ({"base_url": "http://graph.example"}, "http://"),
    ],
)
def test_what_cannot_be_is_refused(meta: FakeMeta, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(meta, **options)
    assert meta.requests == []


# The page


def test_what_the_page_shows_can_be_synced(meta: FakeMeta) -> None:
    page = package_root() / "docs" / "destinations" / "meta.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    settings = MetaSettings.model_validate({**entry, "base_url": meta.url})
    for exposure in syncs["exposures"]:
        definition = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**definition, "name": exposure["name"]})
        with MetaDestination(settings, sync.for_destination(), Path()) as destination:
            assert destination.check()
