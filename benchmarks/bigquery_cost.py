"""What a month on BigQuery costs, computed and never billed: `python benchmarks/bigquery_cost.py`.

Three things are measured, and the rest is arithmetic, see docs/warehouses/bigquery.md:

- which statements a run makes, and which columns of which tables each reads: those of the second
  run of a small project on an emulator of BigQuery (`make emulator`);
- how many rows a table has for an event, and how many bytes a value, by the sizes that BigQuery
  documents for its types: of the benchmark's world on DuckDB;
- the price is given.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from dbt_cdp.cli import run
from project import BenchProject, connect
from world import Batch, add_batch, make_world

sys.path.append(str(Path(__file__).parents[1] / "tests" / "integration"))

from googlesql import GoogleSql
from servers import BIGQUERY_PROJECT, bigquery_emulator
from whole_shop import load_whole_shop, write_whole_shop

# https://cloud.google.com/bigquery/pricing, on demand in the US and the EU, as cited in 2026: the
# first TiB of a month is free.
PRICE_PER_TIB = 6.25
STORAGE_PER_GIB = 0.02
FREE_TIB = 1

# No query is billed for less than this, and no table in it.
LEAST_BYTES = 10 * 2**20

# As long as raw events are kept, and so old is what is counted.
MONTHS = 25
DAYS = 30

EVENTS_A_MONTH = (1_000_000, 10_000_000, 100_000_000)
MINUTES = (60, 15)

# Bytes a value of BigQuery's types; texts have two more than they are long.
_BYTES = {"BOOLEAN": 1, "DATE": 8, "TIMESTAMP": 8, "BIGINT": 8, "INTEGER": 8, "DOUBLE": 8}
_NUMBER = 16

# What of a table in parts is read by a statement that says one of these texts: two days, today's
# and yesterday's; the months of these days.
_DAY, _MONTH = 2 / (MONTHS * DAYS), 2 / MONTHS
_PARTS = {
    "raw_events": (_DAY, ("timestamp >= timestamp '", "timestamp < ?", "batch_id > ", "cdp_parts")),
    "int_cdp__daily_activity": (_DAY, ("activity_date >= date '", "cdp_parts")),
    "int_cdp__identity_observations": (_MONTH, ("first_seen >= timestamp '", "cdp_parts")),
    "int_cdp__visits": (_MONTH, ("first_at >= timestamp '", "cdp_parts")),
    "landing_events": (_DAY, ("loaded_at > ",)),
}

_RETENTION = "once a day: retention"

# How dbt asks for the columns of a query.
_PROBE = "where false and current_timestamp"

# What `cdp run` does once a day, and what tells it.
_DAILY = re.compile(
    r"^\s*(/\*.*?\*/)?\s*delete\s+from\s+\S+(landing_events|raw_events)`", re.I | re.S
)


@dataclass(frozen=True)
class Read:
    """Columns that a statement reads of a table, or all where it writes there; a share of rows."""

    table: str
    columns: frozenset[str] | None
    share: float


@dataclass(frozen=True)
class Statement:
    """What one statement of a run is for, and reads."""

    part: str
    reads: tuple[Read, ...]


@dataclass(frozen=True)
class Size:
    """Rows of a table for an event, and bytes a row has in each column."""

    rows: float
    bytes: Mapping[str, float]

    def of(self, columns: frozenset[str] | None) -> float:
        """Bytes for an event in these columns, or in all."""
        named = self.bytes if columns is None else columns & self.bytes.keys()
        return self.rows * sum(self.bytes[name] for name in named)


def main(events: int, price: float) -> None:
    """Measure, compute, and print the tables of the page."""
    with tempfile.TemporaryDirectory(prefix="cdp-cost-") as folder:
        sizes = _sizes(Path(folder, "world"), events)
        statements = _statements_of_a_run(Path(folder, "shop"))
    print(render(sizes, statements, price))


def _sizes(folder: Path, events: int) -> dict[str, Size]:
    """What the tables of the benchmark's world hold, after a build and another with what is new."""
    folder.mkdir()
    project = BenchProject(folder)
    make_world(project.database, events)
    project.dbt(
        "build", "--exclude", "bench_components", "resource_type:test", "resource_type:unit_test"
    )
    add_batch(project.database, Batch(events // 100))
    project.dbt(
        "build", "--exclude", "bench_components", "resource_type:test", "resource_type:unit_test"
    )
    sizes: dict[str, Size] = {}
    with connect(project.database) as connection:
        rows = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " inner join information_schema.tables using (table_schema, table_name)"
            " where table_schema = 'main_cdp' and table_type = 'BASE TABLE'"
            " order by table_name, ordinal_position"
        ).fetchall()
        kinds: dict[str, dict[str, str]] = defaultdict(dict)
        for table, column, kind in rows:
            kinds[table][column] = kind
        (count,) = connection.execute("select count(*) from main_cdp.raw_events").fetchone() or (0,)
        for table, columns in kinds.items():
            means = ", ".join(
                f"coalesce(avg({_bytes(column, kind)}), 0)" for column, kind in columns.items()
            )
            found = connection.execute(f"select count(*), {means} from main_cdp.{table}").fetchone()
            held, *lengths = found or (0,)
            sizes[table] = Size(held / count, dict(zip(columns, lengths, strict=True)))
    # The world is read from models; what `cdp load` had landed of it would be as long.
    event = sum(sizes["raw_events"].bytes.values())
    landed = {"ingest_id": 34.0, "source": 5.0, "received_at": 8.0, "loaded_at": 8.0}
    sizes["landing_events"] = Size(1, {**landed, "payload": event})
    return sizes


def _bytes(column: str, kind: str) -> str:
    """The bytes of a value, as BigQuery counts them: none for a null."""
    length = f'2 + strlen(cast("{column}" as varchar))'
    if kind not in ("VARCHAR", "JSON"):
        length = str(_BYTES.get(kind.partition("(")[0], _NUMBER))
    return f'case when "{column}" is null then 0 else {length} end'


def _statements_of_a_run(folder: Path) -> list[Statement]:
    """Those of a run that has a few new events, in a small project on the emulator."""
    with bigquery_emulator() as endpoint:
        target = {
            "type": "bigquery",
            "method": "oauth-secrets",
            "token": "none",
            "project": BIGQUERY_PROJECT,
            "dataset": "cost",
            "location": "US",
            "threads": 1,
            "job_retries": 0,
            "api_endpoint": endpoint,
        }
        folder.mkdir()
        write_whole_shop(folder, target)
        os.chdir(folder)
        load_whole_shop()
        assert run(["run"]) == 0
        at = datetime.now(UTC)
        event = {"type": "track", "event": "ordered", "userId": "cid", "messageId": "new"}
        Path("more.ndjson").write_text(json.dumps({**event, "timestamp": at.isoformat()}))
        assert run(["load", "more.ndjson", "--source", "web"]) == 0
        assert run(["run"]) == 0
        client = bigquery.Client(
            BIGQUERY_PROJECT,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": endpoint},
        )
        return read_statements(client, at)


def read_statements(client: bigquery.Client, since: datetime) -> list[Statement]:
    """What the statements of the jobs since a time were for, and read."""
    known = {
        f"{table.project}.{table.dataset_id}.{table.table_id}": client.get_table(table)
        for dataset in client.list_datasets()
        for table in client.list_tables(dataset.dataset_id)
    }
    jobs = [
        job
        for job in client.list_jobs()
        if job.job_type == "query" and not job.parent_job_id and job.created >= since
    ]
    jobs.sort(key=lambda job: job.created)
    views = {name: table.view_query for name, table in known.items() if table.view_query}
    columns = {name: [field.name for field in table.schema] for name, table in known.items()}
    return analyse([(job.query, job.labels or {}) for job in jobs], views, columns)


def analyse(
    jobs: Sequence[tuple[str, Mapping[str, str]]],
    views: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
) -> list[Statement]:
    """What the statements of jobs were for and read.

    Args:
        jobs: text and labels of each, in order.
        views: the queries of views, by name.
        columns: those of tables and views, by name.
    """
    reader = _Reader(views, columns)
    parser = GoogleSql({})
    return [
        Statement(_part(query, labels), tuple(reader.reads(sql, query)))
        for query, labels in jobs
        for sql in parser.statements(query)
    ]


def _part(sql: str, labels: Mapping[str, str]) -> str:
    """Which part of a run a job is of."""
    if labels.get("application") == "dbt-cdp":
        return _RETENTION if _DAILY.match(sql) else "the command: ledgers, load, syncs"
    head = sql.partition("*/")[0]
    if '"node_id": "test.' in head:
        return "tests of dbt"
    return "models" if '"node_id": "model.' in head else "dbt itself"


class _Reader:
    """Tells what statements read, with the views that the tables are read through."""

    def __init__(self, views: Mapping[str, str], columns: Mapping[str, Sequence[str]]) -> None:
        self._views = views
        self._schema: dict[str, Any] = {}
        for name, names in columns.items():
            self._learn(name, names)

    def reads(self, sql: str, script: str) -> Iterator[Read]:
        """What a statement of a script reads. What cannot be resolved counts with all columns."""
        statement = parse_one(sql, dialect="bigquery")
        query: Any = statement
        # A view is made of its text, and what dbt asks for its columns alone gives no rows.
        if (isinstance(statement, exp.Create) and statement.kind == "VIEW") or _PROBE in sql:
            return
        if isinstance(statement, exp.Merge | exp.Update | exp.Delete):
            target = statement.this
            share = _share(_name(target), script)
            # All of what is written to, whatever its columns.
            yield Read(_short(_name(target)), None, share)
            query = statement.args.get("using") or statement.args.get("where")
        elif isinstance(statement, exp.Create | exp.Insert):
            query = statement.expression
        found: dict[str, set[str] | None] = defaultdict(set)
        for one in _outermost(query):
            names = self._collect(one, found)
            if isinstance(statement, exp.Create) and statement.find(exp.Table):
                made = statement.find(exp.Table)
                self._learn(_name(made), names)
        for name, columns in found.items():
            chosen = None if columns is None else frozenset(columns)
            yield Read(_short(name), chosen, _share(name, script))

    def _collect(self, query: exp.Query, found: dict[str, set[str] | None]) -> list[str]:
        """Add the columns that a query reads; the names of those that it gives."""
        whole: Any = self._inlined(query.copy())
        try:
            whole = qualify(
                whole, schema=self._schema, dialect="bigquery", validate_qualify_columns=False
            )
            whole = pushdown_projections(whole)
        except SqlglotError:
            for table in whole.find_all(exp.Table):
                if table.db:
                    found[_name(table)] = None
            return list(query.named_selects)
        for scope in traverse_scope(whole):
            for alias, source in scope.sources.items():
                if not isinstance(source, exp.Table) or not source.db:
                    continue
                columns = found[_name(source)]
                if columns is not None:
                    columns.update(one.name for one in scope.columns if one.table == alias)
        return list(whole.named_selects)

    def _inlined(self, query: exp.Expression) -> exp.Expression:
        """The query, with those of views in their places."""
        for table in list(query.find_all(exp.Table)):
            view = self._views.get(_name(table))
            if view:
                inner = self._inlined(parse_one(view, dialect="bigquery"))
                name = exp.TableAlias(this=exp.to_identifier(table.alias or table.name))
                table.replace(exp.Subquery(this=inner, alias=name))
        return query

    def _learn(self, name: str, columns: Sequence[str]) -> None:
        if name.count(".") != 2:
            return
        project, dataset, table = name.split(".")
        known = dict.fromkeys(columns, "STRING")
        self._schema.setdefault(project, {}).setdefault(dataset, {})[table] = known


def _name(table: exp.Table) -> str:
    return f"{table.catalog}.{table.db}.{table.name}"


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _share(name: str, script: str) -> float:
    share, texts = _PARTS.get(_short(name), (1.0, ()))
    return share if any(text in script for text in texts) else 1.0


def _outermost(node: exp.Expression | None) -> Iterator[exp.Query]:
    """The queries within an expression that lie in no other."""
    if isinstance(node, exp.Subquery) and isinstance(node.unnest(), exp.Query):
        yield node.unnest()
    elif isinstance(node, exp.Query):
        yield node
    elif node is not None:
        for one in node.iter_expressions():
            yield from _outermost(one)


def billed_bytes(
    statement: Statement, sizes: Mapping[str, Size], held: float, new: float
) -> dict[str, float]:
    """What a statement is billed for, by table, where so many events are held and so many new."""
    read: dict[str, float] = defaultdict(float)
    for one in statement.reads:
        size = sizes.get(one.table.removesuffix("__dbt_tmp"))
        events = new if one.table.endswith("__dbt_tmp") else held
        read[one.table] += size.of(one.columns) * events * one.share if size else 0
    return {table: max(amount, LEAST_BYTES) for table, amount in read.items()}


def render(sizes: Mapping[str, Size], statements: Sequence[Statement], price: float) -> str:
    """The tables of the page, in Markdown."""
    lines = [
        "| table | rows for an event | bytes a row | bytes for an event |",
        "|---|--:|--:|--:|",
    ]
    large = sorted(sizes, key=lambda name: -sizes[name].of(None))[:12]
    for name in large:
        row = sum(sizes[name].bytes.values())
        lines.append(
            f"| `{name}` | {sizes[name].rows:.2f} | {row:.0f} | {sizes[name].of(None):.0f} |"
        )
    lines += ["", "| part | statements a run |", "|---|--:|"]
    counts = Counter(statement.part for statement in statements)
    lines += [f"| {part} | {count} |" for part, count in counts.most_common()]
    header = "| events a month | held, GiB | minutes | GiB a run | of it tests | TiB a month"
    lines += ["", f"{header} | queries, $ a month | storage, $ a month |", "|--:" * 8 + "|"]
    for events in EVENTS_A_MONTH:
        for minutes in MINUTES:
            lines.append(_month(events, minutes, sizes, statements, price))
    lines += ["", "| read at 10 million, hourly | GiB a run |", "|---|--:|"]
    by_table: Counter[tuple[str, str]] = Counter()
    for statement in statements:
        held, new = EVENTS_A_MONTH[1] * MONTHS, EVENTS_A_MONTH[1] / DAYS / 24
        for table, amount in billed_bytes(statement, sizes, held, new).items():
            by_table[statement.part, table] += int(amount)
    for (part, table), amount in by_table.most_common(15):
        lines.append(f"| {part}: `{table}` | {amount / 2**30:.2f} |")
    return "\n".join(lines)


def _month(
    events: int,
    minutes: int,
    sizes: Mapping[str, Size],
    statements: Sequence[Statement],
    price: float,
) -> str:
    runs = DAYS * 24 * 60 // minutes
    held, new = events * MONTHS, events / runs
    amounts: Counter[str] = Counter()
    for statement in statements:
        amounts[statement.part] += int(sum(billed_bytes(statement, sizes, held, new).values()) or 0)
    stored = sum(size.of(None) for size in sizes.values()) * held / 2**30
    daily = amounts.pop(_RETENTION, 0)
    total = sum(amounts.values())
    month = (total * runs + daily * DAYS) / 2**40
    dollars = max(month - FREE_TIB, 0) * price
    return (
        f"| {events:,} | {stored:,.0f} | {minutes} | {total / 2**30:,.1f}"
        f" | {amounts['tests of dbt'] / 2**30:,.1f} | {month:,.1f} | {dollars:,.0f}"
        f" | {stored * STORAGE_PER_GIB:,.0f} |"
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="What a month on BigQuery costs, computed.")
    options.add_argument("--events", type=int, default=100_000, help="Events of the world.")
    options.add_argument("--price", type=float, default=PRICE_PER_TIB, help="Dollars a TiB.")
    chosen = options.parse_args()
    main(chosen.events, chosen.price)
