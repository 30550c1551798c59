"""The Google Ads destination, against a fake that keeps the rules of the Data Manager API."""

import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dbt_cdp.activation.definition import Definition
from dbt_cdp.activation.difference import Change
from dbt_cdp.activation.sender import Sender
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import Book, DestinationConformance, impatient, row_of
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.google_ads import destination as google_ads
from dbt_cdp.destinations.google_ads.destination import GoogleAdsDestination, GoogleAdsSettings
from dbt_cdp.destinations.google_ads.people import RULES, identifiers
from dbt_cdp.destinations.identifiers import UnusableValueError, person_of
from dbt_cdp.errors import CdpError, ConfigurationError
from dbt_cdp.project import package_root
from fake_api import Answer, serving
from fake_google_ads import ACCOUNT, TOKEN, FakeGoogleAds, sha256

_names = itertools.count()
# Short, since each destination reads it.
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024).private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeGoogleAds]:
    with serving(FakeGoogleAds()) as fake:
        key = {
            "type": "service_account",
            "client_email": "cdp@shop.iam.gserviceaccount.com",
            "private_key": _KEY.decode(),
            "token_uri": f"{fake.url}/token",
        }
        file = tmp_path / "key.json"
        file.write_text(json.dumps(key))
        monkeypatch.setenv("GOOGLE_KEY", str(file))
        yield fake  # type: ignore[misc]
        assert not fake.violations


def opened(
    fake: FakeGoogleAds,
    fields: Sequence[str] = ("email",),
    *,
    key: str = "email",
    audience: str = "17",
    mode: Mode = Mode.AUDIENCE,
    **settings: Any,
) -> Destination:
    entry = GoogleAdsSettings.model_validate(
        {
            "name": f"ads {next(_names)}",
            "type": "google_ads",
            "account_id": "123-456-7890",
            "credentials_env": "GOOGLE_KEY",
            "base_url": fake.url,
            **settings,
        }
    )
    return GoogleAdsDestination(entry, Sync("buyers", mode, "", audience, key, fields), Path())


def deliver(
    destination: Destination, action: Action, rows: Sequence[Row], book: Book | None = None
) -> dict[str, Outcome]:
    """Send rows as the engine does; the outcomes by key."""
    book = book or Book()
    sender = Sender(destination, book.enter)
    sender.send(action, [Change(row, action, row.key, row.key, "h", 0) for row in rows])
    sender.end()
    return {
        row.key: book.outcomes[row.delivery_id] for row in rows if row.delivery_id in book.outcomes
    }


def row(email: str | None, *, sent: Mapping[str, Any] | None = None, **fields: Any) -> Row:
    key = email or "nobody"
    return Row(f"d-{key}", key, {"email": email, **fields}, sent=sent or {})


def removal(key: str, sent: Mapping[str, Any]) -> Row:
    return Row(f"r-{key}", key, sent=sent)


def people(number: int) -> list[Row]:
    return [row(f"person{one}@shop.example") for one in range(number)]


