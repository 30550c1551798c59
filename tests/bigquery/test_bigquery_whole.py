"""Everything once on an emulator of BigQuery, as a user does it; and Google's own analyzer takes
all that the command has asked there."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from dbt_cdp.cli import run
from dbt_cdp.project import Project
from dbt_cdp.warehouse import open_warehouse
from servers import time_limit
from whole_shop import ANN, load_whole_shop, set_vars, write_whole_shop

# It takes three minutes where nothing else is at work, and ten times that beside others.
SECONDS = 3600

TARGET = {
    "type": "bigquery",
    "method": "oauth-secrets",
    "token": "none",
    "project": "test-project",
    "dataset": "whole",
    "location": "US",
    "threads": 1,
    "job_retries": 0,
    "maximum_bytes_billed": 1_000_000_000,
}
OLD = {
    "event": "ordered",
    "userId": "bob-1",
    "timestamp": "2020-01-01T00:00:00Z",
    "receivedAt": "2020-01-01T00:00:00Z",
}

PROFILES = "`test-project`.`whole_cdp`.`user_profiles`"

Tables = dict[str, list[bigquery.SchemaField]]
Query = Callable[[str], list[tuple]]


@pytest.fixture(autouse=True)
def limited_time() -> Iterator[None]:
    with time_limit(SECONDS):
        yield


@pytest.fixture
def scratches(monkeypatch: pytest.MonkeyPatch) -> Tables:
    """The tables that Google's client has made, which are gone in the end."""
    made: Tables = {}
    create = bigquery.Client.create_table

    def create_and_note(client: bigquery.Client, table: bigquery.Table, **options: Any) -> Any:
        made[f"{table.project}.{table.dataset_id}.{table.table_id}"] = list(table.schema)
        return create(client, table, **options)

    monkeypatch.setattr(bigquery.Client, "create_table", create_and_note)
    return made


@pytest.fixture
def loaded(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in datasets of its own, whose builds test nothing: others do."""
    shop = write_whole_shop(tmp_path / "shop", {**TARGET, "api_endpoint": endpoint}, [OLD])
    set_vars(shop, {}, data_tests={"+enabled": False})
    monkeypatch.chdir(shop)
    load_whole_shop()
    return shop


@pytest.fixture
def ask(loaded: Path) -> Query:
    """Run a query on the shop's warehouse."""

    def run_query(sql: str) -> list[tuple]:
        with open_warehouse(Project.find(loaded)) as connection:
            return connection.query(sql)

    return run_query


def test_a_person_is_built_delivered_shown_and_erased(
    scratches: Tables,
    loaded: Path,
    ask: Query,
    client: bigquery.Client,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def tells(*arguments: str) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == 0, arguments
        return json.loads(capsys.readouterr().out)

    assert run(["run", "--skip", "sync"]) == 0
    found = ask(f"select email, orders from {PROFILES} order by email nulls last")
    assert found == [(ANN[1], 2), (None, 3)]
    (plan,) = tells("sync", "plan")
    assert (plan["to_do"]["add"], plan["to_do"]["remove"]) == (2, 0)
    assert run(["run", "--only", "sync"]) == 0
    assert len((loaded / "out" / "buyers.csv").read_text().splitlines()) == 3

    ann = f"email={ANN[1]}"
    assert len(tells("profile", ann)["identifiers"]) == 4
    assert tells("explain", ann, f"user_id={ANN[0]}")["links"]
    assert tells("segments", "show", "buyers")["members"] == 2
    assert tells("segments", "explain", "buyers", ann)["is_member"]
    assert tells("segments", "list")
    assert tells("segments", "history", "buyers")
    assert tells("segments", "preview", "orders > 2")["members"] == 1
    assert tells("access", "--identifier", ann, "--output", "ann.zip")

    set_vars(loaded, {"cdp_retention": {"raw_events_months": 13, "archive": "archive"}})
    expired = tells("retain", "--yes")["expired"]
    assert [(one["table"], one["rows"]) for one in expired] == [
        ("landing_events", 1),
        ("raw_events", 1),
    ]

    asked = ["--identifier", ann, "--evidence", "a letter"]
    (made,) = tells("erase", "request", *asked)
    assert (made["people"], made["identifiers"]) == (1, 4)
    assert run(["erase", "approve", made["request_id"]]) == 0
    assert run(["run"]) == 0
    assert tells("erase", "certificate", made["request_id"])["status"] == "confirmed"
    assert ask(f"select email, orders from {PROFILES}") == [(None, 3)]
    assert len((loaded / "out" / "buyers.csv").read_text().splitlines()) == 2
    assert tells("status")["runs"]

    pytest.importorskip("zetasql", reason="The analyzer of GoogleSQL is not installed: zetasql.")
    from googlesql import GoogleSql, columns_of, tables_of

    known = {name: columns_of(schema) for name, schema in scratches.items()}
    analyzer = GoogleSql(known | tables_of(client))
    jobs = [
        job
        for job in client.list_jobs()
        if job.job_type == "query"
        and not job.parent_job_id
        and (job.labels or {}).get("application") == "dbt-cdp"
        and "whole_cdp" in job.query
    ]
    jobs.sort(key=lambda job: job.created)
    assert [said for job in jobs for said in analyzer.refused(job.query)] == []
    assert analyzer.count > 100
