"""The dbt package by itself: its own tests, what it says to a wrong configuration, and BigQuery."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest
import yaml
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from consumer import link_package
from dbt_cdp.project import package_root

ROOT = package_root()

WEB = {"name": "web", "collector": "cdp"}
CRM = {
    "name": "crm",
    "collector": "cdp",
    "record_id": "contact_id",
    "identifier_type": "crm_id",
    "identifiers": {"email": "email", "phone": "Mobile Phone"},
    "attributes": {"company": "account", "job_title": "title", "owner": "owner"},
}
VARS = {
    "cdp_as_of": "2026-06-30 06:00:00",
    "cdp_sources": [WEB, CRM],
    "cdp_traits": [
        {"name": "views_7d", "count": "events", "event": "page_viewed", "last_days": 7},
        {"name": "spent", "sum": "amount", "event": "order_completed"},
        {"name": "plan_seen_last", "last": "properties.plan"},
        {"name": "plans_seen_last", "recent": "properties.plan", "limit": 3},
        {"name": "days_in_a_row", "streak": "days"},
        {"name": "is_buyer", "sql": "spent > 0"},
    ],
    "cdp_segments": [
        {"name": "interested", "where": "views_7d > 0 and not is_buyer"},
        {"name": "buyers", "where": "is_buyer"},
    ],
}
TESTED_MODELS = [
    "stg_cdp__landed_events",
    "stg_cdp__incoming_events",
    "stg_cdp__retention",
    "stg_cdp__incoming_records",
    "cdp__raw_events",
    "int_cdp__blocked_values",
    "int_cdp__decisions",
    "int_cdp__identifiers",
    "int_cdp__identifier_keys",
    "int_cdp__tuple_members",
    "int_cdp__identity_observations",
    "int_cdp__edges",
    "int_cdp__canonical_ids",
    "int_cdp__id_changes",
    "cdp__identity_graph",
    "cdp__identity_conflicts",
    "int_cdp__tuple_people",
    "int_cdp__daily_activity",
    "int_cdp__account_domains",
    "cdp__user_profiles",
    "cdp__account_profiles",
    "cdp__definitions",
    "cdp__consents",
    "int_cdp__segment_matches",
    "int_cdp__segment_states",
    "cdp__segments",
    "cdp__segment_sizes",
    "cdp__segment_overlaps",
]
EVENTS = [
    {
        "messageId": "m1",
        "type": "page",
        "anonymousId": "a1",
        "timestamp": "2026-06-29T10:00:00Z",
        "properties": {"path": "/pricing"},
    },
    {
        "messageId": "m2",
        "type": "identify",
        "anonymousId": "a1",
        "userId": "ada",
        "timestamp": "2026-06-29T10:05:00Z",
        "traits": {"email": "Ada@shop.example", "job_title": "Analyst"},
    },
]
RECEIVED_AT = "2026-06-29 11:00:00"
LOADED_AT = "2026-06-29 12:00:00"
RECORDS = [{"contact_id": 7, "email": "ada@shop.example", "account": "Acme", "title": None}]


class Warehouse:
    """A DuckDB file that the package is built in, as the root project."""

    def __init__(self, folder: Path, variables: dict = VARS) -> None:
        self.variables = variables
        self.path = folder / "warehouse.duckdb"
        self.target = folder / "target"
        self.logs = folder / "logs"
        self.said = ""

    def dbt(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        options = ("--project-dir", ROOT, "--profiles-dir", ROOT / "tests")
        paths = ("--target-path", self.target, "--log-path", self.logs)
        return subprocess.run(
            [
                *(sys.executable, "-P", "-m", "dbt.cli.main", *arguments),
                *(*options, "--profile", "cdp_test", *paths, "--vars", json.dumps(self.variables)),
            ],
            # Where it is not UTC, a time that is read as local time shows.
            env={
                **os.environ,
                "TZ": "Asia/Kolkata",
                "CDP_TEST_DATABASE": str(self.path),
                **environment,
            },
            text=True,
            capture_output=True,
        )

    def results(self) -> dict[str, str]:
        results = json.loads((self.target / "run_results.json").read_text())["results"]
        return {result["unique_id"]: result["status"] for result in results}

    def manifest(self) -> dict:
        return json.loads((self.target / "manifest.json").read_text())

    def land(self, table: str, source: str, payloads: list[dict]) -> None:
        with duckdb.connect(self.path) as connection:
            for payload in payloads:
                connection.execute(
                    f"insert into main_cdp.{table} values (?, ?, ?, ?, ?)",
                    [str(payload), source, RECEIVED_AT, LOADED_AT, json.dumps(payload)],
                )

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Built twice, with events and a record landed in between.

    Unit tests run in the second build: those of an incremental model need its table.
    """
    warehouse = Warehouse(tmp_path_factory.mktemp("package"))
    first = warehouse.dbt("--quiet", "build", "--exclude-resource-type", "unit_test")
    assert first.returncode == 0, first.stdout
    warehouse.land("landing_events", "web", EVENTS)
    warehouse.land("landing_records", "crm", RECORDS)
    warehouse.said = warehouse.dbt("--quiet", "build").stdout
    return warehouse


