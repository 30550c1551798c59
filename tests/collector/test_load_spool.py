"""From the collector into the warehouse: each event once, whatever is interrupted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dbt_cdp import landing
from dbt_cdp.cli import run
from dbt_cdp.collector.segments import Request, spool_line, unreadable_line
from dbt_cdp.collector.spool import make_folder, sealed_segments
from dbt_cdp.dbt import Dbt
from dbt_cdp.project import Project
from serving import Collector

AT = "2026-06-01T10:00:05.000000+00:00"


def segment(folder: Path, name: str, *lines: bytes) -> Path:
    make_folder(folder)
    path = folder / f"{name}.ndjson"
    path.write_bytes(b"".join(lines))
    return path


def request_line(*names: str, source: str = "web") -> bytes:
    events = [{"type": "track", "event": "seen", "userId": "u1", "messageId": n} for n in names]
    return spool_line(Request(source, AT), json.dumps({"batch": events}).encode())


def load(capsys: pytest.CaptureFixture[str], spool: Path) -> tuple[int, list[dict], str]:
    code = run(["load", "--json", "--spool", str(spool)])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if captured.out else [], captured.err


@pytest.fixture
def landed(query: Callable[..., list[tuple]]) -> Callable[[], list[str]]:
    def read() -> list[str]:
        rows = query("select payload ->> 'messageId' from landing_events order by all")
        return [name for (name,) in rows]

    return read


def test_segments_are_loaded_once_and_deleted(
    shop: Path, capsys: pytest.CaptureFixture[str], landed: Callable[[], list[str]]
) -> None:
    spool = shop / "spool"
    first = request_line("a", "b")
    segment(spool, "1", first, request_line("c"))
    segment(spool, "2", request_line("d"))
    (spool / "3.open").write_bytes(request_line("open"))
    code, (report,), _ = load(capsys, spool)
    assert code == 0
    assert (report["source"], report["read"], report["added"], report["rejected"]) == (
        "web",
        4,
        4,
        0,
    )
    assert landed() == ["a", "b", "c", "d"]
    assert [path.name for path in spool.glob("[0-9]*")] == ["3.open"]

    # As after a crash between the commit and the deletion.
    segment(spool, "1", first, request_line("c"))
    code, (report,), _ = load(capsys, spool)
    assert (code, report["added"], report["already_there"]) == (0, 0, 3)
    # The same event, sent again by the client, is another delivery: staging keeps the first.
    segment(spool, "4", first)
    assert load(capsys, spool)[1][0]["added"] == 2
    assert load(capsys, spool) == (0, [], "")


def test_what_is_received_is_kept_as_the_time_of_receipt(
    shop: Path, capsys: pytest.CaptureFixture[str], query: Callable[..., list[tuple]]
) -> None:
    segment(shop / "spool", "1", request_line("a"))
    load(capsys, shop / "spool")
    ((received_at, payload),) = query("select received_at, payload from landing_events")
    assert str(received_at) == "2026-06-01 10:00:05"
    assert json.loads(payload)["received_at"] == AT


def test_a_failure_leaves_the_segment_for_the_next_run(
    shop: Path,
    capsys: pytest.CaptureFixture[str],
    landed: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spool = shop / "spool"
    segment(spool, "1", request_line("a"))
    segment(spool, "2", request_line("b"))
    monkeypatch.setattr(landing, "_GROUP_BYTES", 10)
    real, calls = landing.read_segment, []

    def failing(path: Path) -> object:
        calls.append(path.name)
        yield from real(path)
        if path.name.startswith("2") and len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(landing, "read_segment", failing)
    assert run(["load", "--spool", str(spool)]) == 130
    assert landed() == ["a"]
    assert [path.name for path in sealed_segments(spool)] == ["2.ndjson"]
    capsys.readouterr()
    assert load(capsys, spool)[0] == 0
    assert landed() == ["a", "b"]


def test_what_cannot_be_read_is_among_the_rejects(
    shop: Path, capsys: pytest.CaptureFixture[str], query: Callable[..., list[tuple]]
) -> None:
    spool = shop / "spool"
    bad = Request("web", AT, problem="not JSON: Expecting value at character 1")
    segment(
        spool,
        "1",
        request_line("good"),
        unreadable_line(bad, b"\xff\0 not JSON"),
        spool_line(Request("web", AT), b'[7, {"messageId": "too"}]'),
        b"damaged by a disk\n",
        b'{"source": "web", "received_at": "never"}\t{}\n',
        request_line("torn")[:-1],
    )
    code, reports, _ = load(capsys, spool)
    counts = {report["source"]: (report["added"], report["rejected"]) for report in reports}
    assert (code, counts) == (1, {"web": (2, 2), "unknown": (0, 2)})
    rejects = query(
        "select source, file_name, line_number, reason, payload from landing_rejects order by all"
    )
    assert rejects == [
        ("unknown", "1.ndjson", 4, "damaged in the spool", "damaged by a disk"),
        (
            "unknown",
            "1.ndjson",
            5,
            "damaged in the spool",
            '{"source": "web", "received_at": "never"}\t{}',
        ),
        ("web", "1.ndjson", 2, bad.problem, "\ufffd\ufffd not JSON"),
        ("web", "1.ndjson", 3, "not a JSON object", "7"),
    ]
    assert not sealed_segments(spool)


def test_a_source_that_is_not_in_the_project_is_said_and_its_events_wait(
    shop: Path, capsys: pytest.CaptureFixture[str], landed: Callable[[], list[str]]
) -> None:
    segment(shop / "spool", "1", request_line("a", source="app"), request_line("b"))
    code, reports, err = load(capsys, shop / "spool")
    assert (code, sorted(report["source"] for report in reports)) == (1, ["app", "web"])
    assert "source 'app': cdp_sources has no such source of events" in err
    assert landed() == ["a", "b"]


def test_without_a_spool_and_without_a_file_it_says_so(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = load(capsys, shop / "nothing")
    assert (code, "There is no file to load, and no spool." in err) == (2, True)


def test_from_a_request_to_raw_events(
    shop: Path, query: Callable[..., list[tuple]], make_collector: Callable[..., Collector]
) -> None:
    collector = make_collector("--ip", "truncated", spool=shop / "spool")
    event = {
        "type": "track",
        "event": "pricing_seen",
        "anonymousId": "a1",
        "traits": {"email": "ada@shop.example"},
        "timestamp": "2020-01-01T00:00:00Z",
        "messageId": "m1",
    }
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
    headers = {"User-Agent": agent, "Origin": "https://shop.example"}
    for _ in range(2):
        # A client that got no answer sends it again; its clock is six years behind.
        body = {"batch": [event], "sentAt": "2020-01-01T00:00:10Z"}
        assert collector.post("/v1/batch", body, headers=headers).status == 200
    collector.stop()
    assert run(["load", "--spool", str(shop / "spool")]) == 0
    Dbt(Project.find(shop)).run(["build", "--select", "+cdp__raw_events"], stream=False)
    rows = query(
        "select event_id, event_type, anonymous_id, email, ip, browser, device_type, user_agent,"
        " date_diff('second', timestamp, received_at), received_at > current_date - 2"
        " from raw_events"
    )
    assert rows == [
        (
            "m1",
            "pricing_seen",
            "a1",
            "ada@shop.example",
            "127.0.0.0",
            "Firefox",
            "desktop",
            agent,
            10,
            True,
        )
    ]
