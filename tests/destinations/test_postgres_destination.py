"""The Postgres destination, against a real server."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from dbt_cdp.activation.definition import Definition
from dbt_cdp.destinations.base import Action, Destination, Mode, Outcome, Row, Status, Sync
from dbt_cdp.destinations.conformance import (
    FIELDS,
    DestinationConformance,
    Fault,
    impatient,
    row_of,
)
from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.postgres.destination import PostgresDestination, PostgresSettings
from dbt_cdp.destinations.registry import read_destinations
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project, package_root
from postgres_proxy import PostgresProxy, serving

Query = Callable[..., list[tuple[Any, ...]]]

LEADS = """
    create table leads (
        email text primary key, name text, score int, is_customer boolean, seen_at timestamptz
    )
"""


@pytest.fixture
def connection(postgres_port: int) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to a database of the test's own: an empty schema `public`."""
    with psycopg.connect(f"{address(postgres_port)} user=dbt", autocommit=True) as connection:
        connection.execute("drop schema if exists public cascade; create schema public")
        connection.execute("set time zone 'UTC'")
        yield connection


@pytest.fixture
def query(connection: psycopg.Connection[Any]) -> Query:
    """Run a query as the owner."""

    def run(text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        cursor = connection.execute(text, parameters or None)
        return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture(autouse=True)
def dsn(postgres_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    text = f"postgresql://dbt@127.0.0.1:{postgres_port}/postgres"
    monkeypatch.setenv("SHOP_DSN", text)
    return text


def address(port: int) -> str:
    return f"host=127.0.0.1 port={port} dbname=postgres sslmode=disable gssencmode=disable"


def opened(
    mode: Mode = Mode.UPSERT,
    table: str = "leads",
    key: str = "email",
    fields: tuple[str, ...] = FIELDS,
    **settings: Any,
) -> Destination:
    entry = PostgresSettings(name="shop", type="postgres", dsn_env="SHOP_DSN", **settings)
    return PostgresDestination(entry, Sync("leads", mode, table, "", key, fields), Path())


def send(destination: Destination, *rows: Row, action: Action = Action.ADD) -> dict[str, Outcome]:
    """What became of rows, by their keys."""
    keys = {row.delivery_id: row.key for row in rows}
    return {keys[one.delivery_id]: one for one in destination.send(action, rows)}


def statuses(found: dict[str, Outcome]) -> dict[str, Status]:
    return {key: one.status for key, one in found.items()}


def row(key: str, delivery: str | None = None, **fields: Any) -> Row:
    return Row(delivery or f"d {key}", key, {"id": key, **fields})


class TestPostgres(DestinationConformance):
    faults = frozenset({Fault.FAILING, Fault.CUT, Fault.LOST, Fault.UNAUTHORIZED})

    @pytest.fixture
    def fake(
        self,
        postgres_port: int,
        connection: psycopg.Connection[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[PostgresProxy]:
        connection.execute(LEADS)
        with serving(PostgresProxy(postgres_port, connection, "leads")) as proxy:
            monkeypatch.setenv("SHOP_DSN", f"{address(proxy.port)} user=dbt")
            yield proxy

    def open(self, fake: Any, mode: Mode) -> Destination:
        return opened(mode)

    def test_a_batch_that_is_lost_again_and_again_is_written_once(
        self, fake: PostgresProxy, destination: Destination
    ) -> None:
        rows = [row_of(number).row for number in range(3)]
        fake.misbehave(Fault.LOST, 1_000)
        with impatient(), pytest.raises(DestinationUnavailableError, match="connection was cut"):
            send(destination, *rows)
        assert fake.count() == 3
        fake.misbehave(Fault.LOST, 0)
        assert set(statuses(send(destination, *rows)).values()) == {Status.ACKNOWLEDGED}
        assert fake.count() == 3

    def test_an_addition_whose_answer_is_lost_is_added_once(
        self, fake: PostgresProxy, query: Query
    ) -> None:
        query("drop table leads; create table leads (email text, cdp_delivery_id text unique)")
        with opened(Mode.APPEND, fields=("email",)) as destination, impatient():
            fake.misbehave(Fault.LOST, 2)
            found = send(destination, row_of(1).row, row_of(2).row)
        assert set(statuses(found).values()) == {Status.ACKNOWLEDGED}
        assert fake.count() == 2

    def test_a_deletion_whose_answer_is_lost_is_done(
        self, fake: PostgresProxy, destination: Destination
    ) -> None:
        send(destination, row_of(1).row, row_of(2).row)
        fake.misbehave(Fault.LOST, 2)
        with impatient():
            (outcome,) = destination.erase([row_of(1).row])
        assert outcome.status is Status.ACKNOWLEDGED
        assert fake.held().keys() == {row_of(2).row.key}


# Modes


def test_insert_leaves_records_that_are_there_as_they_are(query: Query) -> None:
    query("create table people (id text primary key, name text)")
    query("insert into people values ('1', 'theirs')")
    with opened(Mode.INSERT, "people", "id", ("id", "name")) as destination:
        found = send(destination, row("1", name="ours"), row("2", name="ours"))
    assert statuses(found) == {"1": Status.ACKNOWLEDGED, "2": Status.ACKNOWLEDGED}
    assert query("select * from people order by id") == [("1", "theirs"), ("2", "ours")]


def test_update_rejects_rows_without_a_record(query: Query) -> None:
    query("create table people (id text, name text)")
    query("insert into people values ('1', 'old'), ('1', 'also'), ('3', 'other')")
    with opened(Mode.UPDATE, "people", "id", ("id", "name")) as destination:
        found = send(destination, row("1", name="new"), row("2", name="new"))
    assert found["1"].status is Status.ACKNOWLEDGED
    assert (found["2"].status, found["2"].reason) == (Status.REJECTED, "no record has this key")
    assert query("select * from people order by 1, 2") == [
        ("1", "new"),
        ("1", "new"),
        ("3", "other"),
    ]


@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.INSERT, Mode.UPDATE, Mode.MIRROR])
def test_a_table_may_have_the_key_alone(query: Query, mode: Mode) -> None:
    query("create table people (id text primary key)")
    query("insert into people values ('1')")
    with opened(mode, "people", "id", ("id",)) as destination:
        found = send(destination, row("1"), row("2"))
    is_update = mode is Mode.UPDATE
    assert found["1"].status is Status.ACKNOWLEDGED
    assert found["2"].status is (Status.REJECTED if is_update else Status.ACKNOWLEDGED)
    assert query("select * from people order by 1") == [("1",)] + [("2",)] * (not is_update)


def test_append_adds_a_delivery_once(query: Query) -> None:
    query("create table log (id text, name text, cdp_delivery_id text unique)")
    with opened(Mode.APPEND, "log", "id", ("id", "name")) as destination:
        first, second = row("1", "d1", name="a"), row("1", "d2", name="b")
        for one in (first, second, first, row("2", "d3", name="c"), second):
            assert statuses(send(destination, one)) == {one.key: Status.ACKNOWLEDGED}
        assert query("select id, name from log order by cdp_delivery_id") == [
            ("1", "a"),
            ("1", "b"),
            ("2", "c"),
        ]
        removed = send(destination, Row("d4", "1"), Row("d5", "7"), action=Action.REMOVE)
    assert statuses(removed) == {"1": Status.ACKNOWLEDGED, "7": Status.ACKNOWLEDGED}
    assert query("select id from log") == [("2",)]


def test_columns_that_are_no_fields_keep_their_values(query: Query) -> None:
    query("create table people (id text primary key, name text, note text default 'new')")
    query("insert into people values ('1', 'old', 'by hand')")
    with opened(Mode.MIRROR, "people", "id", ("id", "name")) as destination:
        send(destination, row("1", name=None), row("2", name="b"))
    assert query("select * from people order by id") == [("1", None, "by hand"), ("2", "b", "new")]


def test_keys_are_compared_exactly(query: Query) -> None:
    query("create table people (id text primary key)")
    keys = ["a", "A", "á", "a\u0301", "a b", "a  b", "a%", "a_", "\\", "'", '"', "{}", "\t", "木"]
    with opened(table="people", key="id", fields=("id",)) as destination:
        send(destination, *(row(key) for key in keys))
        assert sorted(key for (key,) in query("select id from people")) == sorted(keys)
        list(destination.erase([row("A"), row("a%"), row("\\"), row("\t")]))
    gone = {"A", "a%", "\\", "\t"}
    assert {key for (key,) in query("select id from people")} == set(keys) - gone


def test_the_key_is_written_as_it_is_looked_for(query: Query) -> None:
    """The engine takes the spaces around a key away, and removes it so."""
    query("create table people (id text primary key, name text)")
    sent = Row("d1", "a", {"id": " a ", "name": "n"})
    with opened(table="people", key="id", fields=("id", "name")) as destination:
        assert send(destination, sent)["a"].sent == {"id": "a", "name": "n"}
        assert query("select id from people") == [("a",)]
        assert send(destination, row("b", name="n"))["b"].sent is None


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", "7", ["07", "+7", "7.0", " 7", "x", "٣", "1e3", "9" * 30]),
        ("bigint", "-7", ["-07", "-0"]),
        ("bigint", "9223372036854775807", ["9223372036854775808", "-9223372036854775809"]),
        ("smallint", "1", ["9223372036854775807"]),
        ("char(3)", "ab", ["abcd"]),
        ("uuid", "0b5f3a52-1b1c-4d3e-9f00-0123456789ab", ["0B5F3A52-1B1C-4D3E-9F00-0123456789AB"]),
        ("varchar(3)", "abc", ["abcd"]),
        ("text", "abc", ["a\0c", "a\ud800"]),
    ],
)
def test_a_key_that_the_column_would_hold_otherwise_is_rejected(
    query: Query, kind: str, good: str, bad: list[str]
) -> None:
    query(f"create table people (id {kind} primary key)")
    with opened(table="people", key="id", fields=("id",)) as destination:
        found = send(destination, row(good), *map(row, bad))
        assert found.pop(good).status is Status.ACKNOWLEDGED
        assert set(statuses(found).values()) == {Status.REJECTED}
        assert all(one.reason for one in found.values())
        assert query("select id::text from people") == [(good,)]
        erased = list(destination.erase([row(good), *map(row, bad)]))
    assert {one.status for one in erased} == {Status.ACKNOWLEDGED}
    assert query("select * from people") == []


