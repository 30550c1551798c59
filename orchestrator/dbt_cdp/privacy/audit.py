"""Looks for columns with personal data of which no rule tells what an erasure does there.

A column is told by its name; one whose name tells nothing by a sample of its values, which are
neither shown nor kept. `config.meta.cdp_personal: false` of a column, or of a whole table, says
that it holds none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.decisions import identifier_types
from dbt_cdp.errors import WarehouseError
from dbt_cdp.privacy.audited import Audited, Place, audited_tables, place_of
from dbt_cdp.privacy.contents import told_by
from dbt_cdp.privacy.files import Column, columns_in_files, read_catalog
from dbt_cdp.privacy.names import Kind, kind_of_name
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Table, Warehouse, open_warehouse

# How much of a table is looked at: so many rows, and fewer where they have very many columns.
SAMPLE_ROWS = 1_000
_SAMPLE_VALUES = 200_000

# Types as warehouses call them: whose values are texts or hold some, and those that are neither.
_TEXTS = re.compile(
    r"char|text|string|json|variant|object|struct|record|map|array|\[|enum|union|xml|store|user-def",
    re.IGNORECASE,
)
_NESTED = re.compile(r"\[|^(json|variant|object|struct|record|map|array|union)", re.IGNORECASE)
_FLAGS = re.compile(r"bool|bit$", re.IGNORECASE)
_TIMES = re.compile(r"date|time|interval", re.IGNORECASE)
_NUMBERS = re.compile(r"u?(tiny|small|big|huge)?(int|num|dec|float|double|real)", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """A column that looks like personal data.

    Attributes:
        column: its name.
        kind: what it looks like.
        told_by: name, content, or description, where `cdp_personal: true` says it.
        share: of the values that were looked at and are not empty, how many have it (0 to 1).
        is_within: whether it mostly stands within longer texts, or JSON.
        is_nested: whether the column is no text, but JSON, a list or the like.
    """

    column: str
    kind: Kind
    told_by: str
    share: float | None = None
    is_within: bool = False
    is_nested: bool = False


@dataclass(frozen=True)
class Undescribed:
    """A table, and what looks like personal data in it of which no rule tells."""

    table: Audited
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Audit:
    """What was found; and by table why it could not be looked at, or not into its rows."""

    tables: Sequence[Undescribed]
    unread: Mapping[str, str]


def audit(project: Project, *, is_offline: bool = False) -> Audit:
    """Look at every table of the project and of the packages in it, but for the package cdp.

    Args:
        project: the project.
        is_offline: look at the names of columns alone, as the project's files tell them.

    Raises:
        ConfigurationError: a description is not as it must be.
        DbtError: the project cannot be parsed.
        WarehouseError: the warehouse cannot be opened.
    """
    types = tuple(identifier_types(project))
    tables = audited_tables(Dbt(project).manifest(), types)
    if is_offline:
        return _Look(types, read_catalog(project)).at(tables)
    with open_warehouse(project) as warehouse:
        return _Look(types, {}, warehouse).at(tables)


class _Look:
    """A look at tables, in the warehouse if there is one, else in files.

    Args:
        types: the identifier types.
        catalog: columns as files tell them.
        warehouse: where the tables are.
    """

    def __init__(
        self, types: tuple[str, ...], catalog: Mapping[str, Any], warehouse: Warehouse | None = None
    ) -> None:
        self._types, self._catalog, self._warehouse = types, catalog, warehouse
        # In one query, since there may be thousands.
        self._there: dict[Place, Table] = {}
        if warehouse:
            self._there = {place_of(one): one for one in warehouse.tables()}
        self._unread: dict[str, str] = {}

    def at(self, tables: Sequence[Audited]) -> Audit:
        """Look at the tables of which no rule tells in whole."""
        found = [
            Undescribed(table, findings)
            for table in tables
            if not table.is_covered() and (findings := self._findings(table))
        ]
        return Audit(found, self._unread)

    def _findings(self, table: Audited) -> list[Finding]:
        there = self._find(table.relation)
        if there:
            columns = list(map(Column, there.columns, there.types))
        else:
            columns = columns_in_files(table.node, self._catalog)
            if self._warehouse:
                self._unread[table.name] = "it is not there"
            elif not columns:
                self._unread[table.name] = "no file tells its columns"
        findings, rest = self._by_name(table, columns)
        if there and rest and self._warehouse:
            findings += self._by_content(self._warehouse, table, rest)
        order = {column.name: place for place, column in enumerate(columns)}
        return sorted(findings, key=lambda one: order[one.column])

    def _find(self, relation: Relation) -> Table | None:
        """A name with an asterisk is that of several tables of one shape, as in GA4's exports."""
        *schema, name = place = place_of(relation)
        if "*" not in name:
            return self._there.get(place)
        found = [
            table
            for (*where, other), table in self._there.items()
            if where == schema and fnmatchcase(other, name)
        ]
        return max(found, key=lambda one: one.name, default=None)

    def _by_name(
        self, table: Audited, columns: Sequence[Column]
    ) -> tuple[list[Finding], list[Column]]:
        """What names and descriptions tell, and the columns of which they tell nothing."""
        findings, rest = [], []
        covered = table.covered(self._types, [column.name for column in columns])
        for column in columns:
            is_personal = table.personal.get(column.name.lower())
            if is_personal is False or column.name.lower() in covered:
                continue
            kind = kind_of_name(column.name, table.relation.identifier, self._types)
            if kind and _can_be(kind, column.type):
                findings.append(
                    Finding(column.name, kind, "name", is_nested=_is_nested(column.type))
                )
            elif is_personal:
                findings.append(Finding(column.name, Kind.DECLARED, "description"))
            elif _TEXTS.search(column.type):
                rest.append(column)
        return findings, rest

    def _by_content(
        self, warehouse: Warehouse, table: Audited, columns: Sequence[Column]
    ) -> list[Finding]:
        names = [column.name for column in columns]
        limit = max(1, min(SAMPLE_ROWS, _SAMPLE_VALUES // len(names)))
        try:
            rows = warehouse.sample(table.relation, names, limit)
        except WarehouseError as error:
            self._unread[table.name] = error.problem
            return []
        return [
            Finding(
                column.name,
                told.kind,
                "content",
                told.share,
                told.is_within,
                _is_nested(column.type),
            )
            for place, column in enumerate(columns)
            for told in told_by((row[place] for row in rows), self._types)
        ]


def _is_nested(type_: str) -> bool:
    return bool(_NESTED.search(type_))


def _can_be(kind: Kind, type_: str) -> bool:
    """Whether a column of a type can hold what its name says."""
    if _TEXTS.search(type_):
        return True
    if _TIMES.match(type_):
        return kind is Kind.BIRTH_DATE
    if _NUMBERS.match(type_):
        return kind not in (Kind.EMAIL, Kind.NAME)
    return not _FLAGS.match(type_)
