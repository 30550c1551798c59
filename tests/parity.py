"""`make parity`: what ran on which warehouse, as a table in the README.

Runs the tests of each warehouse, and puts the numbers between the two marks of the README. The exit
code is 1 if one has failed.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import duckdb

from servers import postgres_programs

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- made by `make parity` -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Warehouse:
    """What is run for a warehouse.

    Attributes:
        answers: what stands in for it, or is it.
        version: of that.
        tests: files and folders.
    """

    answers: str
    version: Callable[[], str]
    tests: tuple[str, ...]


def _postgres() -> str:
    programs = postgres_programs()
    if programs is None:
        return "not installed"
    told = subprocess.run(
        [programs / "pg_ctl", "--version"], capture_output=True, text=True, check=True
    )
    return told.stdout.split()[2]


def _pinned(folder: str, package: str) -> Callable[[], str]:
    text = (ROOT / "tests" / folder / "requirements.txt").read_text()
    found = re.search(rf"^{package}(\[\w+\])?==(\S+)", text, re.MULTILINE)
    return lambda: found[2] if found else "unknown"


WAREHOUSES: Mapping[str, Warehouse] = {
    "DuckDB": Warehouse(
        "itself",
        lambda: duckdb.__version__,
        ("tests/integration/test_consumer.py", "tests/integration/test_scenarios.py"),
    ),
    "Postgres": Warehouse(
        "a real server", _postgres, ("tests/postgres", "tests/integration/test_parity.py")
    ),
    "BigQuery": Warehouse(
        "local-bigquery, an emulator; never Google's own cloud",
        _pinned("bigquery", "local-bigquery"),
        ("tests/bigquery", "tests/integration/test_bigquery_parity.py"),
    ),
    "Snowflake": Warehouse(
        "fakesnow, an emulator; never Snowflake itself",
        _pinned("snowflake", "fakesnow"),
        ("tests/snowflake", "tests/integration/test_snowflake_build.py"),
    ),
}


def main() -> int:
    """Run all, and write the table."""
    rows, is_well = [], True
    for name, warehouse in WAREHOUSES.items():
        passed, skipped, failed, seconds = _run(warehouse)
        is_well &= not failed
        cells = (name, warehouse.answers, warehouse.version(), passed, skipped, failed, seconds)
        rows.append("| " + " | ".join(map(str, cells)) + " |")
        sys.stdout.write(f"{rows[-1]}\n")
    _write(rows)
    return 0 if is_well else 1


def _run(warehouse: Warehouse) -> tuple[int, int, int, int]:
    """How many tests have passed, were skipped, have failed, and how many seconds they took."""
    started = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--junitxml={report.name}", *warehouse.tests],
            cwd=ROOT,
            check=False,
            stdout=sys.stderr,
        )
        (suite,) = ElementTree.parse(report.name).getroot().iter("testsuite")
    count = {name: int(suite.get(name, 0)) for name in ("tests", "skipped", "failures", "errors")}
    failed = count["failures"] + count["errors"]
    passed = count["tests"] - count["skipped"] - failed
    return passed, count["skipped"], failed, round(time.monotonic() - started)


def _write(rows: list[str]) -> None:
    head = "| warehouse | what answers | version | passed | skipped | failed | seconds |"
    table = "\n".join([head, "|---|---|---|--:|--:|--:|--:|", *rows])
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    text = f"What ran on which, by `make parity`:\n\n{table}"
    README.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