class _Conformance(DestinationConformance):
    mode = Mode.AUDIENCE

    @pytest.fixture
    def fake(self, google: FakeGoogleAds) -> FakeGoogleAds:
        return google

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(fake, mode=mode)

    def shown(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Google keeps hashes, and nothing of the kit's fields but the e-mail."""
        return {"email": sha256(fields["email"])}

    def test_a_value_may_be_null(self, fake: Any, destination: Destination, book: Book) -> None:
        """A list has no fields that could be emptied: whoever is known by a phone no more is
        removed by it, and stays by the e-mail."""
        change = row_of(1, phone="+15550100123")
        with opened(fake, ("email", "phone")) as with_phone:
            (outcome,) = with_phone.send(Action.ADD, [change.row])
            assert len(fake.members[0]) == 2
            null = {**change.row.fields, "phone": None}
            later = replace(change.row, fields=null, sent=outcome.sent or {})
            book.enter(change, *with_phone.send(Action.CHANGE, [later]))
        assert [len(member) for member in fake.members] == [1]
        self.agrees(fake, book)


class TestAudience(_Conformance):
    """Members who are refused are so at once."""


class TestAudienceOfLateRefusals(_Conformance):
    """They are refused when the request is carried out, and nothing says which they are."""

    @pytest.fixture
    def fake(self, google: FakeGoogleAds) -> FakeGoogleAds:
        google.is_late, google.names_places = True, False
        return google


# Values


@pytest.mark.parametrize(
    ("name", "value", "normalised"),
    [
        # Google's own two examples.
        ("email", "cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com"),
        ("email", "user.name+NYC@Example.com", "user.name+nyc@example.com"),
        ("email", " Ada.Love+x@GoogleMail.com\n", "adalove@googlemail.com"),
        ("email", "ada @shop.example", "ada@shop.example"),
        ("email", "Zoë@Bücher.example", "zoë@bücher.example"),
        ("email_2", "A.B@mail.gmail.com", "a.b@mail.gmail.com"),
        ("phone", "+1 (800) 555-0100", "+18005550100"),
        ("phone", "00 44 20 7946 0958", "+442079460958"),
        ("phone", "+44 (0)20 7946.0958", "+442079460958"),
        ("phone_3", "+49/30/1234567", "+49301234567"),
        ("first_name", "  Anne-Marie ", "annemarie"),
        ("first_name", "Mary  Ann", "mary ann"),
        ("last_name", "O'NEIL", "oneil"),
        ("last_name", "Mu\u0308ller", "müller"),
        ("last_name", "木", "木"),
    ],
)
def test_values_are_normalised_as_google_wants_it(name: str, value: str, normalised: str) -> None:
    assert person_of({name: value}, RULES) == {name: sha256(normalised)}


def test_hashes_are_those_that_google_expects() -> None:
    person = person_of({"email": "cloudy.sanfrancisco+shopping@gmail.com"}, RULES)
    assert person == {"email": "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"}


def test_what_is_hashed_already_is_left_alone() -> None:
    hash_ = sha256("ada@shop.example")
    assert person_of({"email": hash_.upper(), "first_name": hash_}, RULES) == {
        "email": hash_,
        "first_name": hash_,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", "a@b@shop.example"),
        ("email", ".@gmail.com"),
        ("email", "+tag@gmail.com"),
        ("phone", "8005550100"),
        ("phone", "0800 555 0100"),
        ("phone", "+1 800 FLOWERS"),
        ("phone", "+123"),
        ("phone", "+1234567890123456"),
        ("country", "Germany"),
    ],
)
def test_a_row_with_a_value_that_cannot_be_used_is_rejected(
    google: FakeGoogleAds, name: str, value: str
) -> None:
    with pytest.raises(UnusableValueError):
        person_of({name: value}, RULES)
    fields = ("email", "phone", "first_name", "last_name", "country", "postal_code")
    with opened(google, fields) as destination:
        bad = replace(row("a@shop.example"), fields={"email": "a@shop.example", name: value})
        rows = [row("b@shop.example"), bad]
        outcomes = [*destination.send(Action.ADD, rows)]
    assert {one.status for one in outcomes} == {Status.ACKNOWLEDGED, Status.REJECTED}
    (reason,) = (one.reason for one in outcomes if one.reason)
    assert value not in reason and name in reason
    assert google.count() == 1


def test_an_address_is_one_with_all_its_parts() -> None:
    values = {"first_name": "Ada", "last_name": "Love", "country": "gb", "postal_code": "N1 9GU"}
    assert identifiers(person_of(values, RULES)) == [
        {
            "address": {
                "givenName": sha256("ada"),
                "familyName": sha256("love"),
                "regionCode": "GB",
                "postalCode": "N1 9GU",
            }
        }
    ]
    assert identifiers(person_of({**values, "postal_code": None}, RULES)) == []


def test_people_have_up_to_three_emails_and_phones(google: FakeGoogleAds) -> None:
    fields = ("email", "email_2", "email_3", "phone", "phone_2", "phone_3")
    values = {
        "email_2": "b@shop.example",
        "email_3": None,
        "phone": "+15550100123",
        "phone_2": "+15550100124",
    }
    with opened(google, fields) as destination:
        deliver(destination, Action.ADD, [row("a@shop.example", **values)])
    (member,) = google.members
    assert len(member) == 4


