"""The package's models without dbt: their SQL is compiled once and run on a DuckDB in memory.

A build here does what `dbt build` would do, in a twentieth of its time, so that thousands of small
worlds can be built in many batches. The statements are dbt's own. What is told again is how dbt
writes a table (`Warehouse`) and how the package's programs run (`run_steps`): test_dbt_agrees.py
compares the two.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import yaml

from consumer import Consumer, new_project
from dbt_cdp.project import package_root
from reference import Decision, Identifier
from worlds import World, spelled_otherwise

DATABASE = "worlds"
SCHEMA = f"{DATABASE}.main_cdp"

# Tables in place of what the package makes of events and records, and the project's own lists.
IDENTITY_GIVEN = {
    "int_cdp__identifier_tuples": """
        tuple_key text, identifier_type text, raw_value text, batch_id bigint
    """,
    "int_cdp__identity_observations": """
        group_key text, tuple_key text, source text, origin text, event_count bigint,
        first_seen timestamp, last_seen timestamp, evidence_id text, content_hash text,
        batch_id bigint
    """,
    "my_blocks": "identifier_type text, identifier_value text",
    "my_decisions": """
        decision_id text, decision text, identifier_type_a text, identifier_value_a text,
        identifier_type_b text, identifier_value_b text, decided_at timestamp
    """,
    "my_candidates": """
        candidate_id text, type_a text, value_a text, type_b text, value_b text,
        score decimal(3, 2), is_merge boolean, is_live boolean, has_been_merge boolean,
        batch_id bigint
    """,
}
# In place of what the match rules find.
CANDIDATES = """
    select candidate_id, 'same_device' as rule, one.identifier_id as node_a,
        other.identifier_id as node_b, score, is_merge as is_above_threshold, is_merge,
        '{}' as evidence, cast(null as timestamp) as matched_at, is_live, has_been_merge,
        cast(null as timestamp) as found_at, my_candidates.batch_id
    from {{ source('given', 'my_candidates') }} as my_candidates
    inner join {{ ref('int_cdp__identifier_keys') }} as one
        on type_a = one.identifier_type and value_a = one.identifier_value
    inner join {{ ref('int_cdp__identifier_keys') }} as other
        on type_b = other.identifier_type and value_b = other.identifier_value
"""
# The programs of the materializations, as data. Names with a $ are filled in when they run.
PROGRAMS = {
    "components_full": 'cdp.cdp_components("$sql")',
    "components_changes": 'cdp.cdp_components_changes("$sql", "$known", "$last_batch")',
    "people_full": 'cdp.cdp_all_people("$sql", "$decisions")',
    "people_changes": 'cdp.cdp_people_changes("$sql", "$decisions", "$known", "$last_batch")',
    "matches_changes": 'cdp.cdp_match_changes("$sql", "$people", "$decisions", "$known")',
}
SOLVED = {
    "cdp_connected_components": ("components", "identifier_id, component_id", ""),
    "cdp_people": (
        "people",
        "identifier_id, identifier_type, person_id, is_shared",
        "'rules' as rules_hash, ",
    ),
    "cdp_matches": ("matches", "person_id, matched_person_id", ""),
}
# What is selected to be compiled; of it, what needs more than the given tables is left out.
IDENTITY = ("cdp.identity", "cdp__identity_decisions", "int_cdp__candidates")
SEEDS = ("blocked_identifiers", "free_mail_domains")
PUBLIC = '{{ config(access="public") }}'
EVENTS = f"{PUBLIC} select 'u' as uid, cast('2026-01-01' as timestamp) as seen_at limit 0"

Contents = dict[str, list[list[Any]]]


def make_project(folder: Path, identifiers: list[dict[str, Any]]) -> Consumer:
    """A dbt project that puts models of its own in the place of the package's first two."""
    models = {name: f"{PUBLIC} select * from {read_given(name)}" for name in IDENTITY_GIVEN}
    models["my_events"] = EVENTS
    models["int_cdp__candidates"] = PUBLIC + CANDIDATES
    events = {"events": "my_events", "columns": {"user_id": "uid", "timestamp": "seen_at"}}
    variables = {
        "cdp_sources": [{"name": "app", **events}],
        "cdp_identifiers": identifiers,
        "cdp_blocked_identifiers": "my_blocks",
        "cdp_identity_decisions": "my_decisions",
    }
    return project_of(folder, models, IDENTITY_GIVEN, variables)


