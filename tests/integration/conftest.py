"""Copies of the consumer project in this folder."""

import shutil
from pathlib import Path

import pytest

from consumer import Consumer, link_package

HERE = Path(__file__).parent


def copy_consumer(folder: Path) -> Consumer:
    for part in ("models", "seeds", "tests"):
        shutil.copytree(HERE / part, folder / part)
    for part in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(HERE / part, folder / part)
    link_package(folder)
    return Consumer(folder, "integration.duckdb")


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """A copy of the consumer project, nothing built yet."""
    return copy_consumer(tmp_path / "consumer")


@pytest.fixture(scope="session")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple]]:
    """The snapshot of a project that has built all its data in one full build."""
    consumer = copy_consumer(tmp_path_factory.mktemp("once") / "consumer")
    # The history of segments tells when something was found: two builds have another one.
    consumer.runs("build", "--exclude", "segments_are_as_expected")
    return consumer.snapshot()