def test_who_cannot_be_identified_is_rejected(google: FakeGoogleAds) -> None:
    fields = ("user_id", "email", "first_name", "last_name", "country", "postal_code")
    with opened(google, fields, key="user_id") as destination:
        found = Row("d", "u1", {"user_id": "u1", "email": None, "first_name": "Ada"})
        (outcome,) = destination.send(Action.ADD, [found])
    assert outcome.status is Status.REJECTED
    assert "no email, no phone" in (outcome.reason or "")
    assert google.requests == []


def test_a_key_of_ones_own_is_not_sent(google: FakeGoogleAds) -> None:
    with opened(google, ("user_id", "phone"), key="user_id") as destination:
        found = Row("d", "u1", {"user_id": "u1", "phone": "+15550100123"})
        (outcome,) = destination.send(Action.ADD, [found])
        assert outcome.sent == {"phone": sha256("+15550100123")}
        assert google.count() == 1
        deliver(destination, Action.REMOVE, [removal("u1", outcome.sent or {})])
    assert google.count() == 0


# What is said of everybody


def test_consent_and_terms_are_told_as_the_entry_says(google: FakeGoogleAds) -> None:
    google.wants_terms = True
    more = {
        "consent": ["ad_user_data", "ad_personalization"],
        "customer_match_terms": "accepted",
        "login_account_id": "999-888-7777",
    }
    with opened(google, **more) as destination:
        deliver(destination, Action.ADD, people(1))
    body = google.requests[0].json
    assert body["consent"] == {
        "adUserData": "CONSENT_GRANTED",
        "adPersonalization": "CONSENT_GRANTED",
    }
    assert body["termsOfService"] == {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    (told,) = body["destinations"]
    assert told["loginAccount"]["accountId"] == "9998887777"
    assert google.requests[0].headers["login-account"].endswith("/9998887777")


def test_nothing_is_told_that_the_entry_does_not_say(google: FakeGoogleAds) -> None:
    with opened(google) as destination:
        deliver(destination, Action.ADD, people(1))
    body = google.requests[0].json
    assert not {"consent", "termsOfService"} & body.keys()
    assert "loginAccount" not in body["destinations"][0]


def test_terms_that_are_not_accepted_stop_the_sync(google: FakeGoogleAds) -> None:
    google.wants_terms = True
    with (
        opened(google) as destination,
        pytest.raises(DestinationRefusedError, match="TERMS_AND_CONDITIONS_NOT_SIGNED"),
    ):
        deliver(destination, Action.ADD, people(2))


# Members who are refused


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(("names", "first"), [(True, 0), (True, 1), (False, 0)])
def test_those_who_are_refused_are_found_and_nobody_else(
    google: FakeGoogleAds, is_late: bool, names: bool, first: int
) -> None:
    """Whatever Google counts places from, and whether it names them or not."""
    google.is_late, google.names_places, google.first_place = is_late, names, first
    rows, bad = (
        people(60),
        {"person3@shop.example", "person4@shop.example", "person59@shop.example"},
    )
    google.refused = set(bad)
    if not is_late and not names:
        # Nothing says that it is because of members at all.
        with opened(google) as destination, pytest.raises(DestinationRefusedError):
            deliver(destination, Action.ADD, rows)
        assert google.count() == 0
        return
    with opened(google) as destination:
        outcomes = deliver(destination, Action.ADD, rows)
    rejected = {key for key, one in outcomes.items() if one.status is Status.REJECTED}
    assert rejected == bad
    assert google.held().keys() == outcomes.keys() - bad
    reasons = {outcomes[key].reason for key in bad}
    assert all("INVALID_" in (reason or "") for reason in reasons)
    assert len(google.requests) < 60


def test_a_part_that_was_carried_out_acknowledges_nobody(google: FakeGoogleAds) -> None:
    """Until it is known who that is: here Google fails before."""
    google.is_late = True
    google.refused = {"person3@shop.example"}
    answer = google.answer
    seen: list[str] = []

    def once(request: Any) -> Answer:
        seen.append(request.path)
        return answer(request) if len(seen) <= 2 else Answer(503, {})

    google.answer = once  # type: ignore[method-assign]
    book = Book()
    with opened(google) as destination, impatient(), pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, people(9), book)
    assert seen[1] == "/v1/requestStatus:retrieve"
    assert book.outcomes == {}


