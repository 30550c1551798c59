"""Everything once on Postgres, as a user does it: loaded, built, delivered, erased."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dbt_cdp.cli import run
from whole_shop import ANN, load_whole_shop, write_whole_shop

Query = Callable[..., list[tuple]]


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
    shop = write_whole_shop(tmp_path / "shop", {**target, "schema": "whole"})
    monkeypatch.chdir(shop)
    load_whole_shop()
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
