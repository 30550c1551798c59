"""Google's own analyzer of the dialect that BigQuery speaks.

It allows more than BigQuery does: what it refuses is wrong, what it takes need not be right.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import wasmtime
from google.cloud import bigquery


class _CachedConfig(wasmtime.Config):
    """The analyzer is a program of 28 MB, which need not be compiled for each start."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


wasmtime.Config = _CachedConfig

from zetasql import types  # noqa: E402
from zetasql.api import Analyzer, CatalogBuilder, Parser, TableBuilder  # noqa: E402
from zetasql.core.exceptions import ZetaSQLError  # noqa: E402

Columns = Sequence[tuple[str, Any]]

_NAME = re.compile(r"`([^`]+)`\.`([^`]+)`\.`([^`]+)`")
_VIEW = re.compile(r"`([^`]+)`\.`([^`]+)`\.(INFORMATION_SCHEMA\.\w+)")
_TABLE = re.compile(r"`([^`]+\.[^`]+\.[^`]+)`")
# A name that BigQuery knows too.
_BIGINT = re.compile(r"\bbigint\b")
_KINDS = {"INTEGER": "INT64", "FLOAT": "DOUBLE", "BOOLEAN": "BOOL"}

# Of BigQuery's views of what there is, those columns that the package reads.
_VIEWS = {
    "INFORMATION_SCHEMA.TABLES": ("table_catalog", "table_schema", "table_name", "table_type"),
    "INFORMATION_SCHEMA.COLUMNS": (
        *("table_catalog", "table_schema", "table_name"),
        *("column_name", "ordinal_position", "data_type"),
    ),
}

_DECLARED = re.compile(r"\bdeclare (\w+) (array<\w+>|\w+)")

# What they say of variables is not analyzed.
_NO_SQL = (types.ASTSingleAssignment, types.ASTRaiseStatement)


class GoogleSql:
    """The analyzer, and the tables that it knows.

    Attributes:
        tables: columns of each table, by its name; statements that are analyzed change them.
        count: how many statements have been analyzed.
    """

    def __init__(self, tables: Mapping[str, Columns]) -> None:
        self.tables = dict(tables)
        self.count = 0
        self._language = types.LanguageOptions.maximum_features()
        self._language.product_mode = types.ProductMode.PRODUCT_EXTERNAL
        self._language.reserved_keywords = ["QUALIFY"]
        kinds = [kind for kind in types.ResolvedNodeKind if kind.name.endswith("_STMT")]
        self._language.supported_statement_kinds = kinds
        self._options = types.AnalyzerOptions(
            language_options=self._language,
            parameter_mode=types.ParameterMode.PARAMETER_POSITIONAL,
            allow_undeclared_parameters=True,
        )

    def refused(self, script: str) -> Iterator[str]:
        """What the analyzer says against the statements of a script, each with the statement."""
        try:
            statements = self.statements(script)
        except ZetaSQLError as error:
            yield f"{error}\n{script}"
            return
        for statement in statements:
            try:
                self._analyze(statement)
            except ZetaSQLError as error:
                yield f"{error}\n{statement}"

    def statements(self, script: str) -> list[str]:
        """The statements of a script, those of its loops once; for variables stand values."""
        statements = list(_statements(Parser(self._language).parse_script(script), script.encode()))
        for name, kind in _DECLARED.findall(script):
            value = f"cast(null as {kind})"
            statements = [re.sub(rf"\b{name}\b", value, statement) for statement in statements]
        return statements

    def _analyze(self, statement: str) -> None:
        sql = _NAME.sub(r"`\1.\2.\3`", _VIEW.sub(r"`\1.\2.\3`", statement))
        sql = _BIGINT.sub("int64", sql)
        self.count += 1
        builtin = types.ZetaSQLBuiltinFunctionOptions(language_options=self._language)
        catalog = CatalogBuilder("bigquery").with_builtin_functions(builtin)
        for name in set(_TABLE.findall(sql)):
            columns = _columns_of_view(name) or self.tables.get(name)
            if columns is None:
                continue
            table = TableBuilder(name)
            for column, kind in columns:
                table.add_column(column, kind)
            catalog.add_table(table.build())
        done = Analyzer(self._options, catalog.build()).analyze_statement(sql)
        if isinstance(done, types.ResolvedCreateTableAsSelectStmt | types.ResolvedCreateViewStmt):
            columns = [(one.name, one.column.type) for one in done.output_column_list]
            self.tables[done.name_path[-1]] = columns
        elif isinstance(done, types.ResolvedCreateTableStmt):
            columns = [(one.name, one.type) for one in done.column_definition_list]
            self.tables[done.name_path[-1]] = columns


def tables_of(client: bigquery.Client) -> dict[str, Columns]:
    """The tables of all datasets that a client sees."""
    return {
        f"{table.project}.{table.dataset_id}.{table.table_id}": columns_of(
            client.get_table(table).schema
        )
        for dataset in client.list_datasets()
        for table in client.list_tables(dataset.dataset_id)
    }


def columns_of(schema: Sequence[bigquery.SchemaField]) -> Columns:
    """A table's columns with the analyzer's types for those that BigQuery's client names."""
    return [
        (field.name, types.TypeKind[f"TYPE_{_KINDS.get(field.field_type, field.field_type)}"])
        for field in schema
    ]


def _columns_of_view(name: str) -> Columns | None:
    columns = _VIEWS.get(".".join(name.split(".")[-2:]))
    return columns and [
        (column, getattr(types.TypeKind, f"TYPE_{'INT64' if 'position' in column else 'STRING'}"))
        for column in columns
    ]


def _statements(node: Any, script: bytes) -> Iterator[str]:
    """The statements within a part of a script, and what it asks before it goes on."""
    if isinstance(node, list):
        for one in node:
            yield from _statements(one, script)
    elif isinstance(node, types.ASTExpressionSubquery):
        yield f"select {_text(node, script)}"
    elif isinstance(node, types.ASTStatement) and not isinstance(node, types.ASTScriptStatement):
        yield _text(node, script)
    elif dataclasses.is_dataclass(node) and not isinstance(node, _NO_SQL):
        for field in dataclasses.fields(node):
            yield from _statements(getattr(node, field.name), script)


def _text(node: Any, script: bytes) -> str:
    place = node.parse_location_range
    return script[place.start : place.end].decode()
