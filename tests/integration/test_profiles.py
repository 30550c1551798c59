"""Scores and accounts, from events and records to the tables, by figures worked out by hand."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer import Consumer, new_project
from dbt_cdp.landing import load_files
from dbt_cdp.project import Project

TODAY = datetime(2026, 6, 30, 8, tzinfo=UTC)
VARS = {
    "cdp_as_of": f"{TODAY:%Y-%m-%d}",
    "cdp_icp": {
        "company_size": {"min": 50, "max": 2000},
        "industry": ["Software"],
        "job_title": ["CTO", "Head of Data"],
        "country": ["DE", "AT"],
    },
    "cdp_sources": [
        {"name": "web", "collector": "cdp"},
        {
            "name": "crm",
            "collector": "cdp",
            "record_id": "id",
            "identifier_type": "crm_id",
            "identifiers": {"email": "email"},
            "attributes": {
                "job_title": "title",
                "industry": "industry",
                "company_size": "size",
                "country": "country",
                "crm_account_id": "account",
                "company_domain": "website",
            },
        },
    ],
    "cdp_attributes": [{"name": "tier", "trait": "customerTier"}],
    "cdp_traits": [
        {"name": "active_days", "count": "days", "entity": "account"},
        {"name": "last_page", "last": "page_path", "entity": "account"},
        {"name": "views_a_head", "sql": "total_page_views / people", "entity": "account"},
        {
            "name": "health",
            "entity": "account",
            "parts": {"people": "10 * people", "days": "active_days"},
        },
    ],
}
CARDS = [
    "id,email,title,industry,size,country,account,website",
    '1,ada@acme.example,Senior Head-of Data,SOFTWARE,"1,001-5,000",de,,',
    "2,hal@beta.example,Director of Product,Retail,10,FR,,",
    "3,gus@shop.example,,,,,,",
    "4,eve@agency.example,,,,,77,http://www.acme.example/about",
    "5,finn@finn.example,,,,,78,",
]


def at(days_ago: int, user: str, name: str, **more: Any) -> dict[str, Any]:
    """An event of a person, so many days before the build's."""
    kind = {"type": name} if name in ("group", "identify") else {"type": "track", "event": name}
    time = (TODAY - timedelta(days=days_ago)).isoformat()
    return {"timestamp": time, "userId": user, "email": f"{user}@{HOMES[user]}", **kind, **more}


def viewed(days_ago: int, user: str, path: str) -> dict[str, Any]:
    return at(days_ago, user, "page_viewed", context={"page": {"path": path}})


