"""`cdp privacy audit`: what names and values tell, which are told apart from what looks alike, and
the rules that it suggests."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbt_cdp.cli import run
from dbt_cdp.dbt import Manifest
from dbt_cdp.errors import ConfigurationError
from dbt_cdp.privacy.audit import Finding, Undescribed
from dbt_cdp.privacy.audited import Audited, audited_tables
from dbt_cdp.privacy.contents import kinds_in, told_by
from dbt_cdp.privacy.names import Kind, kind_of_name
from dbt_cdp.privacy.suggested import as_yaml, suggested_entry
from dbt_cdp.project import package_root

TYPES = ("user_id", "email", "phone", "device_id")

PERSONAL = {
    Kind.EMAIL: """
        email e_mail E-Mail emailAddress EMAIL_ADDRESS contact_email email_2 emailSHA256 user.email
        requester_mail mail customerEMail property_email Email__c email_address_normalized workemail
        kunden_email correo_electronico courriel adresse_mail email_user
    """,
    Kind.PHONE: """
        phone phone_number mobilePhone mobile tel homephone telefon telefonnummer handynummer msisdn
        fax phone_1 work_phone phone_e164 cell_phone numero_de_telefono contact_number
    """,
    Kind.NAME: """
        first_name firstname LastName last_name surname vorname nachname full_name user_name
        username customer_name contactName owner_name billing_name nombre_cliente prenom prénom
        apellidos name_customer requester.name achternaam card_holder_name user_display_name
    """,
    Kind.ADDRESS: """
        address shipping_address billing_address_line_1 street street_name addressLine2 zip
        zipcode postcode billing_postal_code plz anschrift straße rechnungsadresse postal_code
        mailing_street
    """,
    Kind.IP: """
        ip ip_address ipaddress client_ip ipv4 request_ip x_forwarded_for context_ip remote_addr
        IPAddress ip_customer
    """,
    Kind.BIRTH_DATE: """
        dob birth_date birthdate date_of_birth geburtsdatum fecha_de_nacimiento birthday
        year_of_birth
    """,
    Kind.GENDER: "gender sex geschlecht",
    Kind.NATIONAL_ID: """
        ssn social_security_number passport_number passport national_id drivers_license steuer_id
        cpf codice_fiscale license_plate dni
    """,
    Kind.BANK_ACCOUNT: "iban bank_account_number IBAN_1 kontonummer",
    Kind.CARD: "credit_card_number card_number",
    Kind.PERSON_ID: """
        user_id userId userid customer_id customerid contact_id member_number employee_no
        patient_uuid kundennummer owner_id canonical_id app_user_id uid user_uid
    """,
    Kind.DEVICE_ID: """
        anonymous_id device_id cookie cookie_id user_agent userAgent idfa mac_address advertising_id
        distinct_id domain_userid
    """,
}
NOT_PERSONAL = """
    product_name event_name file_name filename segment_name campaign_name company_name
    account_name name title column_name table_name hostname host_name domain_name brand_name
    plan_name utm_source display_name line_item_name first_event_name last_touch_campaign_name
    username_policy email_subject email_count email_template_id email_domain email_sent_at
    is_email_verified has_email email_opt_in emails_sent number_of_emails total_emails email_id
    email_type email_status unsubscribed_from_email direct_mail voicemail mailing_list
    email_client phone_type phone_model phone_country_code is_mobile mobile_app_version mobile_os
    telemetry telephony_provider device_type device_model desktop_or_mobile street_view_url city
    country state address_id address_type address_count store_address warehouse_zip web_address
    contract_address zip_file company_address office_address reply_to_address ship_date script
    description shipping_method shipping_cost vip tip zipped ip_country server_ip ipo_date
    birth_rate gender_ratio sexy passport_control_time dob_format iban_check card_type card_brand
    user_count user_type user_group_id customer_segment contact_form customer_segment_id
    account_id order_id order_uid parent_id profile_id tenant_id ad_id product_id session_id
    event_id group_id plan_id id uuid event_fingerprint cookie_policy cookie_consent
    user_agent_family user_agent_os age amount currency created_at updated_at order_number
    invoice_number tracking_number relationship membership leadership valid paid android candid
    status payload properties catalog internal_notes rate_code latency membership_id owner_count
    identity_id client_secret user_role customer_since contact_reason lead_score lead_source
    lead_status manager_level profile_completeness billing_cycle shipping_code billing_id
    first_seen_at full_price status_kennzeichen
