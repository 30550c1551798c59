"""Starting dbt and reading what it leaves."""

import json
import os
from pathlib import Path

import pytest
import yaml

from dbt_cdp.dbt import QUERIES_FOLDER, Dbt, Manifest
from dbt_cdp.errors import ConfigurationError, DbtError, DbtUsageError
from dbt_cdp.project import Project


@pytest.fixture
def dbt(shop: Path) -> Dbt:
    return Dbt(Project.find(shop))


def node(name: str, package: str, relation: str | None = '"db"."main"."t"') -> dict:
    return {
        "name": name,
        "package_name": package,
        "resource_type": "model",
        "database": "db",
        "schema": package,
        "alias": name,
        "relation_name": relation,
        "original_file_path": f"models/{name}.sql",
    }


def manifest(*nodes: dict) -> Manifest:
    return Manifest(
        {
            "metadata": {"project_name": "shop"},
            "nodes": {f"model.{n['package_name']}.{n['name']}": n for n in nodes},
        }
    )


def test_a_model_of_the_user_replaces_the_package_s() -> None:
    nodes = node("segments", "other"), node("segments", "cdp"), node("segments", "shop")
    assert manifest(*nodes).relation("segments").schema == "shop"
    assert manifest(*nodes[:2]).relation("segments").schema == "cdp"
    assert manifest(nodes[0]).relation("segments").schema == "other"


def test_a_relation_is_its_quoted_name_in_sql() -> None:
    assert f"from {manifest(node('a', 'cdp')).relation('a')}" == 'from "db"."main"."t"'


def test_a_model_that_is_missing_or_has_no_table_is_told() -> None:
    with pytest.raises(ConfigurationError, match="no model b, or it is disabled"):
        manifest(node("a", "cdp")).relation("b")
    with pytest.raises(ConfigurationError, match="has no table"):
        manifest(node("a", "cdp", relation=None)).relation("a")


def test_landing_tables_are_resolved_from_the_real_manifest(dbt: Dbt) -> None:
    relation = dbt.manifest().relation("cdp__landing_events")
    assert (relation.database, relation.schema, relation.identifier) == (
        "shop",
        "main_cdp",
        "landing_events",
    )


def test_the_manifest_is_fresh_until_something_it_was_read_from_changes(dbt: Dbt) -> None:
    root = dbt.project.root
    assert dbt.fresh_manifest() is not None
    (root / "models").mkdir()
    model = root / "models" / "mine.sql"
    model.write_text("select 1 as one")
    assert dbt.fresh_manifest() is None
    for place in (model, model.parent):
        os.utime(place, (0, 0))
    assert dbt.fresh_manifest() is not None
    model.unlink()
    assert dbt.fresh_manifest() is None


def test_the_manifest_of_another_target_or_command_is_not_fresh(dbt: Dbt) -> None:
    root = dbt.project.root
    before = (root / "profiles.yml").stat().st_mtime
    text = (root / "profiles.yml").read_text()
    (root / "profiles.yml").write_text(text + "    prod: {type: duckdb, path: prod.duckdb}\n")
    os.utime(root / "profiles.yml", (before, before))
    assert Dbt(Project.find(root)).fresh_manifest() is not None
    assert Dbt(Project.find(root, target="prod")).fresh_manifest() is None
    path = root / "target" / "manifest.json"
    path.write_text(path.read_text().replace('"invocation_id": "', '"invocation_id": "x'))
    assert dbt.fresh_manifest() is None


def test_a_torn_manifest_is_not_fresh(dbt: Dbt) -> None:
    path = dbt.project.target_path / "manifest.json"
    path.write_text(path.read_text()[:1_000])
    assert dbt.fresh_manifest() is None


def test_a_run_gives_results_and_a_manifest_and_talks_on_stderr(dbt: Dbt, capfd) -> None:
    (dbt.project.root / "models").mkdir()
    (dbt.project.root / "models" / "mine.sql").write_text("select 1 as one")
    results = dbt.run(["run", "--select", "mine"])
    said = capfd.readouterr()
    assert [(result.name, result.status) for result in results.nodes] == [("mine", "success")]
    assert results.failed == []
    assert said.out == ""
    assert "Completed successfully" in said.err
    fresh = dbt.fresh_manifest()
    assert fresh is not None
    assert fresh.relation("mine").schema == "main"
    assert dbt.run(["parse"], stream=False).nodes == []
    assert [result.name for result in dbt.run_results().nodes] == ["mine"]


