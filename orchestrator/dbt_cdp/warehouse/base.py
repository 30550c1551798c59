"""What every warehouse can be asked."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dbt_cdp.dbt import Relation


@dataclass(frozen=True)
class Table:
    """A table or view, with the names of its columns in their order."""

    database: str
    schema: str
    name: str
    columns: Sequence[str]


class Warehouse(ABC):
    """An open connection. Use it in a `with` statement; leaving it closes the connection.

    Every method raises `WarehouseError` when the warehouse refuses a statement.
    """

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Parameters take the places of `?`."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return the number of rows that it changed."""

    @abstractmethod
    def insert_new(self, relation: Relation, columns: Mapping[str, Sequence[Any]], key: str) -> int:
        """Insert the rows whose key the table does not hold yet.

        Args:
            relation: the table.
            columns: the values of each column; all of one length, the key's all distinct.
            key: name of the column that identifies a row.

        Returns:
            The number of rows inserted.
        """

    @abstractmethod
    def export(self, sql: str, parameters: Sequence[Any], path: Path) -> int:
        """Write the rows of a query to a Parquet file, compressed by Zstandard.

        Returns:
            The number of rows.
        """

    @abstractmethod
    def exists(self, relation: Relation) -> bool:
        """Whether the table or view is there."""

    @abstractmethod
    def tables(self) -> list[Table]:
        """All tables and views that the connection can see, without the warehouse's own."""

    @abstractmethod
    def columns(self, relation: Relation) -> list[str]:
        """Names of a table's columns in their order; none where it is not there."""

    @abstractmethod
    def quote(self, identifier: str) -> str:
        """The name as the warehouse wants it in SQL."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """A context that commits at its end, and rolls back on any exception.

        On BigQuery it takes what `insert_new` inserts, which queries see when it has ended.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection and give the lock back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
