"""`cdp run` on BigQuery: the lease, and the ledger."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dbt_cdp.cli import run
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.lock import AlreadyRunningError, run_lock
from dbt_cdp.project import Project

Query = Callable[..., list[tuple]]

AT = "2026-06-01T10:00:05.000000+00:00"


def test_runs_exclude_each_other_by_a_lease(shop: Path, query: Query) -> None:
    project = Project.find(shop)
    with run_lock(project, "one") as held:
        held.check()
        with pytest.raises(AlreadyRunningError), run_lock(project, "two"):
            pytest.fail("two at a time")
    assert query("select lease, holder, expires_at from shop_cdp.leases") == [("run", None, None)]
    query(
        "update shop_cdp.leases set holder = 'dead', expires_at = timestamp '2026-01-01 00:00:00'"
        " where lease = 'run'"
    )
    with run_lock(project, "next"):
        assert query("select holder from shop_cdp.leases") == [("next",)]


def test_a_cycle_is_entered(shop: Path, query: Query, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(shop / "spool")
    event = {"type": "track", "event": "seen", "userId": "u1", "messageId": "m1", "timestamp": AT}
    line = spool_line(Request("web", AT), json.dumps({"batch": [event]}).encode())
    (shop / "spool" / "1.ndjson").write_bytes(line)
    assert run(["run", "--only", "load"]) == 0
    capsys.readouterr()
    assert run(["status", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["runs"]
    assert (entry["status"], entry["steps"][0]["summary"]) == ("ok", "1 event")
    assert entry["seconds"] > 0
    assert query("select count(*) from shop_cdp.landing_events") == [(1,)]
