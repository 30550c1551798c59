"""`cdp report`: what it reads, what it says has to be looked at, and the page."""

import base64
import hashlib
import json
import re
import shutil
import stat
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from chromium import CHROMIUM, FLAGS, needs_chromium
from dbt_cdp.activation.states import SyncState
from dbt_cdp.audit import Audit, Cluster, Day, Proposal, Refusal, SizeBand
from dbt_cdp.cli import run
from dbt_cdp.clock import utc_now
from dbt_cdp.decisions import Identifier
from dbt_cdp.ledger import RunEntry, StepEntry
from dbt_cdp.privacy.ledger import Request
from dbt_cdp.project import Project
from dbt_cdp.report.attention import BAD, WARNING, in_days, notices
from dbt_cdp.report.charts import charts
from dbt_cdp.report.content import (
    Counts,
    EventDay,
    Filled,
    Report,
    Shared,
    Size,
    SyncDay,
    read_report,
)
from dbt_cdp.report.masks import masked
from dbt_cdp.report.page import page
from dbt_cdp.segments import Overlap, Segment
from dbt_cdp.sources import SourceState

NOW = datetime(2026, 6, 30, 12)
SCRIPT = "</script><script>alert(1)</script>"

NOTHING = Report(
    project="shop",
    target="dev (duckdb)",
    made_at=NOW,
    as_of=NOW,
    is_built=False,
    counts=Counts(0, 0, 0, 0, 0, 0),
    event_days=[],
    sources=[],
    audit=Audit([SizeBand(1, 1, 0, 0.0), SizeBand(101, None, 0, 0.0)], [], [], [], [], [], []),
    shared=[],
    filled=[Filled("email", 0, 0)],
    segments=[],
    sizes=[],
    overlaps=[],
    syncs=[],
    sync_days=[],
    requests=[],
    runs=[],
)


def segment(name: str, members: int | None = 3, entity: str = "person") -> Segment:
    return Segment(name, entity, SCRIPT, "growth", [], {}, {}, "0a1b2c3d", members, 2, 1)


def run_entry(status: str = "ok", *, days_ago: float = 0.1, error: str | None = None) -> RunEntry:
    started = NOW - timedelta(days=days_ago)
    steps = [
        StepEntry("load", started, 1.0, "ok", None),
        StepEntry("build", started, 40.25, "ok", ""),
    ]
    return RunEntry("r", started, started + timedelta(seconds=42), status, error, steps)


def request(status: str = "approved", *, due_in: float = 20, took: float = 1) -> Request:
    due_at = NOW + timedelta(days=due_in)
    received = due_at - timedelta(days=30)
    return Request("q" * 32, status, received, received + timedelta(days=took), due_at, 1, 2, None)


FULL = replace(
    NOTHING,
    is_built=True,
    counts=Counts(1_000_000, 3_000, 4, 20, 1_000, 400),
    event_days=[EventDay("web", date(2026, 6, day), 10 * day) for day in (1, 2, 5)],
    sources=[
        SourceState(
            "web",
            "cdp load",
            "events",
            rows=990,
            arrived_at=NOW - timedelta(hours=3),
            age=timedelta(hours=3),
            rejects={"no identifier": 6, "timestamp cannot be read": 4, "too long": 1},
        )
    ],
    audit=Audit(
        sizes=[SizeBand(1, 1, 600, 0.6), SizeBand(2, 5, 400, 0.4), SizeBand(101, None, 0, 0.0)],
        largest_people=[
            Cluster("0123456789abcdef0123456789abcdef", 120, {"email": 70, "user_id": 50})
        ],
        connecting_identifiers=[],
        shared_identifiers=[],
        refused_links=[Refusal("event", "shared", "email", 7)],
        candidates=[Proposal("same_device", "open", 12), Proposal("same_device", "merged", 3)],
        changes=[Day(date(2026, 6, 30), 4, 1), Day(date(2026, 6, 28), 2, 0)],
    ),
    shared=[Shared(Identifier("email", "sales@gone-shop.example"), 8)],
    filled=[Filled("email", 500, 390), Filled("total_page_views", 1_000, 400)],
    segments=[segment("loyal"), segment("lost", 0), segment("big_accounts", 5, "account")],
    sizes=[
        Size("person", name, moment, members)
        for moment, members in ((date(2026, 6, 29), 2), (date(2026, 6, 30), 3))
        for name in ("loyal", "lost")
    ],
    overlaps=[Overlap("lost", "loyal", 4, 8, 2)],
    syncs=[SyncState("to_crm", NOW, "failed", "HTTP 401", 30, 2)],
    sync_days=[SyncDay("to_crm", date(2026, 6, 29), 30, 2)],
    requests=[request(due_in=-1), request(due_in=3), request("confirmed", took=2)],
    runs=[run_entry("failed", error="2 models failed"), run_entry(days_ago=1)],
)


