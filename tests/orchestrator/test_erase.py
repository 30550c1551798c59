"""`cdp erase`: what may be asked, decided and ticked off; what is refused, and that nothing of a
person is told."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from consumer import DUCKDB, write_shop
from dbt_cdp.cli import run
from dbt_cdp.clock import utc_now
from dbt_cdp.dbt import Dbt
from dbt_cdp.decisions import Identifier
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.privacy import requests
from dbt_cdp.privacy.chain import Chain, broken_entry
from dbt_cdp.privacy.ledger import Request, Status, find_request
from dbt_cdp.privacy.rules import described_tables
from dbt_cdp.project import Project

NEEDLE = "needle@shop.example"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three people, built: two of them share a device."""
    folder = write_shop(tmp_path_factory.mktemp("erase") / "shop", DUCKDB)
    events = [
        {"userId": "ann", "email": NEEDLE, "context": {"device": {"id": "kiosk"}}},
        {"userId": "bob", "context": {"device": {"id": "kiosk"}}},
        {"userId": "cid", "email": "test@test.com"},
    ]
    lines = [
        json.dumps({"messageId": f"m{n}", "type": "track", "event": "x", **event})
        for n, event in enumerate(events)
    ]
    times = '"timestamp": "2026-06-01T10:00:00Z", '
    (folder / "events.ndjson").write_text("\n".join("{" + times + one[1:] for one in lines))
    place = ["--project-dir", str(folder)]
    assert run(["load", str(folder / "events.ndjson"), "--source", "web", *place]) == 0
    assert run(["run", "--only", "build", *place]) == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    copy = tmp_path / "shop"
    shutil.copytree(made, copy, symlinks=True)
    monkeypatch.chdir(copy)
    yield copy


Call = Callable[..., Any]


