"""The tests that the package ships for users: what each fails on, and what it lets pass."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import Consumer, new_project
from dbt_cdp.project import package_root
from test_docs import blocks

ROOT = package_root()

# Ann has an account, an address and a number; two people sign in on one kiosk; a number is Bea's
# and Cid's, who have accounts of their own, so that the link to one of them is refused by a limit.
EVENTS = """
    {{ config(access="public") }}
    select *, timestamp '2026-06-01 10:00:00' as seen_at
    from (values
        ('e1', '101', 'ann@shop.example', null, null),
        ('e2', '101', null, '030 1234567', null),
        ('e3', '101', null, null, 'kiosk'),
        ('e4', '102', null, null, 'kiosk'),
        ('e5', 'guest', null, null, 'laptop'),
        ('e6', '103', 'bea@shop.example', null, null),
        ('e7', '104', 'cid@shop.example', null, null),
        ('e8', null, 'bea@shop.example', '030 7654321', null),
        ('e9', null, 'cid@shop.example', '030 7654321', null)
    ) as sent (id, uid, mail, phone, cookie)
"""

TOGETHER = """group_name,identifier_type,identifier_value
ann,user_id,101
ann,email, ANN@shop.example
ann,phone,+49 (0)30 / 1234567
one of three,user_id,101
one of three,email,ann@shop.example
one of three,anonymous_id,laptop
two of two,user_id,101
two of two,user_id,102
unknown,user_id,101
unknown,user_id,999
unknown,fax,1
unknown,email,
nobody,user_id,101
nobody,anonymous_id,kiosk
nobody,user_id,guest
nobody,email,ann@shop.example
lonely,user_id,101
"""
APART = """group_name,identifier_type,identifier_value
people,user_id,101
people,user_id,102
people,anonymous_id,kiosk
people,user_id,guest
one of three,user_id,101
one of three,email,ann@shop.example
one of three,user_id,102
spelled otherwise,email,Bea@shop.example
spelled otherwise,email,BEA@shop.example
unknown,user_id,101
unknown,anonymous_id,never seen
lonely,anonymous_id,kiosk
"""

EVENTS_OF_THE_PAGE = """
    {{ config(access="public") }}
    select *, timestamp '2026-06-01 10:00:00' as seen_at, null as phone
    from (values
        ('e1', 'u1', 'ada@acme.example', null),
        ('e2', 'u1', null, 'c1'),
        ('e3', 'u2', 'bea@acme.example', null)
    ) as sent (id, uid, mail, cookie)
"""

# What somebody may have written in place of the graph, with a mistake of every kind.
BROKEN_GRAPH = """
    select * replace (
        case identifier_value
            when '102' then null
            when 'kiosk' then 'somebody'
            when 'ann@shop.example' then 'somebody else'
            else canonical_id
        end as canonical_id
    )
    from {{ ref("cdp", "cdp__identity_graph") }} where identifier_value <> '+49301234567'
    union all
    select * from {{ ref("cdp", "cdp__identity_graph") }} where identifier_value = 'laptop'
"""
REPLACED_GRAPH = """
    {{ config(access="public", schema="cdp", alias="identity_graph", materialized="table") }}
    select
        case
            when people.is_shared then null
            when identifier_value = 'ann@shop.example' then 'somebody else'
            else 'person ' || person_id
        end as canonical_id,
        people.identifier_type, identifier_value, first_seen, last_seen, people.identifier_id,
        event_count, source_count, source as first_source, people.is_shared, edges.batch_id
    from {{ ref("int_cdp__people") }} as people
    inner join {{ ref("int_cdp__edges") }} as edges
        on node_a = people.identifier_id and node_b = people.identifier_id
    inner join {{ ref("int_cdp__identifier_keys") }} as keys
        on keys.identifier_id = people.identifier_id
