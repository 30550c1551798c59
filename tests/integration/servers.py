"""What tests of a warehouse on a server share: free ports, and what commands do on any of them."""

import json
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dbt_cdp.cli import run
from dbt_cdp.clock import utc_now
from dbt_cdp.collector.segments import Request, spool_line
from dbt_cdp.collector.spool import make_folder
from dbt_cdp.lock import AlreadyRunningError, run_lock
from dbt_cdp.project import Project

Query = Callable[..., list[tuple]]

AT = "2026-06-01T10:00:05.000000+00:00"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def check_that_files_are_loaded_once(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"type": "track", "event": "seen", "userId": "u1", "timestamp": AT}
    lines = [json.dumps({**event, "messageId": f"m{n}"}) for n in range(3)]
    (shop / "web.ndjson").write_text("\n".join([*lines, '{"broken']))
    for added in (3, 0):
        capsys.readouterr()
        assert run(["load", "web.ndjson", "--source", "web", "--json"]) == 1
        (report,) = json.loads(capsys.readouterr().out)
        assert (report["read"], report["added"], report["rejected"]) == (4, added, 1)
    (shop / "crm.csv").write_text("contact_id,email\n7,ann@acme.example\n")
    assert run(["load", "crm.csv", "--source", "crm"]) == 0
    counts = [
        query(f"select count(*) from shop_cdp.{table}")[0][0]
        for table in ("landing_events", "landing_records", "landing_rejects")
    ]
    assert counts == [3, 1, 1]


def check_that_runs_exclude_each_other(shop: Path, query: Query) -> None:
    project = Project.find(shop)
    with run_lock(project, "one") as held:
        held.check()
        with pytest.raises(AlreadyRunningError), run_lock(project, "two"):
            pytest.fail("two at a time")
        ((expires_at,),) = query("select expires_at from shop_cdp.leases")
        left = expires_at.replace(tzinfo=None) - utc_now()
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    free = "select lease from shop_cdp.leases where holder is null and expires_at is null"
    assert query(free) == [("run",)]
    query(
        "update shop_cdp.leases set holder = 'dead', expires_at = timestamp '2026-01-01 00:00:00'"
        " where lease = 'run'"
    )
    with run_lock(project, "next"):
        assert query("select holder from shop_cdp.leases") == [("next",)]


def check_that_a_cycle_is_entered(
    shop: Path, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
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
