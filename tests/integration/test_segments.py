"""Segments over a fortnight of builds: who enters and leaves, when and why."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from consumer import Consumer, new_project
from dbt_cdp.cli import cli
from dbt_cdp.landing import load_files
from dbt_cdp.project import Project

SEGMENTS = [
    {
        "name": "pricing_no_trial",
        "where": "pricing_views_7d > 0 and trial_started_at is null",
    },
    {
        "name": "usage_halved",
        "where": "feature_uses_prev_30d >= 5 and feature_uses_30d < feature_uses_prev_30d / 2.0",
    },
    {"name": "hot_icp_leads", "where": "is_icp_match and lead_score > 70"},
    {"name": "readers", "where": "total_page_views >= 2"},
    {"name": "contacts", "where": "email is not null", "exclude": "staff"},
    {"name": "loyal_readers", "where": "in_segment('readers')", "enter_after": "2 days"},
    {"name": "busy", "entity": "account", "where": "total_page_views > 0"},
]
VARS = {
    "cdp_icp": {"job_title": ["cto"], "company_size": {"min": 50}},
    "cdp_sources": [
        {"name": "web", "collector": "cdp"},
        {
            "name": "crm",
            "collector": "cdp",
            "record_id": "id",
            "identifier_type": "crm_id",
            "identifiers": {"email": "email"},
            "attributes": {
                **{name: name for name in ("company_size", "industry", "country")},
                "job_title": "title",
            },
        },
    ],
    "cdp_traits": [
        {
            "name": "pricing_views_7d",
            "count": "events",
            "event": "page_viewed",
            "where": "page_path = '/pricing'",
            "last_days": 7,
        },
        {"name": "trial_started_at", "earliest": "timestamp", "event": "trial_started"},
        {"name": "feature_uses_30d", "count": "events", "event": "feature_used", "last_days": 30},
        {
            "name": "feature_uses_prev_30d",
            "count": "events",
            "event": "feature_used",
            "last_days": 30,
            "offset_days": 30,
        },
    ],
    "cdp_segments": SEGMENTS,
}
CARDS = [
    "id,email,title,company_size,industry,country",
    "1,hal@hal.example,CTO,200,Retail,DE",
    "2,dora@dora.example,,,,",
    "3,staff@shop.example,,,,",
]
STAFF = "select 'email' as identifier_type, 'Staff@Shop.example' as identifier_value"


def event(day: str, name: str, path: str | None = None, **who: Any) -> dict[str, Any]:
    page = {"context": {"page": {"path": path}}} if path else {}
    return {"timestamp": f"2026-{day}T10:00:00Z", "type": "track", "event": name, **who, **page}


def viewed(day: str, path: str, **who: Any) -> dict[str, Any]:
    return event(day, "page_viewed", path, **who)


ADA, COOKIE, BOB = {"userId": "ada"}, {"anonymousId": "c1"}, {"userId": "bob"}
CLEO = {"userId": "cleo", "email": "cleo@cleo.example"}
HAL = {"userId": "hal", "email": "hal@hal.example"}
BATCHES = {
    "06-10": [
        viewed("06-01", "/", **ADA),
        viewed("06-09", "/pricing", **COOKIE),
        viewed("06-08", "/pricing", **BOB),
        *(event(f"04-{day}", "feature_used", **BOB) for day in (20, 21, 22, 23, 24)),
    ],
    "06-12": [
        viewed("06-11", "/pricing", **CLEO),
        event("06-11", "trial_started", **BOB),
        event("06-11", "demo_requested", **HAL),
    ],
    "06-14": [event("06-13", "logged_in", **ADA, **COOKIE)],
    "06-20": [],
}


class Shop:
    """A project whose builds are each at a moment of their own."""

    def __init__(self, folder: Path) -> None:
        self.consumer: Consumer = new_project(folder, "shop", {"staff.sql": STAFF}, vars=VARS)
        public = {"models": [{"name": "staff", "config": {"access": "public"}}]}
        (folder / "models" / "staff.yml").write_text(json.dumps(public))
        (folder / "cards.csv").write_text("\n".join(CARDS) + "\n")
        load_files(Project.find(folder), [folder / "cards.csv"], "crm")
        self.consumer.runs("seed")

    def load(self, name: str, events: list[dict[str, Any]]) -> None:
        path = self.consumer.folder / f"{name}.ndjson"
        numbered = ({**one, "messageId": f"{name}{n}"} for n, one in enumerate(events))
        path.write_text("".join(f"{json.dumps(one)}\n" for one in numbered))
        load_files(Project.find(self.consumer.folder), [path], "web")

    def build(self, moment: str, **variables: Any) -> list[tuple[str, ...]]:
        """Who has entered or left which segment in the build, and why."""
        self.consumer.runs("run", cdp_as_of=f"2026-{moment}", **variables)
        return self.moved(f"2026-{moment}")

    def moved(self, moment: str) -> list[tuple[str, ...]]:
        people = """
            select canonical_id as member_id, min(identifier_value) as member
            from identity_graph group by all
        """
        memberships = "entered_at, exited_at, entered_by, exited_by, segment_name from"
        return self.consumer.query(f"""
            with people as ({people}), memberships as (
                select canonical_id as member_id, {memberships} segments
                union all select account_id, {memberships} account_segments
            ), moved as (
                select *, '+' as sign, entered_by as cause from memberships
                where entered_at = timestamp '{moment}'
                union all
                select *, '-' as sign, exited_by as cause from memberships
                where exited_at = timestamp '{moment}'
            )
            select segment_name, sign || coalesce(member, member_id), cause
            from moved left join people using (member_id) order by all
        """)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("segments"))


def test_all_that_is_new_is_entered_by_definition(shop: Shop) -> None:
    shop.load("0610", BATCHES["06-10"])
    assert shop.build("06-10") == [
        ("contacts", "+1", "definition"),
        ("contacts", "+2", "definition"),
        ("pricing_no_trial", "+bob", "definition"),
        ("pricing_no_trial", "+c1", "definition"),
        ("usage_halved", "+bob", "definition"),
    ]


def test_what_people_do_moves_them(shop: Shop) -> None:
    shop.load("0612", BATCHES["06-12"])
    assert shop.build("06-12") == [
        ("busy", "+cleo.example", "definition"),
        ("contacts", "+cleo", "behaviour"),
        ("hot_icp_leads", "+1", "behaviour"),
        ("pricing_no_trial", "+cleo", "behaviour"),
        ("pricing_no_trial", "-bob", "behaviour"),
    ]


def test_a_merge_is_no_exit_and_may_be_an_entry(shop: Shop) -> None:
    shop.load("0614", BATCHES["06-14"])
    assert shop.build("06-14") == [("readers", "+ada", "merge")]
    kept = "select entered_at::date::text from segments where exited_at is null and segment_name"
    assert shop.consumer.query(f"{kept} = 'pricing_no_trial' order by 1") == [
        ("2026-06-10",),
        ("2026-06-12",),
    ]


def test_time_alone_moves_people(shop: Shop) -> None:
    # A day goes by, then six; nothing has happened.
    assert shop.build("06-15 12:00:00") == []
    assert shop.build("06-20") == [
        ("loyal_readers", "+ada", "time"),
        ("pricing_no_trial", "-ada", "time"),
        ("pricing_no_trial", "-cleo", "time"),
        ("usage_halved", "-bob", "time"),
    ]


def test_another_definition_moves_people(shop: Shop) -> None:
    readers = [
        {**one, "where": "total_page_views >= 1"} if one["name"] == "readers" else one
        for one in SEGMENTS
        if one["name"] != "hot_icp_leads"
    ]
    assert shop.build("06-20 12:00:00", cdp_segments=readers) == [
        ("hot_icp_leads", "-1", "definition"),
        ("readers", "+bob", "definition"),
        ("readers", "+cleo", "definition"),
    ]
    versions = "select count(distinct version) from segments where segment_name = 'readers'"
    assert shop.consumer.query(versions) == [(2,)]
    assert ("hot_icp_leads", "+1", "definition") in shop.build("06-20 13:00:00")


def test_who_turns_out_to_be_two_leaves_by_the_split(shop: Shop) -> None:
    said = ["never_link", "user_id=ada", "anonymous_id=c1", "--reason", "two people, one browser"]
    project = ["--project-dir", str(shop.consumer.folder)]
    done = CliRunner().invoke(cli, ["identity", "decide", *said, *project])
    assert done.exit_code == 0, done.output
    assert shop.build("06-20 18:00:00") == [
        ("loyal_readers", "-ada", "split"),
        ("readers", "-ada", "split"),
    ]


def test_who_is_forgotten_leaves(shop: Shop) -> None:
    with duckdb.connect(shop.consumer.database) as connection:
        connection.execute("delete from main_cdp.landing_records where payload like '%dora%'")
    moved = shop.build("06-21")
    assert [(segment, cause) for segment, _, cause in moved] == [("contacts", "erasure")]


def test_sizes_and_overlaps_are_kept(shop: Shop) -> None:
    shop.consumer.runs("test", "--select", "package:cdp", "--exclude", "resource_type:unit_test")
    sizes = "select members from segment_sizes where segment_name = 'pricing_no_trial'"
    assert shop.consumer.query(f"{sizes} order by measured_at") == [
        (2,), (2,), (2,), (2,), (0,), (0,), (0,), (0,), (0,),
    ]  # fmt: skip
    overlaps = "select members_a, members_b, members_of_both from segment_overlaps"
    pair = "segment_name_a = 'contacts' and segment_name_b = 'hot_icp_leads'"
    assert shop.consumer.query(f"{overlaps} where {pair}") == [(2, 1, 1)]


def test_a_table_of_before_there_were_causes_goes_on(shop: Shop) -> None:
    rows = "select membership_id, entered_at, exited_at from segments order by all"
    before = shop.consumer.query(rows)
    with duckdb.connect(shop.consumer.database) as connection:
        for table in ("segments", "account_segments"):
            for column in ("entered_by", "exited_by", "version"):
                connection.execute(f"alter table main_cdp.{table} drop column {column}")
    assert shop.build("06-22") == []
    assert shop.consumer.query(rows) == before
    assert shop.consumer.query("select distinct entered_by, version from segments") == [
        (None, None)
    ]


@pytest.mark.parametrize(
    ("where", "line", "why"),
    [
        (
            "total_page_views > 1\n  and abs(email) > 1\n  and email is null",
            "/* segment broken */   and abs(email) > 1",
            "No function matches",
        ),
        ("total_page_views >", "as is_in_segment_broken", "syntax error"),
        ("cast(email as integer) > 1", "/* segment broken */ cast(email as integer) > 1", "INT32"),
    ],
    ids=["types", "syntax", "value"],
)
def test_a_broken_segment_is_named_and_nobody_moves(
    shop: Shop, where: str, line: str, why: str
) -> None:
    rows = "select * from segments order by all"
    before = shop.consumer.query(rows)
    readers = [one for one in SEGMENTS if one["name"] == "readers"]
    broken = {"cdp_segments": [*readers, {"name": "broken", "where": where}]}
    said = shop.consumer.fails("run", cdp_as_of="2026-06-23", **broken)
    assert why in said
    assert re.search(rf"LINE \d+: .*{re.escape(line)}", said), said
    assert shop.consumer.query(rows) == before


def test_what_is_right_again_goes_on_as_if_nothing_had_been(shop: Shop) -> None:
    assert shop.build("06-23") == []


def test_the_same_events_in_one_build_give_the_same_members(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = Shop(tmp_path_factory.mktemp("at_once"))
    again.load("all", [one for batch in BATCHES.values() for one in batch])
    again.build("06-14")
    again.build("06-20")
    members = """
        select segment_name, min(identifier_value) from segments
        join identity_graph using (canonical_id) where exited_at is null
            and segment_name in ('pricing_no_trial', 'usage_halved', 'hot_icp_leads', 'readers')
        group by segment_name, canonical_id order by all
    """
    assert again.consumer.query(members) == [("hot_icp_leads", "1"), ("readers", "ada")]
