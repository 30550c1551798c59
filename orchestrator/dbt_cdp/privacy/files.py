"""The columns of tables as the files of a project tell them: YAML, CSV files of seeds, and the
catalog that `dbt docs generate` writes."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt_cdp.project import Project


@dataclass(frozen=True)
class Column:
    """A column; its type is empty where nobody knows it."""

    name: str
    type: str


def read_catalog(project: Project) -> Mapping[str, Any]:
    """By the id of a node, what the catalog tells of its columns; nothing where there is none."""
    path = project.target_path / "catalog.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            unique_id: table["columns"]
            for part in ("nodes", "sources")
            for unique_id, table in content[part].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def columns_in_files(node: Mapping[str, Any], catalog: Mapping[str, Any]) -> list[Column]:
    """The columns of a node of the manifest that files tell of.

    Args:
        node: of the manifest.
        catalog: as `read_catalog` gives it.
    """
    listed = [
        *((name, column.get("data_type")) for name, column in node["columns"].items()),
        *(
            (name, column.get("type"))
            for name, column in catalog.get(node["unique_id"], {}).items()
        ),
        *((name, None) for name in _header(node)),
    ]
    found: dict[str, Column] = {}
    for name, type_ in listed:
        known = found.get(name.lower())
        if known is None or not known.type:
            found[name.lower()] = Column(known.name if known else name, type_ or "")
    return list(found.values())


def _header(node: Mapping[str, Any]) -> list[str]:
    """The first line of a seed."""
    if node["resource_type"] != "seed" or not node.get("root_path"):
        return []
    path = Path(node["root_path"], node["original_file_path"])
    delimiter = node["config"].get("delimiter") or ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, delimiter=delimiter), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