# Values


def written(query: Query, kind: str, value: Any) -> tuple[Outcome, Any]:
    """What becomes of a value in a column of a type, and how it is held, as text."""
    query(f"create table things (id text primary key, v {kind})")
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        outcome = send(destination, row("1", v=value))["1"]
    found = query("select v::text from things")
    return outcome, found[0][0] if found else None


NOON = datetime(2026, 6, 1, 12, 0, 0, 125_000)
IN_BERLIN = datetime(2026, 6, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("kind", "value", "held"),
    [
        ("int", 7, "7"),
        ("int", Decimal("7.00"), "7"),
        ("int", Decimal("1E+3"), "1000"),
        ("int", 7.0, "7"),
        ("smallint", "7", "7"),
        ("numeric", Decimal("0.1000000000000000000000001"), "0.1000000000000000000000001"),
        ("numeric(6, 2)", Decimal("12.5"), "12.50"),
        ("numeric", Decimal("NaN"), "NaN"),
        ("double precision", 0.1, "0.1"),
        ("double precision", 1e300, "1e+300"),
        ("double precision", float("-inf"), "-Infinity"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("text", True, "true"),
        ("text", 12, "12"),
        ("date", date(2026, 6, 1), "2026-06-01"),
        ("timestamp", NOON, "2026-06-01 12:00:00.125"),
        ("timestamp", IN_BERLIN, "2026-06-01 12:00:00"),
        ("timestamptz", NOON, "2026-06-01 12:00:00.125+00"),
        ("timestamptz", IN_BERLIN, "2026-06-01 12:00:00+00"),
        ("timestamptz", NOON.replace(tzinfo=UTC), "2026-06-01 12:00:00.125+00"),
        ("timestamptz", "2026-06-01 12:00:00", "2026-06-01 12:00:00+00"),
        ("interval", timedelta(days=1, hours=2), "1 day 02:00:00"),
        ("jsonb", {"a": [1, None, "é\"'\\"], "b": NOON}, None),
        ("jsonb", ["x"], '["x"]'),
        ("jsonb", '{"a": 1}', '{"a": 1}'),
        ("json", "[1,  2]", "[1,  2]"),
        ("jsonb", 5, "5"),
        ("jsonb", True, "true"),
        ("text", {"a": "é"}, '{"a": "é"}'),
        ("text[]", ["a", None, "NULL", 'q"\\', "", "{,}", " b "], None),
        ("int[]", [1, 2], "{1,2}"),
        ("int[]", [Decimal("3.0"), 4.0], "{3,4}"),
        ("int[]", [[1], [2]], "{{1},{2}}"),
        ("text[]", "{a,b}", "{a,b}"),
        ("bytea", b"\0\xff", "\\x00ff"),
        ("uuid", "0B5F3A52-1B1C-4D3E-9F00-0123456789AB", "0b5f3a52-1b1c-4d3e-9f00-0123456789ab"),
        ("text", None, None),
        ("text", "", ""),
        ("text", "\\N", "\\N"),
        ("text", "\\.", "\\."),
        ("text", "a\tb\nc\rd\\t", "a\tb\nc\rd\\t"),
        ("text", "'; drop table things; --", "'; drop table things; --"),
        ("text", "%s %(a)s $1 {}", "%s %(a)s $1 {}"),
        ("text", "\u2028\ufeff👩‍👩‍👧", "\u2028\ufeff👩‍👩‍👧"),
        ("varchar(3)", "木木木", "木木木"),
        ("mood", "happy", "happy"),
        ("short", "ab", "ab"),
    ],
)
def test_values_arrive_as_they_are(query: Query, kind: str, value: Any, held: str | None) -> None:
    query(
        "create type mood as enum ('happy');"
        " create domain short as varchar(3) check (value <> 'no')"
    )
    outcome, found = written(query, kind, value)
    assert outcome.status is Status.ACKNOWLEDGED, outcome.reason
    if kind == "jsonb" and isinstance(value, dict):
        ((content,),) = query("select v from things")
        assert content == {"a": [1, None, "é\"'\\"], "b": "2026-06-01T12:00:00.125000Z"}
    elif kind == "text[]" and isinstance(value, list):
        assert query("select v from things") == [(value,)]
    else:
        assert found == held


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("int", "secret", "22P02: a value is not of the type (column v, integer)"),
        ("int", "", "22P02: a value is not of the type (column v, integer)"),
        ("int", 7.5, "22P02: a value is not of the type (column v, integer)"),
        ("smallint", 70_000, "22003: a number is out of range (column v, smallint)"),
        (
            "numeric(4, 2)",
            Decimal("123.4"),
            "22003: a number is out of range (column v, numeric(4,2))",
        ),
        ("date", "secret", "22007: a date or a time cannot be read (column v, date)"),
        ("date", "2026-02-30", "22008: a date or a time is out of range (column v, date)"),
        ("varchar(3)", "secret", "22001: a text is too long (column v, character varying(3))"),
        ("char(3)", "secret", "22001: a text is too long (column v, character(3))"),
        ("jsonb", "secret", "22P02: a value is not of the type (column v, jsonb)"),
        ("jsonb", {"secret": float("nan")}, "22P02: a value is not of the type (column v, jsonb)"),
        (
            "jsonb",
            {"secret": "\0"},
            "22P05: a letter is none that the database can hold (column v, jsonb)",
        ),
        ("mood", "secret", "22P02: a value is not of the type (column v, mood)"),
        ("short", "secret", "22001: a text is too long (column v, short)"),
        ("short", "no", "23514: a check fails (column v, short) (constraint short_check)"),
        ("text not null", None, "23502: a value is missing (column v, text)"),
        (
            "text check (v <> 'secret')",
            "secret",
            "23514: a check fails (constraint things_v_check)",
        ),
        (
            "text unique",
            "taken",
            "23505: another record has the same value (constraint things_v_key)",
        ),
        (
            "text unique deferrable initially deferred",
            "taken",
            "23505: another record has the same value (constraint things_v_key)",
        ),
        ("text", "secret\0", "v: it holds the letter NUL, which no text of Postgres can have"),
        ("text", "secret\udc00", "v: it holds half a letter (a lone surrogate)"),
    ],
)
def test_a_bad_row_is_refused_alone_and_its_reason_quotes_nothing(
    query: Query, kind: str, value: Any, reason: str
) -> None:
    query(
        "create type mood as enum ('happy');"
        " create domain short as varchar(3) check (value <> 'no')"
    )
    query(f"create table things (id text primary key, v {kind}, w int)")
    good = None if "null" not in kind else "x"
    if value == "taken":
        query("insert into things values ('other', 'taken')")
    with opened(table="things", key="id", fields=("id", "v", "w")) as destination:
        rows = [row(f"{n:02}", v=value if n == 7 else good, w=n) for n in range(20)]
        found = send(destination, *rows)
    bad = found.pop("07")
    assert (bad.status, bad.reason) == (Status.REJECTED, reason)
    assert set(statuses(found).values()) == {Status.ACKNOWLEDGED}
    assert query("select id, w from things where id <> 'other' order by id") == [
        (f"{n:02}", n) for n in range(20) if n != 7
    ]