def read_given(table: str) -> str:
    """How a model names a given table."""
    return f"{{{{ source('given', '{table}') }}}}"


def project_of(
    folder: Path,
    models: Mapping[str, str],
    given: Iterable[str],
    variables: Mapping[str, Any],
    programs: Mapping[str, str] = PROGRAMS,
) -> Consumer:
    """A dbt project with these models and programs over the given tables.

    A model with the name of one of the package's identity models is built in its place.
    """
    texts = {**models, **{name: f"{{{{ tojson({call}) }}}}" for name, call in programs.items()}}
    sources = [{"name": "given", "schema": "given", "tables": [{"name": name} for name in given]}]
    replaced = [name for name in models if name.startswith("int_cdp__")]
    return new_project(
        folder,
        DATABASE,
        {f"{name}.sql": text for name, text in texts.items()}
        | {"sources.yml": yaml.safe_dump({"sources": sources})},
        flags={"require_ref_searches_node_package_before_root": True},
        models={
            DATABASE: {"+materialized": "view", "+schema": "cdp"},
            "cdp": {"identity": {name: {"+enabled": False} for name in replaced}},
        },
        vars=dict(variables),
    )


# What a build adds to leave unread what lies in other days (see cdp_within_days). The texts serve
# many builds here, and the condition is of one.
_SPAN = r"\([\w.]+ >= \w+ '[\d-]+' and [\w.]+ < \w+ '[\d-]+'\)"
_DAYS = re.compile(rf"and \((?:false|{_SPAN}(?: or {_SPAN})*)\)")


@dataclass(frozen=True)
class Model:
    """A model as dbt compiled it.

    `first` is its SQL where its table is missing, `later` where it is there, `refreshed` where it
    is there under --full-refresh.
    """

    name: str
    relation: str
    materialized: str
    needs: tuple[str, ...]
    unique_key: tuple[str, ...]
    is_rebuilt: bool
    asks_for_refresh: bool
    hooks: tuple[str, ...]
    first: str
    later: str = ""
    refreshed: str = ""


@dataclass(frozen=True)
class Compiled:
    """The models in the order of their building, the programs, and the columns of given tables."""

    models: tuple[Model, ...]
    programs: Mapping[str, Any]
    given: Mapping[str, str]


def compile_models(
    consumer: Consumer,
    select: Sequence[str] = IDENTITY,
    given: Mapping[str, str] = IDENTITY_GIVEN,
    programs: Iterable[str] = PROGRAMS,
) -> Compiled:
    """What dbt compiles before anything is built, after a first build and under --full-refresh."""
    chosen = compile_now(consumer, given, *select, *programs)
    first = tuple(model for model in chosen if model.name not in programs)
    texts = {name: _compiled_text(consumer, f"{DATABASE}/models/{name}.sql") for name in programs}
    compiled = Compiled(first, {name: json.loads(text) for name, text in texts.items()}, given)
    with duckdb.connect(consumer.database) as connection:
        Warehouse(compiled, connection).build(1)
    later = {model.name: model.first for model in compile_now(consumer, given, *select)}
    # Others are compiled as if their table was missing if they are rebuilt, and else as ever.
    asking = [model.name for model in first if model.asks_for_refresh]
    known = (*given, *(model.name for model in first))
    last = compile_now(consumer, known, *asking, "--full-refresh")
    refreshed = {
        model.name: model.first if model.is_rebuilt else later[model.name] for model in first
    }
    refreshed |= {model.name: model.first for model in last}
    models = tuple(
        replace(model, later=later[model.name], refreshed=refreshed[model.name]) for model in first
    )
    return replace(compiled, models=models)


