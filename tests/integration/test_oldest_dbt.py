"""The oldest dbt that dbt_project.yml allows reads the package, on the warehouse whose properties
dbt checks, and says nothing against it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from consumer import Consumer
from dbt_cdp.project import package_root

INSTALL_SECONDS = 300

# What dbt 1.11 does anyway: the arguments of a test are those below `arguments`.
FLAG = "require_generic_test_arguments_property"

NOWHERE = {
    "type": "bigquery",
    "method": "oauth-secrets",
    "token": "none",
    "project": "test-project",
    "dataset": "test",
    "threads": 1,
}


@pytest.fixture(scope="module")
def oldest_dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt of that version, with its adapter for BigQuery, in an environment of its own."""
    settings = yaml.safe_load((package_root() / "dbt_project.yml").read_text(encoding="utf-8"))
    version = settings["require-dbt-version"][0].removeprefix(">=")
    minor = ".".join(version.split(".")[:2])
    folder = tmp_path_factory.mktemp("oldest") / "venv"
    python = folder / "bin" / "python"
    packages = [f"dbt-core=={version}", f"dbt-bigquery=={minor}.*"]
    for call in (
        ["venv", "--quiet", "--python", sys.executable, folder],
        ["pip", "install", "--quiet", "--python", python, *packages],
    ):
        try:
            done = subprocess.run(
                [sys.executable, "-m", "uv", *map(str, call)],
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"{' and '.join(packages)} cannot be installed in {INSTALL_SECONDS} s.")
        if done.returncode:
            pytest.skip(f"{' and '.join(packages)} cannot be installed: {done.stderr[-200:]}")
    return folder / "bin" / "dbt"


def test_the_oldest_dbt_parses_without_a_warning(oldest_dbt: Path, consumer: Consumer) -> None:
    profile = {"target": "bigquery", "outputs": {"bigquery": NOWHERE}}
    (consumer.folder / "profiles.yml").write_text(yaml.safe_dump({"cdp_integration": profile}))
    path = consumer.folder / "dbt_project.yml"
    settings = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**settings, "flags": {**settings["flags"], FLAG: True}}))
    options = ["--warn-error", "--no-use-colors", "parse", "--no-partial-parse"]
    done = subprocess.run(
        [oldest_dbt, *options, "--show-all-deprecations"],
        cwd=consumer.folder,
        env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (consumer.folder / "target" / "manifest.json").exists()
