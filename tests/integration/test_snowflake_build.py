"""The same answers on an emulator of Snowflake as on DuckDB: a smoke test, for what the emulator
takes Snowflake may refuse."""

from pathlib import Path

from consumer import Consumer, copy_consumer, copy_scenarios
from warehouses import SnowflakeConsumer, all_macros_pass, answers, build_in_batches


def test_macros_mean_the_same_on_snowflake(package: Consumer, snowflake_port: int) -> None:
    on_snowflake = SnowflakeConsumer(package, snowflake_port, "macros")
    assert all_macros_pass() in on_snowflake.runs("test", "--select", "path:tests/data")


def test_two_builds_give_the_same_on_snowflake(
    snowflake_port: int, tmp_path: Path, original: Consumer
) -> None:
    on_snowflake = SnowflakeConsumer(copy_consumer(tmp_path / "shop"), snowflake_port, "parity")
    build_in_batches(on_snowflake)
    assert answers(on_snowflake) == answers(original)


def test_all_scenarios_give_the_same_on_snowflake(
    snowflake_port: int, tmp_path: Path, scenarios_at_once: Consumer
) -> None:
    on_snowflake = SnowflakeConsumer(copy_scenarios(tmp_path / "shop"), snowflake_port, "scenarios")
    on_snowflake.runs("build")
    assert answers(on_snowflake) == answers(scenarios_at_once)
