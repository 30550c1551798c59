"""What a person is given: all that is known of them, and nothing of anybody else's."""

import csv
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml

from consumer import DUCKDB, Consumer, write_shop
from dbt_cdp import privacy
from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt
from dbt_cdp.project import Project
from fake_api import serving
from listener import SECRET, Listener

HOOK = {"type": "webhook", "url_env": "HOOK_URL", "secret_env": "HOOK_SECRET", "per_second": 1000}
VARS: dict[str, Any] = {
    "cdp_traits": [{"name": "orders", "count": "events", "event": "ordered"}],
    "cdp_segments": [{"name": "buyers", "where": "orders > 0"}],
    "cdp_destinations": [{"name": "hook", **HOOK}],
    "cdp_consent": {"marketing": "orders > 2", "advertising": "orders > 9"},
    "cdp_retention": {"raw_events_months": 120, "sources": {"web": {"raw_events_months": 60}}},
}
SYNC = {
    "destination": "hook",
    "mode": "upsert",
    "key": "email",
    "fields": {"email": "email", "orders": "orders"},
    "consent": [],
}
EXPOSURE = {
    "name": "people",
    "type": "application",
    "owner": {"name": "Growth"},
    "depends_on": ["ref('cdp', 'cdp__user_profiles')"],
    "config": {"meta": {"cdp_sync": SYNC}},
}

# Tables of the project's own. One has the name of a table of the package, one that of a path.
RULES: dict[str, Any] = {
    "cases": {"action": "delete", "identifiers": {"email": "mail", "user_id": "account"}},
    "segments": {"action": "keep", "identifiers": {"email": "mail"}, "reason": "tax, ten years"},
    "../letters": {"action": "null", "identifiers": {"email": ["mail", "account"]}},
}
SOURCE = {
    "name": "office",
    "schema": "main",
    "tables": [
        {"name": name, "config": {"meta": {"cdp_erasure": rule}}} for name, rule in RULES.items()
    ],
}

# Targets for which queries are compiled, and which nobody connects to.
TARGETS = {
    "bigquery": {"method": "oauth-secrets", "token": "x", "project": "p", "dataset": "d"},
    "snowflake": {"account": "a", "user": "u", "password": "p", "database": "d", "schema": "s"},
    "postgres": {"host": "h", "port": 1, "user": "u", "pass": "p", "dbname": "d", "schema": "s"},
}

HOSTILE = "<script>alert('x')</script>\x07 =1+1 'quoted' \"too\" ; drop table x -- 🧑‍🚀"
EVENTS: list[dict[str, Any]] = [
    {"type": "page", "anonymousId": "cookie-ada", "properties": {"path": "/pricing"}},
    {
        "event": "signed_up",
        "userId": "ada-7",
        "anonymousId": "cookie-ada",
        "context": {"traits": {"email": " ADA@shop.example", "name": HOSTILE}},
    },
    *({"event": "ordered", "userId": "ada-7", "properties": {"n": n}} for n in range(3)),
    # Two people at one machine, and somebody at it who says nothing.
    {"event": "ordered", "userId": "ada-7", "context": {"device": {"id": "till"}}},
    {"event": "ordered", "userId": "bob-1", "context": {"device": {"id": "till"}}},
    {"event": "silent", "context": {"device": {"id": "till"}}},
    # More addresses than a person may have, so that the last one is not Bob's: it is in an event of
    # his and yet another person's.
    *(
        {"event": "ordered", "userId": "bob-1", "email": f"bob{number}@shop.example"}
        for number in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6)
    ),
    {"event": "=cmd()", "anonymousId": "cookie-six", "email": "bob6@shop.example"},
    {"event": "ordered", "userId": "O'Hara; drop table x; -- 🧑‍🚀", "email": "hara@shop.example"},
    {"event": "ordered", "userId": "test@test.com", "email": "test@test.com"},
]
RECORDS = [
    {"contact_id": "c-ada", "email": "Ada@Shop.example", "updated_at": "2026-06-01T00:00:00Z"},
    {"contact_id": "c-cid", "email": "cid@shop.example", "updated_at": "2026-06-01T00:00:00Z"},
]
OFFICE = [
    ("Ada@Shop.example", None, "hers"),
    (None, "ada-7", "hers"),
    ("ada@shop.example", "O'Hara; drop table x; -- 🧑‍🚀", "named in his"),
    ("cid@shop.example", "cid", "his"),
    ("bob1@shop.example", "ada@shop.example", "he has written to her"),
]