"""


def make_shop(folder: Path, tested: dict[str, list[str]], **models: str) -> Consumer:
    """A shop with these models; `tested` says which of them, and which seeds, have which tests.

    A test goes by the name of its macro. A model by a name of the package's takes its place.
    """
    columns = {"event_id": "id", "timestamp": "seen_at", "user_id": "uid"}
    columns |= {"email": "mail", "phone": "phone", "anonymous_id": "cookie"}
    properties: dict[str, list[dict[str, Any]]] = {"models": [], "seeds": []}
    for name, macros in tested.items():
        tests = [{f"cdp.{macro}": {"name": macro}} for macro in macros]
        kind = "models" if name in models else "seeds"
        properties[kind].append({"name": name, "data_tests": tests})
    texts = {f"{name}.sql": text for name, text in {"my_events": EVENTS, **models}.items()}
    texts |= {"properties.yml": yaml.safe_dump(properties)}
    replaced = {name: {"+enabled": False} for name in models if name.startswith("cdp__")}
    return new_project(
        folder,
        "shop",
        texts,
        flags={"require_ref_searches_node_package_before_root": True},
        models={"cdp": {"identity": replaced}},
        vars={
            "cdp_sources": [{"name": "app", "events": "my_events", "columns": columns}],
            "cdp_default_country_code": "49",
        },
    )


def failures(shop: Consumer, test: str, columns: str) -> list[tuple]:
    return shop.query(f"select {columns} from main_dbt_test__audit.{test} order by all")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """Built and tested; the tests of fixtures and of the broken graph have failed."""
    graph_tests = ["cdp_one_canonical_id_per_identifier", "cdp_no_edge_crosses_people"]
    tested = {
        "together": ["cdp_resolves_together"],
        "apart": ["cdp_never_together"],
        "broken_graph": graph_tests,
    }
    shop = make_shop(tmp_path_factory.mktemp("tested") / "shop", tested, broken_graph=BROKEN_GRAPH)
    (shop.folder / "seeds").mkdir()
    (shop.folder / "seeds" / "together.csv").write_text(TOGETHER)
    (shop.folder / "seeds" / "apart.csv").write_text(APART)
    said = shop.fails("build", "--store-failures")
    assert " ERROR=4 " in said, said
    return shop


def test_identifiers_that_are_not_one_persons_fail_with_the_reason(shop: Consumer) -> None:
    columns = "group_name, identifier_type, problem"
    assert failures(shop, "cdp_resolves_together", columns) == [
        ("lonely", "user_id", "alone in its group"),
        ("nobody", "anonymous_id", "shared"),
        ("nobody", "user_id", "blocked: on the block list"),
        ("one of three", "anonymous_id", "apart from the rest"),
        ("two of two", "user_id", "apart from the rest"),
        ("two of two", "user_id", "apart from the rest"),
        ("unknown", "email", "no identifier_value"),
        ("unknown", "fax", "no type of cdp_identifiers"),
        ("unknown", "user_id", "not seen"),
    ]


def test_identifiers_of_one_person_fail_where_they_must_be_two_peoples(shop: Consumer) -> None:
    columns = "group_name, identifier_type, problem"
    assert failures(shop, "cdp_never_together", columns) == [
        ("lonely", "anonymous_id", "alone in its group"),
        ("one of three", "email", "together with another"),
        ("one of three", "user_id", "together with another"),
        ("spelled otherwise", "email", "together with another"),
        ("spelled otherwise", "email", "together with another"),
        ("unknown", "anonymous_id", "not seen"),
    ]


def test_a_graph_with_an_identifier_that_is_nobodys_or_twice_there_fails(shop: Consumer) -> None:
    values = dict(
        shop.query("select identifier_id, identifier_value from int_cdp__identifier_keys")
    )
    found = failures(shop, "cdp_one_canonical_id_per_identifier", "identifier_id, problem")
    assert {values[number]: problem for number, problem in found} == {
        "102": "no canonical_id",
        "kiosk": "shared and with a canonical_id",
        "laptop": "in several rows",
        "+49301234567": "missing",
    }


def test_an_edge_between_two_people_fails_unless_a_limit_or_a_decision_says_why(
    shop: Consumer,
) -> None:
    assert shop.query(
        "select identifier_type_a, reason, detail from identity_conflicts where reason = 'limit'"
    ) == [("email", "limit", "user_id")]
    columns = "identifier_type_a, identifier_type_b, canonical_id_b, rule, source, evidence_id"
    assert failures(shop, "cdp_no_edge_crosses_people", columns) == [
        ("user_id", "email", "somebody else", "event", "app", "e1")
    ]


def test_a_graph_of_the_users_own_has_the_tests_of_the_packages(tmp_path: Path) -> None:
    """And what nothing explains is not explained by a wrong word."""
    shop = make_shop(tmp_path / "shop", {}, cdp__identity_graph=REPLACED_GRAPH)
    shop.runs("seed")
    shop.runs("run", "-s", "+cdp__identity_conflicts")
    said = shop.fails("test", "--store-failures", "-s", "cdp__identity_graph")
    assert " ERROR=1 " in said, said
    assert shop.query("""
        select identifier_value_a, identifier_value_b, reason from identity_conflicts
        where reason not in ('shared', 'blocked') order by all
    """) == [
        ("101", "ann@shop.example", "unexplained"),
        ("cid@shop.example", "+49307654321", "limit"),
    ]
    test = "cdp_cdp_no_edge_crosses_people_cdp__identity_graph_"
    columns = "identifier_type_a, identifier_type_b, evidence_id"
    assert failures(shop, test, columns) == [("user_id", "email", "e1")]


def test_what_the_page_on_tests_shows_passes(tmp_path: Path) -> None:
    shop = make_shop(
        tmp_path / "shop",
        {},
        my_events=EVENTS_OF_THE_PAGE,
        my_identity_graph="select * from {{ ref('cdp', 'cdp__identity_graph') }}",
    )
    shown = blocks(ROOT / "docs" / "identity_tests.md")
    one_person, two_people = [text for language, text in shown if language == "csv"]
    of_seeds, of_models, workflow = [text for language, text in shown if language == "yml"]
    seeds, models = shop.folder / "seeds", shop.folder / "models"
    seeds.mkdir()
    (seeds / "one_person.csv").write_text(one_person)
    (seeds / "two_people.csv").write_text(two_people)
    (seeds / "fixtures.yml").write_text(of_seeds)
    (models / "graphs.yml").write_text(of_models)
    profiles = (shop.folder / "profiles.yml").read_text()
    (shop.folder / "profiles.yml").write_text(profiles.replace("dev", "ci"))

    (job,) = yaml.safe_load(workflow)["jobs"].values()
    calls = [step["run"] for step in job["steps"] if "run" in step]
    (build,) = [call for call in calls if call.startswith("dbt build")]
    said = shop.runs(*build.split()[1:])
    assert "PASS cdp_cdp_resolves_together_one_person_" in said
    assert "PASS cdp_cdp_never_together_two_people_" in said
    assert "PASS cdp_cdp_no_edge_crosses_people_cdp__identity_graph_" in said
    shop.runs("build", "--select", "my_identity_graph")


def test_every_yaml_snippet_of_the_docs_can_be_read() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    snippets = [
        text for page in pages for language, text in blocks(page) if language in ("yaml", "yml")
    ]
    assert len(snippets) >= 10
    for text in snippets:
        assert isinstance(yaml.safe_load(text), dict), text
