"""Collectors and connectors are told by their tables, and nothing else is taken for one."""

import pytest
import yaml

from dbt_cdp.dbt import Manifest
from dbt_cdp.project import Source, package_root
from dbt_cdp.suggest import (
    Findings,
    Suggestion,
    _find,
    as_yaml,
    look_through,
    near_misses,
    preset_tables,
    recognised,
)
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


def tables(shape: dict[str, str], database: str = "db", schema: str = "raw") -> list[Table]:
    return [Table(database, schema, name, columns.split()) for name, columns in shape.items()]


def declared(name: str, *names: str, database: str = "db", schema: str = "raw") -> list[dict]:
    """The nodes of a dbt source with these tables, each `name` or `name=identifier`."""
    pairs = [(table.split("=")[0], table.split("=")[-1]) for table in names]
    return [
        {
            "source_name": name,
            "database": database,
            "schema": schema,
            "name": table,
            "identifier": identifier,
        }
        for table, identifier in pairs
    ]


def look(
    there: list[Table],
    entries: dict[str, tuple[str, str]] | None = None,
    sources: list[dict] | None = None,
    models: list[dict] | None = None,
) -> Findings:
    """What is found for a project with these entries: a collector and a dbt source by name."""
    return look_through(
        there,
        [
            Source.model_validate({"name": name, "collector": collector, "source": source})
            for name, (collector, source) in (entries or {}).items()
        ],
        Manifest(
            {
                "sources": {str(number): node for number, node in enumerate(sources or [])},
                "nodes": {str(number): node for number, node in enumerate(models or [])},
            }
        ),
    )


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
    assert preset_tables("hubspot") == ("contact", "company")


def test_a_schema_that_an_entry_reads_is_told_apart_from_its_namesake_in_another_database() -> None:
    shape = SHAPES["segment"]
    found = look(
        tables(shape, "shop", "segment") + tables(shape, "archive", "segment"),
        {"site": ("segment", "segment")},
        declared("segment", *preset_tables("segment"), database="shop", schema="Segment"),
    )
    (suggestion,) = found.suggestions
    assert (suggestion.database, suggestion.schema) == ("archive", "segment")
    # The dbt source of the same schema in the other database is not what it reads.
    assert suggestion.source == "segment_archive"
    assert list(suggestion.tables) == list(preset_tables("segment"))
    (other,) = found.passed_over
    assert (other.collector, other.database) == ("segment", "shop")
    assert other.reason == "the entry 'site' of cdp_sources reads it"


def test_what_dbt_builds_is_no_source_and_what_is_beside_it_is() -> None:
    built = {
        "database": "DB",
        "schema": "RAW",
        "alias": "Tickets",
        "relation_name": '"DB"."RAW"."Tickets"',
        "resource_type": "model",
    }
    there = tables({**SHAPES["zendesk"], **SHAPES["stripe"]})
    found = look(there, models=[built])
    assert [suggestion.collector for suggestion in found.suggestions] == ["stripe"]
    assert look(tables(SHAPES["zendesk"]), models=[built]) == Findings([], [], [])
    ephemeral = {**built, "relation_name": None}
    assert len(look(tables(SHAPES["zendesk"]), models=[ephemeral]).suggestions) == 1


def test_two_collectors_do_not_share_the_tables_of_a_schema() -> None:
    there = tables({**SHAPES["salesforce"], **SHAPES["hubspot"]})
    expected = {"contact": "contacts", "company": "companies"}
    sources = declared("raw", "users")
    for known in (None, sources, declared("raw", "contact", "lead", "account")):
        salesforce, hubspot = look(there, sources=known).suggestions
        assert salesforce.tables.get("contact", "contact") == "contact"
        assert hubspot.tables == expected
        assert hubspot.source == "hubspot"
        assert salesforce.source == ("raw" if known else "salesforce")


def test_tables_of_one_dbt_source_are_printed_together() -> None:
    there = tables({**SHAPES["stripe"], **SHAPES["zendesk"]})
    said = yaml.safe_load(as_yaml(look(there, sources=declared("raw", "users")).suggestions))
    (source,) = said["sources"]
    names = [table["name"] for table in source["tables"]]
    assert (source["name"], names) == ("raw", [*preset_tables("stripe"), *preset_tables("zendesk")])


def test_rudderstack_without_a_column_of_its_own_is_not_suggested_as_segment_once_it_is_read() -> (
    None
):
    there = tables({"tracks": "id received_at timestamp uuid_ts user_id"})
    assert [one.collector for one in look(there).suggestions] == ["segment"]
    found = look(there, {"app": ("rudderstack", "raw")}, declared("raw", "tracks"))
    assert found.suggestions == []
    assert [one.collector for one in found.passed_over] == ["rudderstack"]


@pytest.mark.parametrize(
    ("shape", "missed"),
    [
        (
            {"contact": "id account_id last_name"},
            {"salesforce": "its table contact lacks master_record_id"},
        ),
        (
            {"tracks": "id received_at timestamp"},
            {"segment": "its table tracks lacks loaded_at or uuid_ts"},
        ),
        (
            {"customers": "id", "subscriptions": "id", "products": "id", "prices": "id"},
            {
                "stripe": "it has customers, subscriptions, products, prices,"
                " but no subscription_item, plan, invoice"
            },
        ),
        (
            {"contacts": "id email", "companies": "id"},
            {"hubspot": "its table contacts lacks properties_email"},
        ),
    ],
)
def test_what_a_schema_lacks_to_be_recognised_is_said(
    shape: dict[str, str], missed: dict[str, str]
) -> None:
    assert recognised(tables(shape)) == {}
    assert near_misses(tables(shape), []) == missed
    (other,) = look(tables(shape)).passed_over
    assert {other.collector: other.reason} == missed


@pytest.mark.parametrize("name", ["events", "event", "contacts", "customer", "user", "ticket"])
def test_one_table_of_the_users_own_is_no_near_miss(name: str) -> None:
    assert near_misses(tables({name: DECOYS[name]}), []) == {}


@pytest.mark.parametrize("collector", SHAPES)
def test_the_tables_of_one_collector_are_no_near_miss_of_another(collector: str) -> None:
    everything = dict.fromkeys(preset_tables(collector), "id received_at timestamp")
    assert near_misses(tables({**everything, **SHAPES[collector]}), [collector]) == {}