def lines() -> list[str]:
    head = {"type": "track"}
    return [
        json.dumps(
            {
                **head,
                "messageId": f"m{number}",
                "timestamp": f"2026-06-01T10:{number:02}:00Z",
                "receivedAt": f"2026-06-01T10:{number:02}:01Z",
                **event,
            }
        )
        for number, event in enumerate(EVENTS)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, without_data_tests: None) -> Path:
    """The project, loaded, built and synced."""
    folder = write_shop(tmp_path_factory.mktemp("access") / "shop", DUCKDB)
    (folder / "models").mkdir()
    (folder / "models" / "mine.yml").write_text(
        json.dumps({"exposures": [EXPOSURE], "sources": [SOURCE]})
    )
    with duckdb.connect(folder / "shop.duckdb") as connection:
        for name in RULES:
            connection.execute(f'create table "{name}" (mail text, account text, note text)')
            connection.executemany(f'insert into "{name}" values (?, ?, ?)', OFFICE)
    Consumer(folder, "shop.duckdb").set_vars(VARS)
    (folder / "events.ndjson").write_text("\n".join(lines()))
    (folder / "broken.ndjson").write_text('{"userId": "ada-7", "email": "bob1@shop.example"\n')
    (folder / "contacts.ndjson").write_text("\n".join(map(json.dumps, RECORDS)))
    with pytest.MonkeyPatch.context() as patch, serving(Listener()) as listener:
        patch.chdir(folder)
        patch.setenv("HOOK_URL", f"{listener.url}?token=t")
        patch.setenv("HOOK_SECRET", SECRET)
        assert run(["load", "events.ndjson", "--source", "web"]) == 0
        assert run(["load", "broken.ndjson", "--source", "web"]) == 1
        assert run(["load", "contacts.ndjson", "--source", "crm"]) == 0
        assert run(["run", "--only", "build", "--only", "sync"]) == 0
        # So that its queries are compiled once for all tests.
        assert run(["access", "--identifier", "user_id=ada-7", "--output", "first.zip"]) == 0
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "shop"
    subprocess.run(["cp", "-a", str(built), str(copy)], check=True)
    monkeypatch.chdir(copy)
    return copy


