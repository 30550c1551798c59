"""`cdp sync`: what differs is delivered, and every row ends acknowledged, rejected or pending."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import stamina
import yaml

from consumer import DUCKDB, Consumer, write_shop
from dbt_cdp.activation import due, ledger
from dbt_cdp.activation.definition import read_sync, read_syncs
from dbt_cdp.activation.difference import compiled_queries, open_difference
from dbt_cdp.activation.engine import destination_of
from dbt_cdp.cli import run
from dbt_cdp.destinations.base import Action
from dbt_cdp.destinations.conformance import Fault
from dbt_cdp.destinations.registry import read_destinations
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.landing import ensure_landing
from dbt_cdp.project import Project
from fake_api import serving
from listener import SECRET, Listener

FIELDS = {"email": "email", "name": "name", "score": {"sql": "score * 10"}}
SYNC = {"destination": "hook", "model": "people", "id": "id", "key": "email", "fields": FIELDS}
SYNCS: dict[str, dict[str, Any]] = {
    "mirrored": {"mode": "mirror"},
    "upserted": {"mode": "upsert"},
    "inserted": {"mode": "insert"},
    "appended": {"mode": "append"},
    "listed": {"mode": "audience", "audience": "vips"},
    "guarded": {
        "mode": "mirror",
        "guard": {"max_delete_percent": 20, "max_rows": 6, "min_rows": 2},
    },
    "filed": {"mode": "mirror", "destination": "files"},
    "added_files": {"mode": "append", "destination": "files"},
}
PEOPLE = [
    (1, "ann@shop.example", "Ann", 1),
    (2, "bob@shop.example", "Bob", 2),
    (3, "cid@shop.example", "Cid", 3),
]


def exposure(name: str, **sync: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "application",
        "owner": {"name": "Growth"},
        "depends_on": ["ref('people')"],
        "config": {"meta": {"cdp_sync": {**SYNC, **sync}}},
    }


def write_exposures(folder: Path, *exposures: dict[str, Any]) -> None:
    content = yaml.safe_dump({"exposures": list(exposures)})
    (folder / "models" / "syncs.yml").write_text(content)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a model of its own, and syncs of all modes, compiled."""
    folder = write_shop(tmp_path_factory.mktemp("syncs") / "shop", DUCKDB)
    (folder / "models").mkdir()
    # A view over a table that the tests change: nothing has to be built for that.
    (folder / "models" / "people.sql").write_text(
        "{{ config(materialized='view') }} select * from main.people_table"
    )
    write_exposures(folder, *(exposure(name, **sync) for name, sync in SYNCS.items()))
    consumer = Consumer(folder, "shop.duckdb")
    consumer.set_vars(
        {
            "cdp_destinations": [
                {
                    "name": "hook",
                    "type": "webhook",
                    "url_env": "HOOK_URL",
                    "secret_env": "HOOK_SECRET",
                    "rows": 2,
                    "per_second": 1000,
                },
                {"name": "files", "type": "file", "path": "out"},
            ]
        }
    )
    with duckdb.connect(consumer.database) as connection:
        connection.execute(
            "create table people_table (id integer, email varchar, name varchar, score integer)"
        )
    ensure_landing(Project.find(folder))
    consumer.runs("run", "--select", "people")
    os.environ["HOOK_URL"], os.environ["HOOK_SECRET"] = "http://127.0.0.1:9", SECRET
    try:
        assert run(["sync", "plan", "mirrored", "--project-dir", str(folder)]) == 0
    finally:
        del os.environ["HOOK_URL"], os.environ["HOOK_SECRET"]
    return folder


class Shop:
    """The project, and what its syncs deliver to."""

    def __init__(
        self, folder: Path, listener: Listener, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.listener, self._capsys = folder, listener, capsys

    def set(self, *people: tuple[Any, ...]) -> None:
        """These are the model's rows from now on."""
        with duckdb.connect(self.folder / "shop.duckdb") as connection:
            connection.execute("delete from people_table")
            if people:
                connection.executemany("insert into people_table values (?, ?, ?, ?)", people)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.folder / "shop.duckdb") as connection:
            connection.execute("set search_path = 'main_cdp,main'")
            return connection.execute(sql).fetchall()

    def sync(self, *arguments: str, code: int = 0) -> Any:
        """Run `cdp sync run` of one sync; its report."""
        (report,) = self.call("run", *arguments, code=code)
        return report

    def call(self, *arguments: str, code: int = 0) -> Any:
        """Run a command of `cdp sync`; what it prints as JSON."""
        self._capsys.readouterr()
        assert run(["sync", *arguments, "--json"]) == code
        out = self._capsys.readouterr().out
        return json.loads(out) if out else None

    def fails(self, *arguments: str, code: int = 1) -> str:
        """Run a command of `cdp sync`; what it says on stderr."""
        self._capsys.readouterr()
        assert run(["sync", *arguments]) == code
        return self._capsys.readouterr().err

    def out(self, *arguments: str) -> str:
        """Run a command of `cdp sync`; what it says on stdout."""
        self._capsys.readouterr()
        assert run(["sync", *arguments]) == 0
        return self._capsys.readouterr().out

    def delivered(self, name: str) -> dict[str, Any]:
        """What counts as delivered, by key."""
        rows = self.query(
            "select key_value, sent from deliveries"
            f" where sync_name = '{name}' and state = 'present'"
        )
        assert len(dict(rows)) == len(rows)
        return {key: json.loads(sent) for key, sent in rows}

    def agrees(self, name: str) -> None:
        """What counts as delivered is what was received."""
        assert self.delivered(name) == dict(self.listener.rows)
        assert not self.listener.violations


