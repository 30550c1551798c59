"""A copy of a project and its warehouse, to try something in."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from dbt_cdp.errors import CdpError, ConfigurationError, WarehouseLockedError
from dbt_cdp.output import talk
from dbt_cdp.project import PACKAGE, PROFILES_FILE, PROJECT_FILE, Project, Target

_AS_OF = "cdp_as_of"
_MEGABYTE = 1_000_000

# The copy, and what two builds write to it.
_ROOM = 2

# Where the environment sends what dbt writes: to places of the project that is copied.
_ARTIFACT_PATHS = (
    "DBT_TARGET_PATH",
    "DBT_ENGINE_TARGET_PATH",
    "DBT_LOG_PATH",
    "DBT_ENGINE_LOG_PATH",
)


@contextlib.contextmanager
def copied_project(project: Project) -> Iterator[Project]:
    """A project in a temporary folder with a copy of the warehouse, gone at the end.

    Time stands still in it: `cdp_as_of` is set.

    Raises:
        CdpError: there is no room for the copy.
        ConfigurationError: the warehouse is no file, or not all of it is.
        WarehouseLockedError: the warehouse was being written to.
    """
    database = _database(project)
    with tempfile.TemporaryDirectory(prefix="cdp-simulate-") as name, _own_artifacts():
        folder = Path(name)
        yield _copy_project(project, folder, _copy_database(database, folder))


def _database(project: Project) -> Path:
    """The file of the warehouse.

    Raises:
        ConfigurationError: it has none, or is not all of it.
    """
    target = project.target
    where = f"target '{target.name}' of the profile"
    if target.type != "duckdb":
        raise ConfigurationError(
            f"A change is tried in a copy of a DuckDB file; the target is of type '{target.type}'.",
            where=where,
            remedy="name a target of type duckdb with --target.",
        )
    path = project.root / str(target.settings.get("path", ":memory:"))
    if not path.is_file():
        raise ConfigurationError(
            "The target has no file that could be copied.",
            where=f"{where}: {path}",
            remedy="run `dbt build` first; a database in memory or on a server cannot be copied.",
        )
    if not all(attached.get("read_only") for attached in target.settings.get("attach") or ()):
        raise ConfigurationError(
            "The target attaches another database, which a trial could write to.",
            where=where,
            remedy="attach it with `read_only: true`, or name another target with --target.",
        )
    return path


def _copy_database(path: Path, folder: Path) -> Path:
    """Copy the file under its name, which is also the database's name in SQL."""
    files = [path, path.with_name(f"{path.name}.wal")]
    state = _state(files)
    size = sum(entry[0] for entry in state if entry)
    _require_room(_ROOM * size, folder)
    talk(f"Copying the warehouse ({size / _MEGABYTE:,.1f} MB) ...")
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(file, folder / file.name)
    if _state(files) != state:
        raise WarehouseLockedError(
            "Another process wrote to the warehouse while it was copied.",
            where=str(path),
            remedy="wait until it has ended, and try again.",
        )
    return folder / path.name


def _state(files: Sequence[Path]) -> list[tuple[int, int] | None]:
    """Size and time of the last change of every file; None for one that is not there."""
    stats = [file.stat() if file.exists() else None for file in files]
    return [(stat.st_size, stat.st_mtime_ns) if stat else None for stat in stats]


def _require_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CdpError(
            f"There is no room for a copy of the warehouse: {needed / _MEGABYTE:,.1f} MB are"
            f" needed, {free / _MEGABYTE:,.1f} MB are free.",
            where=str(folder.parent),
            remedy="make room, or name another folder by the environment variable TMPDIR.",
        )


def _copy_project(project: Project, folder: Path, database: Path) -> Project:
    """The project in a folder of its own: its files by links, its settings as copies."""
    root, profiles = folder / "project", folder / "profiles"
    root.mkdir()
    profiles.mkdir()
    for item in project.root.iterdir():
        if item.name not in (PROJECT_FILE, "target", "logs"):
            (root / item.name).symlink_to(item, target_is_directory=item.is_dir())
    target = _copy_target(project, database)
    # dbt takes the profile's name from this variable before it looks into the project.
    profile = os.environ.get("DBT_PROFILE", project.name)
    outputs = {target.name: dict(target.settings)}
    file = profiles / PROFILES_FILE
    # It may hold secrets.
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump({profile: {"target": target.name, "outputs": outputs}}))
    settings = {
        **project.settings,
        "profile": profile,
        "target-path": "target",
        "packages-install-path": str(project.packages_path),
    }
    settings.pop("log-path", None)
    copied = replace(project, root=root, profiles_dir=profiles, target=target, settings=settings)
    # Time that passes between two builds must not change anything.
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return with_vars(copied, {_AS_OF: project.var(_AS_OF) or now})


def _copy_target(project: Project, database: Path) -> Target:
    """The target with the copy for its file; other paths lead to where they led before."""
    settings = {**project.target.settings, "path": str(database)}
    attached = settings.get("attach")
    if attached:
        settings["attach"] = [
            {**entry, "path": _absolute(project.root, entry["path"])} for entry in attached
        ]
    return replace(project.target, settings=settings)


def _absolute(root: Path, path: str) -> str:
    return path if len(urlsplit(path).scheme) > 1 else str(root / path)


def with_vars(project: Project, variables: Mapping[str, Any]) -> Project:
    """The project with variables set over its own; its dbt_project.yml is written anew."""
    settings = deepcopy(dict(project.settings))
    own = settings.get("vars") or {}
    # What is set for the package alone would win.
    for scope in (own, own.get(PACKAGE), own.get(project.name)):
        if isinstance(scope, dict):
            for name in variables:
                scope.pop(name, None)
    settings["vars"] = {**own, **variables}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    (project.root / PROJECT_FILE).write_text(text, encoding="utf-8")
    return replace(project, settings=settings)


@contextlib.contextmanager
def _own_artifacts() -> Iterator[None]:
    """Keep what dbt writes in the folder that it is run in."""
    kept = {name: os.environ.pop(name) for name in _ARTIFACT_PATHS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
