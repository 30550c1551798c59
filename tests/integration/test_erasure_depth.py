"""What erasures do in depth: rows that are hashed or kept for a time, what dbt itself has left, and
the search in every column."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from consumer import DUCKDB, write_shop
from dbt_cdp.cli import run
from dbt_cdp.privacy import kept

ANN = ("ann%7_x", "ann@gone-shop.example")
CID = "cid@gone-shop.example"
NAMES = {"email": "mail", "user_id": "account"}
BILLS = {
    "action": "keep",
    "identifiers": NAMES,
    "reason": "tax law",
    "until": {"column": "issued_on", "months": 120},
}
RULES: dict[str, Any] = {
    "orders": {"action": "hash", "identifiers": NAMES, "columns": ["note"]},
    "calls": {"action": "hash", "identifiers": {"any": "mail", "user_id": "account"}},
    "bills": BILLS,
}
EVENTS = [
    {"userId": ANN[0], "email": "Ann@Gone-Shop.example", "event": "ordered"},
    {"userId": "cid-1", "email": CID, "event": "asked"},
    {"userId": "cid-1", "event": "wrote", "properties": {"text": f"with {ANN[1].upper()}, in May"}},
]
# Whose rows they are: hers, hers, his with her in it, his.
ROWS = [
    ("Ann@Gone-Shop.example", None, "hers"),
    (None, ANN[0], "hers"),
    (ANN[1], "cid-1", "his"),
    (CID, "cid-1", "his"),
]
DATED = [
    (*ROWS[0], "2016-01-31"),
    (*ROWS[1], "2019-05-01"),
    (*ROWS[1], "soon"),
    (*ROWS[2], "2015-01-01"),
    (*ROWS[3], "2015-01-01"),
]

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two people, and tables of its own; built, with a test that has failed."""
    folder = write_shop(tmp_path_factory.mktemp("depth") / "shop", DUCKDB)
    (folder / "models").mkdir()
    tables = [
        {"name": name, "config": {"meta": {"cdp_erasure": rule}}} for name, rule in RULES.items()
    ]
    failing = {
        "accepted_values": {
            "arguments": {"values": ["nobody"]},
            "config": {"store_failures": True, "severity": "warn", "alias": "whose_mail"},
        }
    }
    tables.append({"name": "mails", "columns": [{"name": "mail", "data_tests": [failing]}]})
    source = {"name": "office", "schema": "main", "tables": tables}
    (folder / "models" / "sources.yml").write_text(json.dumps({"sources": [source]}))
    with duckdb.connect(folder / "shop.duckdb") as connection:
        for name in ("orders", "calls"):
            connection.execute(f"create table {name} (mail text, account text, note text)")
        connection.execute("create table bills as select *, note as issued_on from orders")
        connection.execute("create table mails (mail text)")
    lines = [
        {"messageId": f"m{n}", "type": "track", "timestamp": f"2026-06-01T10:0{n}:00Z", **event}
        for n, event in enumerate(EVENTS)
    ]
    (folder / "events.ndjson").write_text("\n".join(map(json.dumps, lines)))
    place = ["--project-dir", str(folder)]
    assert run(["load", str(folder / "events.ndjson"), "--source", "web", *place]) == 0
    assert run(["run", "--only", "build", *place]) == 0
    return folder