class _Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.addresses: list[str] = []
        self.text = ""
        self._attributes: dict[str, str | None] | None = None
        self._is_hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [str(found[one]) for one in ("src", "href") if one in found]
        self._attributes = found if tag == "script" else None
        self._is_hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._is_hidden = False

    def handle_data(self, data: str) -> None:
        if self._attributes is not None:
            self.scripts.append((self._attributes, data))
            self._attributes = None
        elif not self._is_hidden:
            self.text += data


def test_nothing_yet_is_told_in_sentences() -> None:
    assert charts(NOTHING) == {}
    assert notices(NOTHING) == []
    text = _Page(page(NOTHING)).text
    for sentence in (
        "Nothing: runs, sources, syncs and requests for erasure are as they should be.",
        "No event has happened in the last 90 days.",
        "Nobody is known yet.",
        "Nobody has merged or split in the last 90 days.",
        "There are no profiles yet",
        "None is in cdp_segments yet.",
        "None has run yet",
        "Nobody has asked to be erased.",
        "The command cdp run has not run yet",
    ):
        assert sentence in text


def test_what_has_to_be_looked_at_is_named_with_a_command_what_is_bad_first() -> None:
    assert [(one.level, one.text, one.command) for one in notices(FULL)] == [
        (BAD, "1 request for erasure is overdue.", "cdp erase status"),
        (BAD, "The last run was failed: 2 models failed", "cdp status"),
        (BAD, "The sync to_crm is failed: HTTP 401", "cdp sync history to_crm"),
        (WARNING, "1 request for erasure is due within 7 days.", "cdp erase status"),
        (WARNING, "Of the events of web 1.1% are rejected (11).", "cdp sources"),
        (
            WARNING,
            "Rows of to_crm that its destination has not taken: 2.",
            "cdp sync history to_crm",
        ),
        (
            WARNING,
            "Pairs of people who are probably one person, and wait for a decision: 12.",
            "cdp identity review",
        ),
        (
            WARNING,
            "Somebody has 120 identifiers, which may be several people's.",
            "cdp identity audit",
        ),
        (WARNING, "Nobody is in lost.", "cdp segments show lost"),
    ]


def test_what_is_silent_is_named() -> None:
    silent = replace(FULL.sources[0], age=timedelta(days=3, hours=5), rejects={})
    quiet = replace(NOTHING, sources=[silent], runs=[run_entry(days_ago=2.5)])
    assert [one.text for one in notices(quiet)] == [
        "No run has succeeded since 2026-06-28 00:00.",
        "Nothing has come from web for 3 days.",
    ]


def test_what_is_well_is_not_named() -> None:
    well = replace(
        FULL,
        sources=[replace(FULL.sources[0], rows=100_000)],
        audit=replace(FULL.audit, candidates=[], largest_people=[]),
        segments=[segment("loyal")],
        syncs=[SyncState("to_crm", NOW, "partial", None, 30, 0)],
        requests=[request(due_in=20), request("denied", due_in=-5)],
        runs=[run_entry(), run_entry("failed", days_ago=1)],
    )
    assert notices(well) == []


def test_a_day_without_events_is_a_day_of_the_chart() -> None:
    chart = charts(FULL)["events"]
    assert chart.labels[0] == "2026-06-01"
    assert chart.labels[-1] == "2026-06-30"
    assert len(chart.labels) == 30
    assert chart.series["web"][:6] == [10, 20, 0, 0, 50, 0]


