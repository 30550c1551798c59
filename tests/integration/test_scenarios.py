"""The project of tests/scenarios: three builds one after the other, and everything at once."""

import shlex
import shutil
from pathlib import Path

import duckdb

from consumer import Consumer, copy_scenarios
from dbt_cdp.project import package_root
from test_docs import blocks

ROOT = package_root()
PAGE = ROOT / "docs" / "identity_tests.md"

# Rows of the seeds, and what they say when somebody is mistaken.
WRONG = [
    (
        "expected_people",
        "two_devices,1,device_id,two-devices-phone,ann",
        "two_devices,1,device_id,two-devices-phone,bob",
    ),
    (
        "expected_people",
        "case_of_ids,1,user_id,case-of-ids-aB,one",
        "case_of_ids,1,user_id,case-of-ids-aB,other",
    ),
    (
        "expected_people",
        "kiosk,2,anonymous_id,kiosk-kiosk,nobody",
        "kiosk,2,anonymous_id,kiosk-kiosk,gone",
    ),
    (
        "expected_people",
        "junk_email,1,email,junk-email-none,blocked",
        "junk_email,1,user_id,kiosk-bob,gone",
    ),
    (
        "expected_events",
        "shared_and_strong,1,shared-and-strong-2,bob",
        "shared_and_strong,1,shared-and-strong-2,ann",
    ),
]


def test_three_builds_give_what_is_expected_and_what_one_build_gives(
    scenarios_at_once: Consumer, tmp_path: Path
) -> None:
    bit_by_bit = copy_scenarios(tmp_path / "scenarios")
    (script,) = [text for language, text in blocks(PAGE) if language == "sh"]
    calls = [shlex.split(line) for line in script.splitlines() if line.startswith("dbt build")]
    assert [call[-2:] for call in calls] == [["--vars", f"load: {load}"] for load in (1, 2, 3)]
    for call in calls:
        bit_by_bit.runs("build", *call[-2:])
    assert bit_by_bit.snapshot() == scenarios_at_once.snapshot()
    told = "select distinct scenario, load from canonical_id_log"
    assert {load for _, load in bit_by_bit.query(told)} == {1, 2, 3}
    assert len({scenario for scenario, _ in bit_by_bit.query(told)}) >= 60


def test_wrong_expectations_fail(scenarios_at_once: Consumer, tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    shutil.copytree(scenarios_at_once.folder, folder, symlinks=True)
    scenarios = Consumer(folder, scenarios_at_once.database.name, scenarios_at_once.schema)
    for seed, said, instead in WRONG:
        path = folder / "seeds" / f"{seed}.csv"
        text = path.read_text(encoding="utf-8")
        assert text.count(f"{said}\n") == 1
        path.write_text(text.replace(f"{said}\n", f"{instead}\n"), encoding="utf-8")
    with duckdb.connect(scenarios.database) as connection:
        connection.execute(f"""
            insert into {scenarios.schema}.canonical_id_log
            select * replace (2 as load, 'another' as canonical_id)
            from {scenarios.schema}.canonical_id_log where scenario = 'user_id_alone'
        """)
    scenarios.runs("seed")
    scenarios.runs("run", "--select", "expected_now+")
    scenarios.fails("test", "--store-failures", "--select", "cdp_scenarios")

    def found(test: str, column: str = "group_name") -> set[str]:
        rows = scenarios.query(f"select {column} from main_dbt_test__audit.{test}")
        return {text.split(":")[0] for (text,) in rows}

    mistaken = {"two_devices", "case_of_ids", "junk_email"}
    assert found("people_are_as_expected", "scenario") == mistaken | {"kiosk"}
    assert found("events_are_as_expected", "scenario") == {"shared_and_strong"}
    assert found("canonical_ids_stay", "person") == mistaken | {"user_id_alone"}
    assert found("cdp_cdp_resolves_together_one_person_") == {"case_of_ids"}
    assert found("cdp_cdp_never_together_many_people_") == {"two_devices"}
    assert found("scenarios_have_identifiers_of_their_own", "identifier_value") == {"kiosk-bob"}


def test_the_scenarios_compile_for_bigquery_without_a_connection(tmp_path: Path) -> None:
    scenarios = copy_scenarios(tmp_path / "scenarios")
    target = (
        "--profiles-dir",
        str(ROOT / "tests"),
        "--profile",
        "cdp_test",
        "--target",
        "bigquery",
    )
    talk = scenarios.runs("compile", *target, "--no-populate-cache", "--no-introspect")
    assert "[WARNING]" not in talk
    compiled = scenarios.folder / "target" / "compiled" / "cdp_scenarios"
    assert "`test_cdp_scenarios`.`identity_graph`" in "".join(
        path.read_text() for path in compiled.glob("models/_models.yml/*.sql")
    )
