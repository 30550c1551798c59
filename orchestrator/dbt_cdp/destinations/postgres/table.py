"""A table of Postgres: what it is like, what it lacks for a sync, and the statements on it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from typing_extensions import override

from dbt_cdp.destinations.base import Mode, Row, Sync
from dbt_cdp.destinations.values import json_value, plain_text

# In mode append: what makes a delivery that is sent again have no second effect.
DELIVERY_COLUMN = "cdp_delivery_id"

# Types by which keys can be told apart exactly, and what keys of them look like: two that differ
# as texts differ in the table too.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_TEXT = re.compile(r".*", re.DOTALL)
_KEYS = {
    "text": _TEXT,
    "varchar": _TEXT,
    "bpchar": _TEXT,
    "uuid": _UUID,
    "int2": _INTEGER,
    "int4": _INTEGER,
    "int8": _INTEGER,
}

_LARGEST_BIGINT = 2**63 - 1

# Modes that put in rows, and those that tell by the key whether one is there.
_INSERTING = {Mode.UPSERT, Mode.INSERT, Mode.MIRROR, Mode.APPEND}
_UPSERTING = {Mode.UPSERT, Mode.INSERT, Mode.MIRROR}
_CHANGING = {Mode.UPSERT, Mode.UPDATE, Mode.MIRROR}

# Up to this number every float that is whole is told apart from the next.
_LARGEST_WHOLE = 2.0**53

_TABLE = """
select
    pg_class.oid as id,
    pg_class.relkind in ('r', 'p') as is_table,
    row_security_active(pg_class.oid) as is_filtered,
    current_setting('transaction_read_only') = 'on' as is_read_only,
    current_user as user_name,
    current_database() as database_name,
    has_table_privilege(pg_class.oid, 'delete') as can_delete,
    has_schema_privilege(pg_namespace.oid, 'usage') as can_look,
    has_database_privilege(current_database(), 'temporary') as can_stage
from pg_catalog.pg_class
inner join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
where pg_namespace.nspname = %s and pg_class.relname = %s
"""
_COLUMNS = """
with recursive bases as (
    select attnum, atttypid as type_id
    from pg_catalog.pg_attribute
    where attrelid = %(table)s and attnum > 0 and not attisdropped
    union all
    select bases.attnum, pg_type.typbasetype
    from bases
    inner join pg_catalog.pg_type on pg_type.oid = bases.type_id
    where pg_type.typtype = 'd'
)
select
    columns.attname as name,
    format_type(columns.atttypid, columns.atttypmod) as type,
    format_type(types.oid, -1) as base_type,
    types.typname as base_name,
    types.typcategory = 'A' as is_array,
    coalesce(collations.collisdeterministic, true) as is_exact,
    columns.attnotnull and not columns.atthasdef and columns.attidentity = '' as is_needed,
    columns.attgenerated <> '' or columns.attidentity = 'a' as is_computed,
    exists (
        select 1 from pg_catalog.pg_index
        where
            indrelid = columns.attrelid
            and indisunique and indisvalid and indimmediate
            and indpred is null
            and indnkeyatts = 1 and indkey[0] = columns.attnum
    ) as is_unique,
    exists (
        select 1 from pg_catalog.pg_index
        where
            indrelid = columns.attrelid
            and indisunique and not indimmediate
            and indnkeyatts = 1 and indkey[0] = columns.attnum
    ) as is_deferrable,
    has_column_privilege(columns.attrelid, columns.attnum, 'select') as can_select,
    has_column_privilege(columns.attrelid, columns.attnum, 'insert') as can_insert,
    has_column_privilege(columns.attrelid, columns.attnum, 'update') as can_update
from bases
inner join pg_catalog.pg_type as types on types.oid = bases.type_id and types.typtype <> 'd'
inner join pg_catalog.pg_attribute as columns
    on columns.attrelid = %(table)s and columns.attnum = bases.attnum
left join pg_catalog.pg_collation as collations on collations.oid = columns.attcollation
"""

_ALL_ROWS = sql.SQL("pg_temp.cdp_rows as incoming")

_FAILURES = """
create temp table cdp_failures (
    n int, state text, failed_constraint text, failed_column text
) on commit drop
"""
_ONE_BY_ONE = sql.SQL("""
#variable_conflict use_column
declare
    cdp_row record;
    cdp_state text;
    cdp_constraint text;
    cdp_column text;
    {variables}
