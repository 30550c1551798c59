"""The same answers on an emulator of BigQuery as on DuckDB: what is known of people is equal row by
row, in two batches and anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import copy_consumer
from consumer import Consumer
from servers import time_limit
from warehouses import BigQueryConsumer, all_macros_pass, check_that_builds_give_the_same

# Three builds take five minutes where nothing else is at work.
SECONDS = 3600


@pytest.fixture(autouse=True)
def limited_time() -> Iterator[None]:
    with time_limit(SECONDS):
        yield


def test_macros_mean_the_same_on_bigquery(package: Consumer, bigquery_endpoint: str) -> None:
    on_bigquery = BigQueryConsumer(package, bigquery_endpoint, "macros")
    assert all_macros_pass() in on_bigquery.runs("test", "--select", "path:tests/data")


def test_two_builds_and_a_full_refresh_give_the_same_on_bigquery(
    bigquery_endpoint: str, tmp_path: Path, original: Consumer
) -> None:
    on_bigquery = BigQueryConsumer(copy_consumer(tmp_path / "shop"), bigquery_endpoint, "parity")
    check_that_builds_give_the_same(on_bigquery, original)
