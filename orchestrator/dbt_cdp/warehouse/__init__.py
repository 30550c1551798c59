"""The only place that opens a connection to the warehouse.

dbt and this command take turns: DuckDB lets one process at a time write to a file, so a connection
is opened for as long as it is used and is always closed before dbt is started.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.errors import ConfigurationError, WarehouseError, WarehouseLockedError
from dbt_cdp.project import Project
from dbt_cdp.warehouse.base import Column, Table, Warehouse
from dbt_cdp.warehouse.duckdb import DuckDBWarehouse, rewrite_file

__all__ = [
    "Column",
    "Table",
    "Warehouse",
    "forget_deleted",
    "open_tables",
    "open_warehouse",
    "open_when_free",
    "require_table",
]

# How long somebody else's look into a DuckDB file is waited for, and between two tries; seconds.
_PATIENCE, _PAUSE = 60, 0.5


def open_warehouse(project: Project) -> Warehouse:
    """Open the warehouse that the project's target names.

    Raises:
        ConfigurationError: this command does not know the warehouse's type.
        WarehouseLockedError: another process has the DuckDB file open.
        WarehouseError: the connection is refused for another reason.
    """
    kind = project.target.type
    if kind not in _WAREHOUSES:
        raise ConfigurationError(
            f"`cdp` cannot connect to a warehouse of type '{kind}'.",
            where=f"target '{project.target.name}' of the profile",
            remedy=f"use a target of one of the types: {', '.join(_WAREHOUSES)}.",
        )
    return _WAREHOUSES[kind](project)


def open_when_free(project: Project) -> Warehouse:
    """Open the warehouse, after waiting for whoever has the DuckDB file open for a moment.

    Raises:
        WarehouseLockedError: it was not free for a minute.
        ConfigurationError, WarehouseError: as `open_warehouse` does.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return open_warehouse(project)
        except WarehouseLockedError:
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


@contextmanager
def open_tables(project: Project, models: Iterable[str]) -> Iterator[Warehouse]:
    """Open the warehouse to read what dbt has built.

    The models are looked for when a query fails, and not before: to find out where their tables
    are may take dbt seconds.

    Args:
        project: the project whose warehouse is read.
        models: those that the queries read.

    Raises:
        ConfigurationError: a query has failed because one of the models has not been built, or
            this command does not know the warehouse's type.
        WarehouseError: the warehouse cannot be opened, or a query has failed for another reason.
    """
    warehouse = open_warehouse(project)
    try:
        with warehouse:
            yield warehouse
    except WarehouseError:
        manifest = Dbt(project).manifest()
        with open_warehouse(project) as warehouse:
            for model in models:
                require_table(warehouse, manifest.relation(model))
        raise


def require_table(warehouse: Warehouse, relation: Relation) -> None:
    """Make sure that a table or view of dbt's is there to be read.

    Raises:
        ConfigurationError: it is not.
    """
    if not warehouse.exists(relation):
        raise ConfigurationError(
            f"The table {relation.identifier} has not been built.",
            where=str(relation),
            remedy="run `dbt build` first.",
        )


def forget_deleted(project: Project) -> WarehouseError | None:
    """Where the warehouse is a file, write it anew: else it keeps the room and the bytes of deleted
    rows.

    Returns:
        What has hindered it; None where nothing has.
    """
    file = project.database_file
    if file is None:
        return None
    try:
        rewrite_file(file)
    except WarehouseError as error:
        return error
    return None


def _open_bigquery(project: Project) -> Warehouse:
    """Its client is imported here because few have it, and it takes seconds."""
    with _extra(project, "BigQuery", "bigquery"):
        from dbt_cdp.warehouse.bigquery import BigQueryWarehouse
    return BigQueryWarehouse(project)


def _open_postgres(project: Project) -> Warehouse:
    """Its client is imported here because few have it."""
    with _extra(project, "Postgres", "postgres"):
        from dbt_cdp.warehouse.postgres import PostgresWarehouse
    return PostgresWarehouse(project)


def _open_snowflake(project: Project) -> Warehouse:
    """Its client is imported here because few have it, and it takes seconds."""
    with _extra(project, "Snowflake", "snowflake"):
        from dbt_cdp.warehouse.snowflake import SnowflakeWarehouse
    return SnowflakeWarehouse(project)


@contextmanager
def _extra(project: Project, warehouse: str, name: str) -> Iterator[None]:
    """Say which extra of this command a module belongs to that is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{warehouse} cannot be reached: there is no Python module '{error.name}'.",
            where=f"target '{project.target.name}' of the profile",
            remedy=f"pip install 'dbt-cdp[{name}]'.",
        ) from None


_WAREHOUSES: dict[str, Callable[[Project], Warehouse]] = {
    "duckdb": DuckDBWarehouse,
    "bigquery": _open_bigquery,
    "postgres": _open_postgres,
    "snowflake": _open_snowflake,
}
