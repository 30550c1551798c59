"""The consumer project in a folder of its own, and dbt as a measured child process."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import duckdb
import yaml

_HERE = Path(__file__).parent
_SHOWN_LINES = 30

# What is left out where the models alone are measured.
TESTS = ("resource_type:test", "resource_type:unit_test")

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class DbtRun:
    """What one dbt command took: seconds a model or seed, in the order in which they ended."""

    model_seconds: dict[str, float]
    test_seconds: float
    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    database_bytes: int

    @property
    def total_seconds(self) -> float:
        """Of all models and seeds; more than the wall where two were built at a time."""
        return sum(self.model_seconds.values())


class BenchProject:
    """A copy of `consumer/` in which the package is this checkout."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(_HERE / "consumer", folder, dirs_exist_ok=True)
        (folder / "dbt_packages").mkdir()
        # What `dbt deps` makes of a local package.
        (folder / "dbt_packages" / "cdp").symlink_to(_HERE.parent, target_is_directory=True)
        self.folder = folder
        self.database = folder / "warehouse.duckdb"

    def set_vars(self, **values: object) -> None:
        """Give vars of the project other values; those not named keep theirs."""
        path = self.folder / "dbt_project.yml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings["vars"].update(values)
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def limit_memory(self, memory: str) -> None:
        """Let DuckDB hold no more than so much, such as 4GB; what does not fit goes to the disk."""
        path = self.folder / "profiles.yml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings["cdp_bench"]["outputs"]["dev"]["settings"]["memory_limit"] = memory
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def dbt(self, *arguments: str) -> DbtRun:
        """Run a dbt command to its end.

        Raises:
            SystemExit: dbt failed; the message is the end of what it said.
        """
        call = [sys.executable, "-P", "-m", "dbt.cli.main", "--no-use-colors", *arguments]
        call += ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        # dbt's own log, see rounds(): of this run alone, and in one file however long it gets.
        call += ["--log-path", str(self.folder / "logs"), "--log-file-max-bytes", "0"]
        shutil.rmtree(self.folder / "logs", ignore_errors=True)
        log = self.folder / "dbt.log"
        started = time.perf_counter()
        with log.open("w", encoding="utf-8") as output:
            child = subprocess.Popen(
                call,
                cwd=self.folder,
                env={**os.environ, "DO_NOT_TRACK": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if child.returncode:
            lines = log.read_text(encoding="utf-8").splitlines()[-_SHOWN_LINES:]
            raise SystemExit("\n".join(["dbt failed:", *lines]))
        models, tests = self._seconds()
        return DbtRun(
            model_seconds=models,
            test_seconds=tests,
            wall_seconds=wall,
            processor_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=peak_bytes(usage.ru_maxrss),
            database_bytes=self.database.stat().st_size,
        )

    def rounds(self, model: str, what: str) -> list[int]:
        """How many rounds the loops of a model took in the last run; `what` matches their name."""
        text = (self.folder / "logs" / "dbt.log").read_text(encoding="utf-8")
        return [int(n) for n in re.findall(f"dbt-cdp: {model}: {what} took ([0-9]+) rounds", text)]

    def _seconds(self) -> tuple[dict[str, float], float]:
        text = (self.folder / "target" / "run_results.json").read_text(encoding="utf-8")
        models: dict[str, float] = {}
        tests = 0.0
        for result in json.loads(text)["results"]:
            kind, _, name = result["unique_id"].split(".")[:3]
            if kind in ("model", "seed"):
                models[name] = result["execution_time"]
            else:
                tests += result["execution_time"]
        return models, tests


@dataclass(frozen=True)
class CommandRun:
    """What a command of `cdp` printed, and what it took."""

    out: str
    seconds: float
    peak_bytes: int


def cdp(folder: Path, *arguments: str) -> CommandRun:
    """Run a command of `cdp` in a project's folder to its end.

    Raises:
        SystemExit: it failed; the message is what it said.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "dbt_cdp", *arguments],
            cwd=folder,
            env={**os.environ, "DO_NOT_TRACK": "1"},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        assert child.stdout
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"cdp {' '.join(arguments)} failed:\n{said.read()}")
    return CommandRun(out, time.perf_counter() - started, peak_bytes(usage.ru_maxrss))


def peak_bytes(maximum: int) -> int:
    """Bytes of a `ru_maxrss`, which macOS gives in bytes and Linux in kilobytes."""
    return maximum if sys.platform == "darwin" else maximum * 1024


def in_child(
    function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Call a function in a process of its own.

    Whatever needs memory runs this way: Linux counts the peak of this process as one of every
    child that it starts later, and a DuckDB file can be open in one process only.
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def connect(database: Path) -> duckdb.DuckDBPyConnection:
    """A connection with as many threads as the profile gives to dbt's."""
    connection = duckdb.connect(database, config={"threads": 2})
    connection.execute("set enable_progress_bar = false")
    return connection


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The installed versions of packages."""
    return {package: version(package) for package in packages}


def commit() -> str | None:
    """The commit that is measured, marked where files differ from it; None outside of git."""
    call = ["git", "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(call, cwd=_HERE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