@pytest.fixture
def shop(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    subprocess.run(["cp", "-a", str(built), str(folder)], check=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(shop: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command of `cdp erase`; what it prints as JSON."""

    def called(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run(["erase", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return called


def asked(call: Call, *identifiers: str) -> str:
    """The id of a request that is approved."""
    words = [part for one in identifiers for part in ("--identifier", one)]
    (made,) = call("request", *words, "--evidence", "a letter")
    call("approve", made["request_id"])
    return str(made["request_id"])


def sql(shop: Path, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(shop / "shop.duckdb") as connection:
        return connection.execute(text, parameters).fetchall()


def fill(shop: Path, table: str, rows: list[tuple[Any, ...]]) -> None:
    with duckdb.connect(shop / "shop.duckdb") as connection:
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into {table} values ({marks})", rows)


def remains(shop: Path, *values: str) -> list[str]:
    """Which values stand anywhere in the database file, or in what dbt has left."""
    files = [shop / "shop.duckdb", *(shop / "logs").rglob("*"), *(shop / "target").rglob("*")]
    content = b"".join(one.read_bytes().lower() for one in files if one.is_file())
    return [value for value in values if value.lower().encode() in content]


def is_digest(value: str) -> bool:
    return len(value) == 64 and set(value) <= set("0123456789abcdef")


def test_hashed_rows_stay_and_are_still_one_persons(
    shop: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("orders", "calls"):
        fill(shop, name, ROWS)
    made = asked(call, f"user_id={ANN[0]}")
    call("run")
    orders, calls = (
        sql(shop, f"select * from {name} order by rowid") for name in ("orders", "calls")
    )
    mail, account = orders[0][0], orders[1][1]
    assert is_digest(mail) and is_digest(account) and mail != account
    assert (orders[0][1], orders[1][0]) == (None, None)
    assert is_digest(orders[0][2]) and orders[0][2] == orders[1][2]
    # Somebody else's row loses only what names her.
    assert orders[2:] == [(mail, "cid-1", "his"), ROWS[3]]
    # The same value has the same digest in another table, in which nothing else is hashed.
    assert calls == [
        (mail, None, "hers"),
        (None, account, "hers"),
        (mail, "cid-1", "his"),
        ROWS[3],
    ]
    certificate = call("certificate", made)
    assert certificate["status"] == "confirmed"
    hashed = {one["table"]: one["rows"] for one in certificate["tables"] if one["action"] == "hash"}
    assert hashed == {"orders": 3, "calls": 3}

    # Of another run the digest is another one, and what was hashed is found no more.
    fill(shop, "orders", ROWS[:1])
    asked(call, f"email={ANN[1]}")
    call("run")
    again = sql(shop, "select * from orders order by rowid")
    assert again[:4] == orders
    assert is_digest(again[4][0]) and again[4][0] != mail

    # What is no text is told before anything is done.
    sql(shop, "alter table calls drop account")
    sql(shop, "alter table calls add account bigint")
    asked(call, f"email={ANN[1]}")
    capsys.readouterr()
    assert run(["erase", "run"]) == 1
    assert "Only columns of text can be hashed, and 'account' is none" in capsys.readouterr().err


def test_rows_that_are_kept_go_when_their_time_has_come(
    shop: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left() -> list[Any]:
        return [row[2:] for row in sql(shop, "select * from bills order by rowid")]

    def at(day: str) -> None:
        now = datetime.fromisoformat(day).replace(tzinfo=UTC).replace(tzinfo=None)
        monkeypatch.setattr(kept, "utc_now", lambda: now)

    fill(shop, "bills", DATED)
    made = asked(call, f"user_id={ANN[0]}")
    at("2026-01-31")
    counts = {(one["place"], one["action"]): one["rows"] for one in call("run", "--dry-run")}
    assert (("bills", "delete") in counts, counts["bills", "keep"]) == (False, 3)
    call("run")
    # What is somebody else's, and is past its date, loses only her name.
    assert left() == [row[2:] for row in DATED]
    assert sql(shop, "select mail, account from bills where note = 'his' order by rowid") == [
        (None, "cid-1"),
        (CID, "cid-1"),
    ]
    certificate = call("certificate", made)
    assert certificate["status"] == "confirmed"
    (row,) = certificate["kept"]
    assert (row["count_rows"], row["detail"]) == (
        3,
        "tax law; the last goes on 2029-05-02; 1 have no date, and stay",
    )
    # Nobody knows her any more, but the digests.
    assert sql(shop, "select count(*) from main_cdp.erasure_identifiers") == [(0,)]

    for day, rows in (("2026-01-31", 5), ("2026-02-01", 4), ("2029-05-01", 4), ("2029-05-02", 3)):
        at(day)
        assert run(["run", "--only", "confirm"]) == 0
        assert len(left()) == rows, day
    certificate = call("certificate", made)
    (row,) = certificate["kept"]
    assert (row["count_rows"], row["detail"]) == (1, "tax law; 1 have no date, and stay")
    assert {"table": "bills", "action": "delete", "rows": 2} in certificate["tables"]
    path = shop / "certificate.json"
    path.write_text(json.dumps(certificate))
    assert run(["erase", "verify", str(path)]) == 0
    assert sql(shop, "select count(*) from main_cdp.erasure_identifiers") == [(0,)]

    # Whoever was let in again is left alone.
    assert run(["erase", "lift", made, "--reason", "is back"]) == 0
    fill(shop, "bills", DATED[:1])
    assert run(["run", "--only", "confirm"]) == 0
    assert len(left()) == 4


def test_what_dbt_has_left_of_a_person_goes(shop: Path, call: Call) -> None:
    fill(shop, "mails", [(ANN[0],)])
    dbt = ["dbt.cli.main", "test", "--select", "source:office.mails", "--quiet"]
    subprocess.run([sys.executable, "-P", "-m", *dbt], cwd=shop, check=True)
    audit = "main_dbt_test__audit"
    assert sql(shop, f"select value_field from {audit}.whose_mail") == [(ANN[0],)]
    # Of a test that somebody has deleted since, and what dbt has quoted.
    sql(shop, f"create table {audit}.gone as select * from mails")
    sql(shop, "drop table mails")
    for name in ("logs/dbt.log.1", "target/run_results.json", "target/compiled/a.sql"):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text(f"Could not convert string '{ANN[0]}' to INT32")
    asked(call, f"user_id={ANN[0]}")
    assert remains(shop, *ANN) == [*ANN]
    call("run")
    assert (
        sql(shop, f"select * from information_schema.tables where table_schema = '{audit}'") == []
    )
    assert (shop / "target" / "partial_parse.msgpack").is_file()
    assert remains(shop, ANN[0]) == []


def test_a_deep_search_finds_what_nobody_has_described(shop: Path, call: Call) -> None:
    for line in (
        "create table tickets (body json, tags text[], person struct(mail text), amount int)",
        "create table letters (body text, whose text)",
        "create schema elsewhere",
        "create table elsewhere.letters as select * from letters",
    ):
        sql(shop, line)
    in_json = json.dumps({"from": [{"mail": ANN[1].upper()}]})
    fill(shop, "tickets", [(in_json, ["x", ANN[0]], {"mail": ANN[1]}, 7), ("{}", [], None, 7)])
    page = f"https://gone-shop.example/?mail={quote(ANN[1])}"
    fill(
        shop,
        "letters",
        [
            ("x" * 1_000_000 + ANN[0].upper() + "y" * 1_000_000, "ann"),
            (page, "annX7_x"),
            # Wildcards match only themselves.
            ("annn7xx ann%7yx ann\\%7_x", "a"),
        ],
    )
    fill(shop, "elsewhere.letters", [(ANN[1], None)])
    fill(shop, "bills", [(*ROWS[0], "2026-01-01")])
    made = asked(call, f"user_id={ANN[0]}")

    def found() -> dict[str, int]:
        status = call("status", made)
        return {
            one["subject"]: one["rows"]
            for one in status["tasks"]
            if (one["kind"], one["status"]) == ("search", "left")
        }

    call("run", "--deep")
    events = {"main_cdp.landing_events.payload", "main_cdp.raw_events.properties"}
    places = found()
    own = {place for place in places if place.startswith("main_cdp.")}
    assert events <= own, own
    assert {place: rows for place, rows in places.items() if place not in own} == {
        "main.tickets.body": 1,
        "main.tickets.tags": 1,
        "main.tickets.person": 1,
        "main.letters.body": 2,
    }
    assert call("status", made)["status"] == "waiting"
    assert not any(one in json.dumps(call("status", made)).lower() for one in ANN)

    # What was looked at is left alone; what is found no more is ticked off by the next search.
    call("done", made, "main.letters.body", "--note", "somebody else's letter")
    sql(shop, "delete from tickets where amount = 7")
    for table in own:
        name, column = table.rsplit(".", 1)
        sql(shop, f"update {name} set {column} = replace({column}, '{ANN[1].upper()}', 'Ann')")
    call("run", "--deep")
    assert found() == {}
    certificate = call("certificate", made)
    assert certificate["status"] == "confirmed"
    assert certificate["searched_at"]
    assert {one["subject"] for one in certificate["found"]} == {*places}
    assert [one["subject"] for one in certificate["kept"]] == ["bills"]
    assert sql(shop, "select count(*) from main_cdp.erasure_identifiers") == [(0,)]
