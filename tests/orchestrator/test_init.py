"""A project with the package in it: a new one that works at once, or one that is there already."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from consumer import Consumer
from dbt_cdp.cli import run
from dbt_cdp.dbt import Dbt
from dbt_cdp.errors import ConfigurationError, DbtError
from dbt_cdp.init import Outcome, put_package
from dbt_cdp.project import package_root

WRITTEN = {"dbt_project.yml", "profiles.yml", "packages.yml", ".gitignore", "README.md"}
FLAG = "require_ref_searches_node_package_before_root"
ENTRY = {"local": str(package_root())}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def theirs(here: Path) -> Path:
    """A project of somebody's, without the package."""
    write(here, "dbt_project.yml", name="theirs", version="1.0.0", profile="theirs")
    target = {"type": "duckdb", "path": "theirs.duckdb"}
    write(here, "profiles.yml", theirs={"target": "dev", "outputs": {"dev": target}})
    return here


def write(folder: Path, name: str, /, **content: Any) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(yaml.safe_dump(content))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left(outcome: Outcome) -> dict[str, Any]:
    """What is left to paste, by file."""
    return {change.file: yaml.safe_load(change.text) for change in outcome.left}


def put(folder: Path | None = None, name: str | None = None) -> Outcome:
    """As the command does where nobody can be asked."""
    return put_package(folder, name, None)


