"""`cdp privacy audit` on a real project: what it lists, what it leaves out, and that what it
suggests, once pasted, satisfies it and the erasure itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from consumer import DUCKDB, write_shop
from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt
from dbt_cdp.privacy import audit
from dbt_cdp.project import Project

# In a value of every kind, so that any that is shown is seen.
NEEDLE = "gone-shop.example"
MAIL = f"ada@{NEEDLE}"
PHONE, IP, IBAN, CARD = (
    "+49 30 1239876",
    "203.0.113.77",
    "DE89370400440532013000",
    "4111111111111111",
)
NEEDLES = (NEEDLE, "1239876", IP, "0532013000", CARD, "Countess")

WIDE = 2_000
TABLES = f"""
create schema raw;
create table raw.cases as
    select '{MAIL}' as contact_email, 'u1' as user_id, 'my number is {PHONE}' as body, 1 as case_id
    from range(20);
create table raw.unnamed as
    select
        '{MAIL}' as a, '{PHONE}' as b, '{IP}' as c, '{IBAN}' as d, '{CARD}' as e,
        '{{"user": {{"first_name": "Countess"}}}}'::json as f,
        {{'mail': '{MAIL}', 'n': 1}} as g, ['x', '{MAIL}'] as h
    from range(20);
create table raw.clean as
    select
        'ORD-2026-' || i as order_ref, cast(4000000000000000 + i * 7919 as varchar) as reference,
        uuid()::varchar as token, '2026-06-01' as day, '1.20.' || i || '.4' as version,
        '3.14159' as ratio, 'Widget' as product_name, true as email, now() as phone_number, i as n
    from range(500) as numbers(i);
create table raw.invoices as
    select 'u1' as account_user, 'Countess' as contact_name, '{PHONE}' as contact_phone,
        'Unter den Linden 1' as billing_street;
create table raw.bills as select '{MAIL}' as email, 'Countess' as full_name;
create table raw.empty (email varchar, note varchar);
create table raw."the odd order" (
    "e-mail address" varchar, "user" varchar, "the ""mail" varchar, "select" varchar[]
);
insert into raw."the odd order" values ('{MAIL}', '{MAIL}', '{MAIL}', ['{MAIL}']);
create table raw.wide as
    select {", ".join(f"'{MAIL if n == WIDE - 1 else 'x'}' as c{n}" for n in range(WIDE))}
    from range(30);
create table raw.unread as select '{MAIL}' as text;
create view raw.broken as select text from raw.unread;
drop table raw.unread;
"""
RULES: dict[str, Any] = {
    "invoices": {
        "action": "null",
        "identifiers": {"user_id": "account_user"},
        "columns": ["contact_name"],
    },
    "bills": {"action": "keep", "identifiers": {"email": "email"}, "reason": "tax law, ten years"},
}
SOURCE = {
    "name": "office",
    "schema": "raw",
    "tables": [
        *({"name": name} for name in ("cases", "unnamed", "clean", "empty", "wide", "broken")),
        *(
            {"name": name, "config": {"meta": {"cdp_erasure": rule}}}
            for name, rule in RULES.items()
        ),
        {"name": "odd", "identifier": "the odd order"},
        {"name": "gone", "columns": [{"name": "email"}]},
        {"name": "elsewhere", "config": {"meta": {"cdp_personal": False}}},
    ],
}
FILES = {
    "models/customers.sql": f"""
        {{{{ config(materialized="table") }}}}
        select 1 as id, 'Countess' as name, '{MAIL}' as mail, 'free' as plan, 'x' as remarks
        from {{{{ source("office", "cases") }}}}
    """,
    "models/products.sql": """
        {{ config(materialized="table") }} select 1 as id, 'Widget' as name, '+49 30 1' as phone
    """,
    "models/seen.sql": f"select '{MAIL}' as email",
    "models/passing.sql": f"{{{{ config(materialized='ephemeral') }}}} select '{MAIL}' as email",
    "seeds/staff.csv": f"first_name,mail\nCountess,{MAIL}\n",
    "snapshots/was.sql": """
        {% snapshot was %}
        {{ config(unique_key="id", strategy="check", check_cols=["mail"]) }}
        select * from {{ ref("customers") }}
        {% endsnapshot %}
    """,
    "dbt_packages/other/dbt_project.yml": "{name: other, version: 1.0.0}",
    "dbt_packages/other/models/leads.sql": f"""
        {{{{ config(materialized="table") }}}} select '{MAIL}' as lead_email
    """,
}
YAML = {
    "models/office.yml": {"sources": [SOURCE]},
    "models/models.yml": {
        "models": [
            {
                "name": "customers",
                "columns": [{"name": "remarks", "config": {"meta": {"cdp_personal": True}}}],
            },
            {
                "name": "products",
                "columns": [{"name": "PHONE", "config": {"meta": {"cdp_personal": False}}}],
            },
        ]
    },
}

LISTED: dict[str, list[tuple[str, str, str]]] = {
    "customers": [
        ("id", "person id", "name"),
        ("name", "name", "name"),
        ("mail", "email", "name"),
        ("remarks", "declared", "description"),
    ],
    "leads": [("lead_email", "email", "name")],
    "office.cases": [
        ("contact_email", "email", "name"),
        ("user_id", "person id", "name"),
        ("body", "phone", "content"),
    ],
    "office.empty": [("email", "email", "name")],
    "office.gone": [("email", "email", "name")],
    "office.invoices": [
        ("contact_phone", "phone", "name"),
        ("billing_street", "address", "name"),
    ],
    "office.odd": [
        ("e-mail address", "email", "name"),
        ("user", "email", "content"),
        ('the "mail', "email", "name"),
        ("select", "email", "content"),
    ],
    "office.unnamed": [
        ("a", "email", "content"),
        ("b", "phone", "content"),
        ("c", "ip", "content"),
        ("d", "bank account", "content"),
        ("e", "card number", "content"),
        ("f", "name", "content"),
        ("g", "email", "content"),
        ("h", "email", "content"),
    ],
    "office.wide": [(f"c{WIDE - 1}", "email", "content")],
    "staff": [("first_name", "name", "name"), ("mail", "email", "name")],
    "was": [("mail", "email", "name")],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_shop(tmp_path_factory.mktemp("audited") / "shop", DUCKDB)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, content in YAML.items():
        (folder / name).write_text(yaml.safe_dump(content))
    with duckdb.connect(folder / "shop.duckdb") as connection:
        connection.execute(TABLES)
    Dbt(Project.find(folder)).run(["build"])
    return folder


Call = Callable[..., tuple[str, str]]


@pytest.fixture
def call(built: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run the audit; what it says on stdout and stderr, where no value is."""
    monkeypatch.chdir(built)

    def called(*options: str, code: int = 1) -> tuple[str, str]:
        capfd.readouterr()
        assert run(["privacy", "audit", *options]) == code
        out, err = capfd.readouterr()
        assert [one for one in NEEDLES if one in out + err] == []
        return out, err

    return called


