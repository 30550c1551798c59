"""Consents, from what people say in events and forms to what other tools hold of them."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from consumer import DUCKDB, Consumer, write_shop
from dbt_cdp.cli import run
from fake_api import serving
from listener import SECRET, Listener

HOOK = {"type": "webhook", "url_env": "HOOK_URL", "secret_env": "HOOK_SECRET", "per_second": 1000}
FORMS = {
    "model": "forms",
    "granted": "agreed",
    "said_at": "said_at",
    "identifiers": {"email": "mail", "user_id": "account"},
}
VARS: dict[str, Any] = {
    "cdp_traits": [{"name": "chosen", "count": "events", "event": "chose"}],
    "cdp_destinations": [{"name": "hook", **HOOK}],
    "cdp_consent": {
        "known": "is_identified",
        "news": [
            {"event": "chose", "granted": "properties.news"},
            {"event": "unsubscribed", "granted": False},
            FORMS,
        ],
        # By the ids of people, and without a time.
        "calls": {"model": "calls", "granted": "is_wanted"},
    },
}
MODELS = {
    "forms": "select * from read_csv('{folder}/forms.csv', all_varchar = true)",
    "calls": """
        select canonical_id, is_wanted = 'yes' as is_wanted
        from read_csv('{folder}/calls.csv', all_varchar = true)
    """,
}
SYNC = {
    "name": "readers",
    "type": "application",
    "owner": {"name": "Growth"},
    "depends_on": ["ref('cdp', 'cdp__user_profiles')", "ref('cdp', 'cdp__consents')"],
    "config": {
        "meta": {
            "cdp_sync": {
                "destination": "hook",
                "mode": "upsert",
                "key": "email",
                "fields": {"email": "email"},
                "consent": ["known", "news", "news"],
            }
        }
    },
}

CONSENTS = """
    select person, purpose, is_granted, strftime(said_at, '%m-%d %H:%M'), source
    from consents join (
        select canonical_id, min(identifier_value) as person
        from identity_graph where identifier_type = 'email' group by canonical_id
    ) using (canonical_id)