begin
    for cdp_row in select * from pg_temp.cdp_rows order by n loop
        begin
            {statement};
        exception when data_exception or integrity_constraint_violation or raise_exception then
            get stacked diagnostics
                cdp_state = returned_sqlstate,
                cdp_constraint = constraint_name,
                cdp_column = column_name;
            {probes}
            insert into pg_temp.cdp_failures
            values (cdp_row.n, cdp_state, cdp_constraint, cdp_column);
        end;
    end loop;
end
""")
# The error does not name the column whose type a value is not of.
_PROBE = sql.SQL("""
begin
    {variable} := cdp_row.{staged};
exception when data_exception or integrity_constraint_violation then
    cdp_column := {name};
end;
""")


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        name: its name.
        type: its type, with length and precision.
        base_type: what a text is cast to. It has no length and no precision, since a cast cuts off
            what is too long, and an assignment refuses it.
        base_name: that type's name in the catalog.
        is_array: whether it holds arrays.
        is_exact: whether texts that differ are different ones to it.
        is_needed: whether a new row has to give it a value.
        is_computed: whether nobody can give it a value.
        is_unique: whether it has a unique index of its own, by which conflicts can be told.
        is_deferrable: whether it has one by which they cannot, and which forbids to ask for them.
        can_select: whether the user may read it.
        can_insert: whether the user may write it in a new row.
        can_update: whether the user may change it.
    """

    name: str
    type: str
    base_type: str
    base_name: str
    is_array: bool
    is_exact: bool
    is_needed: bool
    is_computed: bool
    is_unique: bool
    is_deferrable: bool
    can_select: bool
    can_insert: bool
    can_update: bool


@dataclass(frozen=True)
class Failure:
    """Why the server has refused a row.

    Attributes:
        state: the SQLSTATE.
        constraint: the constraint that it does not meet, if any.
        column: the column that it is about, if one is known.
    """

    state: str
    constraint: str | None
    column: str | None