@pytest.fixture
def call(folder: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command of `cdp erase`; what it prints as JSON."""

    def called(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run(["erase", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return called


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command of `cdp erase` that fails; what it says."""

    def called(*arguments: str, code: int = 1) -> str:
        capsys.readouterr()
        assert run(["erase", *arguments]) == code
        said = capsys.readouterr()
        assert NEEDLE not in said.out + said.err
        return said.err

    return called


def request(call: Call, *identifiers: str, **options: str) -> dict[str, Any]:
    words = [part for one in identifiers for part in ("--identifier", one)]
    words += [part for name, value in options.items() for part in (f"--{name}", value)]
    (found,) = call("request", *words)
    return dict(found)


def test_a_request_goes_its_way(call: Call, refused: Callable[..., str]) -> None:
    made = request(call, f"email={NEEDLE}")
    assert (made["status"], made["people"], made["review"]) == ("received", 1, None)
    short = made["request_id"][:8]
    assert "Nobody has made sure" in refused("approve", short)
    (approved,) = call("approve", short, "--evidence", "showed a passport")
    assert approved["status"] == "approved"
    assert "approve only what is received or verified" in refused("approve", short)
    (denied,) = call("deny", short, "--reason", "has withdrawn it")
    assert denied["status"] == "denied"
    assert call("status") == []
    assert [one["status"] for one in call("status", "--all")] == ["denied"]
    with duckdb.connect("shop.duckdb") as connection:
        left = "select count(*) from main_cdp.erasure_identifiers"
        assert connection.execute(left).fetchall() == [(0,)]
        states = "select status, note from main_cdp.erasure_requests order by position"
        assert connection.execute(states).fetchall() == [
            ("received", None),
            ("verified", "showed a passport"),
            ("approved", None),
            ("denied", "has withdrawn it"),
        ]


@pytest.mark.parametrize(
    ("identifiers", "words", "people"),
    [
        (["device_id=kiosk"], "the device_id is shared", 0),
        (["user_id=ann", "user_id=bob"], "means 2 people", 2),
        (["email=test@test.com"], "the email names nobody", 0),
    ],
)
def test_what_is_doubtful_stops_for_review(
    call: Call, refused: Callable[..., str], identifiers: list[str], words: str, people: int
) -> None:
    made = request(call, *identifiers, evidence="asked by e-mail")
    assert (made["status"], made["people"]) == ("verified", people)
    assert words in made["review"]
    assert words in refused("approve", made["request_id"])
    (approved,) = call("approve", made["request_id"], "--reviewed")
    assert approved["status"] == "approved"


def test_all_that_is_clear_is_approved_at_once(call: Call, refused: Callable[..., str]) -> None:
    request(call, "user_id=ann", evidence="a letter")
    request(call, "user_id=bob")
    request(call, "device_id=kiosk", evidence="a letter")
    assert [one["people"] for one in call("approve", "--all")] == [1]
    assert [one["status"] for one in call("status")] == ["approved", "received", "verified"]
    assert "either REQUESTs or --all" in refused("approve", code=2)


def test_a_person_of_very_many_identifiers_stops_for_review(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_MANY_IDENTIFIERS", 1)
    assert "2 identifiers, and may be several" in request(call, "user_id=ann")["review"]


@pytest.mark.parametrize(
    "value",
    [
        "' or 1=1 --",
        "%",
        "_nn",
        "a\"b';drop table main_cdp.raw_events;--",
        "😀木",
        "x" * 1_000_000,
        "ann' or '1'='1",
    ],
)
def test_odd_values_mean_nothing_but_themselves(call: Call, folder: Path, value: str) -> None:
    project = Project.find(folder)
    for kind in ("user_id", "email", "phone"):
        (made,) = requests.add_requests(project, [[Identifier(kind, value)]], evidence="x")
        assert made.people == 0
    (known,) = requests.add_requests(project, [[Identifier("user_id", "ann")]])
    assert known.people == 1
    with duckdb.connect("shop.duckdb") as connection:
        assert connection.execute("select count(*) from main_cdp.raw_events").fetchall() == [(3,)]


def test_what_is_no_request_is_refused(refused: Callable[..., str], folder: Path) -> None:
    for words in ([], ["--identifier", "email=x@y.example", "--file", "-"]):
        assert "either identifiers or a --file" in refused("request", *words, code=2)
    assert "is of no known type" in refused("request", "--identifier", f"mail={NEEDLE}", code=2)
    assert "has no value" in refused("request", "--identifier", "email=", code=2)
    (folder / "empty.txt").write_text("\n\n")
    assert "names nobody" in refused("request", "--file", "empty.txt", code=2)
    assert "No requests have an id" in refused("approve", "abc", code=2)
    assert "No requests have an id" in refused("certificate", "abc", code=2)
    (folder / "other.json").write_text("{}")
    assert "is no certificate" in refused("verify", "other.json", code=2)


def test_what_is_overdue_ends_with_code_3(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request(call, "user_id=ann", due="2d")
    assert len(call("status")) == 1
    capsys.readouterr()
    run(["status"])
    assert "1 are due soon, the first in 47 hours" in capsys.readouterr().err
    bob = [[Identifier("user_id", "bob")]]
    requests.add_requests(Project.find(folder), bob, due=timedelta(seconds=-1))
    assert len(call("status", code=3)) == 2
    assert run(["status"]) == 3
    assert "1 requests for erasure are overdue" in capsys.readouterr().err


def test_a_chain_tells_what_was_changed() -> None:
    chain = Chain("r")
    now = utc_now()
    entries = [chain.add(now + timedelta(seconds=n), "Ann", status=f"s{n}") for n in range(4)]
    assert broken_entry(entries) is None
    for position, change in (
        (2, {"status": "other"}),
        (3, {"entered_by": None}),
        (1, {"note": "x"}),
    ):
        changed = [dict(one) for one in entries]
        changed[position - 1] |= change
        assert broken_entry(changed) == position
    assert broken_entry(entries[1:]) == 1
    assert broken_entry([entries[0], *entries[2:]]) == 2
    swapped = [entries[0], entries[2], entries[1], entries[3]]
    assert broken_entry(swapped) == 2


def test_what_a_table_says_of_itself_is_checked(folder: Path) -> None:
    models = folder / "models"
    models.mkdir(exist_ok=True)
    (models / "mine.sql").write_text("select 'a' as mail")
    project = Project.find(folder)
    cases: dict[str, Any] = {
        "There is no identifier type 'mail'": {"action": "delete", "identifiers": {"mail": "mail"}},
        "give one of identifiers": {"action": "delete"},
        "needs a reason": {"action": "keep", "identifiers": {"email": "mail"}},
        "action": {"action": "burn", "identifiers": {"email": "mail"}},
        "a model and one column": {"action": "delete", "through": {"model": "x"}},
    }
    for words, rule in cases.items():
        entry = {"name": "mine", "config": {"meta": {"cdp_erasure": rule}}}
        (models / "mine.yml").write_text(json.dumps({"models": [entry]}))
        manifest = Dbt(project).manifest()
        with pytest.raises(ConfigurationError, match=words):
            described_tables(manifest, ["user_id", "email"])


def test_every_table_of_the_package_with_people_in_it_says_what_an_erasure_does(
    folder: Path,
) -> None:
    manifest = Dbt(Project.find(folder)).manifest()
    described = {one.relation.identifier for one in described_tables(manifest, ["user_id"])}
    # What has no row of a person: counts, definitions, lists of values, ledgers without people.
    others = {
        *("account_profiles", "account_segments", "int_cdp__account_domains", "definitions"),
        *("segment_sizes", "int_cdp__blocked_values", "blocked_identifiers", "free_mail_domains"),
        *("runs", "run_steps", "run_sources", "retention_runs", "leases"),
        *("sync_runs", "sync_pauses", "suppressions", "suppression_keys"),
        *("erasure_requests", "erasure_actions", "erasure_identifiers"),
    }
    tables = {
        (node.get("alias") or node["name"])
        for node in manifest.content["nodes"].values()
        if node["package_name"] == "cdp"
        and node["resource_type"] in ("model", "seed")
        and node["config"]["materialized"] not in ("view", "ephemeral")
    }
    assert tables - described == others & tables
    assert described <= tables


def test_requests_are_found_by_how_their_ids_begin() -> None:
    now = utc_now()
    made = [Request(one, Status.RECEIVED, now, now, now, 1, 1, None) for one in ("ab1", "ab2")]
    assert find_request(made, "ab1").request_id == "ab1"
    for wrong in ("ab", "", "x"):
        with pytest.raises(ConfigurationError):
            find_request(made, wrong)


def test_the_page_of_a_certificate_names_what_was_done(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = request(call, f"email={NEEDLE}", evidence="a letter")
    call("approve", made["request_id"])
    assert run(["erase", "run"]) == 0
    assert run(["erase", "certificate", made["request_id"], "--html", "page.html"]) == 0
    page = (folder / "page.html").read_text()
    assert "Certificate of erasure" in page and "raw_events" in page and "confirmed" in page
    assert NEEDLE not in page
