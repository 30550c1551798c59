"""The SQL files in the house style. A test, so that others run beside it: it takes minutes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_sql_is_in_the_house_style() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "models", "tests/data"],
        cwd=ROOT,
        # It reads dbt's own modules.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