"""

VALID = {
    Kind.EMAIL: (
        *("a@b.example", "write to a.b+c@sub.gone-shop.example.", "<ada@gone-shop.example>"),
        *("ADA@GONE-SHOP.EXAMPLE", "jürgen@bücher.example", "mailto:ada@gone-shop.example?x=1"),
    ),
    Kind.PHONE: (
        *("+49 30 1234567", "+1 555 234 5678", "+12315550152", "call +44 20 7946 0958 now"),
        *("0049 30 1234567", "(555) 234-5678", "555-234-5678", "030 1234567", "0171/1234567"),
        *("06 12 34 56 78", "+49 (0)30 1234567", "+33.6.12.34.56.78", "+351 912 345 678"),
    ),
    Kind.IP: (
        *("203.0.113.9", "from 198.51.100.23, twice", "2001:db8:85a3::8a2e:370:7334"),
        *("192.168.1.20", "2001:DB8:0:0:8:800:200C:417A"),
    ),
    Kind.BANK_ACCOUNT: (
        *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32"),
        *("from NL91ABNA0417164300 to us", "NO9386011117947"),
    ),
    Kind.CARD: (
        *("4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"),
        *("paid with 6011111111111117", "30569309025904"),
    ),
}
NEAR_MISSES = (
    *(
        "@ada",
        "git@github.com:org/repo.git",
        "logo@2x.png",
        "user@localhost",
        "a@b",
        "package@1.2.3",
    ),
    *("ORD-2026-000123", "0000012345", "#1234567890", "1,234,567,890", "$1,234.50", "12345-6789"),
    *("550e8400-e29b-41d4-a716-446655440000", "12345678-1234-1234-1234-123456789012"),
    *("2026-06-01", "2026-06-01T10:00:00Z", "2026-06-01 10:00:00+02:00", "01-02-2024"),
    *("01/02/2024 10", "04.05.2024", "20240101100000", "1718000000000", "1718000000", "10:20:30"),
    *("1.2.3.4", "10.2.30.4", "v120.0.0.1", "120.0.6099.129", "Chrome/119.0.0.0 Safari/537.36"),
    *("10.0.0.0/8", "127.0.0.1", "0.0.0.0", "255.255.255.0", "1.300.2.3", "::1", "a::b"),
    *("0.1234567890123456", "+4.912345678", "3.14159", "-12.5", "5e-10", "40.7128,-74.0060"),
    *("12:30:45", "aa:bb:cc:dd:ee:ff", "00:1A:2B", "2001:db8", "123-45-6789", "978-3-16-148410-0"),
    *("4111111111111112", "1234567812345678", "9999999999999995", "DE89370400440532013001"),
    *("XX89370400440532013000", "AB12CDEF3456", "GB29", "SKU 4111", "100-200-300", "+0200", "+5"),
    *("C++11", "0123456", "(12345)", "https://shop.example/orders/123456789", "+1 555 0100", ""),
)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in PERSONAL.items() for name in names.split()]
)
def test_a_name_tells_what_is_in_a_column(kind: Kind, name: str) -> None:
    assert kind_of_name(name) is kind


@pytest.mark.parametrize("name", [*NOT_PERSONAL.split(), "", "1", "_", "名前", "e" * 500])
def test_a_name_that_is_but_similar_tells_nothing(name: str) -> None:
    assert kind_of_name(name) is None


def test_a_table_and_the_project_tell_what_a_name_alone_does_not() -> None:
    for table in ("customers", "dim_users", "stg_crm__contacts", "customers_history", "kunden_v2"):
        assert kind_of_name("name", table) is Kind.NAME
        assert kind_of_name("id", table) is Kind.PERSON_ID
    for table in ("products", "customer_segments", "user_events", ""):
        assert kind_of_name("name", table) is kind_of_name("id", table) is None
    assert kind_of_name("loyaltyCard", types=("loyalty_card",)) is Kind.PERSON_ID
    assert kind_of_name("loyalty_card") is None


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in VALID.items() for text in texts]
)
def test_a_value_tells_what_it_is(kind: Kind, text: str) -> None:
    assert kinds_in(text) == {kind: True}


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_a_value_that_is_but_similar_tells_nothing(text: str) -> None:
    assert not any(kinds_in(text).values())


def test_a_few_values_are_enough_and_chance_is_not() -> None:
    noise = [f"note {n}" for n in range(997)]
    (told,) = told_by([*noise, *["ada@gone-shop.example"] * 3])
    assert (told.kind, told.share, told.is_within) == (Kind.EMAIL, 0.003, False)
    assert told_by([*noise, *["ada@gone-shop.example"] * 2]) == []
    assert [one.share for one in told_by([None, "", "ada@gone-shop.example", "x"])] == [0.5]
    assert told_by(["x", "y", "ada@gone-shop.example"]) == []
    # Every tenth such number passes Luhn's check.
    numbers = [str(4_000_000_000_000_000 + n * 7_919) for n in range(1_000)]
    assert sum(any(kinds_in(one).values()) for one in numbers) > 50
    assert told_by(numbers) == []
    assert told_by([f"10.{n}.100.{n}" for n in range(50)] + [f"1.2.{n}.4" for n in range(60)]) == []


def test_json_and_lists_are_looked_through() -> None:
    known = (
        '{"user": {"first_name": "x", "verified_email": true, "tags": ["ada@gone-shop.example"]}}'
    )
    assert [(one.kind, one.is_within) for one in told_by([known] * 3)] == [
        (Kind.EMAIL, True),
        (Kind.NAME, True),
    ]
    assert [one.kind for one in told_by([json.loads(known)])] == [Kind.EMAIL, Kind.NAME]
    assert [one.kind for one in told_by([["x", ["+49 30 1234567"]]])] == [Kind.PHONE]
    assert [one.kind for one in told_by(['{"loyaltyCard": 7}'], ("loyalty_card",))] == [
        Kind.PERSON_ID
    ]
    assert (
        told_by(['{"emails": 3, "at": 1718000000}', "{", "[" * 5_000, '["' + "[" * 90, 7, {}]) == []
    )
    cut = json.dumps({"text": "x" * 9_000, "email": "ada@gone-shop.example"})
    assert told_by([cut, '{"mail": "ada@gone-shop.example", "x": "' + "y" * 9_000]) != []


def test_nothing_that_is_sent_makes_it_slow() -> None:
    texts = (
        *("a." * 2_000 + "@", "1 " * 2_000, "+1" + "( " * 2_000, "a@" + "b-" * 2_000, "1:" * 2_000),
        *("DE89" + " AAAA" * 800, "." * 2_000 + "@" + "." * 2_000, ("a" * 61 + ".") * 60 + "@a"),
        *("0" + "1" * 4_000, "01 " + "11 " * 1_300, "(555) " * 600, "1.1." * 1_000),
    )
    started = time.monotonic()
    for text in texts:
        kinds_in(text)
        kind_of_name(text)
    kind_of_name("postcode" * 100 + "x")
    kind_of_name("userid" * 6 + "x")
    assert time.monotonic() - started < 2


def node(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "unique_id": f"model.shop.{name}",
        "name": name,
        "alias": name,
        "resource_type": "model",
        "package_name": "shop",
        "original_file_path": f"models/{name}.sql",
        "patch_path": "shop://models/shop.yml",
        "fqn": ["shop", name],
        "database": "shop",
        "schema": "main",
        "relation_name": f'"shop"."main"."{name}"',
        "config": {"materialized": "table", "meta": {}},
        "columns": {},
        **changes,
    }


def tables(*nodes: dict[str, Any]) -> list[Audited]:
    content = {
        "metadata": {"project_name": "shop"},
        "nodes": {one["unique_id"]: one for one in nodes},
        "sources": {},
        "child_map": {},
    }
    return audited_tables(Manifest(content), TYPES)


def configured(**meta: Any) -> dict[str, Any]:
    return {"materialized": "table", "meta": meta}


def test_views_and_the_package_s_own_tables_are_passed_over() -> None:
    views = [
        node(kind, config={"materialized": kind, "meta": {}})
        for kind in ("view", "ephemeral", "materialized_view")
    ]
    own = node("own", package_name="cdp")
    # The same table under another name, as a source of it would be.
    same = node("same", alias="own")
    assert [one.name for one in tables(*views, own, same, node("mine"))] == ["mine"]


def test_what_one_node_says_of_a_table_counts_for_all_that_are_it() -> None:
    rule = {"action": "delete", "identifiers": {"email": "email"}}
    other = node("other", package_name="aaa", alias="mine", config=configured(cdp_erasure=rule))
    (found,) = tables(other, node("mine"))
    assert (found.name, found.package, found.is_covered()) == ("mine", None, True)


@pytest.mark.parametrize("action", ["null", "hash"])
def test_a_rule_that_changes_columns_tells_of_those_alone(action: str) -> None:
    rules = [
        {"action": action, "identifiers": {"email": '"E-Mail"'}, "columns": ["Name"]},
        {"action": "null", "identifiers": "by_name"},
    ]
    (found,) = tables(node("mine", config=configured(cdp_erasure=rules)))
    assert not found.is_covered()
    columns = ["E-Mail", "Name", "PHONE", "street"]
    assert found.covered(TYPES, columns) == {"e-mail", "name", "phone"}


@pytest.mark.parametrize("value", ["no", 0, 1, ["email"], {}])
def test_a_description_that_says_neither_yes_nor_no_is_refused(value: Any) -> None:
    column = {"name": "x", "meta": {}, "config": {"meta": {"cdp_personal": value}}}
    for wrong in (
        node("mine", columns={"x": column}),
        node("mine", config=configured(cdp_personal=value)),
    ):
        with pytest.raises(ConfigurationError, match="neither true nor false") as error:
            tables(wrong)
        assert "models/mine.sql" in str(error.value.where)


def test_a_table_without_personal_data_is_described_in_whole() -> None:
    assert tables(node("mine", config=configured(cdp_personal=False))) == []
    assert len(tables(node("mine", config=configured(cdp_personal=True)))) == 1


def suggested(*findings: Finding, warehouse: str = "duckdb", **changes: Any) -> Any:
    (table,) = tables(node("mine", **changes))
    return suggested_entry(Undescribed(table, findings), TYPES, warehouse)


def rule_of(entry: Any) -> Any:
    ((described,),) = entry.values()
    return described["config"]["meta"]["cdp_erasure"]


def test_a_suggestion_names_columns_as_sql_wants_them() -> None:
    findings = (
        Finding("Mail To", Kind.EMAIL, "name"),
        Finding("userId", Kind.PERSON_ID, "name"),
        Finding("user", Kind.EMAIL, "content", 1.0),
        Finding("email_sha256", Kind.EMAIL, "name"),
        Finding("street", Kind.ADDRESS, "name"),
    )
    assert rule_of(suggested(*findings)) == {
        "action": "delete",
        "identifiers": {"user_id": '"userId"', "email": ['"Mail To"', '"user"']},
    }
    on_bigquery = rule_of(suggested(*findings, warehouse="bigquery"))
    assert on_bigquery["identifiers"]["email"] == ["`Mail To`", "`user`"]


def test_a_table_without_identifiers_is_looked_through_as_text() -> None:
    findings = (
        Finding("full_name", Kind.NAME, "name"),
        Finding("payload", Kind.EMAIL, "content", 0.5, is_within=True, is_nested=True),
    )
    assert rule_of(suggested(*findings)) == {
        "action": "delete",
        "text": ["full_name", "cast(payload as varchar)"],
    }
    text = rule_of(suggested(*findings, warehouse="bigquery"))["text"]
    assert text == ["full_name", "to_json_string(payload)"]


def test_a_seed_is_changed_by_a_person() -> None:
    entry = suggested(
        Finding("email", Kind.EMAIL, "name"),
        resource_type="seed",
        original_file_path="seeds/mine.csv",
        config={"materialized": "seed", "meta": {}},
    )
    assert rule_of(entry) == {
        "action": "manual",
        "identifiers": {"email": "email"},
        "reason": "take the person out of seeds/mine.csv",
    }


def test_a_rule_that_is_there_is_extended() -> None:
    rules = [
        {"action": "null", "identifiers": {"email": "email"}},
        {"action": "null", "identifiers": {"phone": ["p1", "p2"]}},
    ]
    found = Finding("street", Kind.ADDRESS, "name")
    entry = suggested(found, config=configured(cdp_erasure=rules))
    assert rule_of(entry) == [{**rules[0], "columns": ["email", "street"]}, rules[1]]


def test_a_package_is_described_in_the_project_s_own_file() -> None:
    changes = {"package_name": "crm", "fqn": ["crm", "staging", "mine"]}
    entry = suggested(Finding("email", Kind.EMAIL, "name"), **changes)
    rule = {"action": "delete", "identifiers": {"email": "email"}}
    assert entry == {"models": {"crm": {"staging": {"mine": {"+meta": {"cdp_erasure": rule}}}}}}
    (table,) = tables(node("mine", **changes))
    text = as_yaml([(Undescribed(table, []), entry)])
    assert text.startswith("# dbt_project.yml\n") and yaml.safe_load(text) == entry


def test_the_page_shows_a_step_of_a_workflow_that_calls_the_audit() -> None:
    page = (package_root() / "docs" / "privacy_audit.md").read_text(encoding="utf-8")
    (block,) = [text for text in page.split("```\n") if text.startswith("- name:")]
    (step,) = yaml.safe_load(block)
    assert step["run"].splitlines()[-1] == "cdp privacy audit --offline"


def test_a_project_whose_tables_are_the_package_s_is_well(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["privacy", "audit"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and "Nothing looks like personal data" in said.err
    assert run(["privacy", "audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"tables": [], "unread": {}}