def listed(out: str) -> dict[str, list[tuple[str, str, str]]]:
    return {
        table["table"]: [(one["column"], one["kind"], one["told_by"]) for one in table["columns"]]
        for table in json.loads(out)["tables"]
    }


def test_what_is_personal_and_not_described_is_listed(call: Call) -> None:
    out, err = call("--json")
    found = listed(out)
    assert found == LISTED
    content = json.loads(out)
    assert content["unread"].keys() == {"office.broken", "office.gone"}
    assert content["unread"]["office.gone"] == "it is not there"
    tables = {one["table"]: one for one in content["tables"]}
    assert (tables["leads"]["package"], tables["customers"]["package"]) == ("other", None)
    assert tables["was"]["file"] is None and tables["staff"]["file"] is None
    assert tables["office.cases"]["file"] == "models/office.yml"
    assert [name for name, one in tables.items() if one["has_rule"]] == ["office.invoices"]
    shares = {one["column"]: one for one in tables["office.cases"]["columns"]}
    assert (shares["body"]["share"], shares["body"]["is_within"]) == (1.0, True)
    assert "office.gone was not looked into" in err


def test_people_read_a_table(call: Call) -> None:
    out, err = call()
    for words in (
        "office.cases (source)",
        "models/office.yml",
        "leads (model of the package other)",
        "not described in any YAML",
        "its rule empties others",
        "content, 100%",
    ):
        assert words in out
    assert f"in {len(LISTED)} tables" in err and "--suggest" in err


def test_offline_files_tell_the_names_of_columns(
    call: Call, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "open_warehouse", None)
    out, _ = call("--offline", "--json")
    content = json.loads(out)
    assert listed(out) == {
        "customers": [("remarks", "declared", "description")],
        "office.gone": LISTED["office.gone"],
        "staff": LISTED["staff"],
    }
    assert content["unread"]["office.cases"] == "no file tells its columns"
    assert "products" not in content["unread"]
    columns = {"CONTACT_EMAIL": {"type": "VARCHAR"}, "phone": {"type": "BOOLEAN"}}
    catalog = {"nodes": {}, "sources": {"source.shop.office.cases": {"columns": columns}}}
    path = built / "target" / "catalog.json"
    path.write_text(json.dumps(catalog))
    out, _ = call("--offline", "--json")
    path.unlink()
    assert listed(out)["office.cases"] == [("CONTACT_EMAIL", "email", "name")]


def test_what_is_suggested_is_enough_once_it_is_pasted(
    call: Call, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = call("--suggest")
    folder = tmp_path / "shop"
    shutil.copytree(built, folder, symlinks=True)
    monkeypatch.chdir(folder)
    for text in out.split("---\n"):
        file = text.splitlines()[0].removeprefix("# ")
        path = folder / (file if file.endswith("ml") else "models/privacy.yml")
        known = yaml.safe_load(path.read_text()) if path.exists() else {}
        path.write_text(yaml.safe_dump(pasted(known, yaml.safe_load(text))))
    out, _ = call("--json", code=0)
    assert json.loads(out)["tables"] == []
    tables = {
        one["name"]: one
        for one in yaml.safe_load((folder / "models/office.yml").read_text())["sources"][0][
            "tables"
        ]
    }
    rules = {
        name: one.get("config", {}).get("meta", {}).get("cdp_erasure")
        for name, one in tables.items()
    }
    assert rules["cases"] == {
        "action": "delete",
        "identifiers": {"user_id": "user_id", "email": "contact_email"},
        "before_build": True,
    }
    assert rules["invoices"] == {
        **RULES["invoices"],
        "columns": ["contact_name", "contact_phone", "billing_street"],
    }
    assert rules["odd"]["identifiers"] == {"email": ['"e-mail address"', '"user"', '"the ""mail"']}
    # The rules are SQL that the warehouse takes, and find the person.
    capture = ["--identifier", f"email={MAIL}", "--evidence", "a letter"]
    assert run(["erase", "request", *capture]) == 0
    assert run(["erase", "run", "--dry-run"]) == 0


def pasted(known: Any, added: Any) -> Any:
    """YAML with an entry added, as a person would."""
    if isinstance(added, dict):
        known = known or {}
        return {**known, **{key: pasted(known.get(key), one) for key, one in added.items()}}
    if isinstance(added, list) and all(isinstance(one, dict) for one in added):
        names = {one["name"]: one for one in known or []}
        for one in added:
            names[one["name"]] = pasted(names.get(one["name"]), one)
        return list(names.values())
    return added