class TableError(Exception):
    """A table is not as a sync needs it.

    Args:
        problems: what it lacks, in words.
        statements: what mends that.
    """

    def __init__(self, problems: Sequence[str], statements: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.statements = statements


class Table:
    """A table that is as a sync needs it.

    Args:
        connection: to the server.
        schema: the schema that it is in.
        name: its name.
        sync: the sync.

    Raises:
        TableError: it is not.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], schema: str, name: str, sync: Sync
    ) -> None:
        self._sync, self._name = sync, sql.Identifier(schema, name)
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(_TABLE, [schema, name]).fetchone()
        if found is None:
            raise TableError([f"there is no table {self}"], self._creation())
        with connection.cursor(row_factory=class_row(Column)) as columns:
            columns.execute(_COLUMNS, {"table": found["id"]})
            self._columns = {column.name: column for column in columns}
        problems = [*self._faults(found), *self._missing_rights(found)]
        if problems:
            raise TableError(
                [problem for problem, _ in problems],
                [statement for _, statement in problems if statement],
            )
        self._key = self._columns[sync.key]
        self._others = [self._columns[one] for one in sync.fields if one != sync.key]

    @override
    def __str__(self) -> str:
        return _quoted(self._name)

    def column_type(self, name: str) -> str:
        """The type of a column; empty for one that it does not have."""
        return self._columns[name].type if name in self._columns else ""

    # What is staged

    def staging(self) -> sql.Composed:
        """The statement that makes the temporary table: a number, the key, the delivery and the
        other fields, all as texts."""
        fields = [_staged(place) for place in range(len(self._others))]
        return sql.SQL(
            "create temp table cdp_rows (n int, key text, delivery text{}) on commit drop"
        ).format(sql.SQL("").join(sql.SQL(", {} text").format(field) for field in fields))

    def staged(self, number: int, row: Row) -> list[Any]:
        """A row as it is copied there.

        Raises:
            ValueError: a value cannot be written; the text names its column and says why.
        """
        if not self.may_hold(row.key):
            fault = (
                _fault_of(row.key) or f"this is not how a key of type {self._key.type} is written"
            )
            raise ValueError(f"{self._key.name}: {fault}")
        texts = [_text(column, row.fields.get(column.name)) for column in self._others]
        return [number, row.key, row.delivery_id, *texts]

    def may_hold(self, key: str) -> bool:
        """Whether the key's column could hold a key: it is written as those of its type are."""
        form = _KEYS[self._key.base_name]
        if not form.fullmatch(key) or _fault_of(key):
            return False
        return form is not _INTEGER or abs(int(key)) <= _LARGEST_BIGINT

    # What is done with what is staged

    def write(self, incoming: sql.Composable = _ALL_ROWS) -> sql.Composed:
        """The statement that puts rows into the table."""
        columns = [self._key, *self._others]
        names = [sql.Identifier(column.name) for column in columns]
        staged = [sql.Identifier("key"), *map(_staged, range(len(self._others)))]
        values: list[sql.Composable] = [
            sql.SQL("cast(incoming.{} as {})").format(place, sql.SQL(column.base_type))
            for place, column in zip(staged, columns, strict=True)
        ]
        if self._sync.mode is Mode.UPDATE:
            return self._update(names, values, incoming)
        conflict = names[0]
        resolution = sql.SQL("update set {}").format(
            _pairs(names[1:], [_excluded(name) for name in names[1:]])
        )
        if self._sync.mode is Mode.APPEND:
            conflict = sql.Identifier(DELIVERY_COLUMN)
            names, values = [*names, conflict], [*values, sql.SQL("incoming.delivery")]
        is_kept = self._sync.mode not in _CHANGING or not self._others
        return sql.SQL("insert into {} ({}) select {} from {} on conflict ({}) do {}").format(
            self._name,
            sql.SQL(", ").join(names),
            sql.SQL(", ").join(values),
            incoming,
            conflict,
            sql.SQL("nothing") if is_kept else resolution,
        )

    def delete(self, incoming: sql.Composable = _ALL_ROWS) -> sql.Composed:
        """The statement that deletes the records with the keys of rows."""
        return sql.SQL("delete from {} as held using {} where {}").format(
            self._name, incoming, self._same_key()
        )

    def present(self) -> sql.Composed:
        """A query of the numbers of the rows whose keys are in the table."""
        return self._numbers(sql.SQL("exists"), self._same_key())

    def absent(self) -> sql.Composed:
        """A query of the numbers of the rows that are not in the table, by their keys; in mode
        append by their deliveries."""
        same = self._same_key()
        if self._sync.mode is Mode.APPEND:
            same = sql.SQL("held.{} = incoming.delivery").format(sql.Identifier(DELIVERY_COLUMN))
        return self._numbers(sql.SQL("not exists"), same)

    def write_one_by_one(self, connection: psycopg.Connection[Any]) -> Mapping[int, Failure]:
        """Do what `write` does for each row, as far as it can be done.

        Returns:
            By their numbers, why rows were refused.
        """
        return self._one_by_one(connection, self.write(self._one_row), [self._key, *self._others])

    def delete_one_by_one(self, connection: psycopg.Connection[Any]) -> Mapping[int, Failure]:
        """Do what `delete` does for each row, as far as it can be done.

        Returns:
            By their numbers, why rows were refused.
        """
        return self._one_by_one(connection, self.delete(self._one_row), [])

    @property
    def _one_row(self) -> sql.Composed:
        """The row that the server is at, as statements take rows."""
        names = [sql.Identifier(name) for name in ("n", "key", "delivery")]
        names += [_staged(place) for place in range(len(self._others))]
        return sql.SQL("(select {}) as incoming").format(
            sql.SQL(", ").join(sql.SQL("cdp_row.{0} as {0}").format(name) for name in names)
        )

    def _update(
        self,
        names: Sequence[sql.Identifier],
        values: Sequence[sql.Composable],
        incoming: sql.Composable,
    ) -> sql.Composed:
        # Where there is nothing but the key it is set to itself, as all is that is to be told.
        places = slice(1, None) if self._others else slice(None)
        return sql.SQL("update {} as held set {} from {} where {}").format(
            self._name, _pairs(names[places], values[places]), incoming, self._same_key()
        )

    def _same_key(self) -> sql.Composed:
        # A key may be out of the range of a smaller type, whose index is used all the same.
        kind = "bigint" if _KEYS[self._key.base_name] is _INTEGER else self._key.base_type
        return sql.SQL("held.{} = cast(incoming.key as {})").format(
            sql.Identifier(self._key.name), sql.SQL(kind)
        )

    def _numbers(self, exists: sql.SQL, same: sql.Composable) -> sql.Composed:
        return sql.SQL(
            "select incoming.n from {} where {} (select from {} as held where {})"
        ).format(_ALL_ROWS, exists, self._name, same)

    def _one_by_one(
        self,
        connection: psycopg.Connection[Any],
        statement: sql.Composable,
        columns: Sequence[Column],
    ) -> Mapping[int, Failure]:
        staged = [sql.Identifier("key"), *map(_staged, range(len(self._others)))]
        variables, probes = [], []
        for place, column in enumerate(columns):
            variable = sql.Identifier(f"cdp_value_{place}")
            variables.append(sql.SQL("{} {};").format(variable, sql.SQL(column.type)))
            name = sql.Literal(column.name)
            probes.append(_PROBE.format(variable=variable, staged=staged[place], name=name))
        block = _ONE_BY_ONE.format(
            variables=sql.SQL(" ").join(variables),
            statement=statement,
            probes=sql.SQL(" ").join(probes),
        )
        connection.execute(_FAILURES)
        # As a literal: no name in it can end it.
        connection.execute(sql.SQL("do {}").format(sql.Literal(block.as_string(connection))))
        failures = connection.execute("select * from pg_temp.cdp_failures")
        return {
            number: Failure(state, constraint or None, column or None)
            for number, state, constraint, column in failures
        }

    # What it lacks

    def _creation(self) -> list[str]:
        sync = self._sync
        is_unique = sync.mode in _UPSERTING
        columns = [
            f"{_quoted(one)} text{' primary key' if one == sync.key and is_unique else ''}"
            for one in sync.fields
        ]
        if sync.mode is Mode.APPEND:
            columns.append(f"{DELIVERY_COLUMN} text primary key")
        statements = [f"create table {self} ({', '.join(columns)});"]
        if not is_unique:
            statements.append(f"create index on {self} ({_quoted(sync.key)});")
        return statements

    def _faults(self, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What is not as it must be, and the statement that mends it, if one does."""
        mode, names = self._sync.mode, list(self._sync.fields)
        names += [DELIVERY_COLUMN] if mode is Mode.APPEND else []
        if not found["is_table"]:
            yield f"{self} is no table", ""
        if found["is_read_only"]:
            yield "the server is a standby, or the user's sessions are read-only", ""
        if found["is_filtered"]:
            # What a policy hides is not deleted, without a word.
            user = _quoted(found["user_name"])
            yield f"row level security hides rows of {self}", f"alter role {user} bypassrls;"
        for name in names:
            column = self._columns.get(name)
            if column is None:
                unique = " unique" if name == DELIVERY_COLUMN else ""
                yield (
                    f"there is no column {_quoted(name)}",
                    f"alter table {self} add column {_quoted(name)} text{unique};",
                )
            elif column.is_computed:
                yield f"the column {_quoted(name)} is computed, and takes no value", ""
        for column in self._columns.values():
            if mode in _INSERTING and column.is_needed and column.name not in names:
                yield f"the column {_quoted(column.name)} needs a value, and is no field", ""
        yield from self._identity_faults()

    def _identity_faults(self) -> Iterator[tuple[str, str]]:
        key, mode = self._columns.get(self._sync.key), self._sync.mode
        if key and not (key.base_name in _KEYS and key.is_exact):
            yield (
                f"the column {_quoted(key.name)} is of type {key.type}, where keys that differ are"
                " not always told apart; it takes text, uuid or whole numbers",
                "",
            )
        delivery = self._columns.get(DELIVERY_COLUMN) if mode is Mode.APPEND else None
        if delivery and delivery.base_name not in ("text", "varchar"):
            yield f"the column {DELIVERY_COLUMN} is of type {delivery.type}, and not text", ""
        alone = key if mode in _UPSERTING else delivery
        if alone and alone.is_deferrable:
            yield f"the column {_quoted(alone.name)} has a deferrable constraint to be unique", ""
        elif alone and not alone.is_unique:
            yield (
                f"the column {_quoted(alone.name)} has no unique index of its own",
                f"create unique index on {self} ({_quoted(alone.name)});",
            )

    def _missing_rights(self, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What the user may not do, and the statement that lets them."""
        user, mode = _quoted(found["user_name"]), self._sync.mode
        fields = [self._columns[name] for name in self._sync.fields if name in self._columns]
        # What a conflict changes is read from what was to be put in: that takes the right to read.
        is_read = mode in _UPSERTING & _CHANGING
        known = [one for one in fields if is_read or one.name == self._sync.key]
        if mode is Mode.APPEND and DELIVERY_COLUMN in self._columns:
            fields.append(self._columns[DELIVERY_COLUMN])
            known.append(self._columns[DELIVERY_COLUMN])
        changed = [one for one in fields if one.name != self._sync.key] or fields
        rights = {
            "select": all(one.can_select for one in known),
            "insert": mode not in _INSERTING or all(one.can_insert for one in fields),
            "update": mode not in _CHANGING or all(one.can_update for one in changed),
            "delete": found["can_delete"],
        }
        missing = [right for right, is_there in rights.items() if not is_there]
        if missing:
            rights_text = ", ".join(missing)
            yield (
                f"the user {user} lacks rights on {self}: {rights_text}",
                f"grant {rights_text} on {self} to {user};",
            )
        if not found["can_look"]:
            schema = self._name.as_string().partition(".")[0]
            yield (
                f"the user {user} may not use the schema",
                f"grant usage on schema {schema} to {user};",
            )
        if not found["can_stage"]:
            database = _quoted(found["database_name"])
            yield (
                f"the user {user} may not make temporary tables",
                f"grant temporary on database {database} to {user};",
            )


def _quoted(name: str | sql.Identifier) -> str:
    """A name as statements hold it."""
    found = name if isinstance(name, sql.Identifier) else sql.Identifier(name)
    return found.as_string()


def _staged(place: int) -> sql.Identifier:
    """Where the value of a field other than the key is staged."""
    return sql.Identifier(f"field_{place}")


def _excluded(name: sql.Identifier) -> sql.Composed:
    return sql.SQL("excluded.{}").format(name)


def _pairs(names: Sequence[sql.Identifier], values: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(name, value) for name, value in zip(names, values, strict=True)
    )


def _text(column: Column, value: Any) -> str | None:
    """A value as the type of its column reads it.

    Raises:
        ValueError: it holds letters that no text of Postgres can have.
    """
    if value is None:
        return None
    if isinstance(value, str):
        found = value
    elif column.base_name in ("json", "jsonb"):
        found = json.dumps(json_value(value), ensure_ascii=False)
    elif isinstance(value, list | tuple) and column.is_array:
        found = _array(value)
    elif isinstance(value, list | tuple | dict):
        found = json.dumps(json_value(value), ensure_ascii=False)
    elif isinstance(value, float | Decimal) and not isinstance(value, bool):
        found = _number(value)
    elif isinstance(value, bytes):
        found = f"\\x{value.hex()}"
    else:
        found = plain_text(value)
    fault = _fault_of(found)
    if fault:
        raise ValueError(f"{column.name}: {fault}")
    return found


def _number(value: float | Decimal) -> str:
    """A number, without a fraction where it is whole, as columns of whole numbers want it."""
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and value == value.to_integral_value()
        return str(int(value)) if is_whole else format(value, "f")
    is_whole = value.is_integer() and abs(value) <= _LARGEST_WHOLE
    return str(int(value)) if is_whole else repr(value)


def _array(values: Sequence[Any]) -> str:
    """A list as an array is written."""
    parts = []
    for value in values:
        if isinstance(value, list | tuple):
            parts.append(_array(value))
        elif value is None:
            parts.append("NULL")
        else:
            text = _number(value) if isinstance(value, float | Decimal) else plain_text(value)
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'"{escaped}"')
    return "{" + ",".join(parts) + "}"


def _fault_of(text: str) -> str | None:
    """What is wrong with the letters of a text; None where they are well."""
    if "\0" in text:
        return "it holds the letter NUL, which no text of Postgres can have"
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "it holds half a letter (a lone surrogate)"
    return None