def test_many_bad_rows_are_told_from_good_ones(query: Query) -> None:
    query("create table things (id text primary key, v int check (v <> 3))")
    values = {f"{n:04}": ["x", 3, n * 10][n % 3] for n in range(1_000)}
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        found = send(destination, *(row(key, v=value) for key, value in values.items()))
        good = {key: value for key, value in values.items() if value not in ("x", 3)}
        assert {key for key, one in found.items() if one.status is Status.ACKNOWLEDGED} == set(good)
        assert dict(query("select * from things")) == good


def test_names_are_quoted(query: Query) -> None:
    names = (
        "ID %s",
        'na"me',
        "n",
        "key",
        "$$",
        "$cdp$",
        "cdp_row",
        "select",
        "field_0",
        "{}",
        "a.b",
    )
    columns = ", ".join('"' + name.replace('"', '""') + '" text' for name in names[1:])
    query('create schema "My schema"')
    query(f'create table "My schema"."Ta;ble" ("ID %s" int primary key, {columns})')
    fields = {name: f"v {name}" for name in names[1:]}
    bad = {**fields, "n": "\0"}
    with opened(table="My schema.Ta;ble", key="ID %s", fields=names) as destination:
        assert destination.check() == ('the table "My schema"."Ta;ble" takes rows in mode upsert')
        found = send(
            destination,
            Row("d1", "1", fields),
            Row("d2", "99999999999", fields),
            Row("d3", "3", bad),
        )
        assert [one.status.value for one in found.values()].count("rejected") == 2
        assert query('select * from "My schema"."Ta;ble"') == [(1, *fields.values())]
        list(destination.erase([Row("d4", "1")]))
    assert query('select * from "My schema"."Ta;ble"') == []
    query('drop schema "My schema" cascade')


