"""What is left of people beside the rows of tables: rows that tests have failed for, what dbt wrote
of its runs, and bytes in the file of the warehouse.

dbt keeps failing rows where `store_failures` says so, and quotes values in its log and in the
results of its last command.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dbt_cdp.dbt import Manifest, Relation
from dbt_cdp.output import talk
from dbt_cdp.project import Project
from dbt_cdp.warehouse import Warehouse, forget_deleted

# How dbt calls the schema of failing rows, after that of the target.
_FAILURES = "_dbt_test__audit"

# What dbt writes of its runs into the target folder. What it has parsed stays.
_ARTIFACTS = ("run_results.json", "manifest.json", "compiled", "run")


def drop_failures(warehouse: Warehouse, manifest: Manifest) -> int:
    """Drop the tables of rows that tests have failed for; the next failure makes them anew. Those
    of tests that are gone go as well, where the schema is dbt's alone.

    Returns:
        How many rows they held.
    """
    total = 0
    for table in _failures(warehouse, manifest):
        total += warehouse.count(table)
        warehouse.execute(f"drop table {table}")
    return total


def _failures(warehouse: Warehouse, manifest: Manifest) -> Iterator[Relation]:
    nodes = [*manifest.content["nodes"].values(), *manifest.content["sources"].values()]
    tests = [node for node in nodes if node["resource_type"] == "test"]
    others = [node for node in nodes if node["resource_type"] != "test"]
    used = {_schema(node) for node in others}
    kept = {(*_schema(node), _name(node)) for node in others}
    for database, schema in sorted({_schema(node) for node in tests}):
        place = database, schema
        is_dbts = place not in used and schema.endswith(_FAILURES)
        known = {
            _name(node) for node in tests if _schema(node) == place and node.get("relation_name")
        }
        stored = {column.table for column in warehouse.stored_columns(database, schema)}
        for name in sorted(stored):
            is_failures = is_dbts or name.lower() in known
            if is_failures and (*place, name.lower()) not in kept:
                yield warehouse.relation(database, schema, name)


def _schema(node: Mapping[str, Any]) -> tuple[str, str]:
    return node.get("database") or "", node["schema"]


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("alias") or node.get("identifier") or node["name"]).lower()


def remove_artifacts(project: Project) -> None:
    """Remove dbt's logs, and what it wrote of its runs: both may quote rows."""
    for name in _ARTIFACTS:
        _remove(project.target_path / name)
    for log in project.log_path.glob("*.log*"):
        _remove(log)


def forget_bytes(project: Project) -> bool:
    """Write a DuckDB file anew without the bytes of deleted rows; whether nothing has hindered
    it."""
    problem = forget_deleted(project)
    if problem:
        talk(f"The rows are deleted, but their bytes may be in the file.\n{problem.message}")
    return problem is None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
