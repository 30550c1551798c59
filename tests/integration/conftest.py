"""Copies of the consumer project in this folder."""

import shutil
from pathlib import Path

import pytest

from consumer import Consumer, copy_consumer, copy_scenarios
from dbt_cdp.project import package_root


@pytest.fixture(scope="session")
def scenarios_at_once(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """All scenarios built at once, as after their last load."""
    scenarios = copy_scenarios(tmp_path_factory.mktemp("once") / "scenarios")
    scenarios.runs("build")
    return scenarios


@pytest.fixture
def package(tmp_path: Path) -> Consumer:
    """The package as a project of its own, in which the tests of its macros are."""
    root = package_root()
    for part in ("macros", "models", "seeds", "tests"):
        (tmp_path / part).symlink_to(root / part)
    settings = (root / "dbt_project.yml").read_text(encoding="utf-8")
    (tmp_path / "dbt_project.yml").write_text(f"{settings}\nprofile: cdp\n", encoding="utf-8")
    (tmp_path / "profiles.yml").write_text("cdp: {}\n")
    return Consumer(tmp_path, "cdp.duckdb")


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """A copy of the consumer project, nothing built yet."""
    return copy_consumer(tmp_path / "consumer")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """A project that has built all its data in one full build, to be looked at only."""
    consumer = copy_consumer(tmp_path_factory.mktemp("once") / "consumer")
    # The history of segments tells when something was found: two builds have another one.
    consumer.runs("build", "--exclude", "segments_are_as_expected")
    return consumer


@pytest.fixture(scope="session")
def at_once(original: Consumer) -> dict[str, list[tuple]]:
    """What the one full build has found out."""
    return original.snapshot()


@pytest.fixture
def built(original: Consumer, tmp_path: Path) -> Consumer:
    """A copy of the project that has been built, to go on with."""
    folder = tmp_path / "built"
    shutil.copytree(original.folder, folder, symlinks=True)
    return Consumer(folder, original.database.name)