"""


def event(time: str, name: str, who: str, news: object = None, **more: Any) -> dict[str, Any]:
    """An event of a person with an account and an address."""
    person = {"userId": who, "email": f"{who}@shop.example"} if who else {}
    said = {} if news is None else {"properties": {"news": news}}
    return {"event": name, "timestamp": f"2026-{time}:00Z", **person, **said, **more}


FIRST = [
    # Who has consented long ago, of which nothing but the consent is left later.
    {**event("05-01T10:00", "chose", "old", True), "timestamp": "2024-05-01T10:00:00Z"},
    event("06-01T10:00", "chose", "ann", "yes"),
    event("06-03T10:00", "chose", "ann", "no"),
    event("06-01T10:00", "chose", "bob", True),
    # Nothing is said by nothing; of one moment the no counts; what is no yes is a no.
    event("06-02T10:00", "chose", "bob"),
    event("06-02T10:00", "chose", "bob", ""),
    event("06-01T10:00", "chose", "cid", "yes"),
    event("06-01T10:00", "chose", "cid", "no"),
    event("06-01T10:00", "chose", "dan", "maybe"),
    # Two people at one machine, and somebody at it.
    event("06-01T10:00", "seen", "ann", context={"device": {"id": "kiosk"}}),
    event("06-01T10:00", "seen", "eve", context={"device": {"id": "kiosk"}}),
    event("06-05T10:00", "chose", "", "yes", context={"device": {"id": "kiosk"}}),
    # A form in a browser, and who it is.
    event("06-01T10:00", "seen", "fay"),
    event("06-04T10:00", "chose", "", "yes", anonymousId="cookie"),
    *(event("06-01T10:00", "chose", who, "yes") for who in ("kim", "lea", "ned")),
    *(event("06-01T10:00", "seen", who) for who in ("hal", "ivy")),
    event("06-02T10:00", "chose", "", "no", email="jan@shop.example"),
]
# Old news, of which nothing changes; a browser turns out to be somebody's; and who withdraws.
LATER = [
    event("06-02T10:00", "chose", "ann", "yes"),
    event("06-05T10:00", "seen", "fay", anonymousId="cookie"),
    event("06-06T10:00", "unsubscribed", "kim"),
    event("06-07T10:00", "seen", "gus"),
    event("06-07T10:00", "seen", "hal", email="jan@shop.example"),
]
FORMS_FIRST = [
    ("GUS@shop.example ", "", "yes", "2026-06-01 10:00"),  # not known yet
    (" Hal@Shop.example", "", "true", "2026-06-01T12:00:00+02:00"),
    # Whoever it is that the account says, which is the stronger one.
    ("dan@shop.example", "ivy", "1", "2026-06-02"),
    ("test@test.com", "", "1", "2026-06-02"),
    ("bob@shop.example", "", "no", "soon"),
    ("lea@shop.example", "", "no", "2999-01-01"),
    ("ann@shop.example", "", "", "2026-06-30 10:00"),
    # Of no time but one another's.
    ("eve@shop.example", "", "yes", ""),
    ("eve@shop.example", "", "no", ""),
]
FORMS_LATER = [*FORMS_FIRST, ("", "ned", "no", "2026-06-08 10:00")]


class Shop:
    """A project, and what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_shop(folder, DUCKDB)
        self.consumer = Consumer(folder, "shop.duckdb")
        self.consumer.set_vars(VARS)
        (folder / "models").mkdir()
        for name, sql in MODELS.items():
            text = f"{{{{ config(access='public') }}}} {sql.format(folder=folder)}"
            (folder / "models" / f"{name}.sql").write_text(text)
        (folder / "models" / "syncs.yml").write_text(json.dumps({"exposures": [SYNC]}))
        self.write("forms", ["mail", "account", "agreed", "said_at"], [])
        self.write("calls", ["canonical_id", "is_wanted"], [])

    def write(self, name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        with (self.folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def fill_in(self, rows: Sequence[Sequence[str]]) -> None:
        self.write("forms", ["mail", "account", "agreed", "said_at"], rows)

    def load(self, name: str, events: Sequence[dict[str, Any]]) -> None:
        path = self.folder / f"{name}.ndjson"
        numbered = [
            {"type": "track", "messageId": f"{name}{number}", "receivedAt": "2026-07-01", **one}
            for number, one in enumerate(events)
        ]
        path.write_text("\n".join(map(json.dumps, numbered)))
        assert run(["load", str(path), "--source", "web", "--project-dir", str(self.folder)]) == 0

    def build(self) -> None:
        assert run(["run", "--only", "build", "--project-dir", str(self.folder)]) == 0

    def said(self, purpose: str) -> dict[str, tuple[Any, ...]]:
        """By person whether they consent, since when, and where that was said."""
        rows = self.consumer.query(f"{CONSENTS} where purpose = '{purpose}'")
        return {person.split("@")[0]: tuple(said) for person, _, *said in rows}


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, without_data_tests: None
) -> Iterator[tuple[Shop, Listener]]:
    made = Shop(tmp_path_factory.mktemp("consents") / "shop")
    with pytest.MonkeyPatch.context() as patch, serving(Listener()) as listener:
        patch.chdir(made.folder)
        patch.setenv("HOOK_URL", f"{listener.url}?token=t")
        patch.setenv("HOOK_SECRET", SECRET)
        yield made, listener  # type: ignore[misc]


def sync(listener: Listener) -> list[tuple[str, str]]:
    assert run(["sync", "run", "readers"]) == 0
    return [(action, key.split("@")[0]) for action, key in listener.news()]


NEWS_FIRST = {
    "old": (True, "05-01 10:00", "event chose"),
    "ann": (False, "06-03 10:00", "event chose"),
    "bob": (True, "06-01 10:00", "event chose"),
    "cid": (False, "06-01 10:00", "event chose"),
    "dan": (False, "06-01 10:00", "event chose"),
    "eve": (False, None, "model forms"),
    "hal": (True, "06-01 10:00", "model forms"),
    "ivy": (True, "06-02 00:00", "model forms"),
    "jan": (False, "06-02 10:00", "event chose"),
    **dict.fromkeys(("kim", "lea", "ned"), (True, "06-01 10:00", "event chose")),
}
NEWS_LATER = {
    **{who: said for who, said in NEWS_FIRST.items() if who != "jan"},
    "fay": (True, "06-04 10:00", "event chose"),
    "gus": (True, "06-01 10:00", "model forms"),
    # Has turned out to be Jan, who has said no since.
    "hal": (False, "06-02 10:00", "event chose"),
    "kim": (False, "06-06 10:00", "event unsubscribed"),
    "ned": (False, "06-08 10:00", "model forms"),
}
WANTED = ["bob", "hal", "ivy", "kim", "lea", "ned", "old"]


def test_the_newest_of_all_that_a_person_says_counts(shop: tuple[Shop, Listener]) -> None:
    made, listener = shop
    made.load("first", FIRST)
    made.fill_in(FORMS_FIRST)
    made.build()
    assert made.said("news") == NEWS_FIRST
    assert {said for said, *_ in made.said("known").values()} == {True}
    assert made.consumer.query(
        "select distinct said_at, source from consents where purpose = 'known'"
    ) == [(None, "profile")]
    assert sync(listener) == [("add", who) for who in WANTED]


def test_who_withdraws_by_an_event_by_a_form_or_by_a_merge_is_removed(
    shop: tuple[Shop, Listener],
) -> None:
    made, listener = shop
    made.load("later", LATER)
    made.fill_in(FORMS_LATER)
    # By an id that is about to be merged into another, and by one that never was.
    ((of_jan,),) = made.consumer.query(
        "select canonical_id from identity_graph where identifier_value = 'jan@shop.example'"
    )
    made.write("calls", ["canonical_id", "is_wanted"], [(of_jan, "yes"), ("nobody", "yes")])
    made.build()
    assert made.said("news") == NEWS_LATER
    assert made.said("calls") == {"hal": (True, None, "model calls")}
    assert sync(listener) == [
        *(("add", who) for who in ("fay", "gus")),
        *(("remove", who) for who in ("hal", "kim", "ned")),
    ]


def test_a_consent_outlives_the_event_that_gave_it_and_the_same_is_said_at_once(
    shop: tuple[Shop, Listener], tmp_path: Path
) -> None:
    made, listener = shop
    made.consumer.set_vars({"cdp_retention": {"raw_events_months": 13}})
    assert run(["retain", "--yes"]) == 0
    assert made.consumer.query("select * from raw_events where timestamp < '2025-01-01'") == []
    made.consumer.runs("run", "--full-refresh")
    assert made.said("news") == NEWS_LATER
    assert sync(listener) == []

    at_once = Shop(tmp_path / "at_once")
    at_once.load("all", [*LATER, *FIRST])
    at_once.fill_in(FORMS_LATER)
    at_once.build()
    for purpose in ("news", "known"):
        assert at_once.said(purpose) == made.said(purpose)


def test_a_purpose_that_is_new_is_filled_and_one_that_has_gone_is_nobodys(
    shop: tuple[Shop, Listener],
) -> None:
    made, _ = shop
    select = ("run", "--select", "int_cdp__daily_activity", "cdp__consents")
    added = {"ads": {"event": "seen", "granted": "user_id = 'eve'"}}
    made.consumer.runs(*select, cdp_consent=added)
    assert {who: is_granted for who, (is_granted, *_) in made.said("ads").items()} == {
        **dict.fromkeys(("ann", "fay", "gus", "hal", "ivy"), False),
        "eve": True,
    }
    assert made.said("news") == {}
    made.consumer.runs(*select, cdp_consent={})
    assert made.consumer.query("select * from consents") == []


def test_a_statement_that_is_broken_is_named(shop: tuple[Shop, Listener]) -> None:
    made, _ = shop
    for broken, said in (
        ("is_identifed", "purpose 'ads': user_profiles has no column 'is_identifed'"),
        ({**FORMS, "identifiers": {"email": "emial"}}, "identifiers, email: forms has no column"),
        ({"event": "chose", "granted": "propertis = 1"}, "consent ads"),
    ):
        select = ("run", "--select", "int_cdp__daily_activity", "cdp__consents")
        assert said in made.consumer.fails(*select, cdp_consent={"ads": broken})