# What triggers and other tables do


def trigger(query: Query, when: str, body: str, level: str = "row") -> None:
    query(f"create function decide() returns trigger language plpgsql as $$ begin {body} end $$")
    query(f"create trigger decide {when} on things for each {level} execute function decide()")


def test_what_a_trigger_leaves_out_is_not_acknowledged(query: Query) -> None:
    query("create table things (id text primary key, v text)")
    trigger(query, "before insert", "if new.id = '2' then return null; end if; return new;")
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        found = send(destination, *(row(key, v="x") for key in "123"))
    assert found["2"].status is Status.REJECTED
    assert query("select id from things order by id") == [("1",), ("3",)]


def test_an_update_that_changes_nothing_is_acknowledged(query: Query) -> None:
    query("create table things (id text primary key, v text)")
    query(
        "create trigger same before update on things for each row"
        " execute function suppress_redundant_updates_trigger()"
    )
    for mode in (Mode.UPSERT, Mode.UPDATE):
        query("truncate things; insert into things values ('1', 'x')")
        with opened(mode, "things", "id", ("id", "v")) as destination:
            assert send(destination, row("1", v="x"))["1"].status is Status.ACKNOWLEDGED


def test_what_a_trigger_refuses_is_rejected_without_its_words(query: Query) -> None:
    query("create table things (id text primary key, v text)")
    trigger(
        query,
        "before insert",
        "if new.v = 'secret' then raise exception 'not %', new.v; end if; return new;",
    )
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        found = send(destination, row("1", v="secret"), row("2", v="x"))
    assert found["1"].reason == "P0001: a trigger refuses it"
    assert query("select id from things") == [("2",)]