def test_a_new_project_loads_and_builds_at_once(here: Path, monkeypatch, capsys) -> None:
    assert run(["init", "my-shop", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    folder = here / "my-shop"
    assert said == {
        "folder": str(folder),
        "name": "my_shop",
        "is_new": True,
        "written": said["written"],
        "appended": [],
        "left": [],
        "next": [f"cd {folder}", "dbt deps", "cdp load FILE", "dbt build", "cdp doctor"],
    }
    assert set(said["written"]) == {path.name for path in folder.iterdir()} == WRITTEN
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    line = next(text for text in (folder / "README.md").read_text().splitlines() if '"u1"' in text)
    event = {**json.loads(line), "timestamp": yesterday}
    (folder / "events.ndjson").write_text(json.dumps(event))
    project = Consumer(folder, "warehouse.duckdb")
    project.runs("deps")
    monkeypatch.chdir(folder)
    assert run(["load", "events.ndjson"]) == 0
    project.runs("build")
    assert project.query("select segment_name, members from segment_sizes") == [
        ("pricing_viewers", 1)
    ]
    capsys.readouterr()
    assert run(["doctor", "--json"]) == 0
    assert {one["state"] for one in json.loads(capsys.readouterr().out)} == {"ok"}
    before = contents(folder)
    assert run(["init"]) == 0
    assert "Everything is there already." in capsys.readouterr().err
    assert contents(folder) == before


def test_a_name_is_asked_for_only_if_none_can_be_made(here: Path) -> None:
    assert put(here / "Our Shop (new)").name == "our_shop_new"
    with pytest.raises(ConfigurationError, match="--name"):
        put(here / "2026")
    assert not (here / "2026").exists()
    assert put_package(here / "2026", None, lambda: "shop").name == "shop"
    assert put(here / "cdp", "shop_2").name == "shop_2"
    settings = yaml.safe_load((here / "cdp" / "dbt_project.yml").read_text())
    assert (settings["name"], settings["profile"]) == ("shop_2", "shop_2")


@pytest.mark.parametrize("name", ["cdp", "dbt", "My-Shop", "", "2shops"])
def test_what_cannot_be_a_name(here: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        put(here, name)
    assert not list(here.iterdir())


def test_nobody_is_asked_who_is_no_terminal(here: Path, monkeypatch, capsys) -> None:
    (here / "1").mkdir()
    monkeypatch.chdir(here / "1")
    assert run(["init"]) == 2
    assert "give one with --name" in capsys.readouterr().err


def test_a_folder_of_something_else_stays_as_it_is(here: Path) -> None:
    (here / "app.py").write_text("print()")
    with pytest.raises(ConfigurationError, match="something else"):
        put()
    assert [path.name for path in here.iterdir()] == ["app.py"]


def test_files_that_are_there_are_kept(here: Path) -> None:
    (here / ".git").mkdir()
    kept = {
        "README.md": "Ours.\n",
        ".gitignore": "*.pyc\n",
        "LICENSE": "",
        "profiles.yml": "a: 1\n",
    }
    for name, text in kept.items():
        (here / name).write_text(text)
    outcome = put()
    assert {name: (here / name).read_text() for name in kept} == kept
    assert set(outcome.written) == WRITTEN - set(kept)
    assert [change.file for change in outcome.left] == ["profiles.yml", ".gitignore"]
    assert outcome.left[0].text.startswith("here:\n  target: dev\n")


def test_a_project_that_is_there_gets_packages_yml_and_is_told_the_rest(theirs: Path) -> None:
    before = contents(theirs)
    outcome = put()
    assert (outcome.is_new, outcome.written, outcome.appended) == (False, ["packages.yml"], [])
    assert yaml.safe_load((theirs / "packages.yml").read_text()) == {"packages": [ENTRY]}
    assert {path: text for path, text in contents(theirs).items() if path in before} == before
    source = {"name": "web", "collector": "cdp"}
    assert left(outcome) == {
        "dbt_project.yml": {"flags": {FLAG: True}, "vars": {"cdp_sources": [source]}}
    }
    assert not (theirs / "theirs.duckdb").exists()


def test_what_is_set_already_is_not_told(theirs: Path) -> None:
    settings = {"name": "theirs", "version": "1.0.0", "profile": "theirs"}
    sources = {"cdp_sources": [{"name": "app", "collector": "cdp"}]}
    write(theirs, "dbt_project.yml", **settings, vars=sources)
    assert left(put()) == {"dbt_project.yml": {"flags": {FLAG: True}}}
    write(theirs, "dbt_project.yml", **settings, vars={"cdp": sources}, flags={FLAG: True})
    assert put() == Outcome(theirs, "theirs", is_new=False)


def test_a_folder_within_a_project_is_the_project_unless_it_is_named(theirs: Path, monkeypatch):
    (theirs / "models").mkdir()
    monkeypatch.chdir(theirs / "models")
    assert put().folder == theirs
    assert put(theirs / "models").folder == theirs / "models"


def test_a_project_has_its_name(theirs: Path) -> None:
    with pytest.raises(ConfigurationError, match="leave --name out"):
        put(theirs, "ours")
    with pytest.raises(ConfigurationError, match="the package itself"):
        put(package_root())


HUB = "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n"


@pytest.mark.parametrize(
    "text", [HUB, HUB.rstrip(), f"{HUB}# the end\n", "packages:\n- git: x.git\n  revision: a\n"]
)
@pytest.mark.parametrize("name", ["packages.yml", "dependencies.yml"])
def test_a_plain_list_of_packages_is_appended_to(theirs: Path, name: str, text: str) -> None:
    (theirs / name).write_text(text)
    outcome = put()
    assert (outcome.written, outcome.appended) == ([], [name])
    after = (theirs / name).read_text()
    assert after.startswith(text)
    assert yaml.safe_load(after)["packages"] == [*yaml.safe_load(text)["packages"], ENTRY]
    assert put().appended == []


@pytest.mark.parametrize(
    "text",
    ["", "packages: []\n", "packages: [{local: ../x}]\n", f"{HUB}projects:\n  - name: y\n"],
)
def test_another_list_of_packages_is_left_to_its_owner(theirs: Path, text: str) -> None:
    (theirs / "packages.yml").write_text(text)
    outcome = put()
    assert (theirs / "packages.yml").read_text() == text
    assert (outcome.written, outcome.appended) == ([], [])
    assert left(outcome)["packages.yml"] == {"packages": [ENTRY]}


@pytest.mark.parametrize(
    "entry",
    [
        {"git": "https://git.example.com/data/dbt-cdp.git", "revision": "v1"},
        {"local": "{{ env_var('CDP_PACKAGE', '../dbt-cdp') }}"},
        {"package": "data/cdp", "version": "1.0.0"},
        {"tarball": "https://example.com/x.tgz", "name": "cdp"},
        ENTRY,
    ],
)
def test_a_package_that_is_named_already_is_not_named_again(theirs: Path, entry) -> None:
    write(theirs, "packages.yml", packages=[{"local": "../other"}, entry])
    before = contents(theirs)
    assert (put().written, contents(theirs)) == ([], before)


def test_sources_that_the_project_declares_are_told_by_their_names(theirs: Path) -> None:
    tables = [{"name": name} for name in ("tracks", "order_completed")]
    contacts = {"name": "contact", "identifier": "contacts"}
    sources = [
        {"name": "segment_prod", "database": "raw", "schema": "web", "tables": tables},
        {"name": "crm", "schema": "hubspot_eu", "tables": [contacts]},
        {"name": "shop", "tables": [{"name": "contact"}, {"name": "events"}, "orders"]},
        "salesforce",
    ]
    write(theirs, "models/sources.yml", sources=sources)
    (theirs / "models" / "broken.yml").write_text("sources: [")
    found = left(put())
    assert found["dbt_project.yml"]["vars"]["cdp_sources"] == [
        {"name": "hubspot", "collector": "hubspot", "source": "crm"},
        {"name": "segment", "collector": "segment", "source": "segment_prod"},
    ]
    hubspot, segment = found["a YAML file among your models"]["sources"]
    assert (hubspot["name"], "database" in hubspot) == ("crm", False)
    assert {"name": "contact"} not in hubspot["tables"]
    assert {"name": "company"} in hubspot["tables"]
    assert (segment["name"], segment["database"]) == ("segment_prod", "raw")
    assert {"name": "identifies"} in segment["tables"]


def test_the_warehouse_is_asked_for_its_tables(theirs: Path, capsys) -> None:
    with duckdb.connect(theirs / "theirs.duckdb") as connection:
        connection.execute("create schema crm")
        connection.execute("create table crm.contact (id varchar, property_email varchar)")
    assert run(["init"]) == 0
    said = capsys.readouterr()
    assert "left to you: dbt_project.yml (nothing of the package is built until" in said.out
    assert "\n  - name: hubspot\n    collector: hubspot\n    source: hubspot\n" in said.out
    assert "\n- name: hubspot\n  database: theirs\n  schema: crm\n  tables:\n" in said.out
    assert f"written: {theirs / 'packages.yml'}" in said.out
    assert "Looking for the tables of collectors" in said.err


def test_a_warehouse_that_cannot_be_asked_does_not_stop_it(theirs: Path, monkeypatch, capsys):
    def fail(dbt: Dbt) -> None:
        raise DbtError("`dbt parse` failed.", ["no such macro"])

    monkeypatch.setattr(Dbt, "manifest", fail)
    (theirs / "theirs.duckdb").touch()
    assert "dbt_project.yml" in left(put())
    assert "They could not be looked for: `dbt parse` failed." in capsys.readouterr().err


def test_a_profile_that_is_missing_is_told(theirs: Path) -> None:
    (theirs / "profiles.yml").unlink()
    assert left(put())["profiles.yml"] is None


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (
            lambda folder: write(folder, "dbt_project.yml", name="a", vars=["x"]),
            "`vars:` must hold",
        ),
        (
            lambda folder: (folder / "dbt_project.yml").write_text("["),
            "dbt_project.yml is not YAML",
        ),
        (lambda folder: (folder / "packages.yml").write_text("["), "packages.yml is not YAML"),
    ],
)
def test_a_broken_project_is_told_and_stays_as_it_is(
    theirs: Path, break_it: Callable[[Path], None], words: str
) -> None:
    break_it(theirs)
    before = contents(theirs)
    with pytest.raises(ConfigurationError, match=words):
        put()
    assert contents(theirs) == before
