"""Syncs of many rows: the first delivery, one with nothing to do, and one of a hundredth of them.

The rows are a table of people that a model reads. They go to files, and to a table of the Postgres
database that the environment variable CDP_BENCH_POSTGRES names by a connection string; it is made
there, and dropped.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from project import BenchProject, cdp, connect, in_child

POSTGRES = "CDP_BENCH_POSTGRES"
_TABLE = "cdp_bench_people"

_PEOPLE = """
create or replace table main.bench_people as
select
    i as id,
    'person' || i || '@shop.example' as email,
    'Person ' || i as name,
    (i * 7919) % 101 as score,
    i % 3 = 0 as is_customer,
    timestamp '2026-01-01' + to_seconds(i) as seen_at
from range(?) as numbers (i)
"""
_CHANGE = "update main.bench_people set score = score + 1 where id % 100 = 0"
_FIELDS = ("email", "name", "score", "is_customer", "seen_at")


@dataclass(frozen=True)
class SyncRun:
    """What one run of a sync took."""

    rows: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class SyncRuns:
    """The three runs of a sync."""

    sync: str
    first: SyncRun
    nothing: SyncRun
    hundredth: SyncRun


def measure_syncs(folder: Path, rows: int) -> list[SyncRuns]:
    """Deliver so many rows to each destination."""
    folder.mkdir(parents=True)
    project = BenchProject(folder)
    in_child(_execute, project.database, _PEOPLE, [rows])
    dsn = os.environ.get(POSTGRES)
    _write(project, has_postgres=bool(dsn))
    names = ["file_csv", "file_ndjson", "file_parquet"]
    if dsn:
        _execute_postgres(
            dsn,
            f"drop table if exists {_TABLE}",
            f"create table {_TABLE} (email text primary key, name text, score numeric,"
            " is_customer boolean, seen_at timestamp)",
        )
        names.append("postgres_table")
    project.dbt("run", "--select", "bench_people_rows", "package:cdp,models/operations")
    # What dbt compiles once is no part of a sync.
    cdp(project.folder, "sync", "plan", "--sample", "0")
    measured = []
    for name in names:
        in_child(_execute, project.database, _PEOPLE, [rows])
        first, nothing = _run(project.folder, name), _run(project.folder, name)
        in_child(_execute, project.database, _CHANGE, [])
        measured.append(SyncRuns(name, first, nothing, _run(project.folder, name)))
    if dsn:
        _execute_postgres(dsn, f"drop table {_TABLE}")
    return measured


def _write(project: BenchProject, *, has_postgres: bool) -> None:
    destinations = [
        {"name": kind, "type": "file", "path": "out", "format": kind}
        for kind in ("csv", "ndjson", "parquet")
    ]
    syncs = [_exposure(f"file_{kind}", kind) for kind in ("csv", "ndjson", "parquet")]
    if has_postgres:
        destinations.append({"name": "tables", "type": "postgres", "dsn_env": POSTGRES})
        syncs.append(_exposure("postgres_table", "tables", object=_TABLE))
    project.set_vars(cdp_destinations=destinations)
    models = project.folder / "models"
    (models / "bench_people_rows.sql").write_text(
        "{{ config(materialized='view') }} select * from main.bench_people", encoding="utf-8"
    )
    (models / "syncs.yml").write_text(yaml.safe_dump({"exposures": syncs}), encoding="utf-8")


def _exposure(name: str, destination: str, **more: str) -> Mapping[str, Any]:
    sync = {
        "destination": destination,
        "model": "bench_people_rows",
        "id": "id",
        "mode": "mirror",
        "key": "email",
        "fields": {field: field for field in _FIELDS},
        **more,
    }
    return {
        "name": name,
        "type": "application",
        "owner": {"name": "Benchmarks"},
        "depends_on": ["ref('bench_people_rows')"],
        "config": {"meta": {"cdp_sync": sync}},
    }


def _run(folder: Path, name: str) -> SyncRun:
    run = cdp(folder, "sync", "run", name, "--json")
    (report,) = json.loads(run.out)
    return SyncRun(report["acknowledged"], run.seconds, run.peak_bytes)


def _execute(database: Path, sql: str, parameters: list[Any]) -> None:
    with connect(database) as connection:
        connection.execute(sql, parameters or None)


def _execute_postgres(dsn: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement)
