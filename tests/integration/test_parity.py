"""The same answers on Postgres as on DuckDB: what is known of people is equal row by row, in
batches, at once and anew."""

from pathlib import Path

from conftest import copy_consumer, copy_scenarios
from consumer import Consumer
from warehouses import PostgresConsumer, answers

FIRST = {"batch": 1, "cdp_as_of": "2026-06-10"}
SECOND = {"batch": 2, "cdp_as_of": "2026-06-12"}

IDS = "select identifier_id, canonical_id from identity_graph order by identifier_id"


def test_macros_mean_the_same_on_postgres(package: Consumer, postgres_port: int) -> None:
    on_postgres = PostgresConsumer(package, postgres_port, "macros")
    assert "PASS=34 " in on_postgres.runs("test", "--select", "path:tests/data")


def test_two_builds_and_a_full_refresh_give_the_same_on_postgres(
    postgres_port: int, tmp_path: Path, original: Consumer
) -> None:
    on_postgres = PostgresConsumer(copy_consumer(tmp_path / "shop"), postgres_port, "parity")
    on_postgres.runs("build", **FIRST)
    on_postgres.runs("build", **SECOND)
    ids = on_postgres.query(IDS)
    assert answers(on_postgres) == answers(original)
    on_postgres.runs("build", "--full-refresh", **SECOND)
    assert answers(on_postgres) == answers(original)
    assert on_postgres.query(IDS) == ids


def test_all_scenarios_end_the_same_on_postgres(
    postgres_port: int, tmp_path: Path, scenarios_at_once: Consumer
) -> None:
    on_postgres = PostgresConsumer(copy_scenarios(tmp_path / "shop"), postgres_port, "scenarios")
    for load in (1, 2, 3):
        on_postgres.runs("build", load=load)
    assert answers(on_postgres) == answers(scenarios_at_once)