def test_trouble_of_googles_own_is_no_rejection(google: FakeGoogleAds) -> None:
    google.is_late, google.reason = True, "PROCESSING_ERROR_REASON_INTERNAL_ERROR"
    google.refused = {"person1@shop.example"}
    with opened(google) as destination:
        outcomes = deliver(destination, Action.ADD, people(3))
    statuses = [one.status for one in outcomes.values()]
    assert statuses == [Status.ACKNOWLEDGED, Status.RETRY, Status.ACKNOWLEDGED]


def test_an_account_without_consent_stops_the_sync(google: FakeGoogleAds) -> None:
    google.is_late, google.reason = True, "PROCESSING_ERROR_REASON_NO_CONSENT"
    google.refused = {one.key for one in people(2)}
    with opened(google) as destination, pytest.raises(DestinationRefusedError, match="NO_CONSENT"):
        deliver(destination, Action.ADD, people(2))


def test_what_is_wrong_with_the_list_stops_the_sync_though_members_are_wrong_too(
    google: FakeGoogleAds,
) -> None:
    fields = ("audience_members.audience_members[0].user_data", "destinations.destinations[0]")
    violations = [{"field": one, "reason": "INVALID_USER_LIST_ID"} for one in fields]
    error = {"message": "wrong", "details": [{"fieldViolations": violations}]}
    google.answer = lambda request: Answer(400, {"error": error})  # type: ignore[method-assign]
    with opened(google) as destination, pytest.raises(DestinationRefusedError, match="LIST_ID"):
        deliver(destination, Action.ADD, people(3))
    assert len(google.requests) == 1


def test_more_than_a_request_holds_is_asked_for_before_anything_is_waited_for(
    google: FakeGoogleAds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_ads, "MAX_MEMBERS", 4)
    with opened(google) as destination:
        outcomes = [*destination.send(Action.ADD, people(10))]
    assert [one.status for one in outcomes] == [Status.ACKNOWLEDGED] * 10
    paths = [one.path.rpartition(":")[2] for one in google.requests]
    assert paths == ["ingest"] * 3 + ["retrieve"] * 3


# Waiting


def test_a_request_is_waited_for(google: FakeGoogleAds) -> None:
    google.polls = 2
    with impatient(), opened(google) as destination:
        outcomes = deliver(destination, Action.ADD, people(2))
    assert {one.status for one in outcomes.values()} == {Status.ACKNOWLEDGED}


def test_a_request_that_is_never_done_leaves_its_rows_to_the_next_run(
    google: FakeGoogleAds,
) -> None:
    google.polls = 1_000
    book = Book()
    with impatient(), opened(google) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, people(2), book)
    assert book.outcomes == {}


def test_a_request_that_is_not_known_yet_is_asked_for_again(google: FakeGoogleAds) -> None:
    answer, unknown = google.answer, iter([Answer(404, {"error": {"message": "not found"}})])

    def late(request: Any) -> Answer:
        is_status = request.path.endswith(":retrieve")
        return (next(unknown, None) if is_status else None) or answer(request)

    google.answer = late  # type: ignore[method-assign]
    with impatient(), opened(google) as destination:
        outcomes = deliver(destination, Action.ADD, people(1))
    assert {one.status for one in outcomes.values()} == {Status.ACKNOWLEDGED}


@pytest.mark.parametrize("body", [{}, {"requestStatusPerDestination": []}, []])
def test_a_status_that_says_nothing_acknowledges_nobody(google: FakeGoogleAds, body: Any) -> None:
    answer = google.answer
    google.answer = lambda request: (  # type: ignore[method-assign]
        Answer(200, body) if request.path.endswith(":retrieve") else answer(request)
    )
    with opened(google) as destination, pytest.raises(DestinationUnavailableError):
        deliver(destination, Action.ADD, people(1))


# To change and to remove


def test_who_changes_the_email_leaves_by_the_old_one(google: FakeGoogleAds) -> None:
    with opened(google, ("email", "phone")) as destination:
        first = deliver(destination, Action.ADD, [row("a@shop.example", phone="+15550100123")])
        sent = first["a@shop.example"].sent
        assert sent == {"email": sha256("a@shop.example"), "phone": sha256("+15550100123")}
        later = row("b@shop.example", phone="+15550100123", sent=sent)
        outcome = deliver(destination, Action.CHANGE, [later])["b@shop.example"]
    (member,) = google.members
    known_by = {value for one in member for value in json.loads(one).values()}
    assert known_by == {sha256("b@shop.example"), sha256("+15550100123")}
    assert outcome.sent == {"email": sha256("b@shop.example"), "phone": sha256("+15550100123")}
    verbs = [one.path.rpartition(":")[2] for one in google.requests[2:]]
    assert verbs == ["remove", "retrieve", "ingest", "retrieve"]


