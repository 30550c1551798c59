"""The same answers on Postgres as on DuckDB: what is known of people is equal row by row, in
batches, at once and anew."""

from pathlib import Path

from consumer import Consumer, copy_consumer, copy_scenarios
from warehouses import (
    IDS,
    SECOND,
    PostgresConsumer,
    all_macros_pass,
    answers,
    build_in_batches,
)


def test_macros_mean_the_same_on_postgres(package: Consumer, postgres_port: int) -> None:
    on_postgres = PostgresConsumer(package, postgres_port, "macros")
    assert all_macros_pass() in on_postgres.runs("test", "--select", "path:tests/data")


def test_two_builds_and_a_full_refresh_give_the_same_on_postgres(
    postgres_port: int, tmp_path: Path, original: Consumer
) -> None:
    on_postgres = PostgresConsumer(copy_consumer(tmp_path / "shop"), postgres_port, "parity")
    build_in_batches(on_postgres)
    ids = on_postgres.query(IDS)
    assert answers(on_postgres) == answers(original)
    on_postgres.runs("run", "--full-refresh", **SECOND)
    assert answers(on_postgres) == answers(original)
    assert on_postgres.query(IDS) == ids


def test_all_scenarios_end_the_same_on_postgres(
    postgres_port: int, tmp_path: Path, scenarios_at_once: Consumer
) -> None:
    on_postgres = PostgresConsumer(copy_scenarios(tmp_path / "shop"), postgres_port, "scenarios")
    for load in (1, 2, 3):
        on_postgres.runs("build", load=load)
    assert answers(on_postgres) == answers(scenarios_at_once)
