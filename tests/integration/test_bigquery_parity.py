"""The same answers on an emulator of BigQuery as on DuckDB: what is known of people is equal row by
row, after two batches."""

from collections.abc import Iterator

import pytest

from consumer import Consumer, copy_consumer
from servers import time_limit
from warehouses import (
    BigQueryConsumer,
    all_macros_pass,
    answers,
    build_in_batches,
)

# Two builds take four minutes where nothing else is at work.
SECONDS = 3600


@pytest.fixture(autouse=True)
def limited_time() -> Iterator[None]:
    with time_limit(SECONDS):
        yield


@pytest.fixture(scope="module")
def built_in_batches(
    bigquery_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> BigQueryConsumer:
    """The project after its two batches."""
    shop = copy_consumer(tmp_path_factory.mktemp("bigquery") / "shop")
    consumer = BigQueryConsumer(shop, bigquery_endpoint, "parity")
    with time_limit(SECONDS):
        build_in_batches(consumer)
    return consumer


def test_macros_mean_the_same_on_bigquery(package: Consumer, bigquery_endpoint: str) -> None:
    on_bigquery = BigQueryConsumer(package, bigquery_endpoint, "macros")
    assert all_macros_pass() in on_bigquery.runs("test", "--select", "path:tests/data")


def test_two_builds_give_the_same_on_bigquery(
    built_in_batches: BigQueryConsumer, original: Consumer
) -> None:
    assert answers(built_in_batches) == answers(original)


def test_the_analyzer_of_google_refuses_nothing_that_was_run(
    built_in_batches: BigQueryConsumer,
) -> None:
    pytest.importorskip("zetasql", reason="The analyzer of GoogleSQL is not installed: zetasql.")
    from googlesql import GoogleSql, tables_of

    client = built_in_batches.client()
    analyzer = GoogleSql(tables_of(client))
    # What this test asked itself has a dataset of its own.
    jobs = [
        job
        for job in client.list_jobs()
        if job.job_type == "query" and not job.parent_job_id and '"app": "dbt"' in job.query
    ]
    jobs.sort(key=lambda job: job.created)
    assert [said for job in jobs for said in analyzer.refused(job.query)] == []
    assert analyzer.count > 700