def test_the_smallest_sources_are_summed_up() -> None:
    days = [EventDay(f"source_{number}", date(2026, 6, 30), number) for number in range(10)]
    series = charts(replace(FULL, event_days=days))["events"].series
    assert list(series) == [*(f"source_{number}" for number in range(9, 2, -1)), "others"]
    assert series["others"] == [3]


def test_sizes_of_one_build_are_bars_and_of_several_lines() -> None:
    chart = charts(FULL)["segments"]
    assert (chart.kind, chart.labels) == ("line", ["2026-06-29", "2026-06-30"])
    assert chart.series == {"loyal": [2, 3], "lost": [2, 3]}
    young = [Size("person", "loyal", datetime(2026, 6, 30, 9, 15), 3)]
    chart = charts(replace(FULL, sizes=young))["segments"]
    assert (chart.kind, chart.labels) == ("bar", ["2026-06-30 09:15"])
    assert chart.series == {"loyal": [3], "lost": [None]}


def test_runs_are_shown_by_step_the_last_one_at_the_right() -> None:
    chart = charts(FULL)["runs"]
    assert chart.labels == ["2026-06-29 12:00", "2026-06-30 09:36"]
    assert chart.series == {"load": [1.0, 1.0], "build": [40.2, 40.2]}
    drawn = json.loads(_Page(page(FULL)).scripts[0][1])
    assert [*drawn["runs"]["series"]] == ["load", "build"]


def test_merges_and_deliveries_are_told_a_day() -> None:
    drawn = charts(FULL)
    assert drawn["changes"].series == {"merges": [2, 0, 4], "splits": [0, 0, 1]}
    assert drawn["syncs"].series == {"acknowledged": [30, 0], "rejected": [2, 0]}
    assert drawn["people"].labels == ["1", "2 to 5", "101 or more"]


def test_the_page_loads_nothing_and_runs_its_own_scripts_only() -> None:
    html = page(FULL)
    read = _Page(html)
    assert all(one.startswith("#") for one in read.addresses)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    digests = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for attributes, text in read.scripts
        if not attributes
    ]
    assert len(digests) == 2
    assert (
        unescape(policy)
        == f"default-src 'none'; style-src 'unsafe-inline'; script-src {' '.join(digests)}"
    )


def test_names_and_texts_are_text_on_the_page() -> None:
    named = replace(
        FULL,
        project=SCRIPT,
        event_days=[EventDay(SCRIPT, date(2026, 6, 30), 1)],
        syncs=[SyncState(SCRIPT, NOW, "failed", f"\x1b[31m{SCRIPT}", 1, 1)],
    )
    html = page(named)
    assert "\x1b" not in html
    read = _Page(html)
    assert len(read.scripts) == 3
    assert not any("alert" in text for attributes, text in read.scripts if not attributes)
    assert list(json.loads(read.scripts[0][1])["events"]["series"]) == [SCRIPT]


def test_values_that_identify_people_are_masked_unless_they_are_asked_for() -> None:
    hidden, revealed = page(FULL), page(FULL, is_revealed=True)
    for value in ("sales@gone-shop.example", "0123456789abcdef0123456789abcdef"):
        assert value not in hidden
        assert value in revealed
    assert "s•••@•••.example" in hidden
    assert "01234567•••" in hidden
    assert "mind where it goes" in revealed


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("email", "ann.lee@mail.co.example", "a•••@•••.example"),
        ("email", "ann.lee", "an•••"),
        ("email", "a@b.example", "•••@•••.example"),
        ("phone", "+4930123456", "+49•••"),
        ("user_id", "usr_8X9Rq0", "us•••"),
        ("user_id", "u1", "•••"),
        ("anonymous_id", "52279ad8-543d", "52•••"),
    ],
)
def test_a_mask_tells_what_kind_of_value_it_is(kind: str, value: str, shown: str) -> None:
    assert masked(Identifier(kind, value)) == shown


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "5 seconds"),
        (timedelta(minutes=3, seconds=20), "3 minutes"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(hours=30), "30 hours"),
        (timedelta(days=3, hours=20), "3 days"),
        (timedelta(days=1_200), "1,200 days"),
    ],
)
def test_lengths_of_time_in_words(length: timedelta, words: str) -> None:
    assert in_days(length) == words