class Zip:
    """What a person was given."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            self.texts = {name: archive.read(name).decode() for name in archive.namelist()}
        self.data: dict[str, Any] = json.loads(self.texts["data.json"])
        self.tables: dict[str, list[dict[str, Any]]] = self.data["tables"]

    def csv(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.texts[name], newline="")))

    def events(self) -> set[str]:
        return {one["event_id"] for one in self.tables["raw_events"]}


Give = Callable[..., Zip]


@pytest.fixture
def give(folder: Path, capsys: pytest.CaptureFixture[str]) -> Give:
    """Give a person what is known of them."""

    def given(*identifiers: str, options: tuple[str, ...] = ()) -> Zip:
        words = [part for one in identifiers for part in ("--identifier", one)]
        assert run(["access", *words, "--output", "given.zip", "--force", *options]) == 0
        return Zip(folder / "given.zip")

    return given


def staged(folder: Path) -> list[Any]:
    """What is left of whom it was about."""
    with duckdb.connect(folder / "shop.duckdb", read_only=True) as connection:
        return connection.execute("from main_cdp.erasure_identifiers").fetchall()


def test_a_person_is_given_what_is_theirs_and_nothing_else(
    folder: Path, give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    given = give("email=Ada@shop.example")
    assert {*given.texts} - {f"tables/{name}.csv" for name in given.tables} == {
        *("data.json", "person.html", "about.csv")
    }
    assert given.events() == {"m0", "m1", "m2", "m3", "m4", "m5"}
    assert len(given.tables["landing_events"]) == 6
    assert [
        json.loads(one["payload"])["contact_id"] for one in given.tables["landing_records"]
    ] == ["c-ada"]
    assert [one["record_id"] for one in given.tables["records"]] == ["c-ada"]
    assert [one["note"] for one in given.tables["cases"]] == ["hers", "hers"]
    # Whoever stands first in the columns of one type has written it.
    assert [one["mail"] for one in given.tables["___letters"]] == [
        "Ada@Shop.example",
        "ada@shop.example",
    ]
    assert len(given.tables["segments_2"]) == 2
    values = {one["value"] for one in given.data["person"]["identifiers"]}
    assert values == {"ada-7", "ada@shop.example", "cookie-ada", "c-ada"}
    everything = "".join(given.texts.values())
    assert not re.search("bob|cid@|hara", everything.replace("O'Hara; drop", ""))
    # Nobody can read it but its owner; whom it was about is forgotten, and no file is left.
    assert stat.S_IMODE((folder / "given.zip").stat().st_mode) == 0o600
    assert staged(folder) == []
    assert not (folder / "target" / "cdp_access").exists()
    assert not list(folder.glob(".given*"))


def test_the_person_is_told_where_from_what_for_to_whom_and_for_how_long(give: Give) -> None:
    data = give("user_id=ada-7").data
    assert [(one["source"], one["kind"], one["count"]) for one in data["sources"]] == [
        ("crm", "record", 1),
        ("web", "event", 6),
    ]
    assert data["sources"][1]["first_at"] == "2026-06-01T10:00:00Z"
    assert data["sources"][1]["last_at"] == "2026-06-01T10:05:00Z"
    by_profile = {"said_at": None, "source": "profile"}
    assert data["purposes"] == [
        {"purpose": "advertising", "is_granted": False, **by_profile},
        {"purpose": "marketing", "is_granted": True, **by_profile},
    ]
    (recipient,) = data["recipients"]
    assert (recipient["destination"], recipient["sync"]) == ("hook", "people")
    assert (recipient["keys"], recipient["fields"]) == (["ada@shop.example"], ["email", "orders"])
    assert recipient["first_at"] == recipient["last_at"] and recipient["is_acknowledged"]
    assert data["retention"] == [
        {"what": "events of web", "kept": "60 months"},
        {"what": "table segments_2", "kept": "tax, ten years"},
        {"what": "everything else", "kept": "as long as the person is known"},
    ]
    assert [one["table"] for one in data["left_out"]] == ["landing_rejects"]
    assert data["profile"]["traits"]["orders"] == 4 and data["profile"]["name"] == HOSTILE
    (segment,) = data["segments"]
    assert (segment["segment_name"], segment["exited_at"]) == ("buyers", None)
    (known,) = [one for one in data["person"]["identifiers"] if one["type"] == "email"]
    assert known["sources"] == {"crm": 1, "web": 1}
    (ids,) = data["person"]["canonical_ids"]
    assert ids["status"] == "current"


def test_json_and_csv_hold_the_same(give: Give) -> None:
    given = give("email=ada@shop.example")
    for name, rows in given.tables.items():
        found = given.csv(f"tables/{name}.csv")
        assert len(found) == len(rows)
        for row, text in zip(rows, found, strict=True):
            assert {*row} == {*text}
            for column, value in row.items():
                told = "" if value is None else value
                told = str(told).lower() if isinstance(told, bool) else str(told)
                assert text[column].removeprefix("'") == told
    columns = {*given.tables["raw_events"][0]}
    assert not columns & {"batch_id", "tuple_key", "group_key", "content_hash", "superseded_groups"}
    assert columns > {"event_id", "timestamp", "source", "properties", "user_id", "session_id"}
    about = given.csv("about.csv")
    assert {one["about"] for one in about} == {
        *("source", "purpose", "recipient", "retention", "left out")
    }


def test_the_rows_are_those_of_an_erasure(
    folder: Path, give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    given = give("email=ada@shop.example")
    assert run(["erase", "request", "--identifier", "email=ada@shop.example", "--json"]) == 0
    capsys.readouterr()
    assert run(["erase", "run", "--dry-run", "--json"]) == 0
    touched = {(one["place"], one["rows"]) for one in json.loads(capsys.readouterr().out)}
    names = {"___letters": "../letters", "segments_2": "segments", "records": "stg_cdp__records"}
    given_rows = {(names.get(name, name), len(rows)) for name, rows in given.tables.items()}
    # An erasure takes her name from letters that others have written, too, and deletes what only
    # the package reads.
    internal = {one for one in touched if one[0].startswith("int_cdp__")}
    assert touched - internal - {("hook", 1)} - given_rows == {("../letters", 3)}
    assert given_rows - touched == {("../letters", 2)}


def test_a_formula_stays_a_text_in_the_tables(give: Give) -> None:
    given = give("anonymous_id=cookie-six")
    # It stands in an event of Bob, too, which is his.
    assert given.events() == {"m19"}
    assert [one["event_type"] for one in given.tables["raw_events"]] == ["=cmd()"]
    assert [one["event_type"] for one in given.csv("tables/raw_events.csv")] == ["'=cmd()"]


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_the_data_hold_is_text_on_the_page(give: Give) -> None:
    page = Page(give("user_id=ada-7").texts["person.html"])
    assert not page.tags & {"script", "link", "img", "iframe"} and page.links == []
    assert HOSTILE.replace("\x07", "\ufffd") in page.text
    assert "60 months" in page.text and "hook" in page.text and "\x07" not in page.text


@pytest.mark.parametrize(
    ("identifiers", "words", "may_be_reviewed"),
    [
        (["user_id=ada-7", "user_id=bob-1"], "means 2 people", False),
        (["device_id=till"], "the device_id is shared", False),
        (["email=test@test.com"], "the email names nobody", False),
        (["user_id=" + "y" * 1_000_000], "the user_id names nobody: too long", False),
        (["user_id=ada-7", "device_id=till"], "the device_id is shared", True),
        (["user_id=ada-7", "email=test@test.com"], "the email names nobody", True),
        (["user_id=ada-7", "email=typo@shop.example"], "nobody is known by the email", True),
    ],
    ids=["two", "shared", "blocked", "huge", "one_shared", "one_blocked", "one_unknown"],
)
def test_what_is_doubtful_is_not_given(
    folder: Path,
    give: Give,
    capsys: pytest.CaptureFixture[str],
    identifiers: list[str],
    words: str,
    may_be_reviewed: bool,
) -> None:
    options = [part for one in identifiers for part in ("--identifier", one)]
    for reviewed in ([], [] if may_be_reviewed else ["--reviewed"]):
        assert run(["access", *options, "--output", "given.zip", *reviewed]) == 1
        said = capsys.readouterr()
        assert words in said.err and said.out == ""
        assert not any(one.partition("=")[2] in said.err for one in identifiers)
        assert not list(folder.glob("*given*")) and staged(folder) == []
    if may_be_reviewed:
        given = give(*identifiers, options=("--reviewed",))
        assert given.events() == {"m0", "m1", "m2", "m3", "m4", "m5"}


@pytest.mark.parametrize(
    "value",
    [
        "gone-nobody-7",
        "x' or '1'='1",
        'a"b; drop table x; --',
        "gone 🧑‍🚀",
        "=gone+1",
    ],
)
def test_of_whom_nothing_is_known_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    (folder / "asked.txt").write_text(f"user_id={value}\n")
    assert run(["access", "--file", "asked.txt", "--output", "given.zip", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "path": "given.zip",
        "is_known": False,
        "tables": {},
        "recipients": [],
    }
    assert "Nothing is known of the person" in said.err
    given = Zip(folder / "given.zip")
    assert not given.data["about"]["is_known"] and given.tables == {}
    assert "knows nothing" in given.texts["person.html"]
    # Whom nobody knows is not in the file for having been asked for.
    assert staged(folder) == []
    assert value.encode() not in (folder / "shop.duckdb").read_bytes()


def test_identifiers_may_be_of_any_form(give: Give) -> None:
    assert give("user_id=O'Hara; drop table x; -- 🧑‍🚀").events() == {"m20"}


def test_what_is_printed_names_nobody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["access", "--identifier", "email=ada@shop.example", "--output", "given.zip"]
    assert run([*call, "--json"]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert printed["tables"]["raw_events"] == 6 and printed["recipients"] == ["hook"]
    assert "ada" not in said.out + said.err
    # What is there is not written over by mistake.
    before = (folder / "given.zip").read_bytes()
    assert run(call) == 2
    assert "there already" in capsys.readouterr().err
    assert (folder / "given.zip").read_bytes() == before
    assert run([*call, "--force"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--identifier", "mail=x", "--output", "a.zip"], "no known type"),
        (["--identifier", "email=x", "--output", "nowhere/a.zip"], "folder of the file"),
        (["--output", "a.zip"], "Give either identifiers or a --file"),
        (["--file", "two.txt", "--output", "a.zip"], "names 2 people"),
    ],
)
def test_a_wrong_call_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (folder / "two.txt").write_text("user_id=ada-7\nuser_id=bob-1\n")
    assert run(["access", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["bigquery", "snowflake", "postgres"])
def test_the_queries_are_compiled_for_other_warehouses(folder: Path, kind: str) -> None:
    path = folder / "profiles.yml"
    profiles = yaml.safe_load(path.read_text())
    (settings,) = profiles.values()
    settings["outputs"][kind] = {"type": kind, **TARGETS[kind]}
    path.write_text(yaml.safe_dump(profiles))
    jinja = Path(privacy.__file__).parents[1].joinpath("access_queries.sql").read_text()
    compiled = json.loads(Dbt(Project.find(folder, target=kind)).compile_inline(jinja))
    for sql in compiled["queries"].values():
        sqlglot.parse_one(sql, dialect=kind)
    assert {*compiled["purposes"]} == {"advertising", "marketing"}


_KILLER = """
import os, signal, sys
from dbt_cdp import cli
from dbt_cdp.privacy import access_file

number, where = int(sys.argv[1]), sys.argv[2]

def killed(*arguments):
    os.kill(os.getpid(), number)

access_file.document_of, real = killed, access_file.document_of
if where == "rows":
    access_file.document_of, access_file.cell = real, killed
sys.argv = ["cdp", "access", "--identifier", "user_id=ada-7", "--output", "given.zip"]
cli.main()
"""


@pytest.mark.parametrize("where", ["facts", "rows"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_kill_leaves_no_half_file(
    folder: Path, give: Give, number: signal.Signals, where: str
) -> None:
    call = [sys.executable, "-c", _KILLER, str(int(number)), where]
    killed = subprocess.run(call, env=os.environ, check=False, capture_output=True)
    is_hard = number is signal.SIGKILL
    assert killed.returncode == (-number if is_hard else 143), killed.stderr
    assert not (folder / "given.zip").exists()
    if not is_hard:
        assert not (folder / "target" / "cdp_access").exists()
        assert not list(folder.glob(".given*")) and staged(folder) == []
    assert give("user_id=ada-7").events() >= {"m0"}
    assert not (folder / "target" / "cdp_access").exists()
    assert not list(folder.glob(".given*")) and staged(folder) == []
