"""The project of these tests, and its models compiled."""

import pytest

from consumer import Consumer
from harness import Compiled, compile_models, make_project
from reference import TYPES


def new_project(factory: pytest.TempPathFactory) -> Consumer:
    identifiers = [{"name": name, **limits._asdict()} for name, limits in TYPES.items()]
    return make_project(factory.mktemp("project") / "worlds", identifiers)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The identity models, compiled once."""
    return compile_models(new_project(tmp_path_factory))


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """The project, nothing built yet."""
    return new_project(tmp_path_factory)
