"""Queries that stand in SQL files beside this one, compiled by dbt for the project's warehouse.

A file sets its queries in blocks, and its last expression is a JSON object with `queries`, by their
names, and whatever else of the project's settings is needed with them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, open_tables

_REFERENCE = re.compile(r'\bref\("(\w+)"\)')


class Queries:
    """The queries, on an open warehouse.

    Attributes:
        warehouse: the warehouse.
        settings: what the files give besides queries.
    """

    def __init__(self, warehouse: Warehouse, compiled: dict[str, Any]) -> None:
        self.warehouse = warehouse
        self._sql: dict[str, str] = compiled["queries"]
        self.settings = compiled

    def run(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of the query of that name; parameters take the places of `?`."""
        return self.warehouse.query(self._sql[name], parameters)

    def run_within(self, name: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that reads the query of that name as the table of that name."""
        return self.warehouse.query(f"with {name} as ({self._sql[name]}) {query}", parameters)

    def export(self, name: str, file: Path, *parameters: Any) -> int:
        """Write the rows of the query of that name to a Parquet file; how many they are."""
        return self.warehouse.export(self._sql[name], parameters, file)

    def columns(self, relation: Relation) -> list[str]:
        """Names of a table's columns in their order; none where it is not there."""
        return self.warehouse.columns(relation)


@contextmanager
def open_queries(project: Project, names: Sequence[str]) -> Iterator[Queries]:
    """Compile the files of these names, as one text, and open the warehouse.

    Raises:
        ConfigurationError: the project has not been built.
        DbtError: the project cannot be compiled.
        WarehouseError: the warehouse cannot be opened, or a query has failed.
    """
    files = [Path(__file__).with_name(f"{name}_queries.sql") for name in names]
    jinja = "\n".join(file.read_text(encoding="utf-8") for file in files)
    compiled = json.loads(Dbt(project).compile_inline(jinja))
    with open_tables(project, _REFERENCE.findall(jinja)) as warehouse:
        yield Queries(warehouse, compiled)
