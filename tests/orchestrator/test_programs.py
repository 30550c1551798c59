"""Programs: how many statements they take on BigQuery, and what a loop without an end does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer import Consumer, new_project
from dbt_cdp.project import package_root

ROOT = package_root()
VARS = {"cdp_sources": [{"name": "web", "collector": "cdp"}]}
MOST_STATEMENTS = 25

PROGRAMS = {
    "all components": 'cdp.cdp_components("select * from edges")',
    "changed components": 'cdp.cdp_components_changes("select * from edges", "known", 7)',
    "all people": 'cdp.cdp_all_people("select * from edges", "decisions")',
    "changed people": 'cdp.cdp_people_changes("select * from edges", "decisions", "known", 7)',
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The programs and their scripts as dbt makes them for BigQuery, without a connection."""
    folder = tmp_path_factory.mktemp("programs")
    parts = []
    for name, call in PROGRAMS.items():
        parts += [f'"{name}": {call}.steps', f'"{name} script": cdp.cdp_script({call}.steps)']
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "dbt.cli.main", "--quiet", "compile"),
            *("--no-populate-cache", "--no-introspect", "--target", "bigquery"),
            *("--project-dir", ROOT, "--profiles-dir", ROOT / "tests", "--profile", "cdp_test"),
            *("--target-path", folder / "target", "--log-path", folder / "logs"),
            *("--vars", json.dumps(VARS)),
            *("--inline", "{{ tojson({" + ", ".join(parts) + "}) }}"),
        ],
        env={**os.environ, "DO_NOT_TRACK": "1"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])


def count_statements(steps: list[Any]) -> int:
    """How many statements cost a second when no `if` applies and no loop goes on after its least
    rounds; dropping a table costs nothing to speak of."""
    count = 0
    for step in steps:
        if isinstance(step, str):
            count += sum(not line.startswith("drop ") for line in step.split(";\n"))
        else:
            count += 1 + step.get("at_least", 0) * count_statements(step.get("do", []))
    return count


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_solve_takes_few_statements_where_nothing_is_split(
    compiled: dict[str, Any], name: str
) -> None:
    count = count_statements(compiled[name])
    assert 5 < count <= MOST_STATEMENTS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_one_script_whose_loops_have_an_end(
    compiled: dict[str, Any], name: str
) -> None:
    script = compiled[f"{name} script"]
    assert script.count("while exists(") == script.count("end while;") > 0
    assert script.count("raise using message") >= script.count("while exists(")
    assert script.count("\nif ") + script.startswith("if ") == script.count("end if;")
    assert script.count("`test-project`.`test_cdp`.`inline_query__scratch_") > 20


STEPS = """
    {%- set table = cdp.cdp_scratch_name("numbers") -%}
    {%- if execute -%}
        {%- do cdp.cdp_run_steps([
            cdp.cdp_scratch(table, "select 1 as n"),
            {"if": "select n from " ~ table ~ " where n > 5", "do": ["this is no SQL"]},
            {
                "while": "select n from " ~ table ~ " where n < 5", "what": "counting", "limit": 4,
                "do": [
                    cdp.cdp_scratch(table, "select n + 1 as n from " ~ table),
                    {
                        "if": "select n from " ~ table ~ " where n = 3",
                        "do": ["create or replace table seen as select 3 as n"],
                    },
                ],
            },
            {"fail_if": FAILS, "message": "Odd ones:"},
        ]) -%}
    {%- endif -%}
    select n from {{ table if execute else "(select 1 as n) as numbers" }}
"""


@pytest.fixture
def counting(tmp_path: Path) -> Consumer:
    return new_project(tmp_path / "counting", "counting", {}, schema="main")


def write_model(counting: Consumer, steps: str) -> None:
    model = '{{ config(materialized="table") }}' + steps
    (counting.folder / "models" / "numbers.sql").write_text(model)


def test_a_program_runs_in_order_and_its_loops_until_they_are_done(counting: Consumer) -> None:
    write_model(counting, STEPS.replace("FAILS", "\"select '5' as n from seen where n = 4\""))
    counting.runs("run")
    assert counting.query("select * from numbers") == [(5,)]
    assert counting.query("select * from seen") == [(3,)]
    log = (counting.folder / "logs" / "dbt.log").read_text()
    assert "dbt-cdp: numbers: counting took 4 rounds" in log


def test_a_loop_without_an_end_and_forbidden_rows_are_errors(counting: Consumer) -> None:
    write_model(counting, STEPS.replace("n < 5", "n < 6"))
    assert "counting did not come to an end in 4 rounds" in counting.fails("run")
    write_model(counting, STEPS.replace("FAILS", "\"select 'three' as n from seen\""))
    assert "Odd ones: three" in counting.fails("run")