def test_what_a_trigger_keeps_is_not_gone(query: Query) -> None:
    query("create table things (id text primary key, v text)")
    query("insert into things values ('1'), ('2')")
    trigger(query, "before delete", "if old.id = '2' then return null; end if; return old;")
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        found = send(destination, Row("d1", "1"), Row("d2", "2"), action=Action.REMOVE)
    assert statuses(found) == {"1": Status.ACKNOWLEDGED, "2": Status.RETRY}
    assert query("select id from things") == [("2",)]


def test_what_other_tables_go_with_is_tried_again(query: Query) -> None:
    query("create table firms (id text primary key); insert into firms values ('f')")
    query("create table things (id text primary key, v text references firms)")
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        found = send(destination, row("1", v="f"), row("2", v="secret"))
        assert statuses(found) == {"1": Status.ACKNOWLEDGED, "2": Status.RETRY}
        assert "things_v_fkey" in (found["2"].reason or "")
        assert "secret" not in (found["2"].reason or "")
    query("insert into firms values ('g')")
    with opened(table="firms", key="id", fields=("id",)) as destination:
        found = send(destination, Row("d1", "f"), Row("d2", "g"), action=Action.REMOVE)
    assert statuses(found) == {"f": Status.RETRY, "g": Status.ACKNOWLEDGED}


# What the server does


def test_a_session_that_is_ended_is_begun_again(query: Query) -> None:
    query("create table things (id text primary key, v text); create sequence kills")
    trigger(
        query,
        "after insert",
        "if nextval('kills') < 3 then perform pg_terminate_backend(pg_backend_pid()); end if;"
        " return null;",
        "statement",
    )
    with opened(table="things", key="id", fields=("id", "v")) as destination, impatient():
        assert send(destination, row("1", v="x"))["1"].status is Status.ACKNOWLEDGED
    assert query("select * from things") == [("1", "x")]
    assert query("select last_value from kills") == [(3,)]


@pytest.mark.parametrize("state", ["40001", "40P01", "53300", "55P03", "57014", "57P01", "58030"])
def test_conflicts_and_time_outs_are_tried_again(query: Query, state: str) -> None:
    query("create table things (id text primary key, v text); create sequence failures")
    trigger(
        query,
        "after insert",
        f"if nextval('failures') < 3 then raise 'secret' using errcode = '{state}'; end if;"
        " return null;",
    )
    with opened(table="things", key="id", fields=("id", "v")) as destination, impatient():
        assert send(destination, row("1", v="x"))["1"].status is Status.ACKNOWLEDGED
        query("alter sequence failures minvalue -1000 restart with -1000")
        with pytest.raises(DestinationUnavailableError, match=state) as error:
            send(destination, row("2", v="x"))
    assert "secret" not in error.value.message
    assert query("select id from things") == [("1",)]