def test_every_unit_test_has_run_and_passed(built: Warehouse) -> None:
    ran = {
        node: status for node, status in built.results().items() if node.startswith("unit_test.")
    }
    assert ran == dict.fromkeys(built.manifest()["unit_tests"], "pass"), built.said


def test_every_model_that_decides_something_has_unit_tests(built: Warehouse) -> None:
    ran = Counter(node.split(".")[2] for node in built.results() if node.startswith("unit_test."))
    assert [model for model in TESTED_MODELS if ran[model] == 0] == []


def test_every_unit_test_that_is_written_down_is_on(built: Warehouse) -> None:
    written = [
        test["name"]
        for path in ROOT.glob("models/**/*__unit_tests.yml")
        for test in yaml.safe_load(path.read_text())["unit_tests"]
    ]
    assert sorted(written) == sorted(
        test["name"] for test in built.manifest()["unit_tests"].values()
    )


def test_every_test_of_a_macro_has_run_and_passed(built: Warehouse) -> None:
    results = built.results()
    names = [path.stem for path in (ROOT / "tests" / "data").glob("*.sql")]
    assert len(names) > 0
    ran = {name: results.get(f"test.cdp.{name}") for name in names}
    assert ran == dict.fromkeys(names, "pass"), built.said


def test_a_second_build_takes_in_what_was_landed_since_the_first(built: Warehouse) -> None:
    assert set(built.results().values()) == {"pass", "success"}, built.said
    assert built.query(
        "select email, company, job_title, views_7d, is_buyer from main_cdp.user_profiles"
    ) == [("ada@shop.example", "Acme", "Analyst", 1, False)]
    assert built.query("select segment_name, exited_at from main_cdp.segments") == [
        ("interested", None)
    ]


def test_the_docs_of_dbt_describe_every_table_and_column_that_is_for_others(
    built: Warehouse, tmp_path: Path
) -> None:
    docs = Warehouse(tmp_path, built.variables)
    docs.path = built.path
    shutil.copytree(built.target, docs.target)  # parsed already
    done = docs.dbt("docs", "generate", "--no-compile", "--static")
    assert done.returncode == 0, done.stdout
    assert (docs.target / "static_index.html").stat().st_size > 1_000_000

    catalog = json.loads((docs.target / "catalog.json").read_text())["nodes"]
    nodes = docs.manifest()["nodes"]
    own = {trait["name"] for trait in VARS["cdp_traits"]} | {"owner"}
    undescribed = []
    tables = [
        node
        for node in nodes.values()
        if node["name"].startswith("cdp__") or node["config"].get("access") == "public"
    ]
    assert len(tables) > 30
    for node in tables:
        there = {name.lower() for name in catalog[node["unique_id"]]["columns"]}
        told = {column["name"] for column in node["columns"].values() if column["description"]}
        assert told <= there, f"{node['name']} has no {told - there}"
        undescribed += [f"{node['name']}.{column}" for column in there - told - own]
        undescribed += [] if node["description"] else [node["name"]]
    assert undescribed == []


