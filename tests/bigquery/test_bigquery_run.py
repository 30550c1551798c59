"""`cdp run` on BigQuery: the lease, and the ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest

from servers import check_that_a_cycle_is_entered, check_that_runs_exclude_each_other

Query = Callable[..., list[tuple]]


def test_runs_exclude_each_other_by_a_lease(shop: Path, query: Query) -> None:
    check_that_runs_exclude_each_other(shop, query)


def test_a_cycle_is_entered(shop: Path, query: Query, capsys: pytest.CaptureFixture[str]) -> None:
    check_that_a_cycle_is_entered(shop, query, capsys)