def test_another_error_stops_the_sync(query: Query) -> None:
    query("create table things (id text primary key, v text)")
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        send(destination, row("1", v="x"))
        query("alter table things drop column v")
        with pytest.raises(DestinationRefusedError, match='42703: column "v"'):
            send(destination, row("2", v="x"))
        query(
            "create function fail() returns trigger language plpgsql as $$ begin"
            " raise 'secret' using errcode = 'ABCDE'; end $$;"
            " alter table things add column v text;"
            " create trigger fail before insert on things execute function fail()"
        )
        with pytest.raises(DestinationRefusedError, match="ABCDE") as error:
            send(destination, row("2", v="x"))
    assert "secret" not in error.value.message


def test_two_that_write_the_same_rows_do_not_block_each_other(query: Query) -> None:
    query("create table things (id text primary key, v text)")
    rows = [row(f"{n:04}", v="x") for n in range(2_000)]

    def write(rows: list[Row]) -> set[Status]:
        with opened(table="things", key="id", fields=("id", "v")) as destination:
            return {one.status for _ in range(3) for one in destination.send(Action.ADD, rows)}

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, [rows, rows[::-1]])) == [{Status.ACKNOWLEDGED}] * 2
    assert query("select count(*) from things") == [(2_000,)]
    assert query("select deadlocks from pg_stat_database where datname = 'postgres'") == [(0,)]


# Logins


@pytest.mark.parametrize(
    ("dsn", "meaning"),
    [
        ("{address} user=app password=wrong-secret", "the user or the password is wrong"),
        ("{address} user=app", "it asks for a password"),
        ("{address} user=nobody_known", "it does not know the user"),
        ("{address} user=dbt dbname=none_such", "there is no such database"),
        ("{address} user=locked", "the user may not log in"),
        ("{address} user=dbt sslmode=require", "it has no TLS"),
    ],
)
def test_a_refused_login_stops_the_sync(
    query: Query, postgres_port: int, monkeypatch: pytest.MonkeyPatch, dsn: str, meaning: str
) -> None:
    roles(query)
    text = dsn.format(address=address(postgres_port))
    monkeypatch.setenv("SHOP_DSN", text)
    with opened() as destination, pytest.raises(DestinationRefusedError, match=meaning) as error:
        destination.check()
    assert "look at SHOP_DSN" in error.value.message
    for secret in ("wrong-secret", "127.0.0.1", str(postgres_port), "none_such", "nobody_known"):
        assert secret not in error.value.message


@pytest.mark.parametrize(
    ("dsn", "meaning"),
    [
        ("host=127.0.0.1 port=1 user=u password=hidden", "nobody listens there"),
        ("host=db.invalid user=u password=hidden", "the name of the server is not known"),
        ("{address} user=app password=app-secret", "it has too many connections"),
    ],
)
def test_a_server_that_is_away_is_left_to_the_next_run(
    query: Query, postgres_port: int, monkeypatch: pytest.MonkeyPatch, dsn: str, meaning: str
) -> None:
    roles(query)
    query("alter role app connection limit 0")
    monkeypatch.setenv("SHOP_DSN", dsn.format(address=address(postgres_port)))
    with (
        impatient(),
        opened() as destination,
        pytest.raises(DestinationUnavailableError, match=meaning) as error,
    ):
        send(destination, row_of(1).row)
    assert "hidden" not in error.value.message and "invalid" not in error.value.message


@pytest.mark.parametrize(
    "dsn", ["hidden", "postgresql://u:hid%zzden@h", "host=h hidden=1", "host=h password='hidden"]
)
def test_a_connection_string_that_cannot_be_read_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setenv("SHOP_DSN", dsn)
    with pytest.raises(ConfigurationError, match="SHOP_DSN cannot be read") as error:
        opened()
    assert "hid" not in error.value.message
    assert error.value.__cause__ is None and error.value.__suppress_context__


@pytest.mark.parametrize(
    ("dsn", "sslmode"),
    [
        ("postgresql://u@db.example/shop", "require"),
        ("postgresql://u@127.0.0.1,db.example/shop", "require"),
        ("host=localhost hostaddr=192.0.2.1", "require"),
        ("postgresql://u@db.example/shop?sslmode=verify-full", "verify-full"),
        ("postgresql://u@db.example/shop?sslmode=disable", "disable"),
        ("postgresql://u@127.0.0.1/shop", None),
        ("postgresql://u@localhost,[::1]/shop", None),
        ("host=/run/postgresql dbname=shop", None),
    ],
)
def test_nothing_goes_to_another_machine_for_everybody_to_read(
    monkeypatch: pytest.MonkeyPatch, dsn: str, sslmode: str | None
) -> None:
    monkeypatch.setenv("SHOP_DSN", dsn)
    given: dict[str, Any] = {}

    def connect(**parameters: Any) -> None:
        given.update(parameters)
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg, "connect", connect)
    with impatient(), opened() as destination, pytest.raises(DestinationUnavailableError):
        destination.check()
    assert given.get("sslmode") == sslmode


