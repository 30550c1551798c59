"""A consumer project of the package, and dbt as a user runs it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dbt_cdp.privacy.work import opened
from dbt_cdp.project import Project, package_root

SCHEMA = "main_cdp"

HERE = Path(__file__).parent
SCENARIOS = HERE.parent / "scenarios"

# A target for `write_shop`. With more threads, tests that run side by side get in each other's way.
DUCKDB = {"type": "duckdb", "path": "shop.duckdb", "threads": 1}

# A person is named by the smallest of its identifiers.
_PEOPLE = """
    select canonical_id, min(identifier_type || ' ' || identifier_value) as person
    from identity_graph where canonical_id is not null group by canonical_id
"""
_OF_THE_ROW = {
    *("membership_id", "batch_id", "version"),
    *("entered_at", "exited_at", "entered_by", "exited_by"),
}


class Consumer:
    """A dbt project with the package in it."""

    def __init__(self, folder: Path, database: str, schema: str = SCHEMA) -> None:
        self.folder = folder
        self.database = folder / database
        self.schema = schema

    def start(self, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        """dbt as a child process that nobody waits for."""
        call = [sys.executable, "-P", "-m", "dbt.cli.main", "--no-use-colors", *arguments]
        if variables:
            call += ["--vars", yaml.safe_dump(variables)]
        return subprocess.Popen(
            call,
            cwd=self.folder,
            env={**os.environ, "DO_NOT_TRACK": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def fails(self, *arguments: str, **variables: Any) -> str:
        """What dbt says; it must fail."""
        child = self.start(*arguments, **variables)
        talk, _ = child.communicate()
        assert child.returncode != 0, talk
        return talk

    def runs(self, *arguments: str, **variables: Any) -> str:
        """What dbt says; it must succeed, and without a warning."""
        child = self.start(*arguments, **variables)
        talk, _ = child.communicate()
        assert child.returncode == 0, talk
        assert "WARN=0" in talk or arguments[0] != "build", talk
        return talk

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over the package's tables, or those of another schema."""
        with duckdb.connect(self.database, read_only=True) as connection:
            connection.execute(f"set search_path = '{self.schema}'")
            return connection.execute(sql).fetchall()

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns, or of a subquery's."""
        return {name for name, *_ in self.query(f"describe from {table}")}

    def set_vars(self, variables: Mapping[str, Any]) -> None:
        """Change variables in dbt_project.yml; None removes one."""
        path = self.folder / "dbt_project.yml"
        settings = yaml.safe_load(path.read_text())
        merged = {**settings.get("vars", {}), **variables}
        settings["vars"] = {name: value for name, value in merged.items() if value is not None}
        path.write_text(yaml.safe_dump(settings))

    def snapshot(self, but: Collection[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """What a build has found out, in a form without the random canonical ids, and without the
        columns `but`."""
        tables = {
            "graph": ("identity_graph", {"identifier_id", "batch_id"}),
            "conflicts": ("identity_conflicts", {"canonical_id_a", "canonical_id_b"}),
            # What is one person by decision when a build first looks at it was never a candidate.
            "candidates": (
                "(select * from identity_candidates where status <> 'accepted')",
                {"canonical_id_a", "canonical_id_b", "found_at"},
            ),
            "events": ("resolved_events", set()),
            "profiles": ("user_profiles", {"data_batch_id", "batch_id"}),
            "members": ("(select * from segments where exited_at is null)", _OF_THE_ROW),
        }
        return {name: self._rows(table, out.union(but)) for name, (table, out) in tables.items()}

    def _rows(self, table: str, left_out: set[str]) -> list[tuple[Any, ...]]:
        names = self.columns(table)
        columns = ", ".join(sorted(names - left_out - {"canonical_id"}))
        table += " as found"
        if "canonical_id" in names:
            columns += ", person"
            table += f" left join ({_PEOPLE}) as people using (canonical_id)"
        return sorted(self.query(f"select {columns} from {table}"), key=repr)


def prepare(folder: Path) -> None:
    """Let dbt parse the project, and compile what `cdp erase` asks, before the folder is copied: a
    copy has both, and each of its tests is spared ten seconds."""
    with opened(Project.find(folder)):
        pass


def copy_consumer(folder: Path) -> Consumer:
    """A copy of the project in this folder."""
    for part in ("models", "seeds", "tests"):
        shutil.copytree(HERE / part, folder / part)
    for part in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(HERE / part, folder / part)
    link_package(folder)
    return Consumer(folder, "integration.duckdb")


def copy_scenarios(folder: Path) -> Consumer:
    """A copy of the project of tests/scenarios."""
    for part in ("macros", "models", "seeds", "tests"):
        shutil.copytree(SCENARIOS / part, folder / part)
    for part in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(SCENARIOS / part, folder / part)
    link_package(folder)
    return Consumer(folder, "scenarios.duckdb", "main_cdp_scenarios")


def new_project(
    folder: Path, name: str, files: Mapping[str, str], schema: str = SCHEMA, **settings: Any
) -> Consumer:
    """A project of that name with the package in it, and a DuckDB file of that name.

    Files of its models are texts by name; further settings go into dbt_project.yml.
    """
    (folder / "models").mkdir(parents=True)
    for file, text in files.items():
        (folder / "models" / file).write_text(text, encoding="utf-8")
    project = {"name": name, "version": "1.0.0", "profile": name, **settings}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    target = {"type": "duckdb", "path": f"{name}.duckdb", "threads": 1}
    profiles = {name: {"target": "dev", "outputs": {"dev": target}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profiles))
    link_package(folder)
    return Consumer(folder, f"{name}.duckdb", schema)


def write_shop(folder: Path, target: Mapping[str, Any]) -> Path:
    """A project whose events and records are those that `cdp load` loads, with this target."""
    link_package(folder)
    sources = [
        {"name": "web", "collector": "cdp"},
        {
            "name": "crm",
            "collector": "cdp",
            "record_id": "contact_id",
            "identifier_type": "crm_id",
            "identifiers": {"email": "email"},
        },
    ]
    project = {"name": "shop", "version": "1.0.0", "profile": "shop"}
    files = {
        "dbt_project.yml": {**project, "vars": {"cdp_sources": sources}},
        "profiles.yml": {"shop": {"target": "dev", "outputs": {"dev": dict(target)}}},
        "packages.yml": {"packages": [{"local": str(package_root())}]},
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def link_package(folder: Path) -> None:
    """What `dbt deps` does for a local package."""
    (folder / "dbt_packages").mkdir(parents=True, exist_ok=True)
    (folder / "dbt_packages" / "cdp").symlink_to(package_root(), target_is_directory=True)