class Parser:
    """Runs dbt in this process, which takes a fraction of the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: Manifest | None = None

    def manifest(self, project: Path = ROOT, **variables: object) -> Manifest:
        result, errors = self.run(["parse"], variables, project=project)
        assert result.success, errors
        return result.result

    def parse_errors(self, **variables: object) -> str:
        result, errors = self.run(["parse"], variables)
        assert result.success == (errors == "")
        return errors

    def macro_errors(self, macro: str, **variables: object) -> str:
        """What is wrong where a macro reads its variables, without parsing everything again."""
        self.known = self.known or self.manifest(cdp_sources=[WEB])
        result, errors = self.run(["run-operation", macro], variables, manifest=self.known)
        assert result.success == (errors == "")
        return errors

    def run(
        self,
        arguments: list[str],
        variables: dict[str, object],
        project: Path = ROOT,
        manifest: Manifest | None = None,
    ) -> tuple[dbtRunnerResult, str]:
        errors = []

        def listen(event: EventMsg) -> None:
            if event.info.level == "error":
                errors.append(event.info.msg)

        folders = ["--project-dir", str(project), "--profiles-dir", str(ROOT / "tests")]
        paths = ["--target-path", str(self.folder), "--log-path", str(self.folder)]
        settings = ["--profile", "cdp_test", "--vars", json.dumps(variables)]
        result = dbtRunner(manifest, callbacks=[listen]).invoke(
            ["--quiet", *arguments, *folders, *paths, *settings]
        )
        return result, "\n".join(errors)


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Parser:
    return Parser(tmp_path_factory.mktemp("parsed"))


APP = {"name": "app", "events": "stg_app__events"}
SALES = {"name": "sales", "records": "stg_sales", "record_id": "id", "identifier_type": "crm_id"}
STRIPE = {"name": "stripe", "collector": "stripe", "source": "stripe"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"cdp_sources": [{**WEB, "colour": "red"}]},
            "cdp_sources, source 'web': unknown key 'colour'. Allowed keys: name, collector.",
        ),
        ({"cdp_sources": WEB}, "var cdp_sources: expected a list"),
        (
            {"cdp_identifiers": [{"name": "email", "limit": 9}]},
            "cdp_identifiers, type 'email': unknown key 'limit'. Allowed keys: name, priority,",
        ),
        (
            {"cdp_traits": [{"name": "views", "cuont": "events"}]},
            "trait 'views': unknown key 'cuont'. Did you mean 'count'? Allowed keys: name,",
        ),
        (
            {"cdp_segments": [{"name": "hot", "were": "true"}]},
            "cdp_segments, segment 'hot': unknown key 'were'. Did you mean 'where'? "
            "Allowed keys: name, description, owner, tags,",
        ),
        ({"cdp_as_of": "yesterday"}, "var cdp_as_of: expected a date or a timestamp"),
        (
            {"cdp_default_country_code": "DE"},
            "var cdp_default_country_code: expected the digits of a calling code such as 49",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_configuration_stops_dbt_before_it_touches_anything(
    dbt: Parser, variables: dict, said: str
) -> None:
    assert said in dbt.parse_errors(**{"cdp_sources": [WEB], **variables})


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        ([13], "cdp_retention: expected a mapping of keys"),
        ({"months": 13}, "cdp_retention: unknown key 'months'"),
        ({"archive": "old"}, "cdp_retention: missing key 'raw_events_months'"),
        ({"raw_events_months": 0}, "raw_events_months must be a whole number of months"),
        ({"raw_events_months": "13"}, "raw_events_months must be a whole number of months"),
        ({"raw_events_months": True}, "raw_events_months must be a whole number of months"),
        ({"raw_events_months": 13, "archive": 7}, "archive must be a folder, gs://..., s3://..."),
        ({"raw_events_months": 13, "sources": {"wed": {}}}, "sources: unknown key 'wed'. Did you"),
        (
            {"raw_events_months": 13, "sources": {"web": {"month": 1}}},
            "cdp_retention, source 'web': unknown key 'month'",
        ),
        (
            {"raw_events_months": 13, "sources": {"web": {"source_tables": 1}}},
            "source 'web': source_tables must be true or false",
        ),
        (
            {"raw_events_months": 13, "sources": {"web": {"source_tables": True}}},
            "source_tables is for collectors that write a row an event: segment,",
        ),
    ],
)
def test_a_retention_that_cannot_be_read_stops_dbt(
    dbt: Parser, retention: object, said: str
) -> None:
    assert said in dbt.parse_errors(cdp_sources=[WEB], cdp_retention=retention)


@pytest.mark.parametrize(
    ("erasure", "said"),
    [
        (["site"], "cdp_erasure: expected a mapping of keys"),
        ({"tables": ["site"]}, "cdp_erasure: unknown key 'tables'"),
        ({"source_tables": "site"}, "source_tables must be a list of names of cdp_sources"),
        (
            {"source_tables": ["sit"]},
            "'sit' is no source with tables of its own to delete from. Did you mean 'site'?"
            " There are: site.",
        ),
        ({"source_tables": ["web"]}, "'web' is no source with tables of its own"),
    ],
)
def test_an_erasure_that_cannot_be_read_stops_dbt(dbt: Parser, erasure: object, said: str) -> None:
    site = {"name": "site", "collector": "segment", "source": "segment"}
    assert said in dbt.parse_errors(cdp_sources=[WEB, site], cdp_erasure=erasure)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("web", "var cdp_sources: expected a list"),
        (["web"], "source 'number 1': missing key 'name'"),
        ([WEB, {"collector": "cdp"}], "source 'number 2': missing key 'name'"),
        ([WEB, WEB], "source 'web': the name 'web' is used twice."),
        ([{**WEB, "name": "My web"}], "'My web' is not a usable name"),
        ([{**WEB, "collector": "segmnet"}], "source 'web': unknown collector 'segmnet'. Known"),
        ([{"name": "web"}], "give exactly one of collector, events, records; got none"),
        (
            [{**WEB, "events": "stg_app__events"}],
            "give exactly one of collector, events, records; got collector and events.",
        ),
        ([{**SALES, "events": "stg_app__events"}], "source 'sales': give exactly one of collector"),
        ([APP], "source 'app': missing key 'columns'. Allowed keys: name, events, columns."),
        (
            [{**APP, "colums": {}}],
            "source 'app': unknown key 'colums'. Did you mean 'columns'? Allowed keys: name,",
        ),
        (
            [{**APP, "columns": {"timestamp": "at", "usr_id": "uid"}}],
            "source 'app', columns: unknown key 'usr_id'. Did you mean 'user_id'? Allowed keys:",
        ),
        (
            [{**APP, "columns": {"user_id": "uid"}}],
            "source 'app', columns: missing key 'timestamp'. Allowed keys: timestamp, event_id,",
        ),
        (
            [{**APP, "columns": {"timestamp": "at", "event_type": "name"}}],
            "source 'app', columns: map at least one of user_id, crm_id, billing_id,",
        ),
        ([{**APP, "columns": ["timestamp"]}], "source 'app', columns: expected a mapping"),
        (
            [{**SALES, "identifers": {}}],
            "source 'sales': unknown key 'identifers'. Did you mean 'identifiers'? "
            "Allowed keys: name, records, record_id, identifier_type, updated_at,",
        ),
        ([{**SALES, "record_id": None}], "source 'sales': missing key 'record_id'. Allowed keys:"),
        (
            [{**SALES, "identifier_type": ""}],
            "source 'sales': missing key 'identifier_type'. Allowed keys: name, records,",
        ),
        (
            [{**SALES, "identifier_type": "contact_id"}],
            "source 'sales': unknown identifier_type 'contact_id'. Known types: user_id, crm_id,",
        ),
        (
            [{**SALES, "identifiers": {"mail": "email"}}],
            "identifiers: unknown key 'mail'. Did you mean 'email'? Allowed keys: user_id,",
        ),
        (
            [{**SALES, "attributes": {"Job title": "title"}}],
            "source 'sales', attributes: 'Job title' is not a usable name",
        ),
        (
            [{**CRM, "identifiers": {"email": "lower(mail)"}}],
            "source 'crm': 'lower(mail)' is not the name of a field.",
        ),
        (
            [SALES, {**SALES, "name": "partners"}],
            "source 'partners': 'sales' has the identifier_type 'crm_id' too, and equal ids of two",
        ),
        (
            [{**WEB, "collector": "segment"}],
            "source 'web': missing key 'source'. Allowed keys: name,",
        ),
        (
            [{**STRIPE, "event_tables": ["orders"]}],
            "source 'stripe': unknown key 'event_tables'. Allowed keys: name, collector, source,",
        ),
        (
            [{**STRIPE, "identifier_type": "stripe_id"}],
            "source 'stripe': unknown identifier_type 'stripe_id'. Known types: user_id, crm_id,",
        ),
        (
            [{"name": "web", "collector": "segment", "source": "s", "event_tables": "orders"}],
            "source 'web': event_tables must be a list of tables, got: orders",
        ),
        (
            [STRIPE, {**STRIPE, "name": "stripe_us"}],
            "source 'stripe_us': 'stripe' has the identifier_type 'billing_id' too, and equal ids",
        ),
        (
            [SALES, {"name": "salesforce", "collector": "salesforce", "source": "salesforce"}],
            "source 'salesforce': 'sales' has the identifier_type 'crm_id' too, and equal ids of",
        ),
        (
            [{**CRM, "merged_into": "master(id)"}],
            "source 'crm': 'master(id)' is not the name of a field.",
        ),
        (
            [{**SALES, "attributes": ["company"]}],
            "source 'sales', attributes: expected a mapping of names to fields, got: ['company']",
        ),
        (
            [{**SALES, "attributes": {"is_identified": "known"}}],
            "source 'sales', attributes: the profile has a column 'is_identified' already.",
        ),
    ],
)
def test_what_is_wrong_with_a_source_is_told(dbt: Parser, entries: object, said: str) -> None:
    assert said in dbt.macro_errors("cdp_sources", cdp_sources=entries)


VIEWS = {"name": "views", "count": "events"}
CHOSE = {"event": "chose", "granted": "properties.ads"}
HOT = {"name": "hot", "where": "views > 0"}


@pytest.mark.parametrize(
    ("name", "entries", "said"),
    [
        ("cdp_traits", {"views": "events"}, "var cdp_traits: expected a list"),
        ("cdp_traits", ["views"], "expected a mapping of keys, got: views"),
        (
            "cdp_traits",
            [{"count": "events"}],
            "missing key 'name'. Allowed keys: name, description",
        ),
        ("cdp_traits", [VIEWS, VIEWS], "trait 'views': the name 'views' is used twice."),
        ("cdp_traits", [{**VIEWS, "name": "7d views"}], "'7d views' is not a usable name"),
        ("cdp_traits", [{**VIEWS, "name": "email"}], "the profile has a column of that name"),
        ("cdp_traits", [{**VIEWS, "name": "company"}], "the profile has a column of that name"),
        ("cdp_traits", [{"name": "views"}], "trait 'views': give exactly one of count, streak,"),
        ("cdp_traits", [{**VIEWS, "sum": "amount"}], "parts; got count and sum."),
        ("cdp_traits", [{**VIEWS, "count": "evnts"}], "got: evnts. Did you mean 'events'?"),
        (
            "cdp_traits",
            [{"name": "run", "streak": "weeks"}],
            "streak must be one of days, got: weeks",
        ),
        (
            "cdp_traits",
            [{"name": "page", "earliest": "page_path"}],
            "trait 'page': earliest must be timestamp; for the value of an event use first,",
        ),
        ("cdp_traits", [{**VIEWS, "entity": "acount"}], "got: acount. Did you mean 'account'?"),
        (
            "cdp_traits",
            [{"name": "people", "entity": "account", "sql": "1"}],
            "trait 'people': the profile has a column of that name already.",
        ),
        ("cdp_traits", [{"name": "fit", "parts": ["size"]}], "parts must be a mapping of names"),
        (
            "cdp_traits",
            [{"name": "fit", "parts": {"size": 5}}],
            "the part size must be SQL, got: 5",
        ),
        ("cdp_traits", [{"name": "fit", "parts": {"Size": "5"}}], "'Size' is not a usable name"),
        (
            "cdp_traits",
            [{"name": "fit", "parts": {"size": "5"}, "sql": "parts.sizes * 2"}],
            "sql names the part sizes, which is not among size. Did you mean 'size'?",
        ),
        (
            "cdp_traits",
            [{"name": "fit", "parts": {"egg": "hen"}}, {"name": "hen", "sql": "fit + 1"}],
            "cdp_traits: fit, hen wait for each other",
        ),
        (
            "cdp_traits",
            [{"name": "run", "streak": "days", "half_life_days": 7}],
            "half_life_days has a meaning beside `count: events` and sum only.",
        ),
        ("cdp_traits", [{**VIEWS, "half_life_days": 0}], "half_life_days must be a whole number"),
        ("cdp_free_mail_domains", ["mail"], "expected domains such as mail.example, got: mail"),
        ("cdp_icp", {"size": 5}, "var cdp_icp: unknown key 'size'."),
        ("cdp_icp", {"company_size": {"min": "50"}}, "min must be a whole number, got: 50"),
        ("cdp_icp", {"industry": "software"}, "industry: expected a list of texts, got: software"),
        ("cdp_traits", [{**VIEWS, "limit": 3}], "limit has a meaning beside recent only."),
        (
            "cdp_traits",
            [{**VIEWS, "last_days": -1}],
            "last_days must be a whole number from 1, got: -1",
        ),
        ("cdp_attributes", [{"name": "company"}], "'company': give trait, survivorship or both."),
        ("cdp_attributes", [{"name": "email", "trait": "mail"}], "the profile has a column of"),
        ("cdp_attributes", [{"name": "tier", "trait": "a.b"}], "trait must be a key of an event's"),
        (
            "cdp_attributes",
            [{"name": "compny", "survivorship": "first"}],
            "got: compny. Did you mean 'company'?",
        ),
        (
            "cdp_attributes",
            [{"name": "plan", "survivorship": "longst"}],
            "got: longst. Did you mean 'longest'?",
        ),
        (
            "cdp_attributes",
            [{"name": "plan", "survivorship": "source_priority"}],
            "attribute 'plan': source_priority and sources need each other.",
        ),
        (
            "cdp_attributes",
            [{"name": "plan", "survivorship": "source_priority", "sources": ["crm"]}],
            "sources must name entries of cdp_sources (web), got: crm",
        ),
        (
            "cdp_attributes",
            [{"name": "plan", "survivorship": "first"}, {"name": "plan", "survivorship": "first"}],
            "attribute 'plan': the attribute is listed twice.",
        ),
        ("cdp_traits", [{"name": "spent", "sum": 3}], "trait 'spent': sum must be text, got: 3"),
        (
            "cdp_traits",
            [{**VIEWS, "last_days": 0}],
            "trait 'views': last_days must be a whole number from 1, got: 0",
        ),
        ("cdp_traits", [{**VIEWS, "last_days": "7"}], "last_days must be a whole number from 1"),
        ("cdp_traits", [{**VIEWS, "offset_days": 7}], "trait 'views': offset_days needs last_days"),
        (
            "cdp_traits",
            [{"name": "rate", "sql": "1", "last_days": 7}],
            "trait 'rate': last_days has no meaning beside sql.",
        ),
        (
            "cdp_traits",
            [{**VIEWS, "event": None}],
            "trait 'views': event must be a name or a list of names, got: None",
        ),
        ("cdp_traits", [{**VIEWS, "event": 5}], "event must be a name or a list of names, got: 5"),
        ("cdp_traits", [{**VIEWS, "where": True}], "trait 'views': where must be text, got: True"),
        (
            "cdp_traits",
            [{"name": "hen", "sql": "egg + 1"}, {"name": "egg", "sql": "hen + 1"}],
            "cdp_traits: hen, egg wait for each other",
        ),
        ("cdp_segments", [{**HOT, "where": None}], "segment 'hot': where must be text, got: None"),
        ("cdp_segments", [{**HOT, "where": 1}], "segment 'hot': where must be text, got: 1"),
        ("cdp_segments", {"hot": "views > 0"}, "var cdp_segments: expected a list"),
        ("cdp_segments", [HOT, "hot"], "segment 'number 2': expected a mapping of keys, got: hot"),
        (
            "cdp_segments",
            [{"where": "true"}],
            "segment 'number 1': missing key 'name'. Allowed keys: name, description, owner,",
        ),
        ("cdp_segments", [HOT, HOT], "segment 'hot': the name 'hot' is used twice."),
        ("cdp_segments", [{**HOT, "name": "hot!"}], "'hot!' is not a usable name"),
        ("cdp_segments", [{"name": "hot"}], "'hot': give one of where, model, include."),
        ("cdp_segments", [{**HOT, "model": "hot"}], "give one of where, model; got both."),
        ("cdp_segments", [{**HOT, "enter_after": 5}], "must be a duration such as 90 minutes,"),
        ("cdp_segments", [{**HOT, "exit_after": "0 days"}], "exit_after must be a duration such"),
        ("cdp_segments", [{**HOT, "entity": "user"}], "must be one of person, account, got: user"),
        (
            "cdp_segments",
            [HOT, {"name": "top", "where": "in_segment('hott')"}],
            "'top': there is no segment 'hott' of the same entity. Did you mean 'hot'?",
        ),
        (
            "cdp_segments",
            [{"name": "a", "where": "in_segment('b')"}, {"name": "b", "where": "in_segment('a')"}],
            "cdp_segments: a, b wait for each other",
        ),
        ("cdp_consent", ["ads"], "var cdp_consent: expected purposes, and where people say them"),
        ("cdp_consent", {"Ads & more": "true"}, "'Ads & more' is not a usable name"),
        ("cdp_consent", {"ads": []}, "purpose 'ads': nothing says who has consented; the list is"),
        ("cdp_consent", {"ads": None}, "purpose 'ads': expected a SQL condition over the columns"),
        ("cdp_consent", {"ads": " "}, "expected a SQL condition over the columns of user_profiles"),
        (
            "cdp_consent",
            {"ads": ["is_identified", {"evnt": "chose", "granted": "true"}]},
            "cdp_consent, purpose 'ads', number 2: give exactly one of event, model; got none.",
        ),
        (
            "cdp_consent",
            {"ads": {"event": "chose", "grantd": "true"}},
            "purpose 'ads': unknown key 'grantd'. Did you mean 'granted'? Allowed keys: event, gra",
        ),
        ("cdp_consent", {"ads": {"event": "chose"}}, "purpose 'ads': missing key 'granted'."),
        ("cdp_consent", {"ads": {**CHOSE, "event": 5}}, "event must be a name or a list of names"),
        ("cdp_consent", {"ads": {**CHOSE, "granted": 5}}, "granted: expected SQL, got: 5"),
        (
            "cdp_consent",
            {"ads": {**CHOSE, "said_at": "at"}},
            "purpose 'ads': unknown key 'said_at'. Allowed keys: event, granted.",
        ),
        (
            "cdp_consent",
            {"ads": {"model": "m", "granted": "g", "identifiers": {"emial": "mail"}}},
            "purpose 'ads', identifiers: unknown key 'emial'. Did you mean 'email'? Allowed keys: "
            "canonical_id, user_id,",
        ),
        (
            "cdp_consent",
            {"ads": {"model": "m", "granted": "g", "identifiers": {}}},
            "purpose 'ads', identifiers: give at least one of canonical_id, user_id,",
        ),
        (
            "cdp_consent",
            {"ads": {"model": "m", "granted": "g", "said_at": None}},
            "purpose 'ads', said_at: expected SQL, got: None",
        ),
        ("cdp_consent", {"ads": {"model": 5, "granted": "g"}}, "model must be the name of a model"),
        ("cdp_identifiers", {"email": 1}, "var cdp_identifiers: expected a list"),
        ("cdp_identifiers", ["email"], "expected a mapping of keys, got: email"),
        ("cdp_identifiers", [{"priority": 1}], "missing key 'name'. Allowed keys: name, prio"),
        (
            "cdp_identifiers",
            [{"name": "email"}, {"name": "email"}],
            "cdp_identifiers, type 'email': the name 'email' is used twice.",
        ),
        ("cdp_identifiers", [{"name": "e-mail"}], "'e-mail' is not a usable name"),
        (
            "cdp_identifiers",
            [{"name": "record_id"}],
            "type 'record_id': the name is taken by a column of the package.",
        ),
        (
            "cdp_identifiers",
            [{"name": "email", "max_people": 0}],
            "type 'email': max_people must be a whole number from 1, got: 0",
        ),
        (
            "cdp_identifiers",
            [{"name": "email", "counts": "some"}],
            "type 'email': counts must be one of all, user_id, named, got: some",
        ),
        (
            "cdp_identifiers",
            [{"name": "email", "form": "text"}],
            "type 'email': form must be one of id, email, phone, got: text",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_told(
    dbt: Parser, name: str, entries: object, said: str
) -> None:
    macros = {
        "cdp_identifiers": "cdp_identifier_types",
        "cdp_attributes": "cdp_survivorship",
        "cdp_free_mail_domains": "cdp_own_free_mail_domains",
    }
    errors = dbt.macro_errors(macros.get(name, name), **{name: entries, "cdp_sources": [WEB]})
    assert said in errors


@pytest.mark.parametrize(
    "moment",
    ["2026-6-30", "30.06.2026", "2026-06-30T12:00:00Z", "now()", "2026-13-30", "2026-06-30 25:99"],
)
def test_a_time_of_the_run_that_could_be_misread_is_refused(dbt: Parser, moment: str) -> None:
    errors = dbt.macro_errors("cdp_as_of", cdp_as_of=moment)
    assert f"such as 2026-06-30 or 2026-06-30 12:00:00, got: {moment}" in errors


@pytest.mark.parametrize("moment", ["2026-06-30", "2026-06-30 12:00", "2026-06-30T12:00:00.5"])
def test_a_date_or_a_timestamp_is_a_time_of_the_run(dbt: Parser, moment: str) -> None:
    assert dbt.macro_errors("cdp_as_of", cdp_as_of=moment) == ""


def folders_of_what_is_on(manifest: Manifest) -> set[str]:
    # dbt keeps a test of a disabled model among the nodes, and disables it.
    nodes = [node for node in manifest.nodes.values() if node.config.enabled]
    return {Path(node.original_file_path).parts[0] for node in nodes}


def test_nothing_but_the_tests_of_macros_is_on_before_there_are_sources(dbt: Parser) -> None:
    manifest = dbt.manifest()
    assert folders_of_what_is_on(manifest) == {"tests"}
    assert not manifest.unit_tests


@pytest.fixture
def shop_with_the_package(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: cdp_test\n")
    (tmp_path / "packages.yml").write_text(f"packages: [{{local: {ROOT}}}]\n")
    link_package(tmp_path)
    return tmp_path


def test_the_package_adds_nothing_to_a_project_without_sources(
    dbt: Parser, shop_with_the_package: Path
) -> None:
    manifest = dbt.manifest(shop_with_the_package)
    assert "macro.cdp.cdp_sources" in manifest.macros
    assert folders_of_what_is_on(manifest) == set()
    assert not (manifest.unit_tests or manifest.sources or manifest.exposures)


def test_the_package_s_own_tests_are_off_in_another_project(
    dbt: Parser, shop_with_the_package: Path
) -> None:
    manifest = dbt.manifest(shop_with_the_package, **VARS)
    assert folders_of_what_is_on(manifest) == {"models", "seeds"}
    assert not manifest.unit_tests


# Every collector, each with the dbt source of the package that users copy.
COLLECTED = [
    {key: value for key, value in entry.items() if key != "event_tables"}
    for entry in yaml.safe_load((ROOT / "tests" / "sources" / "dbt_project.yml").read_text())[
        "vars"
    ]["cdp_sources"]
]
EVERYTHING = {
    **VARS,
    "cdp_attributes": [
        {"name": "company", "survivorship": "source_priority", "sources": ["crm", "web"]},
        {"name": "job_title", "survivorship": "longest"},
        {"name": "owner", "survivorship": "most_frequent"},
        {"name": "plan", "survivorship": "first"},
    ],
    "cdp_consent": {
        "analytics": "is_identified",
        "marketing": [
            {"event": ["signed_up", "it's mine"], "granted": "properties.news = 'yes'"},
            {"event": "unsubscribed", "granted": False},
            # Any model will do where nothing is run.
            {
                "model": "cdp__user_profiles",
                "granted": "is_identified",
                "said_at": "first_seen",
                "identifiers": {"canonical_id": "canonical_id", "email": "email"},
            },
        ],
    },
    "cdp_identifiers": [{"name": "partner_id"}],
    "cdp_sources": [WEB, {**CRM, "identifier_type": "partner_id"}, *COLLECTED],
}
# A table of the package as a warehouse names it, and words of DuckDB's that it does not know.
OFFLINE = {
    "bigquery": "`test-project`.`test_cdp`.`raw_events`",
    "snowflake": "test.test_cdp.raw_events",
}
ONLY_DUCKDB = (
    *("arg_min(", "regexp_matches(", "json_extract_string(", "unnest(str", "list_transform("),
    *("json_merge_patch(", "typeof(", "epoch_ms(", "make_timestamp("),
)


@pytest.fixture(scope="session", params=OFFLINE)
def offline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Warehouse, list[dict]]:
    """The package with every collector, compiled for a warehouse where nothing outside can be
    reached, and dbt's log."""
    warehouse = Warehouse(tmp_path_factory.mktemp(request.param), EVERYTHING)
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    options = ("--target", request.param, "--no-partial-parse", "--show-all-deprecations")
    offline = ("--no-populate-cache", "--no-introspect", "--log-format", "json")
    done = warehouse.dbt("compile", *options, *offline, **nowhere)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return request.param, warehouse, [json.loads(line) for line in lines]


def test_nothing_in_the_package_is_deprecated_or_warned_about(
    offline: tuple[str, Warehouse, list[dict]],
) -> None:
    _, _, log = offline
    assert any(line["info"]["name"] == "AdapterRegistered" for line in log)
    loud = [line["info"] for line in log if line["info"]["level"] not in ("info", "debug")]
    assert [info["msg"] for info in loud] == []
    assert [line["info"]["msg"] for line in log if "eprecat" in line["info"]["name"]] == []


def test_every_model_compiles_without_a_connection(
    offline: tuple[str, Warehouse, list[dict]],
) -> None:
    target, warehouse, _ = offline
    models = {
        node["name"]: node.get("compiled_code") or ""
        for node in warehouse.manifest()["nodes"].values()
        if node["resource_type"] == "model"
    }
    written = {path.stem for path in (ROOT / "models").glob("**/*.sql") if "demo" not in path.parts}
    assert written <= set(models)
    assert [name for name, sql in models.items() if "select" not in sql] == []
    assert OFFLINE[target] in models["cdp__resolved_events"]
    assert [
        (name, word) for name, sql in models.items() for word in ONLY_DUCKDB if word in sql
    ] == []