def test_a_model_that_fails_is_an_error_with_dbt_s_own_words(dbt: Dbt, capfd) -> None:
    (dbt.project.root / "models").mkdir()
    (dbt.project.root / "models" / "broken.sql").write_text("select * from no_such_table")
    with pytest.raises(DbtError) as error:
        dbt.run(["run", "--select", "broken"], stream=False)
    assert error.value.exit_code == 1
    assert "no_such_table" in error.value.message
    assert "\x1b" not in error.value.message
    assert [result.name for result in dbt.run_results().failed] == ["broken"]
    assert capfd.readouterr().err == ""


def test_a_project_that_cannot_be_parsed_is_a_usage_error(dbt: Dbt) -> None:
    (dbt.project.root / "models").mkdir()
    (dbt.project.root / "models" / "broken.sql").write_text("{{ ref('no_such_model') }}")
    with pytest.raises(DbtUsageError, match="no_such_model") as error:
        dbt.manifest()
    assert error.value.exit_code == 2


def test_a_misspelt_source_is_told_by_its_key(dbt: Dbt) -> None:
    path = dbt.project.root / "dbt_project.yml"
    settings = yaml.safe_load(path.read_text())
    settings["vars"]["cdp_sources"][0]["colour"] = "red"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(DbtUsageError, match="unknown key 'colour'"):
        dbt.manifest()


COUNTED = "select count(*) from {{ ref('cdp', 'cdp__landing_events') }} where source = ?"


def artifacts(dbt: Dbt) -> dict[Path, bytes]:
    files = (path for path in dbt.project.target_path.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if path.parent.name != QUERIES_FOLDER}


def test_a_query_is_compiled_once_and_leaves_the_last_run_as_it_is(dbt: Dbt, monkeypatch) -> None:
    dbt.manifest()
    before = artifacts(dbt)
    sql = dbt.compile_inline(COUNTED)
    assert sql == 'select count(*) from "shop"."main_cdp"."landing_events" where source = ?'
    assert artifacts(dbt) == before
    assert dbt.fresh_manifest() is not None
    monkeypatch.setattr(Dbt, "run", lambda *arguments, **options: pytest.fail("dbt was started"))
    assert dbt.compile_inline(COUNTED) == sql
    assert Dbt(Project.find(dbt.project.root)).compile_inline(COUNTED) == sql


def test_a_query_is_compiled_again_when_the_project_has_changed(dbt: Dbt) -> None:
    first = dbt.compile_inline(COUNTED)
    path = dbt.project.root / "dbt_project.yml"
    path.write_text(path.read_text() + "models: {cdp: {+schema: other}}\n")
    again = Dbt(Project.find(dbt.project.root)).compile_inline(COUNTED)
    assert again == first.replace("main_cdp", "main_other")


def test_a_torn_query_is_compiled_again(dbt: Dbt) -> None:
    sql = dbt.compile_inline("select 1 as one")
    [path] = (dbt.project.target_path / QUERIES_FOLDER).iterdir()
    path.write_text(path.read_text()[:20])
    assert dbt.compile_inline("select 1 as one") == sql == "select 1 as one"


def test_a_query_that_cannot_be_compiled_is_an_error_and_is_not_kept(dbt: Dbt) -> None:
    with pytest.raises(DbtError, match="no_such_macro"):
        dbt.compile_inline("{{ cdp.no_such_macro() }}")
    assert not (dbt.project.target_path / QUERIES_FOLDER).exists()


def test_a_query_is_compiled_for_its_target_without_a_connection(dbt: Dbt, monkeypatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    path = dbt.project.root / "profiles.yml"
    target = {"type": "bigquery", "method": "oauth-secrets", "token": "none"}
    settings = json.dumps({**target, "project": "test-project", "dataset": "test"})
    path.write_text(f"{path.read_text()}    bigquery: {settings}\n")
    text = "{{ cdp.cdp_explain('email', 'o\\'n@shop.example', 'user_id', 'u') }}"
    sql = Dbt(Project.find(dbt.project.root, target="bigquery")).compile_inline(text)
    # BigQuery recurs by `union all` alone, and escapes by a backslash.
    assert "distances_20 as" in sql and "o\\'n@" in sql and "`test-project`.`test_cdp`" in sql
    assert "union distinct" in Dbt(Project.find(dbt.project.root)).compile_inline(text)