def test_overlaps_are_shares_of_the_segment_at_the_left() -> None:
    rows = re.findall(r"<tr><th>(\w+)</th>(.*?)</tr>", page(FULL), re.DOTALL)
    shares = {name: re.findall(r">([^<]*)</td>", cells) for name, cells in rows}
    assert (shares["loyal"], shares["lost"]) == (["", "25%"], ["50%", ""])


def test_the_page_of_a_large_project_is_small() -> None:
    sources = [f"source_{number}" for number in range(30)]
    names = [f"segment_{number}" for number in range(200)]
    days = [date(2026, 4, 2) + timedelta(days=number) for number in range(90)]
    large = replace(
        FULL,
        event_days=[EventDay(name, day, 1_000_000) for day in days for name in sources],
        segments=[segment(name, 1_000_000) for name in names],
        sizes=[Size("person", name, day, 1_000_000) for day in days for name in names],
        overlaps=[
            Overlap(one, other, 9, 8, 7)
            for position, one in enumerate(names)
            for other in names[position + 1 :]
        ],
        requests=[request(due_in=number / 100) for number in range(1, 1_000)],
        runs=[run_entry(days_ago=number / 96) for number in range(60)],
        filled=[Filled(f"trait_{number}", 5, 4) for number in range(500)],
    )
    html = page(large)
    assert len(html.encode()) < 1_000_000
    assert "And 979 more, which are due later." in _Page(html).text


KIOSK = {"device": {"id": "kiosk-of-gone-shop"}}
EVENTS = [
    {"messageId": "m1", "event": "seen", "userId": "u1", "email": "ann@gone-shop.example"},
    {"messageId": "m2", "event": "seen", "userId": "u2", "email": "bob@gone-shop.example"},
    {"messageId": "m3", "event": "seen", "userId": "u1", "context": KIOSK},
    {"messageId": "m4", "event": "seen", "userId": "u2", "context": KIOSK},
    {"messageId": "m5", "event": "seen", "anonymousId": "c1"},
    {"messageId": "m6", "event": "seen"},
]
SYNC = {
    "name": "to_file",
    "type": "application",
    "owner": {"name": "Growth"},
    "depends_on": ["ref('cdp', 'cdp__segments')", "ref('cdp', 'cdp__user_profiles')"],
    "config": {
        "meta": {
            "cdp_sync": {
                "destination": "files",
                "segment": "named",
                "mode": "mirror",
                "key": "email",
                "fields": {"email": "email"},
            }
        }
    },
}


