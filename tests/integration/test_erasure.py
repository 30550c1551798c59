"""Erasure from end to end: nothing of a person is left, nothing of anybody else is changed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from consumer import DUCKDB, Consumer, prepare, write_shop
from dbt_cdp.cli import run
from dbt_cdp.collector.suppression import Suppressions
from fake_api import serving
from listener import SECRET, Listener

HOOK = {"type": "webhook", "url_env": "HOOK_URL", "secret_env": "HOOK_SECRET", "per_second": 1000}
VARS: dict[str, Any] = {
    "cdp_traits": [{"name": "orders", "count": "events", "event": "ordered"}],
    "cdp_segments": [{"name": "buyers", "where": "orders > 0"}],
    "cdp_destinations": [{"name": "hook", **HOOK}],
}
EXPOSURES = [
    {
        "name": "people",
        "type": "application",
        "owner": {"name": "Growth"},
        "depends_on": ["ref('cdp', 'cdp__user_profiles')"],
        "config": {
            "meta": {
                "cdp_sync": {
                    "destination": "hook",
                    "mode": "upsert",
                    "key": "email",
                    "fields": {"email": "email", "orders": "orders"},
                }
            }
        },
    }
]

# Tables of the project's own, and what an erasure does there.
RULES: dict[str, Any] = {
    "cases": {"action": "delete", "identifiers": {"email": "mail", "user_id": "account"}},
    "notes": {"action": "null", "identifiers": {"user_id": "account"}, "columns": ["note"]},
    "bills": {"action": "keep", "identifiers": {"email": "mail"}, "reason": "tax law, ten years"},
    "lists": {"action": "manual", "identifiers": {"email": "mail"}, "reason": "change the sheet"},
}
SOURCES = [
    {
        "name": "office",
        "schema": "main",
        "tables": [
            {"name": name, "config": {"meta": {"cdp_erasure": rule}}}
            for name, rule in RULES.items()
        ],
    }
]

# What Ada is known by, in the spellings of events, and what only she has said.
ADA = (
    "ada-7",
    "ada@gone-shop.example",
    "ada.l@gone-home.example",
    "cookie-ada",
    "phone-ada",
    "c-ada",
)
SECRETS = ("Countess of Gonelace",)
# Whoever has the sixth address is another person than Bob, in one of whose events it stands.
SIXTH = ("bob6@gone-shop.example", "cookie-six")


def events() -> Iterator[dict[str, Any]]:
    yield {"type": "page", "anonymousId": "cookie-ada", "properties": {"path": "/pricing"}}
    yield {
        "event": "signed_up",
        "userId": "ada-7",
        "anonymousId": "cookie-ada",
        "context": {"traits": {"email": " ADA@gone-shop.example", "name": SECRETS[0]}},
    }
    yield {
        "event": "ordered",
        "userId": "ada-7",
        "context": {"device": {"id": "phone-ada"}, "traits": {"email": "ada.l@gone-home.example"}},
        "properties": {"note": f"for the {SECRETS[0]}"},
    }
    # Blocked, and so Ada's by her address.
    yield {"event": "ordered", "userId": "undefined", "email": "ada@gone-shop.example"}
    # Two people at one machine, and somebody at it who says nothing.
    yield {"event": "ordered", "userId": "ada-7", "context": {"device": {"id": "till-seven"}}}
    yield {"event": "ordered", "userId": "bob-1", "context": {"device": {"id": "till-seven"}}}
    yield {"event": "ordered", "context": {"device": {"id": "till-seven"}}}
    # More addresses than a person may have; the last one is seen least.
    for number in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6):
        yield {"event": "ordered", "userId": "bob-1", "email": f"bob{number}@gone-shop.example"}
    yield {"event": "ordered", "anonymousId": "cookie-six", "email": SIXTH[0]}
    yield {"event": "ordered", "userId": "cid", "email": "cid@gone-shop.example"}
    # Cannot be used, and yet holds an address.
    yield {"event": "ordered", "userId": "ada-7", "timestamp": "soon"}


def lines() -> list[str]:
    return [
        json.dumps(
            {
                "messageId": f"m{number}",
                "type": "track",
                "timestamp": f"2026-06-01T10:{number:02}:00Z",
                "receivedAt": f"2026-06-01T10:{number:02}:01Z",
                **event,
            }
        )
        for number, event in enumerate(events())
    ]


RECORDS = [
    {"contact_id": "c-ada", "email": "Ada@Gone-Shop.example", "updated_at": "2026-06-01T00:00:00Z"},
    {"contact_id": "c-cid", "email": "cid@gone-shop.example", "updated_at": "2026-06-01T00:00:00Z"},
]

# What others have; the times and numbers of builds say when rows were written.
OTHERS = {
    "user_profiles": "* exclude (batch_id, data_batch_id)",
    "segments": "* exclude (batch_id)",
    "identity_graph": "* exclude (batch_id, identifier_id)",
    "resolved_events": "event_id, canonical_id, properties, traits, user_id, timestamp",
}


class World:
    """A project, and what a tool holds of its people."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self.folder, self.listener = folder, listener
        self.consumer = Consumer(folder, "shop.duckdb")
        (folder / "events.ndjson").write_text("\n".join(lines()))
        (folder / "broken.ndjson").write_text('{"userId": "ada-7", "email": \n')
        (folder / "contacts.ndjson").write_text("\n".join(map(json.dumps, RECORDS)))

    def load(self) -> None:
        assert run(["load", str(self.folder / "events.ndjson"), "--source", "web"]) == 0
        assert run(["load", str(self.folder / "broken.ndjson"), "--source", "web"]) == 1
        assert run(["load", str(self.folder / "contacts.ndjson"), "--source", "crm"]) == 0

    def others(self, *gone: str) -> dict[str, list[tuple[Any, ...]]]:
        """What is known of everybody but some, by their canonical ids."""
        found = {}
        for table, columns in OTHERS.items():
            ids = ", ".join(f"'{one}'" for one in ["", *gone])
            sql = f"select {columns} from {table} where canonical_id not in ({ids})"
            found[table] = sorted(self.consumer.query(sql), key=repr)
        return found

    def person(self, value: str) -> str:
        sql = f"select canonical_id from identity_graph where identifier_value = '{value}'"
        ((canonical_id,),) = self.consumer.query(sql)
        return str(canonical_id)

    def remains(self, *values: str) -> list[str]:
        """Which values stand anywhere in the database file, or in what dbt has left."""
        files = [self.consumer.database, *(self.folder / "logs").rglob("*")]
        files += (self.folder / "target").rglob("*")
        content = b"".join(one.read_bytes().lower() for one in files if one.is_file())
        return [value for value in values if value.lower().encode() in content]