def test_who_is_known_by_more_is_not_removed_before(google: FakeGoogleAds) -> None:
    with opened(google, ("email", "phone")) as destination:
        sent = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"].sent
        more = row("a@shop.example", phone="+15550100123", sent=sent)
        deliver(destination, Action.CHANGE, [more])
    assert "remove" not in {one.path.rpartition(":")[2] for one in google.requests}
    assert len(google.members[0]) == 2


def test_who_cannot_be_removed_by_the_old_email_is_not_added_by_the_new_one(
    google: FakeGoogleAds,
) -> None:
    with opened(google) as destination:
        sent = deliver(destination, Action.ADD, [row("a@shop.example")])["a@shop.example"].sent
        google.is_late, google.refused = True, {"a@shop.example"}
        later = row("b@shop.example", sent=sent)
        outcome = deliver(destination, Action.CHANGE, [later])["b@shop.example"]
    assert outcome.status is Status.REJECTED
    assert google.count() == 1


def test_a_removal_uses_what_was_sent(google: FakeGoogleAds) -> None:
    """The key has nothing to do with it."""
    with opened(google, ("email", "phone")) as destination:
        sent = deliver(destination, Action.ADD, [row("a@shop.example", phone="+15550100123")])
        gone = removal("other@shop.example", sent["a@shop.example"].sent or {})
        deliver(destination, Action.REMOVE, [gone])
    assert google.count() == 0
    (asked,) = google.requests[2].json["audienceMembers"]
    assert len(asked["userData"]["userIdentifiers"]) == 2


@pytest.mark.parametrize(
    "sent", [{}, {"email": "Person1@shop.example "}, {"email": sha256("person1@shop.example")}]
)
def test_a_removal_of_what_was_not_answered_for_uses_plain_values_too(
    google: FakeGoogleAds, sent: Mapping[str, Any]
) -> None:
    with opened(google) as destination:
        deliver(destination, Action.ADD, people(2))
        deliver(destination, Action.REMOVE, [removal("person1@shop.example", sent)])
    assert google.held().keys() == {"person0@shop.example"}


def test_what_was_tried_since_is_removed_too(google: FakeGoogleAds) -> None:
    """Nobody knows whether the new address has arrived."""
    with opened(google) as destination:
        old, new = "old@shop.example", "new@shop.example"
        deliver(destination, Action.ADD, [row(old), row(new)])
        gone = Row("r", "7", {}, None, None, {"email": sha256(old)}, {"email": new})
        deliver(destination, Action.REMOVE, [gone])
    assert google.count() == 0


def test_what_cannot_have_been_sent_is_gone(google: FakeGoogleAds) -> None:
    with opened(google) as destination:
        rows = [removal("nobody", {"email": "nobody"}), removal("7", {"score": 3})]
        assert [one.status for one in destination.send(Action.REMOVE, rows)] == [
            Status.ACKNOWLEDGED
        ] * 2
    assert google.requests == []


def test_erasing_removes_by_what_was_sent(google: FakeGoogleAds) -> None:
    with opened(google) as destination:
        deliver(destination, Action.ADD, people(3))
        gone = removal("1", {"email": sha256("person1@shop.example")})
        (outcome,) = destination.erase([gone])
    assert outcome.status is Status.ACKNOWLEDGED
    assert google.held().keys() == {"person0@shop.example", "person2@shop.example"}


# To check


def test_a_check_says_how_many_are_reached(google: FakeGoogleAds) -> None:
    with opened(google, consent=["ad_user_data", "ad_personalization"]) as destination:
        assert destination.check() == (
            "the list 'List 17' is open, and search ads reach 1,200 members, who leave it after"
            " 540 days"
        )
    rehearsal = google.requests[1].json
    assert rehearsal["validateOnly"] is True
    assert google.count() == 0


