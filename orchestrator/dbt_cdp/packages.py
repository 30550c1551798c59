"""The dbt package `cdp` in a project: whether it is declared, and whether it is installed."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dbt_cdp.project import PACKAGE, PROJECT_FILE, Project, read_yaml

PACKAGES_FILE = "packages.yml"
DEPENDENCIES_FILE = "dependencies.yml"

# What the last part of the address of a repository, or of the name on the package hub, may be.
_NAMES = ("cdp", "dbt-cdp", "dbt_cdp")
_WORD = re.compile(r"[\w.-]+")


def declaring_file(root: Path) -> Path | None:
    """The file of a project that names the package; None where neither does.

    Raises:
        ConfigurationError: a file cannot be read, or is not YAML.
    """
    for name in (PACKAGES_FILE, DEPENDENCIES_FILE):
        path = root / name
        if any(is_package(entry, root) for entry in read_packages(path)):
            return path
    return None


def read_packages(path: Path) -> list[Any]:
    """The entries under `packages:`; none where the file is not there, or is empty.

    Raises:
        ConfigurationError: the file cannot be read, or is not YAML.
    """
    if not path.is_file() or not path.read_text(encoding="utf-8", errors="replace").strip():
        return []
    entries = read_yaml(path).get("packages")
    return entries if isinstance(entries, list) else []


def is_package(entry: Any, root: Path) -> bool:
    """Whether an entry under `packages:` is the package `cdp`."""
    if not isinstance(entry, Mapping):
        return False
    if entry.get("name") == PACKAGE or _is_named(root / str(entry.get("local", "")), PACKAGE):
        return True
    address = str(entry.get("local") or entry.get("git") or entry.get("package") or "")
    # The address may stand in Jinja, as in "{{ env_var('CDP_PACKAGE', '../dbt-cdp') }}".
    words = _WORD.findall(address)
    return bool(words) and words[-1].removesuffix(".git") in _NAMES


def installed_package(project: Project) -> Path | None:
    """The folder that `dbt deps` has put the package into; None where it has not."""
    if project.name == PACKAGE:
        return project.root
    folders: Iterable[Path] = [project.packages_path / PACKAGE]
    if project.packages_path.is_dir():
        folders = [*folders, *sorted(project.packages_path.iterdir())]
    return next((folder for folder in folders if _is_named(folder, PACKAGE)), None)


def _is_named(folder: Path, name: str) -> bool:
    path = folder / PROJECT_FILE
    return path.is_file() and read_yaml(path).get("name") == name