# Settings, and what `check` asks for


def test_an_entry_has_these_keys_and_no_others(shop: Path) -> None:
    def read(**more: str) -> Any:
        file = shop / "dbt_project.yml"
        content = yaml.safe_load(file.read_text())
        entry = {"name": "db", "type": "postgres", "dsn_env": "SHOP_DSN", **more}
        content.setdefault("vars", {})["cdp_destinations"] = [entry]
        file.write_text(yaml.safe_dump(content))
        return read_destinations(Project.find(shop))["db"]

    assert (read().schema_name, read(schema="crm").schema_name) == ("public", "crm")
    with pytest.raises(ConfigurationError, match="name, type, dsn_env, schema") as error:
        read(password="hidden")
    assert "hidden" not in error.value.message


@pytest.mark.parametrize("name", ["", ".", "a.", ".b", "a.b.c"])
def test_a_sync_has_to_name_a_table(name: str) -> None:
    with pytest.raises(ConfigurationError, match="does not name a table"):
        opened(table=name)


def test_the_column_of_deliveries_is_no_field() -> None:
    with pytest.raises(ConfigurationError, match="cdp_delivery_id"):
        opened(Mode.APPEND, fields=("email", "cdp_delivery_id"))


def test_tables_are_in_the_schema_of_the_entry(query: Query) -> None:
    query("drop schema if exists crm cascade; create schema crm")
    query("create table crm.people (id text primary key)")
    with opened(table="people", key="id", fields=("id",), schema="crm") as destination:
        assert '"crm"."people"' in destination.check()
    query("drop schema crm cascade")


def refusal(
    mode: Mode = Mode.UPSERT, fields: tuple[str, ...] = ("id", "v")
) -> DestinationRefusedError:
    """How a check ends; sending ends so too."""
    with opened(mode, "things", "id", fields) as destination:
        with pytest.raises(DestinationRefusedError) as checked:
            destination.check()
        with pytest.raises(DestinationRefusedError) as sent:
            send(destination, row("1", v="x"))
        assert sent.value.message == checked.value.message
    return checked.value


def statements(error: DestinationRefusedError) -> list[str]:
    """The statements of a remedy."""
    return [line.strip() for line in (error.remedy or "").splitlines()[1:]]


@pytest.mark.parametrize("mode", sorted(PostgresDestination.modes))
@pytest.mark.parametrize(
    "table",
    [
        "",
        "create table things (id text)",
        "create table things (id text, v text, cdp_delivery_id text)",
        "create table things (id int, v text); create unique index on things (id, v)",
        "create table things (id text, v text); create unique index on things (id) where v = 'x'",
        "create table things (id text, v text); create unique index on things (lower(id))",
    ],
)
def test_what_is_missing_is_mended_by_the_statements_that_are_told(
    query: Query, mode: Mode, table: str
) -> None:
    query(table or "select 1")
    if mode is Mode.UPDATE and "v text" in table:
        pytest.skip("it needs no index")
    for statement in statements(refusal(mode)):
        query(statement)
    with opened(mode, "things", "id", ("id", "v")) as destination:
        assert destination.check() == f'the table "public"."things" takes rows in mode {mode}'
        found = send(destination, row("1", v="x"))["1"]
    assert found.status is (Status.REJECTED if mode is Mode.UPDATE else Status.ACKNOWLEDGED)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("create view things as select '1' as id, '2' as v", "is no table"),
        (
            "create table things (id text primary key, v text generated always as (id) stored)",
            "computed",
        ),
        (
            "create table things (id int generated always as identity primary key, v text)",
            "computed",
        ),
        ("create table things (id text primary key, v text, w int not null)", '"w" needs a value'),
        ("create table things (id float primary key, v text)", "double precision"),
        ("create table things (id text unique deferrable, v text)", "deferrable"),
        (
            "create collation blind"
            " (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
            " create table things (id text collate blind primary key, v text)",
            "not always told apart",
        ),
    ],
)
def test_a_table_that_cannot_take_the_rows_is_refused(
    query: Query, table: str, problem: str
) -> None:
    query(table)
    assert problem in refusal().problem


def test_a_table_may_be_more_than_a_sync_needs(query: Query) -> None:
    query("create domain code as varchar(9); create sequence numbers")
    query(
        "create table things (id code primary key, v text, n serial not null, w int not null"
        " default 7, g text generated always as (v) stored, k int generated always as identity)"
        " partition by hash (id);"
        " create table part partition of things for values with (modulus 1, remainder 0)"
    )
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        destination.check()
        assert send(destination, row("1", v="x"))["1"].status is Status.ACKNOWLEDGED
    assert query("select id, v, n, w, g from things") == [("1", "x", 1, 7, "x")]


