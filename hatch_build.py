"""Puts the dbt package into the wheel, so that a project can use it without a network."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("dbt_project.yml", "packages.yml", "macros", "models", "seeds", "tests/data")


class BundleDbtPackage(BuildHookInterface[Any]):
    """Adds the parts of the dbt package that the checkout has; an editable install needs none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; `version` is `standard` or `editable`."""
        if version != "editable":
            for part in PARTS:
                if Path(self.root, part).exists():
                    build_data["force_include"][part] = f"dbt_cdp/dbt_package/{part}"
