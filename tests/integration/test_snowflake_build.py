"""The first build on an emulator of Snowflake finds out what it does on DuckDB: a smoke test.

What an emulator takes Snowflake may refuse. A second build is not run: the emulator cannot.
"""

from pathlib import Path

from conftest import copy_consumer, copy_scenarios
from consumer import Consumer
from warehouses import SnowflakeConsumer, all_macros_pass, answers

# The history of segments tells when something was found: two builds have another one.
LEFT_OUT = ["--exclude", "segments_are_as_expected"]


def test_macros_mean_the_same_on_snowflake(package: Consumer, snowflake_port: int) -> None:
    on_snowflake = SnowflakeConsumer(package, snowflake_port, "macros")
    assert all_macros_pass() in on_snowflake.runs("test", "--select", "path:tests/data")


def test_a_first_build_gives_the_same_on_snowflake(
    snowflake_port: int, tmp_path: Path, original: Consumer
) -> None:
    on_snowflake = SnowflakeConsumer(copy_consumer(tmp_path / "shop"), snowflake_port, "parity")
    on_snowflake.runs("build", *LEFT_OUT)
    assert answers(on_snowflake) == answers(original)


def test_all_scenarios_give_the_same_on_snowflake(
    snowflake_port: int, tmp_path: Path, scenarios_at_once: Consumer
) -> None:
    on_snowflake = SnowflakeConsumer(copy_scenarios(tmp_path / "shop"), snowflake_port, "scenarios")
    on_snowflake.runs("build")
    assert answers(on_snowflake) == answers(scenarios_at_once)