def roles(query: Query) -> None:
    """The roles `app`, with the password app-secret, and `locked`, without any rights."""
    for name in ("app", "locked"):
        if query("select 1 from pg_roles where rolname = %s", name):
            query(f"drop owned by {name} cascade; drop role {name}")
    query("create role app login password 'app-secret'; create role locked")


@pytest.mark.parametrize("mode", sorted(PostgresDestination.modes))
def test_rights_that_are_missing_are_told_and_enough(
    query: Query, mode: Mode, postgres_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles(query)
    query("create table things (id text primary key, v text, w text, cdp_delivery_id text unique)")
    query("revoke temporary on database postgres from public")
    monkeypatch.setenv("SHOP_DSN", f"{address(postgres_port)} user=app password=app-secret")
    error = refusal(mode)
    assert 'the user "app" lacks rights' in error.problem
    for statement in statements(error):
        assert statement.startswith("grant")
        query(statement)
    with opened(mode, "things", "id", ("id", "v")) as destination:
        destination.check()
        found = send(destination, row("1", v="x"))["1"]
        assert found.status is (Status.REJECTED if mode is Mode.UPDATE else Status.ACKNOWLEDGED)
        list(destination.erase([row("1")]))
    assert query("select * from things") == []
    query("grant temporary on database postgres to public")


def test_rights_on_the_columns_of_a_sync_are_enough(
    query: Query, postgres_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles(query)
    query("create table things (id text primary key, v text, w text)")
    query("grant usage on schema public to app")
    query("grant select (id, v), insert (id, v), update (v), delete on things to app")
    monkeypatch.setenv("SHOP_DSN", f"{address(postgres_port)} user=app password=app-secret")
    with opened(table="things", key="id", fields=("id", "v")) as destination:
        destination.check()
        for value in ("x", "y"):
            assert send(destination, row("1", v=value))["1"].status is Status.ACKNOWLEDGED
        assert query("select * from things") == [("1", "y", None)]
        send(destination, row("1"), action=Action.REMOVE)
    assert query("select * from things") == []


def test_a_server_that_only_reads_is_refused(
    query: Query, postgres_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    query("create table things (id text primary key, v text)")
    read_only = "options='-c default_transaction_read_only=on'"
    monkeypatch.setenv("SHOP_DSN", f"{address(postgres_port)} user=dbt {read_only}")
    assert "a standby" in refusal().problem


def test_rows_that_a_policy_hides_are_not_taken_for_gone(
    query: Query, postgres_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles(query)
    query("create table things (id text primary key, v text); insert into things values ('1', 'x')")
    query("grant usage on schema public to app; grant all on things to app")
    query("alter table things enable row level security")
    monkeypatch.setenv("SHOP_DSN", f"{address(postgres_port)} user=app password=app-secret")
    assert "row level security hides rows" in refusal().problem
    destination = opened(table="things", key="id", fields=("id", "v"))
    with destination, pytest.raises(DestinationRefusedError):
        list(destination.erase([row("1")]))
    assert query("select id from things") == [("1",)]


def test_the_page_leads_to_a_sync_that_works(
    query: Query, postgres_port: int, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (package_root() / "docs" / "destinations" / "postgres.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
    query("drop role if exists cdp_writer")
    for kind, text in blocks:
        if not kind and text.startswith("create"):
            query(text)
    variables, exposures = (yaml.safe_load(text) for kind, text in blocks if kind == "yaml")
    (entry,) = variables["vars"]["cdp_destinations"]
    (exposure,) = exposures["exposures"]
    meta = exposure["config"]["meta"]["cdp_sync"]
    sync = Definition.model_validate({**meta, "name": exposure["name"]})
    settings = PostgresSettings.model_validate(entry)
    assert sync.destination == settings.name
    monkeypatch.setenv(settings.dsn_env, f"{address(postgres_port)} user=cdp_writer")
    with PostgresDestination(settings, sync.for_destination(), Path()) as destination:
        destination.check()
        values = {"email": "a@shop.example", "name": "A", "lead_score": 1, "last_seen_at": NOON}
        found = send(destination, Row("d1", "a@shop.example", values))
    assert statuses(found) == {"a@shop.example": Status.ACKNOWLEDGED}
    assert query("select * from leads") == [("a@shop.example", "A", 1, NOON.replace(tzinfo=UTC))]
    monkeypatch.setenv("SHOP_DSN", dsn)
    with opened(Mode.APPEND, "lead_log", "email", ("email", "lead_score")) as destination:
        destination.check()
    query("drop owned by cdp_writer; drop role cdp_writer")