def test_a_check_warns_of_consent_that_nothing_is_said_of(google: FakeGoogleAds) -> None:
    with opened(google, consent=["ad_user_data"]) as destination:
        found = destination.check()
    assert "nothing of the consent ad_personalization," in found


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"audience": "18"}, "closed"),
        ({"audience": "19"}, "MOBILE_ID"),
        ({"audience": "20"}, "may not change"),
        ({"audience": "21"}, "404: Resource not found"),
        ({"account_id": "1"}, "404"),
    ],
)
def test_a_check_finds_what_is_wrong(
    google: FakeGoogleAds, options: dict[str, Any], problem: str
) -> None:
    with opened(google, **options) as destination, pytest.raises(CdpError, match=problem):
        destination.check()
    assert google.count() == 0


def test_a_check_finds_terms_that_are_not_accepted(google: FakeGoogleAds) -> None:
    google.wants_terms = True
    with opened(google) as destination, pytest.raises(DestinationRefusedError, match="TERMS"):
        destination.check()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"audience": "buyers"}, "not the id of a list"),
        ({"fields": ("email", "score", "shoe_size")}, "no field score, shoe_size"),
        ({"fields": ("email", "first_name", "country")}, "no last_name, postal_code"),
        ({"account_id": "shop"}, "is no number"),
        ({"login_account_id": "shop"}, "is no number"),
        ({"credentials_env": "NOT_SET"}, "NOT_SET is not set"),
        ({"base_url": "http://ads.example"}, "http://"),
    ],
)
def test_what_cannot_be_is_refused(
    google: FakeGoogleAds, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        opened(google, **options)
    assert google.requests == []


# Credentials


def test_a_token_is_asked_for_once(google: FakeGoogleAds) -> None:
    with opened(google) as destination:
        deliver(destination, Action.ADD, people(2))
        destination.check()
    assert google.tokens == 1


def test_credentials_may_be_those_of_the_machine(
    google: FakeGoogleAds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", os.environ["GOOGLE_KEY"])
    with opened(google, credentials_env=None) as destination:
        deliver(destination, Action.ADD, people(1))
    assert google.count() == 1


def test_a_key_that_google_does_not_know_stops_the_sync(google: FakeGoogleAds) -> None:
    google.token_status = 400
    with opened(google) as destination, pytest.raises(DestinationRefusedError) as error:
        deliver(destination, Action.ADD, people(1))
    assert "GOOGLE_KEY" in error.value.message
    assert google.requests == []


@pytest.mark.parametrize("text", ["", "{}", '{"type": "service_account", "private_key": "s3cret"}'])
def test_a_file_that_is_no_key_is_refused(
    google: FakeGoogleAds, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "none.json"
    file.write_text(text)
    monkeypatch.setenv("GOOGLE_KEY", str(file))
    with pytest.raises(ConfigurationError, match="no credentials") as error:
        opened(google)
    assert "s3cret" not in error.value.message


def test_no_error_holds_a_secret_or_a_person(google: FakeGoogleAds) -> None:
    echo = {"error": {"message": f"{TOKEN} may not", "details": []}}
    for status in (400, 401, 403, 404, 500):
        google.answer = lambda request, status=status: Answer(status, echo)  # type: ignore[misc]
        with impatient(), opened(google) as destination, pytest.raises(CdpError) as error:
            deliver(destination, Action.ADD, people(1))
        assert TOKEN not in error.value.message
        assert "person0" not in error.value.message


# The page


def test_what_the_page_shows_can_be_synced(google: FakeGoogleAds) -> None:
    page = package_root() / "docs" / "destinations" / "google_ads.md"
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    entries, syncs = (yaml.safe_load(text) for text in shown)
    (entry,) = entries["vars"]["cdp_destinations"]
    assert entry["credentials_env"] == "GOOGLE_KEY"
    settings = GoogleAdsSettings.model_validate({**entry, "base_url": google.url})
    assert settings.account_id.replace("-", "") == ACCOUNT
    for exposure in syncs["exposures"]:
        meta = exposure["config"]["meta"]["cdp_sync"]
        sync = Definition.model_validate({**meta, "name": exposure["name"]})
        with GoogleAdsDestination(settings, sync.for_destination(), Path()) as destination:
            assert destination.check()
