"""`cdp doctor` on BigQuery."""

import json
from pathlib import Path

from google.cloud import bigquery

from dbt_cdp.cli import run
from dbt_cdp.doctor import SCRATCH_TABLE


def test_the_warehouse_is_checked_and_nothing_is_left_in_it(
    shop: Path, client: bigquery.Client, capsys
) -> None:
    assert run(["doctor", "--json"]) == 0
    states = {one["check"]: one["state"] for one in json.loads(capsys.readouterr().out)}
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped == {"database file", "leftovers", "sources"}
    assert set(states.values()) == {"ok", "skipped"}
    assert SCRATCH_TABLE not in {table.table_id for table in client.list_tables("shop_cdp")}