def request(*identifiers: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    """Enter a request, and approve it; the request."""
    options = [part for one in identifiers for part in ("--identifier", one)]
    capsys.readouterr()
    assert run(["erase", "request", *options, "--evidence", "asked by e-mail", "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)
    assert run(["erase", "approve", made["request_id"]]) == code
    return dict(made)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, without_data_tests: None) -> Path:
    """The project, loaded, built and synced."""
    folder = write_shop(tmp_path_factory.mktemp("erasure") / "shop", DUCKDB)
    (folder / "models").mkdir()
    (folder / "models" / "syncs.yml").write_text(json.dumps({"exposures": EXPOSURES}))
    (folder / "models" / "sources.yml").write_text(json.dumps({"sources": SOURCES}))
    with duckdb.connect(folder / "shop.duckdb") as connection:
        for name in RULES:
            connection.execute(f"create table {name} (mail text, account text, note text)")
    Consumer(folder, "shop.duckdb").set_vars(VARS)
    with pytest.MonkeyPatch.context() as patch, serving(Listener()) as listener:
        patch.chdir(folder)
        patch.setenv("HOOK_URL", f"{listener.url}?token=t")
        patch.setenv("HOOK_SECRET", SECRET)
        World(folder, listener).load()  # type: ignore[arg-type]
        assert run(["run", "--only", "build", "--only", "sync"]) == 0
        assert listener.rows.keys() == {  # type: ignore[attr-defined]
            *(
                "ada@gone-shop.example",
                "bob5@gone-shop.example",
                "bob6@gone-shop.example",
                "cid@gone-shop.example",
            )
        }
    prepare(folder)
    return folder


@pytest.fixture
def world(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    folder = tmp_path / "shop"
    subprocess.run(["cp", "-a", str(built), str(folder)], check=True)
    (folder / "spool").mkdir()
    with serving(Listener()) as listener:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HOOK_URL", f"{listener.url}?token=t")
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        yield World(folder, listener)  # type: ignore[arg-type]


def test_nothing_of_a_person_is_left_and_nobody_else_changes(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = world.person("ada-7")
    assert world.remains(*ADA, *SECRETS) == [*ADA, *SECRETS]
    before = world.others(ada)
    made = request("email=Ada@gone-shop.example", capsys=capsys)
    assert (made["people"], made["identifiers"], made["review"]) == (1, 6, None)
    capsys.readouterr()
    assert run(["erase", "run", "--dry-run", "--json"]) == 0
    counts = {one["place"]: one["rows"] for one in json.loads(capsys.readouterr().out)}
    assert (counts["raw_events"], counts["landing_records"], counts["hook"]) == (5, 1, 1)
    # Nothing was done yet.
    assert world.others(ada) == before
    assert world.person("ada-7") == ada

    assert run(["erase", "run"]) == 0
    assert world.remains(*ADA, *SECRETS) == []
    assert world.others() == before
    # Whom two people share stays nobody's, though one of them is gone.
    till = (
        "select is_shared, canonical_id from identity_graph where identifier_value = 'till-seven'"
    )
    assert world.consumer.query(till) == [(True, None)]
    assert world.listener.news() == [("erase", "ada@gone-shop.example")]
    listed = Suppressions(world.folder / "spool" / "suppressed.txt")
    assert {"userId": "ada-7"} in listed
    assert {"userId": "bob-1", "context": {"device": {"id": "till-seven"}}} not in listed

    # Neither what is sent again nor a full refresh brings her back, or changes others.
    world.load()
    for arguments in ([], ["--full-refresh"]):
        assert run(["run", *arguments]) == 0
        assert world.others() == before
        assert world.listener.news() == []


def test_events_of_others_lose_only_what_names_the_person(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    six, bob = world.person(SIXTH[0]), world.person("bob-1")
    assert six != bob
    before = world.others(six)
    request(f"email={SIXTH[0]}", capsys=capsys)
    assert run(["erase", "run"]) == 0
    assert world.remains(*SIXTH) == []
    assert world.others() == before
    sql = "select user_id, email from raw_events where event_id = 'm17'"
    assert world.consumer.query(sql) == [("bob-1", None)]
    ((payload,),) = world.consumer.query(
        "select payload from landing_events where payload like '%\"m17\"%'"
    )
    assert json.loads(payload)["email"] == ""
    assert run(["run", "--full-refresh"]) == 0
    assert world.others() == before
    # Also from what they do later.
    later = {"userId": "cid", "email": SIXTH[0], "traits": {"email": SIXTH[0], "name": "Cid"}}
    (world.folder / "later.ndjson").write_text(
        json.dumps({"messageId": "later", "timestamp": "2026-06-01T12:00:00Z", **later})
    )
    assert run(["load", "later.ndjson", "--source", "web"]) == 0
    assert run(["run"]) == 0
    sql = "select user_id, email, traits from raw_events where event_id = 'later'"
    ((user_id, email, traits),) = world.consumer.query(sql)
    assert (user_id, email, json.loads(traits)) == ("cid", None, {"email": "", "name": "Cid"})


def test_several_at_once_and_a_certificate_that_proves_itself(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    file = world.folder / "requests.txt"
    file.write_text(
        "user_id=ada-7\nanonymous_id=cookie-six\temail=bob6@gone-shop.example\nuser_id=nobody\n"
        "user_id=bob-1\n"
    )
    capsys.readouterr()
    assert run(["erase", "request", "--file", str(file), "--evidence", "a letter", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [one["people"] for one in made] == [1, 1, 0, 1]
    assert run(["erase", "approve", *(one["request_id"] for one in made)]) == 0
    assert run(["erase", "run"]) == 0
    # What nobody but these have shared goes, too.
    assert world.remains(*ADA, *SECRETS, *SIXTH, "bob-1", "till-seven") == []
    capsys.readouterr()
    for one in made:
        assert run(["erase", "certificate", one["request_id"], "--json"]) == 0
        text = capsys.readouterr().out
        certificate = json.loads(text)
        assert certificate["status"] == "confirmed"
        assert not any(value in text for value in (*ADA, *SECRETS, *SIXTH))
        path = world.folder / "certificate.json"
        path.write_text(text)
        assert run(["erase", "verify", str(path)]) == 0
        certificate["entries"][0]["entered_by"] = "somebody else"
        path.write_text(json.dumps(certificate))
        assert run(["erase", "verify", str(path)]) == 1
    # Whom nobody knows is suppressed all the same.
    assert {"userId": "nobody"} in Suppressions(world.folder / "spool" / "suppressed.txt")


def test_tables_of_ones_own_say_what_is_done(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        ("Ada@Gone-Shop.example", None, "hers"),
        (None, "ada-7", "hers"),
        # Somebody else's case, in which she is named.
        ("ada@gone-shop.example", "cid", "his"),
        ("cid@gone-shop.example", "cid", "his"),
    ]
    with duckdb.connect(world.consumer.database) as connection:
        for name in RULES:
            connection.executemany(f"insert into {name} values (?, ?, ?)", rows)
    made = request("user_id=ada-7", capsys=capsys)
    assert run(["erase", "run"]) == 0

    def standing() -> dict[str, Any]:
        capsys.readouterr()
        assert run(["erase", "status", made["request_id"], "--json"]) == 0
        return dict(json.loads(capsys.readouterr().out))

    def held(name: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(world.consumer.database, read_only=True) as connection:
            return connection.execute(f"select * from {name}").fetchall()

    assert held("cases") == [(None, "cid", "his"), rows[3]]
    assert held("notes") == [rows[0], (None, "ada-7", None), rows[2], rows[3]]
    assert held("bills") == held("lists") == rows
    status = standing()
    assert status["status"] == "waiting"
    tasks = {one["subject"]: one for one in status["tasks"]}
    assert (tasks["bills"]["status"], tasks["bills"]["detail"]) == ("kept", "tax law, ten years")
    assert (tasks["lists"]["status"], tasks["lists"]["rows"]) == ("left", 2)
    assert run(["erase", "done", made["request_id"], "bills", "--note", "x"]) == 1
    assert run(["erase", "done", made["request_id"], "lists", "--note", "done by hand"]) == 0
    assert run(["run", "--only", "confirm"]) == 0
    assert standing()["status"] == "confirmed"
    capsys.readouterr()
    assert run(["erase", "certificate", made["request_id"], "--json"]) == 0
    assert [one["subject"] for one in json.loads(capsys.readouterr().out)["kept"]] == ["bills"]


def test_a_destination_that_does_not_erase_is_left_to_a_person(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.listener.refuse("ada@gone-shop.example")
    made = request("user_id=ada-7", capsys=capsys)
    assert run(["erase", "run"]) == 0
    capsys.readouterr()
    assert run(["erase", "status", made["request_id"], "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["status"] == "waiting"
    (left,) = [one for one in status["tasks"] if one["status"] == "left"]
    assert (left["kind"], left["subject"], left["detail"]) == ("destination", "hook", "not wanted")
    assert run(["erase", "done", made["request_id"], "hook", "--note", "they did it"]) == 0
    assert run(["run", "--only", "confirm"]) == 0
    assert run(["erase", "status"]) == 0
    assert "No request is open" in capsys.readouterr().err
    assert world.remains(*ADA, *SECRETS) == []


# Where a run of `cdp erase run` is killed: the n-th call of this function, before or after it.
# One is killed at each of these in turn; the last of them goes through.
KILLED = {
    "before the build": [
        ("find", False),
        ("sort_shared", True),
        ("erase", False),
        ("erase", True),
        ("withdraw", True),
    ],
    "after it": [
        ("look_at_sources", False),
        ("conclude", False),
        ("conclude", True),
    ],
    "at the end": [("forget_bytes", False)],
    "at the very end": [("forget_bytes", True)],
}
_KILLER = """
import os, signal, sys
from dbt_cdp.cli import run
from dbt_cdp.privacy import erasure
from dbt_cdp.privacy.work import Work

name, is_after = sys.argv[1], sys.argv[2] == "after"
place = Work if hasattr(Work, name) else erasure
real = getattr(place, name)

def killed(*arguments, **more):
    if is_after:
        real(*arguments, **more)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, name, killed)
run(["erase", "run"])
"""


@pytest.mark.parametrize("kills", KILLED.values(), ids=KILLED)
def test_whatever_kills_an_erasure_the_next_run_completes_it(
    world: World, capsys: pytest.CaptureFixture[str], kills: list[tuple[str, bool]]
) -> None:
    ada = world.person("ada-7")
    before = world.others(ada)
    made = request("user_id=ada-7", capsys=capsys)
    for function, is_after in kills:
        when = "after" if is_after else "before"
        killed = subprocess.run(
            [sys.executable, "-c", _KILLER, function, when], env=os.environ, check=False
        )
        assert killed.returncode == -signal.SIGKILL
    assert run(["erase", "run"]) == 0
    capsys.readouterr()
    assert run(["erase", "status", made["request_id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "confirmed"
    assert world.remains(*ADA, *SECRETS) == []
    assert world.others() == before
    assert [key for _, key in world.listener.news()] == ["ada@gone-shop.example"]
    with duckdb.connect(world.consumer.database, read_only=True) as connection:
        left = "select count(*) from main_cdp.erasure_identifiers"
        assert connection.execute(left).fetchall() == [(0,)]