HOMES = {
    "ada": "acme.example",
    "bob": "acme.example",
    "cleo": "cleo.example",
    "dan": "gmail.com",
    "eve": "agency.example",
    "finn": "finn.example",
    "gus": "shop.example",
    "hal": "beta.example",
}
ACME = {"name": "Acme Group", "domain": "https://www.acme.example/", "employees": 120}
EVENTS = [
    # Twenty days until yesterday, five features, and an interest that has faded.
    *(at(days, "ada", "report_made") for days in range(1, 21)),
    *(at(1, "ada", "feature_used", properties={"feature": name}) for name in "abcd"),
    viewed(0, "ada", "/pricing"),
    viewed(14, "ada", "/pricing/eu"),
    at(30, "ada", "demo_requested"),
    at(20, "ada", "group", groupId="g1", traits=ACME),
    at(19, "ada", "identify", traits={"customerTier": "gold"}),
    *(at(days, "bob", "report_made") for days in range(31, 41)),
    viewed(91, "cleo", "/"),
    at(91, "cleo", "group", groupId="g2"),
    viewed(3, "dan", "/docs"),
    viewed(50, "eve", "/"),
    viewed(20, "eve", "/"),
    *(viewed(days, "finn", "/") for days in (58, 56, 54, 52, 50, 29, 2)),
    at(1, "gus", "email_opened"),
    at(10, "hal", "group", groupId="g3", traits={"website": "gmail.com"}),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    folder = tmp_path_factory.mktemp("profiles")
    consumer = new_project(folder, "shop", {}, vars=VARS)
    (folder / "cards.csv").write_text("\n".join(CARDS) + "\n")
    load_files(Project.find(folder), [folder / "cards.csv"], "crm")
    load_events(consumer, "first", EVENTS)
    consumer.runs("build", "--exclude", "resource_type:unit_test")
    return consumer


def load_events(consumer: Consumer, name: str, events: list[dict[str, Any]]) -> None:
    path = consumer.folder / f"{name}.ndjson"
    numbered = ({**event, "messageId": f"{name}{n}"} for n, event in enumerate(events))
    path.write_text("".join(f"{json.dumps(event)}\n" for event in numbered))
    load_files(Project.find(consumer.folder), [path], "web")


def of_people(consumer: Consumer, columns: str) -> dict[str, Any]:
    """Columns of user_profiles by the person's name; a single one without its tuple."""
    rows = consumer.query(f"select split_part(email, '@', 1), {columns} from user_profiles")
    return {name: values[0] if len(values) == 1 else values for name, *values in rows}


def parts(consumer: Consumer, person: str, score: str) -> dict[str, Any]:
    scores = json.loads(of_people(consumer, "scores")[person])
    return scores[score]["parts"]


def test_product_usage_is_recency_frequency_and_breadth(shop: Consumer) -> None:
    assert parts(shop, "ada", "product_usage_score") == {
        "recency": 38.7,
        "frequency": 40,
        "breadth": 20,
    }
    scores = of_people(shop, "product_usage_score")
    assert (scores["ada"], scores["bob"], scores["dan"]) == (99, 0, 0)


def test_everybody_is_at_a_level_of_engagement(shop: Consumer) -> None:
    assert of_people(shop, "engagement_level") == {
        "ada": "active",
        "bob": "dormant",
        "cleo": "churned",
        "dan": "new",
        "eve": "at_risk",
        "finn": "at_risk",
        # An e-mail was opened, by a program as likely as by a person.
        "gus": None,
        "hal": "new",
    }
    assert parts(shop, "finn", "engagement_level") == {
        "days_since_active": 2,
        "days_since_first_activity": 58,
        "active_days_30d": 2,
        "active_days_prev_30d": 5,
    }


def test_a_lead_is_fit_and_intent(shop: Consumer) -> None:
    known = dict.fromkeys(
        ("business_address", "company_size", "industry", "job_title", "country"), 10
    )
    assert parts(shop, "ada", "lead_score") == {**known, "pricing": 7.5, "hand_raised": 15}
    assert parts(shop, "hal", "lead_score") == {
        **dict.fromkeys(known, 0),
        "business_address": 10,
        "pricing": 0,
        "hand_raised": 0,
    }
    found = of_people(shop, "lead_score, is_icp_match")
    assert (found["ada"], found["hal"]) == ([73, True], [10, False])


def test_without_an_ideal_profile_what_is_known_counts(shop: Consumer) -> None:
    shop.runs("run", "--select", "cdp__user_profiles", cdp_icp={})
    found = of_people(shop, "lead_score, is_icp_match")
    shop.runs("run", "--select", "cdp__user_profiles")
    assert (found["hal"], found["gus"]) == ([50, False], [10, False])


def test_who_falls_silent_or_does_less_is_at_risk(shop: Consumer) -> None:
    assert parts(shop, "ada", "churn_risk") == {"silence": 1.7, "decline": 0}
    assert parts(shop, "bob", "churn_risk") == {"silence": 50, "decline": 50}
    assert of_people(shop, "churn_risk") == {
        **dict.fromkeys(HOMES, None),
        "ada": 2,
        "bob": 100,
    }


def test_a_changed_formula_shows_in_the_table_and_in_the_definitions(shop: Consumer) -> None:
    kept = "select version from definitions where name = '{}' order by defined_at"
    before = json.loads(of_people(shop, "scores")["ada"])
    weighed = {"name": "pricing_interest", "count": "events", "half_life_days": 7}
    shop.runs(
        *("run", "--select", "cdp__user_profiles", "cdp__definitions"),
        cdp_as_of="2026-06-30 12:00:00",
        cdp_traits=[*VARS["cdp_traits"], weighed],
    )
    after = json.loads(of_people(shop, "scores")["ada"])
    assert {name for name in before if before[name]["version"] != after[name]["version"]} == {
        "lead_score"
    }
    assert shop.query(kept.format("lead_score")) == [
        (before["lead_score"]["version"],),
        (after["lead_score"]["version"],),
    ]
    assert shop.query(kept.format("churn_risk")) == [(before["churn_risk"]["version"],)]
    shop.runs("run", "--select", "cdp__user_profiles")


def test_an_attribute_may_be_any_trait_of_events_and_is_filled_from_what_is_left(
    shop: Consumer,
) -> None:
    assert of_people(shop, "tier")["ada"] == "gold"
    named = [*VARS["cdp_attributes"], {"name": "rank", "trait": "customerTier"}]
    selected = ("run", "--select", "int_cdp__daily_activity", "cdp__user_profiles")
    shop.runs(*selected, cdp_attributes=named)
    assert of_people(shop, "rank, tier")["ada"] == ["gold", "gold"]
    shop.runs(*selected)


def test_a_person_belongs_to_the_account_of_a_group_a_crm_or_an_address(shop: Consumer) -> None:
    assert of_people(shop, "account_id") == {
        "ada": "acme.example",
        "bob": "acme.example",
        "cleo": "g2",
        "dan": None,
        "eve": "acme.example",
        "finn": "crm:78",
        "gus": "shop.example",
        # A free mail service is nobody's company, whoever says so.
        "hal": "g3",
    }


def test_an_account_adds_up_its_people_and_has_traits_of_its_own(shop: Consumer) -> None:
    columns = "name, domain, company_size, people, total_page_views, active_days, last_page"
    rows = shop.query(
        f"select {columns}, views_a_head, health from account_profiles"
        " where account_id = 'acme.example'"
    )
    # Days of ada: today, 20 before, the 30th; bob: 10 from the 31st; eve: the 50th besides.
    acme = ("Acme Group", "acme.example", "120", 3, 4, 33, "/pricing", pytest.approx(4 / 3), 63)
    assert rows == [acme]
    others = "select account_id, domain, people from account_profiles where people < 3 order by 1"
    assert shop.query(others) == [
        ("crm:78", None, 1),
        ("g2", None, 1),
        ("g3", None, 1),
        ("shop.example", "shop.example", 1),
    ]


def test_a_group_that_says_its_domain_becomes_that_account(shop: Consumer) -> None:
    load_events(
        shop,
        "second",
        [
            at(1, "dan", "group", groupId="g2", traits={"domain": "shop.example", "name": "Shop"}),
            viewed(1, "hal", "/"),
        ],
    )
    shop.runs("build", "--exclude", "resource_type:unit_test")
    accounts = of_people(shop, "account_id")
    assert [accounts[name] for name in ("cleo", "dan", "gus")] == ["shop.example"] * 3
    listed = "select * exclude (data_batch_id, batch_id) from account_profiles order by account_id"
    gradual = shop.query(listed)
    assert [row[0] for row in gradual] == ["acme.example", "crm:78", "g3", "shop.example"]
    shop.runs("run", "--full-refresh")
    assert shop.query(listed) == gradual