@pytest.fixture(scope="module")
def lived_in(built_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two named people and a stranger, one run, a sync and a request."""
    folder = tmp_path_factory.mktemp("report") / "shop"
    shutil.copytree(built_project, folder, symlinks=True)
    settings = yaml.safe_load((folder / "dbt_project.yml").read_text())
    settings["vars"] |= {
        "cdp_segments": [{"name": "named", "where": "is_identified"}],
        "cdp_destinations": [{"name": "files", "type": "file", "path": "out"}],
    }
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(settings))
    (folder / "models").mkdir()
    (folder / "models" / "syncs.yml").write_text(yaml.safe_dump({"exposures": [SYNC]}))
    time = f"{utc_now() - timedelta(days=1):%Y-%m-%dT12:00:00Z}"
    lines = [json.dumps({**one, "timestamp": time}) for one in EVENTS]
    (folder / "events.ndjson").write_text("\n".join(lines))
    place = ["--project-dir", str(folder)]
    assert run(["load", str(folder / "events.ndjson"), "--source", "web", *place]) == 0
    assert run(["run", *place]) == 0
    asked = ["--identifier", "user_id=u2"]
    assert run(["erase", "request", *asked, *place]) == 0
    return folder


def test_it_tells_what_is_in_the_tables(lived_in: Path) -> None:
    told = read_report(Project.find(lived_in))
    assert told.counts == Counts(
        events=5, identifiers=6, shared=1, accounts=1, people=3, identified=2
    )
    yesterday = (utc_now() - timedelta(days=1)).date()
    assert told.event_days == [EventDay("web", yesterday, 5)]
    assert [(one.name, one.rows, one.rejects) for one in told.sources] == [
        ("web", 5, {"no identifier": 1}),
        ("crm", 0, {}),
    ]
    assert told.shared == [Shared(Identifier("device_id", "kiosk-of-gone-shop"), 2)]
    assert [one for one in told.filled if one.column in ("email", "company")] == [
        Filled("email", 2, 2),
        Filled("company", 0, 0),
    ]
    assert [(one.segment, one.members) for one in told.sizes] == [("named", 2)]
    assert [(one.name, one.members) for one in told.segments] == [("named", 2)]
    assert [(one.sync, one.status, one.records) for one in told.syncs] == [("to_file", "ok", 2)]
    assert [(one.sync, one.acknowledged) for one in told.sync_days] == [("to_file", 2)]
    assert [one.status for one in told.requests] == ["received"]
    assert [one.status for one in told.runs] == ["ok"]
    assert told.audit.connecting_identifiers == told.audit.shared_identifiers == []


def test_the_command_writes_the_page(lived_in: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = lived_in / "report.html"
    call = ["report", "--project-dir", str(lived_in), "--output", str(target)]
    assert run(call) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"The report is in {target}." in said.err
    html = target.read_text(encoding="utf-8")
    assert "gone-shop" not in html
    assert "ki•••" in html
    assert run([*call, "--reveal"]) == 0
    assert "kiosk-of-gone-shop" in target.read_text(encoding="utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(one.name for one in lived_in.glob("*report*")) == ["report.html"]


def test_json_tells_programs_the_same(lived_in: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["report", "--project-dir", str(lived_in), "--json"]
    assert run(call) == 0
    text = capsys.readouterr().out
    told = json.loads(text)
    assert "gone-shop" not in text
    assert told["counts"]["people"] == 3
    assert told["notices"][0]["text"] == "Of the events of web 16.7% are rejected (1)."
    assert run([*call, "--reveal"]) == 0
    assert "kiosk-of-gone-shop" in capsys.readouterr().out
    assert not (lived_in / "cdp-report.html").exists()


def test_a_page_that_cannot_be_written_is_an_error(
    lived_in: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = lived_in / "nowhere" / "report.html"
    call = ["report", "--project-dir", str(lived_in), "--output", str(nowhere)]
    assert run(call) == 2
    assert "The page cannot be written: No such file or directory." in capsys.readouterr().err


def test_a_project_that_is_not_built_is_told_so(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report"]) == 2
    assert "run `dbt build` first" in capsys.readouterr().err
    assert not (shop / "cdp-report.html").exists()


@needs_chromium
@pytest.mark.parametrize("report", [NOTHING, FULL], ids=["nothing", "full"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_browser_draws_it(report: Report, width: int, tmp_path: Path) -> None:
    """Charts are drawn, in both themes; nothing is wider than the window, nothing is refused."""
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(page(report), encoding="utf-8")
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        window = browser.new_page(viewport={"width": width, "height": 900})
        window.on("console", lambda message: problems.append(message.text))
        window.on("pageerror", lambda error: problems.append(str(error)))
        window.goto((tmp_path / "report.html").as_uri())
        colours = []
        for scheme in ("light", "dark"):
            window.emulate_media(color_scheme=scheme)
            window.wait_for_timeout(200)
            assert window.evaluate("document.documentElement.scrollWidth") == width
            colours.append(window.evaluate(_COLOURS))
        browser.close()
    assert problems == []
    assert [len(one) for one in colours] == [len(charts(report))] * 2
    assert all(one > 1 for chart in colours for one in chart)


# How many colours each chart has.
_COLOURS = """
[...document.querySelectorAll("canvas")].map((canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size;
})
"""