@pytest.fixture
def shop(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    folder = tmp_path / "shop"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    with serving(Listener()) as listener:
        monkeypatch.setenv("HOOK_URL", f"{listener.url}/hook?token=t")
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        shop = Shop(folder, listener, capsys)  # type: ignore[arg-type]
        shop.set(*PEOPLE)
        yield shop


ALL = [("add", "ann@shop.example"), ("add", "bob@shop.example"), ("add", "cid@shop.example")]


# What is sent


def test_what_differs_is_sent_and_nothing_else(shop: Shop) -> None:
    report = shop.sync("mirrored")
    assert shop.listener.news() == ALL
    assert (report["status"], report["to_add"], report["acknowledged"]) == ("ok", 3, 3)
    assert shop.listener.rows["ann@shop.example"] == {
        "email": "ann@shop.example",
        "name": "Ann",
        "score": 10,
    }
    shop.agrees("mirrored")

    assert shop.sync("mirrored")["acknowledged"] == 0
    assert shop.listener.news() == []

    shop.set((1, "ann@shop.example", "Anna", 1), PEOPLE[1], (4, "dan@shop.example", "Dan", 4))
    (plan,) = shop.call("plan", "mirrored")
    assert plan["to_do"] == {"remove": 1, "change": 1, "add": 1, "merge": 0, "doubled": 0}
    assert {one["action"]: one["fields"] for one in plan["sample"]} == {
        "change": {"name": ["Ann", "Anna"]},
        "add": {
            "email": [None, "dan@shop.example"],
            "name": [None, "Dan"],
            "score": [None, 40],
        },
        "remove": {},
    }
    assert shop.listener.news() == []
    shop.sync("mirrored")
    assert shop.listener.news() == [
        ("add", "dan@shop.example"),
        ("change", "ann@shop.example"),
        ("remove", "cid@shop.example"),
    ]
    shop.agrees("mirrored")

    # Who comes back is sent again, though it was sent like this before.
    shop.set((1, "ann@shop.example", "Ann", 1), *PEOPLE[1:])
    shop.sync("mirrored")
    assert shop.listener.news() == [
        ("add", "cid@shop.example"),
        ("change", "ann@shop.example"),
        ("remove", "dan@shop.example"),
    ]
    shop.agrees("mirrored")


@pytest.mark.parametrize(
    ("name", "news"),
    [
        ("upserted", [("add", "dan@shop.example"), ("change", "ann@shop.example")]),
        ("inserted", [("add", "dan@shop.example")]),
        ("appended", [("add", "dan@shop.example"), ("change", "ann@shop.example")]),
        (
            "listed",
            [
                ("add", "dan@shop.example"),
                ("change", "ann@shop.example"),
                ("remove", "cid@shop.example"),
            ],
        ),
    ],
)
def test_a_mode_sends_what_it_is_for(shop: Shop, name: str, news: list[tuple[str, str]]) -> None:
    shop.sync(name)
    assert shop.listener.news() == ALL
    shop.set((1, "ann@shop.example", "Anna", 1), PEOPLE[1], (4, "dan@shop.example", "Dan", 4))
    shop.sync(name)
    assert shop.listener.news() == news
    shop.sync(name)
    assert shop.listener.news() == []


def test_a_new_key_takes_the_place_of_the_old_one(shop: Shop) -> None:
    shop.sync("mirrored")
    shop.listener.news()
    shop.set((1, "anna@shop.example", "Ann", 1), *PEOPLE[1:])
    shop.sync("mirrored")
    assert shop.listener.news() == [("add", "anna@shop.example"), ("remove", "ann@shop.example")]
    shop.agrees("mirrored")


def test_a_record_changes_hands_with_its_key_and_is_not_made_anew(shop: Shop) -> None:
    shop.sync("mirrored")
    shop.listener.news()
    shop.set((7, "ann@shop.example", "Ann", 1), (1, "bob@shop.example", "Ann", 1), PEOPLE[2])
    shop.sync("mirrored")
    assert shop.listener.news() == [("change", "bob@shop.example")]
    shop.agrees("mirrored")


def test_rows_that_are_not_alone_are_rejected_and_not_guessed(shop: Shop) -> None:
    shop.sync("mirrored")
    shop.listener.news()
    shop.set(
        PEOPLE[0],
        (2, "bob@shop.example", "Bobby", 2),
        (9, "bob@shop.example", "Robert", 2),
        (3, "cid@shop.example", "Cid", 3),
        (3, "cyd@shop.example", "Cyd", 3),
        (None, "eve@shop.example", "Eve", 5),
    )
    report = shop.sync("mirrored", code=1)
    assert (report["status"], report["rejected"], report["pending"]) == ("partial", 5, 0)
    assert shop.listener.news() == []
    assert len(shop.listener.rows) == 3
    rows = shop.query("select key_value, action, is_retryable from sync_rejects order by 1")
    assert [key for key, *_ in rows] == [
        "bob@shop.example",
        "bob@shop.example",
        "cid@shop.example",
        "cyd@shop.example",
        "eve@shop.example",
    ]
    assert {row[1:] for row in rows} == {("doubled", False)}
    assert shop.sync("mirrored")["rejected"] == 0
    assert len(shop.query("from sync_rejects")) == 5

    shop.set(*PEOPLE)
    assert shop.sync("mirrored")["status"] == "ok"
    assert shop.listener.news() == []


def test_rows_without_a_key_are_counted_and_not_sent(shop: Shop) -> None:
    shop.set(*PEOPLE, (4, None, "Dan", 4), (5, "  ", "Eve", 5))
    report = shop.sync("mirrored")
    assert (report["source_rows"], report["without_key"], report["to_add"]) == (5, 2, 3)
    shop.set(*PEOPLE[:2], (3, None, "Cid", 3))
    shop.listener.news()
    shop.sync("mirrored")
    assert shop.listener.news() == [("remove", "cid@shop.example")]


# What is not taken


def test_a_row_rejected_for_good_waits_until_it_changes(shop: Shop) -> None:
    shop.listener.refuse("bob@shop.example")
    report = shop.sync("mirrored", code=1)
    assert (report["status"], report["acknowledged"], report["rejected"]) == ("partial", 2, 1)
    assert shop.query("select key_value, reason, is_retryable, attempt from sync_rejects") == [
        ("bob@shop.example", "not wanted", False, 1)
    ]
    requests = len(shop.listener.requests)
    assert shop.sync("mirrored")["rejected"] == 0
    assert len(shop.listener.requests) == requests
    assert shop.call("plan", "mirrored")[0]["parked"] == 1

    shop.set(PEOPLE[0], (2, "bob@shop.example", "Bobby", 2), PEOPLE[2])
    shop.sync("mirrored", code=1)
    shop.listener.refused.clear()
    assert shop.sync("mirrored")["acknowledged"] == 0
    assert shop.call("retry", "mirrored")[0]["acknowledged"] == 1
    shop.agrees("mirrored")
    assert shop.call("plan", "mirrored")[0]["parked"] == 0


def test_a_row_not_taken_five_times_is_parked(shop: Shop) -> None:
    shop.listener.refuse("bob@shop.example")
    shop.listener.is_later = True
    for _ in range(5):
        assert shop.sync("mirrored", code=1)["rejected"] == 1
    assert shop.sync("mirrored")["rejected"] == 0
    attempts = shop.query("select attempt, is_retryable from sync_rejects order by 1")
    assert attempts == [(number, True) for number in range(1, 6)]
    shop.call("retry", "mirrored", code=1)
    shop.listener.refused.clear()
    shop.call("retry", "mirrored")
    shop.agrees("mirrored")


def test_the_row_that_spoils_a_batch_is_found(shop: Shop) -> None:
    shop.listener.status = 422
    shop.listener.refuse("bob@shop.example")
    report = shop.sync("mirrored", code=1)
    assert (report["acknowledged"], report["rejected"]) == (2, 1)
    assert "a row is wrong" in shop.query("select reason from sync_rejects")[0][0]
    shop.agrees("mirrored")


@pytest.mark.parametrize("fault", [Fault.FAILING, Fault.CUT, Fault.LOST])
def test_a_destination_that_is_away_leaves_rows_pending(shop: Shop, fault: Fault) -> None:
    shop.listener.misbehave(fault, 1_000)
    with stamina.set_testing(True, attempts=2):
        report = shop.sync("mirrored", code=1)
    assert (report["status"], report["acknowledged"], report["pending"]) == ("failed", 0, 3)
    assert "cannot be reached" in report["error"] or "not answered" in report["error"]
    shop.listener.misbehave(fault, 0)
    assert shop.sync("mirrored")["status"] == "ok"
    assert len(shop.listener.rows) == 3
    shop.agrees("mirrored")


def test_what_may_have_arrived_is_removed_when_its_row_is_gone(shop: Shop) -> None:
    shop.listener.misbehave(Fault.LOST, 1_000)
    with stamina.set_testing(True, attempts=2):
        shop.sync("mirrored", code=1)
    assert len(shop.listener.rows) == 3 and shop.delivered("mirrored") == {}
    assert len(shop.query("from sync_attempts")) == 3
    shop.listener.misbehave(Fault.LOST, 0)
    shop.set(PEOPLE[0])
    report = shop.sync("mirrored", "--yes")
    assert (report["to_add"], report["to_remove"]) == (1, 2)
    shop.agrees("mirrored")
    assert shop.query("from sync_attempts") == []


def test_what_was_tried_since_is_known_when_a_row_goes(shop: Shop) -> None:
    shop.sync("mirrored")
    shop.listener.misbehave(Fault.LOST, 1_000)
    shop.set((1, "ann@shop.example", "Anna", 1), *PEOPLE[1:])
    with stamina.set_testing(True, attempts=1):
        shop.sync("mirrored", code=1)
    shop.listener.misbehave(Fault.LOST, 0)
    shop.set(*PEOPLE[1:])
    project = Project.find(shop.folder)
    (sync,) = read_syncs(project, ["mirrored"])
    with (
        destination_of(project, sync) as destination,
        open_difference(project, sync, destination) as difference,
    ):
        (removal,) = difference.changes(Action.REMOVE)
    assert (removal.row.sent["name"], removal.row.tried["name"]) == ("Ann", "Anna")
    shop.sync("mirrored")
    shop.agrees("mirrored")


def test_a_value_that_comes_back_is_not_taken_for_one_that_is_there(shop: Shop) -> None:
    shop.sync("mirrored")
    with stamina.set_testing(True, attempts=2):
        for name in ("Anna", "Annabel"):
            shop.listener.misbehave(Fault.LOST, 1_000)
            shop.set((1, "ann@shop.example", name, 1), *PEOPLE[1:])
            shop.sync("mirrored", code=1)
    shop.listener.misbehave(Fault.LOST, 0)
    assert shop.listener.rows["ann@shop.example"]["name"] == "Annabel"
    # As it was acknowledged last, and yet not as it is there.
    shop.set(*PEOPLE)
    assert shop.sync("mirrored")["to_change"] == 1
    shop.agrees("mirrored")
    shop.set((1, "ann@shop.example", "Anna", 1), *PEOPLE[1:])
    shop.sync("mirrored")
    shop.agrees("mirrored")
    assert shop.query("from sync_attempts") == []


def test_a_destination_that_stays_away_is_not_asked_for_ever(shop: Shop) -> None:
    shop.set(*((number, f"p{number}@shop.example", "P", number) for number in range(40)))
    shop.listener.misbehave(Fault.FAILING, 1_000)
    with stamina.set_testing(True, attempts=1):
        shop.sync("mirrored", code=1)
    assert len(shop.listener.requests) == 3


def test_refused_credentials_stop_the_sync_and_name_where_to_look(shop: Shop) -> None:
    shop.listener.misbehave(Fault.UNAUTHORIZED, 1)
    said = shop.fails("run", "mirrored", code=2)
    assert "HOOK_SECRET" in said
    assert SECRET not in said and shop.listener.url not in said
    assert shop.query("select status, pending from sync_runs") == [("failed", 3)]


# Guards


def test_an_empty_model_empties_no_mirror(shop: Shop) -> None:
    shop.sync("mirrored")
    shop.set()
    report = shop.sync("mirrored", code=1)
    assert report["status"] == "held"
    assert "the model people is empty" in report["error"]
    assert len(shop.listener.rows) == 3
    assert shop.sync("mirrored", "--yes")["acknowledged"] == 3
    assert shop.listener.rows == {}


def test_a_guard_holds_what_is_out_of_the_ordinary(shop: Shop) -> None:
    shop.set(*((number, f"p{number}@shop.example", "P", number) for number in range(7)))
    assert "7 rows" in shop.sync("guarded", code=1)["error"]
    shop.set(PEOPLE[0])
    assert "asks for 2" in shop.sync("guarded", code=1)["error"]
    shop.set(*PEOPLE)
    shop.sync("guarded")
    shop.listener.news()
    shop.set(*PEOPLE[1:])
    (plan,) = shop.call("plan", "guarded")
    assert "1 of 3 records" in plan["problem"]
    assert "1 of 3 records" in shop.sync("guarded", code=1)["error"]
    assert shop.listener.news() == []
    assert shop.sync("guarded", "--yes")["status"] == "ok"
    shop.agrees("guarded")


# Whatever happens


class Killer:
    """Kills a child when a request is at work, before or after its effect."""

    def __init__(self, listener: Listener, number: int, is_after: bool) -> None:
        self.child: subprocess.Popen[str] | None = None
        moment = "after" if is_after else "before"
        setattr(listener, moment, lambda at: self._kill() if at == number else None)

    def _kill(self) -> None:
        while self.child is None:
            time.sleep(0.01)
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_sync_killed_between_two_calls_has_no_second_effect(
    shop: Shop, number: int, is_after: bool
) -> None:
    shop.set(*PEOPLE)
    shop.sync("mirrored")
    shop.listener.news()
    # A removal, a change and two additions: three requests.
    shop.set(
        (1, "ann@shop.example", "Anna", 1),
        PEOPLE[1],
        (4, "dan@shop.example", "Dan", 4),
        (5, "eve@shop.example", "Eve", 5),
    )
    shop.listener._number = 0
    killer = Killer(shop.listener, number, is_after)
    killer.child = subprocess.Popen(
        [sys.executable, "-m", "dbt_cdp", "sync", "run", "mirrored"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killer.child.communicate()
    assert killer.child.returncode == -signal.SIGKILL
    shop.listener.before = shop.listener.after = lambda at: None

    assert shop.sync("mirrored")["status"] == "ok"

    shop.agrees("mirrored")
    assert shop.listener.news() == [
        ("add", "dan@shop.example"),
        ("add", "eve@shop.example"),
        ("change", "ann@shop.example"),
        ("remove", "cid@shop.example"),
    ]
    statuses = shop.query("select status from sync_runs order by started_at")
    assert statuses == [("ok",), ("interrupted",), ("ok",)]
    assert not (shop.folder / "target" / "cdp_syncs").exists()


def test_what_was_taken_is_on_record_when_a_sync_is_stopped(shop: Shop) -> None:
    shop.set(*((number, f"p{number:02}@shop.example", "P", number) for number in range(20)))
    child = subprocess.Popen(
        [sys.executable, "-m", "dbt_cdp", "sync", "run", "mirrored"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def stop(at: int) -> None:
        if at == 4:
            child.send_signal(signal.SIGTERM)

    shop.listener.after = stop
    child.communicate()
    assert child.returncode == 143
    ((status, acknowledged, pending),) = shop.query(
        "select status, acknowledged, pending from sync_runs"
    )
    assert status == "stopped" and acknowledged + pending == 20
    assert len(shop.delivered("mirrored")) == acknowledged >= 6
    shop.sync("mirrored")
    shop.agrees("mirrored")


def test_a_clock_set_back_is_told_and_nothing_is_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync("mirrored")
    now = datetime.now(UTC).replace(tzinfo=None)
    monkeypatch.setattr(ledger, "utc_now", lambda: now - timedelta(hours=1))
    shop.set(*PEOPLE[:2])
    said = shop.fails("run", "mirrored")
    assert "clock" in said
    assert len(shop.listener.rows) == 3


def test_a_clock_that_is_seconds_behind_does_no_harm(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync("mirrored")
    now = datetime.now(UTC).replace(tzinfo=None)
    monkeypatch.setattr(ledger, "utc_now", lambda: now - timedelta(seconds=30))
    shop.set((1, "ann@shop.example", "Anna", 1), *PEOPLE[1:])
    shop.sync("mirrored")
    shop.agrees("mirrored")
    shop.set(*PEOPLE)
    shop.sync("mirrored")
    shop.agrees("mirrored")


def test_a_new_field_is_sent_of_all_rows_once(shop: Shop) -> None:
    shop.sync("mirrored")
    shop.listener.news()
    fields = {**FIELDS, "label": {"sql": "upper(name)"}}
    write_exposures(shop.folder, exposure("mirrored", mode="mirror", fields=fields))
    assert shop.sync("mirrored")["to_change"] == 3
    assert shop.listener.rows["ann@shop.example"]["label"] == "ANN"
    assert shop.sync("mirrored")["to_change"] == 0


def test_a_column_that_is_gone_is_told_and_nothing_is_sent(shop: Shop) -> None:
    shop.sync("mirrored")
    requests = len(shop.listener.requests)
    fields = {**FIELDS, "nick": "nickname"}
    write_exposures(shop.folder, exposure("mirrored", mode="mirror", fields=fields))
    said = shop.fails("run", "mirrored")
    assert "nickname" in said
    assert len(shop.listener.requests) == requests
    assert shop.query("select status from sync_runs order by started_at") == [("ok",), ("failed",)]


# Commands


def test_a_reset_sends_everything_again(shop: Shop) -> None:
    shop.listener.refuse("bob@shop.example")
    shop.sync("mirrored", code=1)
    shop.listener.refused.clear()
    shop.listener.news()
    assert shop.call("reset", "mirrored") == {"sync": "mirrored", "records": 2}
    assert len(shop.query("from deliveries")) == 2
    assert shop.sync("mirrored")["acknowledged"] == 3
    assert {key for _, key in shop.listener.news()} == {key for _, key, *_ in PEOPLE}
    shop.agrees("mirrored")


def test_a_paused_sync_rests(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.call("pause", "mirrored", "--reason", "the shop moves", "--by", "ops")
    said = shop.fails("run", "mirrored", code=0)
    assert "paused" in said and "by ops" in said and "the shop moves" in said
    assert shop.listener.requests == []
    shop.call("pause", "mirrored", "--resume")
    assert shop.sync("mirrored")["acknowledged"] == 3


def test_the_history_tells_how_the_last_runs_went(shop: Shop) -> None:
    assert shop.call("history") == []
    for people in (PEOPLE[:2], PEOPLE, PEOPLE):
        shop.set(*people)
        shop.sync("mirrored")
    history = shop.call("history", "mirrored", "--runs", "2")
    assert [one["acknowledged"] for one in history] == [0, 1]
    assert "acknowledged" in shop.out("history")


def test_a_check_tells_what_is_wrong_with_each(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (checked,) = shop.call("check", "mirrored")
    assert checked["status"] == "ok"
    assert shop.listener.rows == {}
    monkeypatch.delenv("HOOK_SECRET")
    found = {one["sync"]: one for one in shop.call("check", code=1)}
    assert found["filed"]["status"] == "ok"
    assert "HOOK_SECRET is not set" in found["mirrored"]["found"]


def test_a_plan_is_shown_to_people(shop: Shop) -> None:
    out = shop.out("plan", "mirrored", "--sample", "1")
    assert "ann@shop.example" in out and "bob@shop.example" not in out
    assert shop.listener.requests == []


def test_a_sync_that_is_not_there_is_told(shop: Shop) -> None:
    said = shop.fails("run", "mirored", code=2)
    assert "no sync 'mirored'" in said and "mirrored" in said


def test_all_syncs_run_though_one_fails(shop: Shop) -> None:
    write_exposures(
        shop.folder,
        exposure("a_broken", mode="mirror", fields={**FIELDS, "nick": "nickname"}),
        exposure("mirrored", mode="mirror"),
    )
    reports = shop.call("run", code=1)
    assert {one["sync"]: one["status"] for one in reports} == {
        "a_broken": "failed",
        "mirrored": "ok",
    }


def test_the_status_tells_of_syncs_that_fail(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def status(code: int) -> dict[str, Any]:
        capsys.readouterr()
        metrics = ["--prometheus", str(tmp_path / "cdp.prom")]
        assert run(["status", "--json", *metrics]) == code
        return json.loads(capsys.readouterr().out)

    shop.listener.refuse("bob@shop.example")
    shop.sync("mirrored", code=1)
    (state,) = status(0)["syncs"]
    assert (state["status"], state["records"], state["rejects"]) == ("partial", 2, 1)
    shop.listener.misbehave(Fault.UNAUTHORIZED, 1)
    shop.set(*PEOPLE, (4, "dan@shop.example", "Dan", 4))
    shop.fails("run", "mirrored", code=2)
    told = status(1)
    assert "'mirrored' (failed)" in told["problem"]
    assert (
        'cdp_sync_success{project="shop",sync="mirrored",target="dev"} 0.0'
        in (tmp_path / "cdp.prom").read_text()
    )
    shop.call("pause", "mirrored")
    assert status(0)["syncs"][0]["is_paused"]
    shop.call("pause", "mirrored", "--resume")
    shop.listener.refused.clear()
    shop.call("retry", "mirrored")
    assert status(0)["syncs"][0]["rejects"] == 0


def test_a_run_does_the_syncs_that_are_due(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    write_exposures(
        shop.folder,
        exposure("mirrored", mode="mirror"),
        exposure("nightly", mode="mirror", destination="files", schedule="0 3 * * *"),
        exposure("rested", mode="mirror", destination="files"),
    )
    shop.call("pause", "rested")
    only = ["run", "--only", "sync", "--only", "retain", "--json"]
    assert run(["run", "--dry-run", *only[1:]]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned[0]["summary"] == "those that are due of: mirrored, nightly, rested"

    assert run(only) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["steps"][0]["summary"] == "2 syncs, 6 rows taken"
    shop.agrees("mirrored")
    ((run_id,),) = shop.query("select distinct run_id from sync_runs")
    assert run_id == report["run_id"]

    # A sync that fails leaves the next step to do.
    shop.listener.misbehave(Fault.UNAUTHORIZED, 1)
    shop.set(*PEOPLE[:2])
    assert run(only) == 1
    said = capsys.readouterr()
    steps = json.loads(said.out)["steps"]
    assert [(one["step"], one["status"]) for one in steps] == [
        ("sync", "failed"),
        ("retain", "skipped"),
    ]
    assert "'mirrored': It refuses the credentials" in steps[0]["summary"]
    assert "HOOK_SECRET" in said.err
    ((status, error),) = shop.query(
        "select status, error from runs order by started_at desc limit 1"
    )
    assert status == "failed" and "'mirrored'" in error
    assert run(only) == 0


def test_tests_of_dbt_watch_syncs(shop: Shop) -> None:
    (shop.folder / "tests").mkdir()
    for name, arguments in {
        "fresh": "test_cdp_sync_is_fresh(ref('cdp', 'cdp__sync_runs'), 'mirrored', 24)",
        "few": "test_cdp_sync_rejects_few(ref('cdp', 'cdp__sync_runs'), max_share=0.5)",
        "fewer": "test_cdp_sync_rejects_few(ref('cdp', 'cdp__sync_runs'), 0.2, 'mirrored')",
    }.items():
        (shop.folder / "tests" / f"{name}.sql").write_text(f"{{{{ cdp.{arguments} }}}}")
    consumer = Consumer(shop.folder, "shop.duckdb")
    select = ("test", "--select", "test_type:singular")
    assert "FAIL 1 fresh" in consumer.fails(*select)
    shop.listener.refuse("bob@shop.example")
    shop.sync("mirrored", code=1)
    said = consumer.fails(*select)
    assert "PASS fresh" in said and "PASS few " in said and "FAIL 1 fewer" in said
    assert "FAIL 1 fresh" in consumer.fails(*select, cdp_as_of="2038-01-01")


@pytest.mark.parametrize("warehouse", ["bigquery", "snowflake"])
def test_the_queries_are_compiled_for_other_warehouses(shop: Shop, warehouse: str) -> None:
    targets = {
        "bigquery": {"method": "oauth-secrets", "token": "none", "project": "p", "dataset": "d"},
        "snowflake": {"account": "a", "user": "u", "password": "p", "database": "p", "schema": "d"},
    }
    path = shop.folder / "profiles.yml"
    profiles = yaml.safe_load(path.read_text())
    profiles["shop"]["outputs"][warehouse] = {"type": warehouse, **targets[warehouse]}
    path.write_text(yaml.safe_dump(profiles))
    project = Project.find(target=warehouse)
    for sync in read_syncs(project):
        queries = compiled_queries(project, sync)
        for query in queries.values():
            sqlglot.parse_one(query, dialect=warehouse)
        assert "d_cdp" in queries["difference"] and "sync_attempts" in queries["difference"]


def test_a_destination_that_cannot_be_opened_is_a_failure_on_record(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.sync("mirrored")
    monkeypatch.delenv("HOOK_SECRET")
    reports = shop.call("run", "mirrored", "filed", code=2)
    assert {one["sync"]: one["status"] for one in reports} == {"mirrored": "failed", "filed": "ok"}
    assert "HOOK_SECRET" in reports[1]["error"]
    assert run(["status"]) == 1
    assert "'mirrored' (failed)" in capsys.readouterr().err


# Definitions


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"mode": "mirror", "key": "mail"}, "'mail' is none of the fields"),
        ({"mode": "sync"}, "mode"),
        ({"mode": "mirror", "fileds": {}}, "fileds"),
        ({"mode": "mirror", "audience": "vips"}, "audience"),
        ({"mode": "audience"}, "audience"),
        ({"mode": "mirror", "segment": "vips"}, "segment"),
        ({"mode": "mirror", "fields": {"email": "lower(email)"}}, "{sql:"),
        ({"mode": "mirror", "schedule": "at noon"}, "schedule"),
        ({"mode": "mirror", "guard": {"max_delete_percent": 120}}, "max_delete_percent"),
        ({"mode": "mirror", "consent": ["marketing"]}, "canonical_id"),
        ({"mode": "mirror", "destination": "hoook"}, "no destination 'hoook'"),
        ({"mode": "update", "destination": "files"}, "does not know the mode update"),
        ({"mode": "mirror", "model": "user_profiles"}, "`id` is for models of your own"),
    ],
)
def test_a_sync_that_is_not_as_it_must_be_is_told(
    shop: Shop, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        destination_of(
            Project.find(),
            read_sync("wrong", {**SYNC, **change}, "models/syncs.yml", is_consent_asked=False),
        )
    assert problem in error.value.message
    assert "'wrong'" in error.value.message


def test_a_wrong_sync_is_told_by_the_command(shop: Shop) -> None:
    write_exposures(shop.folder, exposure("wrong", mode="sync"))
    said = shop.fails("run", code=2)
    assert "exposure 'wrong' in models/syncs.yml" in said and "mode" in said


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([{"name": "hook", "type": "webhok"}], "did you mean 'webhook'?"),
        ([{"name": "hook", "type": "webhook"}], "url_env"),
        ([{"name": "hook", "type": "file", "path": "a", "token": "s3cret"}], "token"),
        ([{"name": "hook", "type": "file", "path": "a"}] * 2, "one name"),
        ([{"name": "hook"}], "type"),
    ],
)
def test_a_destination_that_is_not_as_it_must_be_is_told(
    shop: Shop, entries: list[dict[str, Any]], problem: str
) -> None:
    Consumer(shop.folder, "shop.duckdb").set_vars({"cdp_destinations": entries})
    with pytest.raises(ConfigurationError) as error:
        read_destinations(Project.find())
    assert problem in error.value.message
    assert "s3cret" not in error.value.message


# Files


def test_a_file_has_the_rows_of_its_mirror(shop: Shop) -> None:
    file = shop.folder / "out" / "filed.csv"
    shop.sync("filed")
    assert file.read_text() == (
        "email,name,score\nann@shop.example,Ann,10\nbob@shop.example,Bob,20\n"
        "cid@shop.example,Cid,30\n"
    )
    state = file.stat()
    shop.sync("filed")
    assert file.stat().st_ino == state.st_ino
    shop.set((1, "ann@shop.example", 'A, "Ann"', None), PEOPLE[1], (4, "dan@shop.example", "", 4))
    shop.sync("filed")
    assert file.read_text().splitlines()[1:] == [
        'ann@shop.example,"A, ""Ann""",',
        "bob@shop.example,Bob,20",
        "dan@shop.example,,40",
    ]
    assert set(shop.delivered("filed")) == {
        one.split(",")[0] for one in file.read_text().split()[1:] if "@" in one
    }


def test_a_file_is_added_for_what_is_new(shop: Shop) -> None:
    folder = shop.folder / "out" / "added_files"
    shop.sync("added_files")
    shop.sync("added_files")
    (first,) = folder.iterdir()
    shop.set((1, "ann@shop.example", "Anna", 1), *PEOPLE[1:])
    shop.sync("added_files")
    _, second = sorted(folder.iterdir())
    assert first in folder.iterdir()
    assert second.read_text() == "email,name,score\nann@shop.example,Anna,10\n"
    names = {name for (name,) in shop.query("select remote_id from deliveries")}
    assert names == {f"added_files/{one.name}" for one in folder.iterdir()}


def test_a_file_that_was_written_and_not_recorded_is_written_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop.folder / "out" / "added_files"

    def lose(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger.SyncLedger, "flush", lose)
        patch.setattr(ledger.SyncLedger, "end", lose)
        assert run(["sync", "run", "added_files"]) == 130
    (lost,) = folder.iterdir()
    shop.sync("added_files")
    (kept,) = folder.iterdir()
    assert lost.name != kept.name
    assert len(kept.read_text().splitlines()) == 4


# Schedules


@pytest.mark.parametrize(
    ("schedule", "last", "is_due"),
    [
        ("every_run", datetime(2026, 6, 1, 11, 59), True),
        ("0 6 * * *", None, True),
        ("0 6 * * *", datetime(2026, 6, 1, 6, 0), False),
        ("0 6 * * *", datetime(2026, 6, 1, 5, 59), True),
        ("0 6 * * *", datetime(2026, 5, 20, 6, 0), True),
        ("0 13 * * *", datetime(2026, 6, 1, 11, 0), False),
    ],
)
def test_a_sync_is_due_when_its_time_has_come_since(
    schedule: str, last: datetime | None, is_due: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "utc_now", lambda: datetime(2026, 6, 1, 12, 0))
    assert due.is_due(schedule, last) is is_due