def compile_now(consumer: Consumer, given: Iterable[str], *arguments: str) -> tuple[Model, ...]:
    """What dbt compiles with the tables that there are, in the order of its building.

    Without what needs more than the given tables and the seeds.
    """
    consumer.runs("compile", "--indirect-selection", "empty", "-s", *arguments)
    target = consumer.folder / "target"
    manifest = json.loads((target / "manifest.json").read_text())
    results = json.loads((target / "run_results.json").read_text())["results"]
    nodes = {node["name"]: node for node in manifest["nodes"].values()}
    chosen = [manifest["nodes"][result["unique_id"]] for result in results]
    models = {
        node["name"]: _read_model(node, nodes, consumer)
        for node in chosen
        if node["resource_type"] == "model"
    }
    known = {*given, *(f"cdp__{seed}" for seed in SEEDS)}
    found = []
    for name in TopologicalSorter({m.name: m.needs for m in models.values()}).static_order():
        if name in models and known.issuperset(models[name].needs):
            known.add(name)
            found.append(models[name])
    return tuple(found)


def _read_model(node: dict[str, Any], nodes: Mapping[str, Any], consumer: Consumer) -> Model:
    config, relation = node["config"], node["relation_name"]
    key = config["unique_key"] or []

    def delete_rows(condition: str) -> str:
        return f"delete from {relation} where {condition}"

    in_hooks = {
        # Nobody takes a measure away in these tests.
        "cdp": SimpleNamespace(cdp_delete_rows=delete_rows, cdp_forget_measures=lambda: ""),
        "ref": lambda name: nodes[name]["relation_name"],
    }
    text = _compiled_text(consumer, f"{node['package_name']}/{node['original_file_path']}")
    text = _DAYS.sub("", text)
    text = re.sub(r"cast\(\d{16} as bigint\)", "cast($batch as bigint)", text, flags=re.IGNORECASE)
    return Model(
        name=node["name"],
        relation=relation,
        materialized=config["materialized"],
        needs=tuple(needed.split(".")[-1] for needed in node["depends_on"]["nodes"]),
        unique_key=(key,) if isinstance(key, str) else tuple(key),
        is_rebuilt=config["full_refresh"] is not False,
        asks_for_refresh="FULL_REFRESH" in node["raw_code"],
        hooks=tuple(jinja2.Template(h["sql"]).render(in_hooks) for h in config["post-hook"]),
        first=re.sub(r"batch_id > (-1|\d+)", "batch_id > $last", text),
    )


def _compiled_text(consumer: Consumer, path: str) -> str:
    return (consumer.folder / "target" / "compiled" / path).read_text()


class Database:
    """The tables of the identity models, whoever has built them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the models' tables."""
        return self.connection.execute(sql).fetchall()

    def keys(self) -> dict[Identifier, int]:
        """The identifier_id of every identifier."""
        rows = self.query("select * exclude (batch_id) from int_cdp__identifier_keys")
        return {(kind, value): number for number, kind, value in rows}

    def contents(self, compiled: Compiled) -> Contents:
        """The rows of all tables in a form in which two databases can be compared.

        Canonical ids are told by the numbers of their births and batches by their order; when a
        build was and the fingerprint of its rules are left out.
        """
        births = dict(self.query("select canonical_id, birth_number from int_cdp__canonical_ids"))
        left_out = "('batch_id', 'assigned_at', 'changed_at', 'rules_hash')"
        columns = f"columns(lambda name: name not in {left_out}), batch_id"
        tables = {
            model.name: self.query(f"select {columns} from {model.relation}")
            for model in compiled.models
            if model.materialized not in ("view", "cdp_ledger")
        }
        batches = sorted({row[-1] for rows in tables.values() for row in rows})
        number = {batch: place for place, batch in enumerate(batches)}
        return {
            name: sorted(
                ([*(births.get(said, said) for said in row[:-1]), number[row[-1]]] for row in rows),
                key=repr,
            )
            for name, rows in tables.items()
        }


