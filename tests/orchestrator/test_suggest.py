"""Collectors and connectors are told by their tables, and nothing else is taken for one."""

import pytest
import yaml

from dbt_cdp.project import package_root
from dbt_cdp.suggest import Suggestion, _find, as_yaml, preset_tables, recognised
from dbt_cdp.warehouse import Table

AIRBYTE = "_airbyte_raw_id _airbyte_extracted_at"
SHAPES = {
    "segment": {"pages": "id received_at timestamp loaded_at anonymous_id path"},
    "rudderstack": {
        "identifies": "id received_at timestamp uuid_ts user_id",
        "tracks": "id received_at timestamp uuid_ts user_id event context_source_id",
    },
    "ga4": {"events_20260601": "event_date event_timestamp user_pseudo_id event_params"},
    "amplitude": {"EVENTS_1234": "UUID AMPLITUDE_ID DEVICE_ID EVENT_TYPE USER_PROPERTIES"},
    "mixpanel": {"event": "distinct_id insert_id mp_processing_time_ms name time"},
    "salesforce": {"contact": f"Id AccountId MasterRecordId LastName Email {AIRBYTE}"},
    "hubspot": {"contacts": f"id properties_email {AIRBYTE}", "companies": "id properties_name"},
    "stripe": {"invoices": f"id customer amount_paid billing_reason {AIRBYTE}"},
    "zendesk": {"tickets": f"id requester_id submitter_id subject {AIRBYTE}"},
    "mailchimp": {"list_members": f"id list_id email_address unique_email_id {AIRBYTE}"},
}
DECOYS = {
    "events": "id user_id event timestamp received_at",
    "tracks": "id title artist received_at timestamp",
    "contact": "id account_id last_name email",
    "contacts": "id email name",
    "customer": "id email name",
    "invoice": "id customer_id amount",
    "user": "id email name",
    "ticket": "id title seat",
    "member": "id list_id email_address",
    "event": "id name device_id event_type",
}


def tables(shape: dict[str, str]) -> list[Table]:
    return [Table("db", "raw", name, columns.split()) for name, columns in shape.items()]


@pytest.mark.parametrize("collector", SHAPES)
def test_a_collector_is_told_by_its_tables(collector: str) -> None:
    assert list(recognised(tables(SHAPES[collector]))) == [collector]


@pytest.mark.parametrize("name", DECOYS)
def test_a_table_of_the_users_own_is_nobody_s(name: str) -> None:
    assert recognised(tables({name: DECOYS[name]})) == {}


def test_two_collectors_in_one_schema_are_both_told() -> None:
    both = tables({**SHAPES["hubspot"], **SHAPES["stripe"]})
    assert recognised(both) == {"hubspot": "contacts", "stripe": "invoices"}


def test_every_collector_of_the_package_can_be_told() -> None:
    told = set(SHAPES) | {"jitsu", "snowplow"}
    folders = (package_root() / "models" / "staging").glob("*/_*__sources.yml")
    assert told == {path.parent.name for path in folders}


@pytest.mark.parametrize(
    ("collector", "wanted", "names", "found"),
    [
        ("hubspot", "company", ["companies", "contacts"], "companies"),
        ("stripe", "subscription", ["subscription_history", "invoice"], "subscription_history"),
        ("stripe", "subscription", ["subscription", "subscription_history"], "subscription"),
        ("amplitude", "event", ["EVENTS_1234"], "EVENTS_1234"),
        ("ga4", "events", ["events_20260601"], "events_20260601"),
        ("ga4", "events", ["events_20260601", "events_20260602"], "events_20*"),
        ("zendesk", "organization", ["tickets"], None),
    ],
)
def test_a_table_is_found_under_the_name_that_its_loader_gives_it(
    collector: str, wanted: str, names: list[str], found: str | None
) -> None:
    assert _find(collector, wanted, {name.lower(): name for name in names}) == found


def test_what_is_printed_can_be_pasted() -> None:
    suggestion = Suggestion(
        collector="hubspot",
        database="db",
        schema="raw hubspot",
        recognised_by="contacts",
        name="hubspot",
        source="raw_hubspot",
        tables={"contact": "contacts", "company": None},
    )
    assert yaml.safe_load(as_yaml([suggestion])) == {
        "vars": {
            "cdp_sources": [{"name": "hubspot", "collector": "hubspot", "source": "raw_hubspot"}]
        },
        "sources": [
            {
                "name": "raw_hubspot",
                "database": "db",
                "schema": "raw hubspot",
                "tables": [{"name": "contact", "identifier": "contacts"}, {"name": "company"}],
            }
        ],
    }
    assert preset_tables("hubspot") == ["contact", "company"]
