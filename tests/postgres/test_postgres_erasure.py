"""Everything once on Postgres, as a user does it: loaded, built, delivered, erased."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from consumer import write_shop
from dbt_cdp.cli import run

Query = Callable[..., list[tuple]]

ANN = ("ann-7", "ann@gone-shop.example", "cookie-ann", "c-ann")

EVENTS = [
    {"type": "page", "anonymousId": "cookie-ann"},
    {"event": "ordered", "userId": "ann-7", "anonymousId": "cookie-ann", "email": ANN[1].upper()},
    {"event": "ordered", "userId": "bob-1", "context": {"device": {"id": "till"}}},
    {"event": "ordered", "userId": "ann-7", "context": {"device": {"id": "till"}}},
    {"event": "ordered", "userId": "bob-1", "properties": {"cc": "cid"}},
]
CONTACT = {"contact_id": "c-ann", "email": "Ann@gone-shop.example"}

SYNC = {
    "destination": "files",
    "object": "buyers",
    "mode": "mirror",
    "key": "user",
    "segment": "buyers",
    "fields": {"user": "canonical_id", "email": "email", "orders": "orders"},
}
EXPOSURE = {
    "name": "buyers",
    "type": "application",
    "owner": {"name": "Growth"},
    "depends_on": ["ref('cdp', 'cdp__user_profiles')", "ref('cdp', 'cdp__segments')"],
    "config": {"meta": {"cdp_sync": SYNC}},
}
VARS = {
    "cdp_traits": [{"name": "orders", "count": "events", "event": "ordered"}],
    "cdp_segments": [{"name": "buyers", "where": "orders > 0"}],
    "cdp_destinations": [{"name": "files", "type": "file", "path": "out"}],
}


@pytest.fixture
def query(postgres_port: int) -> Iterator[Query]:
    """Run a query on the server; the schema of this project is searched."""
    with psycopg.connect(
        host="127.0.0.1", port=postgres_port, user="dbt", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("set search_path = whole_cdp; set time zone 'UTC'")
        yield lambda sql: connection.execute(sql).fetchall()


@pytest.fixture
def loaded(target: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a schema of its own: others leave in theirs what no build would."""
    shop = write_shop(tmp_path / "shop", {**target, "schema": "whole"})
    monkeypatch.chdir(shop)
    settings = yaml.safe_load((shop / "dbt_project.yml").read_text())
    settings["vars"].update(VARS)
    (shop / "dbt_project.yml").write_text(yaml.safe_dump(settings))
    (shop / "models").mkdir()
    (shop / "models" / "syncs.yml").write_text(json.dumps({"exposures": [EXPOSURE]}))
    times = {"receivedAt": "2026-06-01T10:01:00Z", "timestamp": "2026-06-01T10:00:00Z"}
    lines = [
        json.dumps({"messageId": f"m{number}", "type": "track", **times, **event})
        for number, event in enumerate(EVENTS)
    ]
    (shop / "events.ndjson").write_text("\n".join(lines))
    (shop / "contacts.ndjson").write_text(json.dumps(CONTACT))
    assert run(["load", "events.ndjson", "--source", "web"]) == 0
    assert run(["load", "contacts.ndjson", "--source", "crm"]) == 0
    return shop


def test_a_person_is_built_delivered_and_erased(
    loaded: Path, query: Query, postgres_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run"]) == 0
    found = query("select email, orders from user_profiles order by email nulls last")
    assert found == [(ANN[1], 2), (None, 2)]
    lines = (loaded / "out" / "buyers.csv").read_text().splitlines()
    assert len(lines) == 3
    ((ann,),) = query(
        f"select canonical_id from identity_graph where identifier_value = '{ANN[0]}'"
    )
    columns = "email, orders, first_seen, last_active, attributes, traits"
    others = f"select {columns} from user_profiles where canonical_id <> '{ann}'"
    before = query(others)

    capsys.readouterr()
    asked = ["--identifier", "email=ANN@gone-shop.example", "--evidence", "a letter", "--json"]
    assert run(["erase", "request", *asked]) == 0
    (made,) = json.loads(capsys.readouterr().out)
    assert (made["people"], made["identifiers"]) == (1, 4)
    assert run(["erase", "approve", made["request_id"]]) == 0
    assert run(["erase", "run"]) == 0
    assert query(others) == before
    assert query("select is_shared from identity_graph where identifier_value = 'till'") == [
        (True,)
    ]
    assert len((loaded / "out" / "buyers.csv").read_text().splitlines()) == 2
    assert [value for value in ANN if value in everything(postgres_port)] == []

    # What is sent again is not taken.
    assert run(["load", "events.ndjson", "--source", "web"]) == 0
    assert run(["run"]) == 0
    assert query("select count(*) from user_profiles") == [(1,)]
    assert query(others) == before


def everything(port: int) -> str:
    """All rows of all tables and views of the package, in lower case."""
    with psycopg.connect(host="127.0.0.1", port=port, user="dbt", dbname="postgres") as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'whole_cdp'"
            " and table_name not like 'landing%'"
        ).fetchall()
        tables += [("landing_events",), ("landing_records",)]
        rows = [
            connection.execute(f'select cast(t as text) from whole_cdp."{name}" as t').fetchall()
            for (name,) in tables
        ]
    return repr(rows).lower()
