"""Copies of the consumer project in this folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer import Consumer, link_package

HERE = Path(__file__).parent


@pytest.fixture
def new_consumer(tmp_path: Path) -> Callable[..., Consumer]:
    """Makes copies of the consumer project."""

    def make(name: str = "consumer") -> Consumer:
        folder = tmp_path / name
        for part in ("models", "seeds", "tests"):
            shutil.copytree(HERE / part, folder / part)
        for part in ("dbt_project.yml", "profiles.yml"):
            shutil.copy(HERE / part, folder / part)
        link_package(folder)
        return Consumer(folder, "integration.duckdb")

    return make


@pytest.fixture
def consumer(new_consumer: Callable[..., Consumer]) -> Consumer:
    """A copy of the consumer project, nothing built yet."""
    return new_consumer()