class Warehouse(Database):
    """A database in memory, built by the harness.

    With `is_script` the programs run as they do on BigQuery, which does not ask before it works.
    """

    def __init__(
        self,
        compiled: Compiled,
        connection: duckdb.DuckDBPyConnection | None = None,
        is_script: bool = False,
    ) -> None:
        if connection is None:
            connection = duckdb.connect(config={"threads": 1})
            connection.execute(f"attach ':memory:' as {DATABASE}; use {DATABASE}")
        super().__init__(connection)
        self.compiled, self.is_script = compiled, is_script
        # A third of the time would go into plans for a few hundred rows.
        connection.execute("pragma disable_optimizer")
        make_given(connection, compiled.given)
        connection.execute(f"create schema {SCHEMA}; use {SCHEMA}")
        for name in compiled.given:
            connection.execute(f"create view {name} as from given.{name}")
        for seed in SEEDS:
            file = package_root() / "seeds" / f"cdp__{seed}.csv"
            rows = f"from read_csv('{file}', all_varchar = true)"
            connection.execute(f"create table {seed} as {rows}")
        self.built: set[str] = set()

    def keys(self) -> dict[Identifier, int]:
        """The identifier_id of every identifier, if they have been built."""
        return super().keys() if "int_cdp__identifier_keys" in self.built else {}

    def give(self, worlds: Iterable[World], batch: int) -> None:
        """Bring IDENTITY_GIVEN to the present state of worlds."""
        give(self.connection, worlds, batch)

    def build(self, batch: int, full_refresh: bool = False, broken: str | None = None) -> set[str]:
        """Build every model once, as `dbt build` would under this batch number.

        A `broken` model is left out with all that need it. Returns what was built.
        """
        left_out = {broken}
        for model in self.compiled.models:
            if model.name in left_out or not left_out.isdisjoint(model.needs):
                left_out.add(model.name)
                continue
            is_new = model.name not in self.built
            is_whole = is_new or (full_refresh and model.is_rebuilt)
            if model.materialized in SOLVED:
                self._solve(model, batch, is_whole)
            elif model.materialized == "incremental":
                sql = model.first if is_new else model.refreshed if full_refresh else model.later
                self._write(model, sql, batch, is_whole)
            elif model.materialized == "table":
                sql = model.first.replace("$batch", str(batch))
                self.connection.execute(f"create or replace table {model.relation} as {sql}")
            elif is_new:
                kind = "view" if model.materialized == "view" else "table"
                self.connection.execute(f"create {kind} {model.relation} as {model.first}")
            self.built.add(model.name)
        return {model.name for model in self.compiled.models} - left_out

    def _write(self, model: Model, sql: str, batch: int, is_whole: bool) -> None:
        """An incremental model: by its key (delete and insert), or appended where it has none."""
        table, run = model.relation, self.connection.execute
        last = -1 if is_whole else self._last_batch(model)
        sql = sql.replace("$last", str(last)).replace("$batch", str(batch))
        if is_whole:
            run(f"create or replace table {table} as {sql}")
            return
        run(f"create or replace temp table new_rows as {sql}")
        self._add_columns(model)
        if model.unique_key:
            same = " and ".join(f"old.{name} = new_rows.{name}" for name in model.unique_key)
            run(f"delete from {table} as old using new_rows where {same}")
        run(f"insert into {table} by name from new_rows")
        for hook in model.hooks:
            run(hook)

    def _add_columns(self, model: Model) -> None:
        """The columns that the table lacks since a definition is new."""
        known = {name for name, _ in self._columns(model.relation)}
        for name, kind in self._columns("new_rows"):
            if name not in known:
                self.connection.execute(f"alter table {model.relation} add column {name} {kind}")

    def _columns(self, table: str) -> list[tuple[str, str]]:
        found = self.connection.execute(f"from {table} limit 0").description
        return [(name, str(kind)) for name, kind, *_ in found]

    def _solve(self, model: Model, batch: int, is_whole: bool) -> None:
        """A model whose materialization runs a program."""
        table, run = model.relation, self.connection.execute
        kind, columns, stamp = SOLVED[model.materialized]
        if kind == "matches" and is_whole:
            columns_of_all = "person_id bigint, matched_person_id bigint, batch_id bigint"
            run(f"create or replace table {table} ({columns_of_all})")
            is_whole = False
        program = self.compiled.programs[f"{kind}_{'full' if is_whole else 'changes'}"]
        values = {
            "$sql": model.first,
            "$people": "int_cdp__deterministic_people",
            "$decisions": "int_cdp__decision_edges",
            "$known": table,
        }
        if not is_whole:
            values["$last_batch"] = str(self._last_batch(model))
        run_steps(self.connection, _filled(program["steps"], values), self.is_script)
        select = f"select {columns}, {stamp}cast({batch} as bigint) as batch_id"
        if is_whole:
            run(f"create or replace table {table} as {select} from {program[kind]}")
            return
        written = program["written"]
        key = columns.split(",")[0]
        stays = {
            "components": "component_id is not null",
            "people": "person_id is not null",
            "matches": "not is_gone",
        }
        run(f"delete from {table} where {key} in (select {key} from {written})")
        run(f"insert into {table} by name {select} from {written} where {stays[kind]}")

    def _last_batch(self, model: Model) -> int:
        return self.query(f"select coalesce(max(batch_id), -1) from {model.relation}")[0][0]


