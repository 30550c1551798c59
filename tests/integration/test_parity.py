"""The same answers on Postgres as on DuckDB: known people in batches, at once and anew."""

from pathlib import Path

import pytest

from conftest import copy_consumer
from consumer import Consumer
from warehouses import PostgresConsumer, answers

FIRST = {"batch": 1, "cdp_as_of": "2026-06-10"}
SECOND = {"batch": 2, "cdp_as_of": "2026-06-12"}


@pytest.fixture
def on_postgres(postgres_port: int, tmp_path: Path) -> PostgresConsumer:
    return PostgresConsumer(copy_consumer(tmp_path / "consumer"), postgres_port, "parity")


def test_two_builds_and_a_full_refresh_give_the_same_on_postgres(
    on_postgres: PostgresConsumer, original: Consumer
) -> None:
    expected = answers(original)
    on_postgres.runs("build", **FIRST)
    on_postgres.runs("build", **SECOND)
    assert answers(on_postgres) == expected
    ids = on_postgres.query("select identifier_id, canonical_id from identity_graph order by 1")
    on_postgres.runs("build", "--full-refresh", **SECOND)
    assert answers(on_postgres) == expected
    again = on_postgres.query("select identifier_id, canonical_id from identity_graph order by 1")
    assert again == ids