class ProgramError(Exception):
    """A program has refused what it was given, or has not come to an end."""


def run_steps(
    connection: duckdb.DuckDBPyConnection, steps: Sequence[Any], is_script: bool = False
) -> None:
    """Run a program, see the macro cdp_run_steps."""

    def has_rows(query: str) -> bool:
        return bool(connection.execute(f"select 1 from ({query}) as checked limit 1").fetchall())

    for step in steps:
        if isinstance(step, str):
            connection.execute(step)
        elif "if" in step:
            if has_rows(step["if"]):
                run_steps(connection, step["do"], is_script)
        elif "while" in step:
            for _ in range(step.get("at_least", 0) if is_script else 0):
                run_steps(connection, step["do"], is_script)
            rounds = 0
            while has_rows(step["while"]):
                rounds += 1
                if rounds > step.get("limit", 64):
                    raise ProgramError(f"{step['what']} did not come to an end")
                run_steps(connection, step["do"], is_script)
        elif rows := connection.execute(step["fail_if"]).fetchall():
            raise ProgramError(" ".join([step["message"], *(row[0] for row in rows)]))


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    """A part of a program with its values filled in."""
    if isinstance(part, str):
        for name, value in values.items():
            part = part.replace(name, value)
    elif isinstance(part, list):
        part = [_filled(step, values) for step in part]
    elif isinstance(part, dict):
        part = {key: _filled(step, values) for key, step in part.items()}
    return part


def make_given(
    connection: duckdb.DuckDBPyConnection, given: Mapping[str, str] = IDENTITY_GIVEN
) -> None:
    """The given tables, empty."""
    connection.execute("create schema given")
    for name, columns in given.items():
        connection.execute(f"create table given.{name} ({columns})")


def give(connection: duckdb.DuckDBPyConnection, worlds: Iterable[World], batch: int) -> None:
    """Bring IDENTITY_GIVEN to the state of worlds. Rows that change get this batch number."""
    tuples, seen, blocks, decisions, candidates = [], [], [], [], []
    for world in worlds:
        for key, members in world.tuples.items():
            tuples += [(key, kind, raw) for (kind, _), raw in members.items()]
        for one in world.sightings.values():
            place = (one.group_key, world.tuple_of[one.group_key], one.source, one.origin)
            seen.append((*place, one.count, one.first_seen, one.last_seen, one.evidence, None))
        blocks += world.blocked
        decisions += map(_written, world.decisions)
        candidates += [
            (" ".join(one + other), *one, *other, *candidate)
            for (one, other), candidate in world.candidates.items()
        ]
    _update(connection, "int_cdp__identifier_tuples", "tuple_key", tuples, batch)
    _update(connection, "int_cdp__identity_observations", "group_key", seen, batch)
    _update(connection, "my_candidates", "candidate_id", candidates, batch)
    connection.execute("delete from given.my_blocks; delete from given.my_decisions")
    insert(connection, "given.my_blocks", blocks)
    insert(connection, "given.my_decisions", decisions)


def _written(decision: Decision) -> tuple[Any, ...]:
    sides: list[str | None] = []
    for side in (decision.one, decision.other):
        kind, value = side or (None, None)
        sides += [
            kind,
            spelled_otherwise(side) if decision.is_spelled_otherwise and side else value,
        ]
    return decision.decision_id, decision.decision, *sides, decision.decided_at


def _update(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    key: str,
    rows: Sequence[tuple[Any, ...]],
    batch: int,
) -> None:
    stored = f"select * exclude (batch_id) from given.{name}"
    connection.execute(f"create or replace temp table present as {stored} limit 0")
    insert(connection, "present", rows)
    connection.execute(f"create or replace temp table changed as from present except {stored}")
    connection.execute(f"delete from given.{name} where {key} in (select {key} from changed)")
    connection.execute(f"insert into given.{name} select *, {batch} from changed")


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        values = ", ".join(["unnest(?)"] * len(rows[0]))
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(f"insert into {table} select {values}", columns)
